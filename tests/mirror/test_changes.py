"""Changes of syncs: all of those of one run, what differs between two moments, and how they are worded."""

import csv
import io
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django_tenants.utils import tenant_context

from kit.refusals import Refusal
from licensing.accounts.models import SmartAccount
from licensing.cisco.emulator.server import EmulatorThread
from licensing.cisco.emulator.state import Account
from licensing.mirror.changes import records
from licensing.mirror.changes.comparison import Comparison, compare
from licensing.mirror.changes.words import describe
from licensing.mirror.models import Change, SyncRun
from licensing.mirror.sync import runs
from licensing.operations import retention, syncing
from tenants.models import Partner
from tests import factories as make
from tests.fixtures import BASIC, ENHANCED, account_of
from tests.spreadsheets import read_xlsx

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
LINE = {"type": "TERM", "quantity": 10, "start": "2026-01-01", "end": "2026-12-31", "subscription_id": "Sub1"}


def day(number: int) -> datetime:
    """Noon of a day of March."""
    return NOON + timedelta(days=number - 1)


def text(response: Any) -> str:
    assert response.status_code == 200, response.status_code
    return " ".join(str(response.content.decode()).split())


def run_of(account: SmartAccount, number: int, *changes: tuple[Any, ...]) -> SyncRun:
    """A sync on that day of March. `changes`: (kind, object id, values)."""
    kinds = [kind for kind, *_ in changes]
    run = make.make_sync_run(
        smart_account=account,
        queued_at=day(number),
        started_at=day(number),
        finished_at=day(number) + timedelta(seconds=9),
        **{kind: kinds.count(kind) for kind in Change.Kind.values},
    )
    for kind, pk, *values in changes:
        Change.objects.create(
            sync_run=run,
            at=day(number) + timedelta(seconds=5),
            kind=kind,
            object_type="license",
            object_id=pk,
            label=f"License {pk}",
            values=values[0] if values else {},
        )
    return run


def rows_of(found: Comparison) -> dict[int, tuple[str, Any]]:
    return {row.object_id: (row.net_kind, row.net_values) for row in found.rows}  # type: ignore[attr-defined]


@pytest.fixture
def account(acme: Partner) -> SmartAccount:
    return make.make_smart_account(name="North")


# --- One run ---


def many_changes(run: SyncRun, number: int, label: str = "License") -> None:
    Change.objects.bulk_create(
        Change(
            sync_run=run,
            kind="changed" if place % 2 else "created",
            object_type="license" if place % 3 else "product_instance",
            object_id=place,
            label=f"{label} {place}",
            values={"in_use": [place, place + 1]} if place % 2 else {},
        )
        for place in range(1, number + 1)
    )


def test_every_change_of_a_run_is_reached_page_by_page(
    acme: Partner, globex: Partner, account: SmartAccount, client_of: Any
) -> None:
    """Ticket: a run showed 100 changes and "and 188 more", with no way to see them."""
    run = make.make_sync_run(smart_account=account, created=144, changed=144)
    many_changes(run, 288)
    many_changes(make.make_sync_run(smart_account=account), 3, "Of another run")
    with tenant_context(globex):
        many_changes(make.make_sync_run(id=run.pk), 3, "Theirs")
    client, path = client_of(acme, "viewer"), f"/sync-runs/{run.pk}/changes/"

    labels = []
    for page in range(1, 7):
        labels += [row.record.label for row in client.get(path, {"page": page}).context["table"].paginated_rows]

    assert labels == [f"License {place}" for place in range(1, 289)]
    assert f'<a href="{path}">Show all 288 changes</a>' in text(client.get(f"/sync-runs/{run.pk}/"))


