"""Lists at a day in the past: each shows what it showed on that day, on its page, in its file and in REST."""

import csv
import io
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django_tenants.utils import tenant_context

from licensing.accounts.models import SmartAccount
from licensing.assignments.models import Assignment
from licensing.cisco.emulator.server import EmulatorThread
from licensing.cisco.emulator.state import Account
from licensing.fleet.models import Cluster
from licensing.history.recording import record
from licensing.mirror.models import Change, ProductInstance
from licensing.mirror.sync import runs
from licensing.operations import retention, syncing
from tenants.models import Partner
from tests import factories as make
from tests.fixtures import BASIC, ENHANCED, account_of

FIRST = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAYS = [(FIRST + timedelta(days=number)).date() for number in range(5)]
COLLECTIONS = ("licenses", "virtual-accounts", "product-instances", "usage")
# Every list, and the filters that make today's list show what is there.
PRESENT = {
    "licenses": "gone=false",
    "virtual-accounts": "gone=false",
    "product-instances": "gone=false",
    "usage": "",
    "registration-tokens": "gone=false",
    "orders": "",
    "assignments": "current=true",
    "overages": "state=running",
    "alerts": "state=open",
}
# What a list in the past leaves out, because it was not recorded by day.
OWN = {"purpose", "license_mode", "cost_center", "region", "owner", "note", "cluster", "cluster_by_hand"}
NOT_COMPARED = {"as_of", "last_contact_at", "gone_at", "uses", "uses_allowed"} | OWN
# Figures of an alert follow the mirror between its events, and are not recorded.
ALERT_TEXT = {"summary", "next_step", "figures", "due_at", "lead"}
CONSUMER = ("virtual_account", "license", "license_name", "cluster", "cluster_name", "customer", "customer_name")


def rest_rows(api: Any, address: str) -> list[dict[str, Any]]:
    answer = api.get(address)
    assert answer.status_code == 200, answer.content
    rows: list[dict[str, Any]] = answer.json()["results"]
    return rows


def comparable(collection: str, rows: list[dict[str, Any]]) -> Any:
    """What a list showed, without what is not recorded. Use is recorded by cluster."""
    if collection == "usage":
        used: Counter[tuple[Any, ...]] = Counter()
        for row in rows:
            used[tuple(row[name] for name in CONSUMER)] += row["quantity"]
        return used
    left_out = NOT_COMPARED - {"cluster"} if collection == "assignments" else NOT_COMPARED
    left_out |= ALERT_TEXT if collection == "alerts" else set()
    return [{name: value for name, value in row.items() if name not in left_out} for row in rows]


def sync(account: SmartAccount) -> None:
    run, _ = runs.request(account, "test")
    syncing.run_sync(run)


def change(cisco: Account, day: int) -> None:
    """What happens at Cisco between two days."""
    match day:
        case 1:
            cisco.set_license("DEFAULT", ENHANCED, quantity=5, inUse=7)
            cisco.add_pool("Later", "Made on the second day")
            cisco.add_token("DEFAULT", "second", 30)
            cisco.add_device("Later", "00004", {ENHANCED: 6})
        case 2:
            cisco.devices[:] = [device for device in cisco.devices if "00002" not in str(device)]
            cisco.set_license("DEFAULT", ENHANCED, quantity=40, inUse=3, licenseDetails=[])
            cisco.tokens["R&D / Lab"].clear()
        case 3:
            cisco.add_device("DEFAULT", "00002", {ENHANCED: 2, BASIC: 1}, hostName="back.example")
        case 4:
            cisco.set_license("DEFAULT", BASIC, quantity=50, inUse=10)


@pytest.fixture
def story(acme: Partner, emulator: EmulatorThread, cisco: Account, api_of: Any) -> Iterator[dict[str, dict[date, Any]]]:
    """Five days with a sync each, and what each list showed on each of them. The clock stands at the last day."""
    seen: dict[str, dict[date, Any]] = {name: {} for name in PRESENT}
    api = api_of(acme, "viewer")
    with time_machine.travel(FIRST) as clock:
        account = account_of(emulator)
        for number, day in enumerate(DAYS):
            clock.move_to(FIRST + timedelta(days=number))
            change(cisco, number)
            sync(account)
            if number == 0:
                instance = ProductInstance.objects.get(serial="00001")
                cluster: Cluster = make.make_cluster(name="Core", customer=make.make_customer(name="Harbor"))
                ProductInstance.objects.filter(pk=instance.pk).update(cluster=cluster, cluster_by_hand=True)
                record([account.pk])
            decide(account, number)
            for name, query in PRESENT.items():
                seen[name][day] = comparable(name, rest_rows(api, f"/api/v1/{name}/?{query}"))
        yield seen