def test_filters_of_a_run_hold_for_page_and_files(acme: Partner, account: SmartAccount, client_of: Any) -> None:
    run = make.make_sync_run(smart_account=account)
    many_changes(run, 70)
    client, path = client_of(acme, "viewer"), f"/sync-runs/{run.pk}/changes/"
    expected = [f"License {place}" for place in range(1, 71) if place % 2 and not place % 3 and "3" in str(place)]
    query = {"kind": "changed", "object_type": "product_instance", "q": "3"}

    shown = [row.record.label for row in client.get(path, query).context["table"].paginated_rows]
    lines = list(csv.DictReader(io.StringIO(client.get(path, {**query, "format": "csv"}).content.decode())))
    sheet = read_xlsx(client.get(path, {**query, "format": "xlsx"}).content)[0]

    assert shown == [line["Object"] for line in lines] == [row[0] for row in sheet[1:]] == expected
    assert lines[0] | {"Found": ""} == {
        "Object": "License 3",
        "Object type": "product_instance",
        "Change": "changed",
        "Details": "In use changed from 3 to 4",
        "Found": "",
    }


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"status": "running", "finished_at": None}, "This sync has not finished yet."),
        ({"status": "failed"}, "This sync failed, so it changed nothing."),
        ({"changed": 3}, "The changes of this sync are no longer kept."),
        ({"unchanged": 3}, "This sync found everything as it was before."),
    ],
)
def test_run_without_changes_says_why(
    acme: Partner, account: SmartAccount, client_of: Any, values: dict[str, Any], words: str
) -> None:
    run = make.make_sync_run(smart_account=account, **values)

    assert words in text(client_of(acme, "viewer").get(f"/sync-runs/{run.pk}/changes/"))


def test_program_reads_every_change_of_a_run(
    acme: Partner, globex: Partner, account: SmartAccount, api_of: Any
) -> None:
    run = make.make_sync_run(smart_account=account)
    many_changes(run, 7)
    with tenant_context(globex):
        many_changes(make.make_sync_run(id=run.pk), 3, "Theirs")
    api, seen = api_of(acme, "viewer", "read"), []
    url = f"/api/v1/sync-runs/{run.pk}/changes/?limit=3"
    while url:
        answer = api.get(url).json()
        seen += answer["results"]
        url = answer["next"]

    assert [row["label"] for row in seen] == [f"License {place}" for place in range(1, 8)]
    change = Change.objects.filter(sync_run=run).earliest("id")
    assert seen[0] | {"at": ""} == {
        "id": change.pk,
        "at": "",
        "kind": "changed",
        "object_type": "license",
        "object": 1,
        "label": "License 1",
        "values": {"in_use": [1, 2]},
    }
    filtered = api.get(f"/api/v1/sync-runs/{run.pk}/changes/?kind=created&object_type=license&object=2").json()
    assert [row["object"] for row in filtered["results"]] == [2]
    assert api.get("/api/v1/sync-runs/999999/changes/").status_code == 404
    assert api.get(f"/api/v1/sync-runs/{run.pk}/changes/?kind=moved").status_code == 400


# --- Two moments ---


@pytest.fixture
def march(account: SmartAccount) -> list[SyncRun]:
    """Syncs on 1, 3, 5 and 7 March. The first finds licenses 1 to 6, as they had been before."""
    return [
        run_of(account, 1, *[("created", pk) for pk in range(1, 7)]),
        run_of(
            account,
            3,
            ("changed", 1, {"in_use": [4, 9], "quantity": [10, 20]}),
            ("changed", 2, {"in_use": [1, 2]}),
            ("gone", 3),
            ("gone", 4),
            ("created", 7),
            ("created", 8),
        ),
        run_of(
            account,
            5,
            ("changed", 1, {"in_use": [9, 11], "status": ["in_compliance", "out_of_compliance"]}),
            ("changed", 2, {"in_use": [2, 1]}),
            ("back", 3),
            ("gone", 8),
            ("gone", 5),
        ),
        run_of(account, 7, ("changed", 1, {"quantity": [20, 10]}), ("back", 5, {"quantity": [3, 4]})),
    ]


EARLY = {  # from the first sync to the third
    1: (
        "changed",
        {"in_use": [4, 11], "quantity": [10, 20], "status": ["in_compliance", "out_of_compliance"]},
    ),
    4: ("gone", {}),
    5: ("gone", {}),
    7: ("created", {}),
}
LATE = {1: ("changed", {"quantity": [20, 10]}), 5: ("back", {"quantity": [3, 4]})}  # the fourth


def test_two_runs_differ_by_one_line_per_object(march: list[SyncRun]) -> None:
    early = compare(first_run=march[0].pk, second_run=march[2].pk)
    late = compare(first_run=march[2].pk, second_run=march[3].pk)

    assert rows_of(early) == EARLY
    assert {row.object_id for row in early.touched} == {*EARLY, 2, 3, 8}
    assert rows_of(late) == LATE
    assert early.gaps == late.gaps == []


def test_days_count_up_to_their_end(march: list[SyncRun], account: SmartAccount) -> None:
    other = make.make_smart_account(name="South")
    run_of(other, 1, ("created", 100))
    run_of(other, 5, ("changed", 100, {"in_use": [1, 2]}))

    found = compare(start=date(2026, 3, 1), end=date(2026, 3, 5))
    own = compare(start=date(2026, 3, 1), end=date(2026, 3, 5), smart_account=account)
    before = compare(start=date(2026, 3, 3), end=date(2026, 3, 4))

    assert rows_of(own) == EARLY
    assert rows_of(found) == {**EARLY, 100: ("changed", {"in_use": [1, 2]})}
    assert rows_of(before) == {}
    assert found.gaps == []


def test_what_was_there_before_the_first_sync_is_not_new(march: list[SyncRun], account: SmartAccount) -> None:
    make.make_smart_account(name="Never synced")

    found = compare(start=date(2026, 2, 20), end=date(2026, 3, 5))

    assert rows_of(found) == EARLY
    assert {gap.text for gap in found.gaps} == {
        "Changes of North before its first sync on 1 Mar 2026, 12:00 UTC were not recorded.",
        "Never synced has not been synced yet, so nothing was recorded.",
    }


def test_changes_that_are_no_longer_kept_are_named(march: list[SyncRun], settings: Any) -> None:
    settings.CHANGE_DAYS = (timezone.now() - day(4)).days
    assert retention.prune() == 12

    days = compare(start=date(2026, 3, 1), end=date(2026, 3, 7))
    runs = compare(first_run=march[0].pk, second_run=march[3].pk)
    kept = compare(first_run=march[1].pk, second_run=march[3].pk)

    words = "Changes of North up to 3 Mar 2026, 12:00 UTC are no longer kept."
    assert [gap.text for gap in days.gaps] == [gap.text for gap in runs.gaps] == [words]
    assert kept.gaps == []
    assert rows_of(days) == rows_of(runs) == rows_of(kept)
    assert rows_of(kept)[1][1] == {
        "in_use": [9, 11],
        "quantity": [20, 10],
        "status": ["in_compliance", "out_of_compliance"],
    }


def synced(account: SmartAccount) -> SyncRun:
    run, _ = runs.request(account, "test")
    return syncing.run_sync(run)


def test_comparison_of_real_syncs(acme: Partner, emulator: EmulatorThread, cisco: Account) -> None:
    account = account_of(emulator)
    before = synced(account)
    device = cisco.devices.pop()
    cisco.set_license("DEFAULT", ENHANCED, quantity=40, inUse=7)
    cisco.set_license("DEFAULT", BASIC, quantity=6, inUse=9)
    synced(account)
    cisco.devices.append(device)
    cisco.set_license("DEFAULT", ENHANCED, quantity=40, inUse=9)
    cisco.set_license("DEFAULT", BASIC, quantity=5, inUse=9)
    cisco.add_pool("Added")
    after = synced(account)

    found = compare(first_run=before.pk, second_run=after.pk)

    assert {row.label: (row.net_kind, row.net_values) for row in found.rows} == {  # type: ignore[attr-defined]
        "Added": ("created", {}),
        f"{ENHANCED} in DEFAULT": ("changed", {"quantity": [20, 40], "in_use": [7, 9], "available": [13, 31]}),
    }
    assert found.touched.count() == 4, "the instance went and came back, a license changed back"
    assert found.gaps == []