def decide(account: SmartAccount, day: int) -> None:
    """What the partner's people enter and end on a day."""
    pool = account.virtual_accounts.get(name="DEFAULT")
    match day:
        case 0:
            make.make_assignment(cluster=Cluster.objects.get(), virtual_account=pool)
            make.make_order({ENHANCED: 10}, smart_account=account, subscription_id="Sub1", ordered_on=DAYS[0])
        case 2:
            Assignment.objects.update(ended_at=timezone.now(), ended_by="somebody")
            make.make_assignment(virtual_account=pool)
            make.make_order({BASIC: 45}, smart_account=account, number="8000001", ordered_on=DAYS[2])


def test_every_list_shows_what_it_showed_on_each_day(
    story: dict[str, dict[date, Any]], acme: Partner, api_of: Any
) -> None:
    api = api_of(acme, "viewer")
    for name, days in story.items():
        assert len({repr(shown) for shown in days.values()}) > 1, f"{name} changes"
        for day, shown in days.items():
            today = f"&{PRESENT[name]}" if day == DAYS[-1] else ""
            rows = rest_rows(api, f"/api/v1/{name}/?as_of={day}{today}")
            assert comparable(name, rows) == shown, (name, day)


def test_other_lists_show_the_day_on_the_page_and_in_the_file(
    story: dict[str, dict[date, Any]], acme: Partner, client_of: Any
) -> None:
    client = client_of(acme, "viewer")
    for name in PRESENT.keys() - set(COLLECTIONS):
        for day in DAYS[1:3]:
            lines = csv_rows(client, f"/{name}/?as_of={day}&format=csv")
            assert len(lines) == len(story[name][day]) > 0, (name, day)
            assert {line["As of"] for line in lines} == {f"{day}T23:59:59.999999+00:00"}
            assert f"At the end of {day:%-d %b %Y} (UTC)" in text(client, f"/{name}/?as_of={day}")
    shortages = csv_rows(client, f"/overages/?as_of={DAYS[1]}&format=csv")
    assert {line["License"]: line["Quantity"] for line in shortages} == {ENHANCED: "5", BASIC: "5"}


def csv_rows(client: Any, address: str) -> list[dict[str, str]]:
    answer = client.get(address)
    assert answer.status_code == 200
    return list(csv.DictReader(io.StringIO(answer.content.decode())))


def text(client: Any, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200
    return " ".join(answer.content.decode().split())


def test_page_and_file_show_the_day(
    story: dict[str, dict[date, Any]], acme: Partner, client_of: Any, api_of: Any
) -> None:
    client, api, day = client_of(acme, "viewer"), api_of(acme, "viewer"), DAYS[1]
    for name in COLLECTIONS:
        rows = rest_rows(api, f"/api/v1/{name}/?as_of={day}")
        answer = client.get(f"/{name}/?as_of={day}&format=csv")
        assert f"as-of-{day}" in answer["Content-Disposition"]
        lines = list(csv.DictReader(io.StringIO(answer.content.decode())))
        assert len(lines) == len(rows) > 1, name
        assert {line["As of"] for line in lines} == {"2026-03-02T23:59:59.999999+00:00"}
        shown = text(client, f"/{name}/?as_of={day}")
        assert "At the end of 2 Mar 2026 (UTC)" in shown
        assert "ago" not in shown.split('id="list"')[1].split("</section>")[0], "rows of the past have no age"
        assert "At the end of" not in text(client, f"/{name}/?as_of={DAYS[-1]}"), "today is the present"
    held = {
        (line["Virtual account"], line["Name"]): line for line in csv_rows(client, f"/licenses/?as_of={day}&format=csv")
    }
    assert held["DEFAULT", ENHANCED]["Quantity"] == "5"
    assert held["DEFAULT", ENHANCED]["Status"] == "out_of_compliance"
    pools = {line["Name"]: line for line in csv_rows(client, f"/virtual-accounts/?as_of={day}&format=csv")}
    assert [pools["DEFAULT"][head] for head in ("Licenses", "Short", "Instances")] == ["2", "2", "2"]
    assert [pools["Later"][head] for head in ("Licenses", "Instances")] == ["0", "1"]
    assert "Later" not in text(client, f"/virtual-accounts/?as_of={DAYS[0]}").split('id="list"')[1]
    uses = {line["Host name"]: line["Uses"] for line in csv_rows(client, f"/product-instances/?as_of={day}&format=csv")}
    assert uses["cucm-1.harbor.example"] == f"9 × {BASIC}, 3 × {ENHANCED}"


def test_filters_and_sorting_go_by_the_day(
    story: dict[str, dict[date, Any]], acme: Partner, client_of: Any, api_of: Any
) -> None:
    client, api, (first, second, *_) = client_of(acme, "viewer"), api_of(acme, "viewer"), DAYS
    short = {day: rest_rows(api, f"/api/v1/licenses/?as_of={day}&status=out_of_compliance") for day in (first, second)}
    assert [{row["name"] for row in rows} for rows in short.values()] == [{BASIC}, {ENHANCED, BASIC}]
    assert rest_rows(api, f"/api/v1/product-instances/?as_of={first}&host_name=back.example") == []
    (harbor,) = {row["customer"] for row in rest_rows(api, f"/api/v1/usage/?as_of={second}")} - {None}
    used = rest_rows(api, f"/api/v1/usage/?as_of={second}&customer={harbor}")
    assert {row["license_name"]: row["quantity"] for row in used} == {ENHANCED: 3, BASIC: 9}
    lines = csv_rows(client, f"/licenses/?as_of={second}&format=csv&sort=-quantity")
    assert [int(line["Quantity"]) for line in lines] == sorted((int(line["Quantity"]) for line in lines), reverse=True)
    assert "1</strong> license " in text(client, f"/licenses/?as_of={second}&q=lab")


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("licenses/?gone=true", "gone"),
        ("virtual-accounts/?purpose=ordered", "purpose"),
        ("product-instances/?cluster=1", "cluster"),
        ("usage/?product_instance=1", "product_instance"),
    ],
)
def test_what_is_not_recorded_by_day_filters_nothing(
    story: dict[str, dict[date, Any]], acme: Partner, api_of: Any, address: str, name: str
) -> None:
    answer = api_of(acme, "viewer").get(f"/api/v1/{address}&as_of={DAYS[0]}")
    assert (answer.status_code, list(answer.json()["errors"])) == (400, [name])
    assert "is not recorded by day" in answer.json()["detail"]