def refusals(march: list[SyncRun]) -> Iterator[tuple[dict[str, Any], str, str]]:
    first, *_, last = (run.pk for run in march)
    stranger = run_of(make.make_smart_account(name="South"), 8).pk
    failed = make.make_sync_run(smart_account=march[0].smart_account, status="failed").pk
    running = make.make_sync_run(smart_account=march[0].smart_account, status="running").pk
    tomorrow = (timezone.now().astimezone(UTC) + timedelta(days=1)).date()
    march_1, march_3 = date(2026, 3, 1), date(2026, 3, 3)
    yield {"start": march_3, "end": march_1}, "1 Mar 2026 is not after 3 Mar 2026.", "end"
    yield {"start": march_1, "end": march_1}, "1 Mar 2026 is not after 1 Mar 2026.", "end"
    yield {"start": march_1, "end": tomorrow}, f"{tomorrow:%-d %b %Y} has not come yet.", "end"
    yield {"start": march_1}, "The second day is missing.", "end"
    yield {"end": march_1}, "The first day is missing.", "start"
    yield {"first_run": last, "second_run": first}, f"Sync run {first} is not after sync run {last}.", "second_run"
    yield (
        {"first_run": first, "second_run": stranger},
        f"Sync run {first} is of North, sync run {stranger} of South.",
        "second_run",
    )
    yield {"first_run": first, "second_run": running}, f"Sync run {running} has not finished yet.", "second_run"
    yield {"first_run": first, "second_run": failed}, f"Sync run {failed} failed and read nothing.", "second_run"
    yield {"first_run": 999_999, "second_run": last}, "There is no sync run 999999.", "first_run"
    yield {"first_run": first}, "A comparison needs two sync runs.", "second_run"
    yield {"first_run": first, "second_run": last, "start": march_1}, "Days and sync runs cannot be compared", ""


def test_what_cannot_be_compared_is_refused_everywhere(
    acme: Partner, march: list[SyncRun], client_of: Any, api_of: Any
) -> None:
    client, api = client_of(acme, "viewer"), api_of(acme, "viewer", "read")
    for asked, words, field in refusals(march):
        with pytest.raises(Refusal) as refused:
            compare(**asked)
        assert refused.value.message.startswith(words)
        assert refused.value.field == field

        page = client.get("/sync-runs/comparison/", asked)
        answer = api.get("/api/v1/sync-runs/comparison/", asked)

        assert (page.status_code, words in page.content.decode()) == (409, True), asked
        assert "Hidden field" not in page.content.decode()
        assert (answer.status_code, answer.json()["detail"].startswith(words)) == (400 if field else 409, True)
        assert list(answer.json().get("errors", {})) == ([field] if field else [])


@pytest.mark.parametrize(
    "query", ["start=yesterday&end=2026-03-05", "first_run=x&second_run=1", "smart_account=0&start=2026-03-01"]
)
def test_input_that_cannot_be_read_is_an_error_of_its_field(
    acme: Partner, client_of: Any, api_of: Any, query: str
) -> None:
    assert client_of(acme, "viewer").get(f"/sync-runs/comparison/?{query}").status_code == 422
    answer = api_of(acme).get(f"/api/v1/sync-runs/comparison/?{query}")
    assert (answer.status_code, list(answer.json()["errors"])) == (400, [query.partition("=")[0]])
    assert api_of(acme).get("/api/v1/sync-runs/comparison/?nonsense=1").status_code == 400


def test_page_file_and_program_agree_on_what_differs(
    acme: Partner, globex: Partner, march: list[SyncRun], client_of: Any, api_of: Any
) -> None:
    with tenant_context(globex):
        theirs = make.make_smart_account(name="Theirs")
        run_of(theirs, 1)
        run_of(theirs, 3, ("created", 1))
    client, path = client_of(acme, "viewer"), "/sync-runs/comparison/"
    query = {"first_run": march[0].pk, "second_run": march[2].pk}

    page = client.get(path, query)
    lines = list(csv.DictReader(io.StringIO(client.get(path, {**query, "format": "csv"}).content.decode())))
    program = api_of(acme).get(f"/api/v1{path}", query).json()
    days = api_of(acme).get(f"/api/v1{path}", {"start": "2026-03-01", "end": "2026-03-05"}).json()

    assert [row.record.object_id for row in page.context["table"].paginated_rows] == [5, 1, 7, 4]
    assert [line["Object"] for line in lines] == ["License 5", "License 1", "License 7", "License 4"]
    assert lines[1]["Details"] == (
        "In use changed from 4 to 11; Status changed from in compliance to out of compliance; "
        "Quantity changed from 10 to 20"
    )
    assert {row["object"]: (row["kind"], row["values"]) for row in program["results"]} == EARLY
    assert [row["object"] for row in program["results"]] == [4, 7, 1, 5]
    assert (days["results"], days["gaps"]) == (program["results"], [])
    assert "3 objects changed in between and ended as they began." in text(page)
    only = client.get(path, {**query, "kind": "gone"}).context["table"].paginated_rows
    assert [row.record.object_id for row in only] == [5, 4]
    assert f"{path}?first_run={march[0].pk}&amp;second_run={march[2].pk}" in text(client.get(path, {**query, "q": "-"}))


def test_program_pages_through_a_comparison_and_reads_its_gaps(
    acme: Partner, march: list[SyncRun], api_of: Any
) -> None:
    api, seen = api_of(acme), []
    url = "/api/v1/sync-runs/comparison/?start=2026-02-01&end=2026-03-05&limit=1"
    while url:
        answer = api.get(url).json()
        seen += [row["object"] for row in answer["results"]]
        assert [(gap["smart_account"], gap["reason"]) for gap in answer["gaps"]] == [
            (march[0].smart_account_id, "not_recorded")
        ]
        url = answer["next"]

    assert seen == [4, 7, 1, 5]


def test_run_leads_to_a_comparison_with_earlier_ones(acme: Partner, march: list[SyncRun], client_of: Any) -> None:
    client, path = client_of(acme, "viewer"), f"/sync-runs/comparison/?second_run={march[2].pk}"

    assert f'href="{path}"' in text(client.get(f"/sync-runs/{march[2].pk}/"))
    choice = text(client.get(path))
    assert f'<option value="{march[1].pk}">3 Mar 2026, 12:00 UTC (6 changes)</option>' in choice
    assert f'value="{march[2].pk}">' not in choice.replace(f'name="second_run" value="{march[2].pk}"', "")


def test_lists_take_the_same_statements_for_one_row_and_for_three(
    acme: Partner, account: SmartAccount, client_of: Any, api_of: Any
) -> None:
    first, second = run_of(account, 1), run_of(account, 3)
    runs, days = f"first_run={first.pk}&second_run={second.pk}", "start=2026-03-01&end=2026-03-05"
    client, api = client_of(acme, "viewer"), api_of(acme)
    api.get("/api/v1/customers/")  # notes that the token was used
    taken = []
    for objects in ((1,), (2, 3)):
        many = [("changed", pk, {"in_use": [1, 2]}) for pk in objects]
        for kind, pk, values in many:
            Change.objects.create(
                sync_run=second, at=day(3), kind=kind, object_type="license", object_id=pk, label="L", values=values
            )
        counts = []
        for reader, address in (
            (client, f"/sync-runs/{second.pk}/changes/"),
            (client, f"/sync-runs/comparison/?{runs}"),
            (client, f"/sync-runs/comparison/?{days}"),
            (api, f"/api/v1/sync-runs/{second.pk}/changes/"),
            (api, f"/api/v1/sync-runs/comparison/?{runs}"),
            (api, f"/api/v1/sync-runs/comparison/?{days}"),
        ):
            with CaptureQueriesContext(connection) as queries:
                answer = reader.get(address)
            counts.append(len([query for query in queries if "search_path" not in query["sql"]]))
        taken.append(counts)

    assert len(answer.json()["results"]) == 3
    assert taken[0] == taken[1]
    assert max(taken[0]) <= 14