def test_days_without_a_record_are_refused_or_named(
    story: dict[str, dict[date, Any]], acme: Partner, client_of: Any, api_of: Any
) -> None:
    client, api = client_of(acme, "viewer"), api_of(acme, "viewer")
    late = make.make_smart_account(name="Late", last_synced_at=None)
    before = DAYS[0] - timedelta(days=1)
    for day, words in (
        (DAYS[-1] + timedelta(days=1), "is in the future"),
        (before, "Nothing is recorded for 28 Feb 2026"),
        ("soon", "Enter a date as YYYY-MM-DD"),
    ):
        answer = api.get(f"/api/v1/licenses/?as_of={day}")
        assert (answer.status_code, list(answer.json()["errors"])) == (400, ["as_of"])
        assert words in " ".join(answer.json()["errors"]["as_of"])
        if day != "soon":
            assert words in text(client, f"/licenses/?as_of={day}")
    (gap,) = api.get(f"/api/v1/licenses/?as_of={DAYS[0]}").json()["not_recorded"]
    assert gap == {
        "smart_account": late.pk,
        "until": None,
        "reason": "not_recorded",
        "text": "Late has not been synced yet, so nothing was recorded.",
    }
    assert "Late has not been synced yet" in text(client, f"/licenses/?as_of={DAYS[0]}")


def test_days_before_the_kept_changes_are_refused(
    story: dict[str, dict[date, Any]], acme: Partner, api_of: Any, settings: Any
) -> None:
    settings.CHANGE_DAYS = 2
    retention.prune()
    assert Change.objects.exists()
    answer = api_of(acme, "viewer").get(f"/api/v1/product-instances/?as_of={DAYS[1]}")
    assert answer.status_code == 400
    assert "are no longer kept" in answer.json()["errors"]["as_of"][0]
    rows = rest_rows(api_of(acme, "viewer"), f"/api/v1/product-instances/?as_of={DAYS[3]}")
    assert comparable("product-instances", rows) == story["product-instances"][DAYS[3]]


def test_partners_see_their_own_past(story: dict[str, dict[date, Any]], globex: Partner, api_of: Any) -> None:
    with tenant_context(globex):
        answer = api_of(globex, "viewer").get(f"/api/v1/licenses/?as_of={DAYS[0]}")
    assert "Nothing is recorded" in answer.json()["detail"]


def test_statements_do_not_depend_on_rows(
    story: dict[str, dict[date, Any]], acme: Partner, client_of: Any, api_of: Any
) -> None:
    """The list of one row and the list of several take the same statements, on the page and in REST."""
    clients = {"/": client_of(acme, "viewer"), "/api/v1/": api_of(acme, "viewer")}
    narrow = {"licenses": "?q=lab", "virtual-accounts": "?q=lab", "product-instances": "?q=00003", "usage": "?q=lab"}
    for name in COLLECTIONS:
        for root, client in clients.items():
            for day in DAYS[1:4:2] if root == "/api/v1/" else DAYS[3:4]:
                counts = []
                for query in ("?", f"{narrow[name]}&" if root == "/" else "?limit=2&"):
                    address = f"{root}{name}/{query}as_of={day}"
                    client.get(address)
                    with CaptureQueriesContext(connection) as found:
                        client.get(address)
                    counts.append(len(found))
                assert counts[0] == counts[1], (root, name, day, counts)
    for name in PRESENT.keys() - set(COLLECTIONS):
        for root, client in clients.items():
            counts = []
            # The orders have a line each; the second shortage begins on the second day.
            for day in (DAYS[0], DAYS[3]):
                address = f"{root}{name}/?as_of={day}"
                client.get(address)
                with CaptureQueriesContext(connection) as found:
                    client.get(address)
                counts.append(len(found))
            assert counts[0] == counts[1], (root, name, counts)