@pytest.fixture
def large_history(account: SmartAccount) -> list[SyncRun]:
    """Five syncs of 10,000 changes each, every object twice."""
    runs = [make.make_sync_run(smart_account=account, started_at=day(n), finished_at=day(n)) for n in range(1, 6)]
    with connection.cursor() as cursor:
        for number, run in enumerate(runs, 1):
            cursor.execute(
                """
                INSERT INTO mirror_change (sync_run_id, at, kind, object_type, object_id, label, values)
                SELECT %s, %s, 'changed', 'license', (%s / 2) * 10000 + place, 'License ' || place,
                    jsonb_build_object('in_use', jsonb_build_array(place, place + 1))
                FROM generate_series(1, 10000) place
                """,
                [run.pk, day(number), number],
            )
        cursor.execute("ANALYZE mirror_change, mirror_syncrun")
    return runs


def passed_over(plan: dict[str, Any]) -> int:
    """How many rows a plan reads and drops, or sorts to show a few of them."""
    dropped = plan.get("Rows Removed by Filter", 0) * plan["Actual Loops"]
    read = plan["Actual Rows"] if plan["Node Type"] in {"Seq Scan", "Sort", "Bitmap Heap Scan"} else 0
    return int(dropped + read) + sum(passed_over(part) for part in plan.get("Plans", ()))


def test_page_of_a_large_history_reads_no_more_rows_than_it_shows(large_history: list[SyncRun]) -> None:
    runs = [run.pk for run in large_history]
    last, days = records.of_run(large_history[-1]), compare(start=date(2026, 3, 3), end=date(2026, 3, 5)).rows
    pages = {
        "run": last[:50],
        "run in REST": last.filter(id__gt=0).order_by("id")[:101],
        "days": days[:50],
        "runs": compare(first_run=runs[2], second_run=runs[4]).rows[:50],
    }

    with connection.cursor() as cursor:
        for name, rows in pages.items():
            sql, parameters = rows.query.sql_with_params()
            cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {sql}", parameters)
            assert passed_over(cursor.fetchone()[0][0]["Plan"]) < 100, name


# --- Words ---


@pytest.mark.parametrize(
    ("values", "sentences"),
    [
        (
            {"status": ["out_of_compliance", "in_compliance"]},
            ["Status changed from out of compliance to in compliance"],
        ),
        (
            {"in_use": [4, 12345], "available": [3, -2]},
            ["In use changed from 4 to 12,345", "Available changed from 3 to −2"],
        ),
        ({"billing_type": ["", "PREPAID"]}, ["Billing type set to PREPAID"]),
        ({"host_name": ["a.example", None]}, ["Host name a.example removed"]),
        ({"is_default": [False, True]}, ["Default virtual account changed from no to yes"]),
        ({"virtual_account": ["North", "South"]}, ["Moved from North to South"]),
        ({"registered_at": [None, "2026-03-01T12:00:00+00:00"]}, ["Registration set to 1 Mar 2026, 12:00"]),
        (
            {"lines": [[LINE], [LINE, {**LINE, "subscription_id": "Sub2", "quantity": 96}]]},
            ["2 purchase lines (1 added)", "Added: TERM, Sub2, 1 Jan 2026 to 31 Dec 2026: 96"],
        ),
        (
            {"lines": [[{**LINE, "status": "ACTIVE"}], [{**LINE, "quantity": 12, "status": "ACTIVE"}]]},
            ["1 purchase line (1 changed)", "Changed: TERM, Sub1, 1 Jan 2026 to 31 Dec 2026: 10 ACTIVE → 12 ACTIVE"],
        ),
        (
            {"usage": [{"A": 3, "B": 1}, {"A": 4, "C": 2}]},
            ["2 licenses in use (1 added, 1 removed, 1 changed)", "Changed: A: 3 → 4", "Added: C: 2", "Removed: B: 1"],
        ),
        (
            {"substitutions": [[], [{"license": "B", "substituted_license": "A", "quantity": 5, "type": "UP"}]]},
            ["1 substitution (1 added)", "Added: B for A (UP): 5"],
        ),
    ],
)
def test_values_are_worded(values: dict[str, Any], sentences: list[str]) -> None:
    assert describe(values) == sentences


def test_page_caps_the_parts_of_a_change_and_the_file_has_all(
    acme: Partner, account: SmartAccount, client_of: Any
) -> None:
    run = run_of(
        account, 3, ("changed", 1, {"lines": [[], [{**LINE, "subscription_id": f"Sub{n}"} for n in range(900)]]})
    )
    client = client_of(acme, "viewer")

    listed = text(client.get(f"/sync-runs/{run.pk}/changes/"))
    shown = text(client.get(f"/sync-runs/{run.pk}/"))
    file = client.get(f"/sync-runs/{run.pk}/changes/?format=csv").content.decode()

    for answer in (listed, shown):
        assert "900 purchase lines (900 added)" in answer
        assert "And 895 more purchase lines" in answer
        assert answer.count("Added:") == 5
    assert file.count("Added:") == 900


def test_history_of_a_license_and_an_instance_leads_to_the_sync_run(
    acme: Partner, account: SmartAccount, client_of: Any
) -> None:
    pool = make.make_virtual_account(smart_account=account)
    run = make.make_sync_run(smart_account=account)
    for object_type, row in (
        ("license", make.make_license(virtual_account=pool)),
        ("product_instance", make.make_instance(virtual_account=pool)),
    ):
        Change.objects.create(
            sync_run=run,
            kind="changed",
            object_type=object_type,
            object_id=row.pk,
            label=str(row),
            values={"status": ["out_of_compliance", "in_compliance"]},
        )
        page = text(client_of(acme, "viewer").get(f"/{object_type.replace('_', '-')}s/{row.pk}/"))
        assert f'<a href="/sync-runs/{run.pk}/">' in page
        assert "Status changed from out of compliance to in compliance" in page


def test_whole_history_of_an_object_is_listed_and_leads_to_its_runs(
    acme: Partner, globex: Partner, account: SmartAccount, client_of: Any
) -> None:
    """A license's page shows the last ten changes."""
    pool = make.make_virtual_account(id=4711, smart_account=account)
    for object_type, row in (
        ("license", make.make_license(id=4711, virtual_account=pool)),
        ("product_instance", make.make_instance(id=4711, virtual_account=pool)),
        ("virtual_account", pool),
    ):
        runs = [make.make_sync_run(smart_account=account) for _ in range(12)]
        history = {"object_type": object_type, "object_id": row.pk, "label": str(row)}
        for number, run in enumerate(runs):
            Change.objects.create(
                sync_run=run, at=day(number + 1), kind="changed", values={"in_use": [number, number + 1]}, **history
            )
        with tenant_context(globex):
            Change.objects.create(sync_run=make.make_sync_run(), kind="gone", **history)
        client, path = client_of(acme, "viewer"), f"/{object_type.replace('_', '-')}s/{row.pk}/"

        assert f'<a href="{path}changes/">Show all changes</a>' in text(client.get(path))
        page = client.get(f"{path}changes/")
        file = list(csv.DictReader(io.StringIO(client.get(f"{path}changes/?format=csv").content.decode())))
        newest_first = [f"In use changed from {number} to {number + 1}" for number in range(11, -1, -1)]
        assert [line["Details"] for line in file] == newest_first
        assert [row.record.sync_run_id for row in page.context["table"].paginated_rows] == [
            run.pk for run in reversed(runs)
        ]
        assert f'href="/sync-runs/{runs[0].pk}/"' in text(page)
        assert client.get(f"{path}changes/", {"kind": "gone"}).context["shown_count"] == "0"
