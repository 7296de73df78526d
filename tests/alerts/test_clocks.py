"""Where a clock starts, how people correct that, and that page, REST, alert, mail and calendar say the same of it."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django_tenants.utils import tenant_context
from icalendar import Calendar

from kit.refusals import Refusal
from licensing.accounts.models import SmartAccount
from licensing.alerts import evaluation, overages
from licensing.alerts.models import Alert, AlertRule, Kind, Overage
from licensing.alerts.replay.replay import would_have_fired
from licensing.channels.delivery import collecting
from licensing.channels.models import Delivery
from licensing.cisco.emulator.state import Account
from licensing.mirror.models import Change, License, SyncRun, UsageSample
from licensing.mirror.sync import runs
from licensing.operations import syncing
from people.audit import Actor
from people.models import AuditEntry, User
from tenants.models import Partner
from tests import factories as make
from tests.fixtures import BASIC, ENHANCED

NOW = datetime(2026, 11, 24, 15, 0, tzinfo=UTC)
TODAY = NOW.date()
DAY = timedelta(days=1)
SOMEBODY = Actor(None, "operator@acme.example")


@pytest.fixture
def clock() -> Iterator[Any]:
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


def short(**values: Any) -> License:
    return make.make_license(**{"name": "Short", "quantity": 3, "in_use": 5, **values})


def sample(row: License, ago: int, in_use: int = 5, **values: Any) -> None:
    figures = {"quantity": 3, "in_use": in_use, "available": 3 - in_use, "reserved": 0, **values}
    UsageSample.objects.create(license=row, day=TODAY - ago * DAY, **figures)


def change(row: License, at: datetime, kind: str = "changed", earlier_run: bool = False, **values: Any) -> None:
    account = row.virtual_account.smart_account
    if earlier_run:
        make.make_sync_run(smart_account=account)
    run = make.make_sync_run(smart_account=account)
    Change.objects.create(
        sync_run=run, at=at, kind=kind, object_type="license", object_id=row.pk, label="Short", values=values
    )


def started(row: License | None = None) -> tuple[datetime, bool]:
    evaluation.evaluate(NOW)
    rows = Overage.objects.filter(ended_at=None)
    found = rows.get(license=row) if row else rows.get()
    return found.since, found.starts_before


def midnight(ago: int) -> datetime:
    return datetime.combine(TODAY - ago * DAY, datetime.min.time(), UTC)


def page(response: Any) -> str:
    assert response.status_code == 200
    return " ".join(unescape(response.content.decode()).split())


# --- Where a clock starts ---


def test_clock_starts_where_the_chart_shows_the_shortage(acme: Partner, globex: Partner) -> None:
    row = short()
    for ago, in_use in ((9, 2), (8, 5), (7, 5), (3, 5), (0, 5)):  # a day without figures belongs to the one before it
        sample(row, ago, in_use)
    with tenant_context(globex):
        theirs = short()
        sample(theirs, 30)
        sample(theirs, 1, 2)

    assert started() == (midnight(8), False)
    with tenant_context(globex):
        assert started() == (NOW, False)


def test_clock_knows_shortages_that_cisco_counts_and_available_does(acme: Partner) -> None:
    by_available, by_use = short(), short()
    for row in (by_available, by_use):
        sample(row, 9, 2)
    sample(by_available, 4, 2, available=-1)
    sample(by_use, 3, 5, available=0)

    assert (started(by_available), started(by_use)) == ((midnight(4), False), (midnight(3), False))


def test_clock_that_the_first_sync_finds_began_earlier(acme: Partner, clock: Any) -> None:
    row = short()
    sample(row, 0)

    assert started() == (NOW, True)
    assert Overage.objects.get().clock.started == "since before 24 Nov 2026"


def test_clock_short_on_all_recorded_days_began_earlier(acme: Partner, clock: Any) -> None:
    row = short()
    for ago in range(5):
        sample(row, ago)

    assert started() == (midnight(4), True)
    assert Overage.objects.get().clock.started == "since before 20 Nov 2026"


def test_first_sync_that_listed_it_is_told_to_the_minute(acme: Partner) -> None:
    row = short()
    seen = midnight(2) + timedelta(hours=9)
    change(row, seen, "created")
    for ago in range(3):
        sample(row, ago)

    assert started() == (seen, True)


def test_license_that_came_after_the_first_sync_did_not_begin_earlier(acme: Partner) -> None:
    row = short()
    change(row, NOW, "created", earlier_run=True)
    sample(row, 0)

    assert started() == (NOW, False)


def test_account_with_older_figures_knows_the_start_of_a_new_license(acme: Partner) -> None:
    row = short()
    sample(make.make_license(virtual_account=row.virtual_account), 200, 2)
    sample(row, 2)

    assert started() == (midnight(2), False)


def test_sync_that_saw_the_status_change_has_the_last_word(acme: Partner) -> None:
    row = short()
    seen = NOW - 2 * DAY
    change(row, seen, status=["in_compliance", "out_of_compliance"], in_use=[2, 5])
    for ago in range(20):  # short by its figures, while Cisco lent a higher license
        sample(row, ago)

    assert started() == (seen, False)


def test_status_of_cisco_alone_starts_with_the_sync_that_saw_it(acme: Partner) -> None:
    row = short(in_use=2)
    License.objects.filter(pk=row.pk).update(status="out_of_compliance")
    sample(row, 9, 2)
    change(row, NOW - DAY, status=["unknown", "out_of_compliance"])

    assert started() == (NOW - DAY, False)


def test_clock_that_follows_another_starts_after_it(acme: Partner) -> None:
    row = short()
    make.make_overage(license=row, since=NOW - 9 * DAY, ended_at=NOW - 3 * DAY)
    for ago in range(20):
        sample(row, ago)

    assert started() == (midnight(2), False)


def test_clocks_are_opened_by_as_many_statements_for_any_number(acme: Partner) -> None:
    def statements(number: int) -> int:
        for _ in range(number):
            row = short(name=f"Short {License.objects.count()}")
            for ago in range(3):
                sample(row, ago)
        with CaptureQueriesContext(
            connection,
        ) as seen:
            evaluation.evaluate(NOW)
        return len(seen)

    evaluation.evaluate(NOW)

    assert statements(1) == statements(3)
    assert Overage.objects.count() == 4


def test_syncs_tell_the_start(account: SmartAccount, cisco: Account) -> None:
    first = sync(account)
    found = Overage.objects.get(license__name=BASIC)
    assert (found.since, found.starts_before) == (seen_by(first, found.license), True)

    cisco.set_license("DEFAULT", ENHANCED, quantity=20, inUse=27)
    second = sync(account)
    changed = Overage.objects.get(license__name=ENHANCED)
    assert (changed.since, changed.starts_before) == (seen_by(second, changed.license), False)


def sync(account: SmartAccount) -> SyncRun:
    run = syncing.run_sync(runs.request(account, "test")[0])
    assert run.status == SyncRun.Status.SUCCEEDED
    return run


def seen_by(run: SyncRun, row: License) -> datetime:
    return Change.objects.get(sync_run=run, object_type="license", object_id=row.pk).at


# --- Correcting the start ---


def running(since: datetime, **values: Any) -> Overage:
    row = short(name=f"Short {License.objects.count()}")
    return make.make_overage(license=row, since=since, **values)


def test_correction_stays_over_evaluations_and_keeps_the_recorded_start(acme: Partner, clock: Any) -> None:
    overage = running(NOW - DAY, since_at_latest=True)
    sample(overage.license, 0)

    overages.correct_start(SOMEBODY, overage, NOW - 30 * DAY, " Mail from Cisco ")
    for ahead in range(3):
        evaluation.evaluate(NOW + ahead * DAY)

    overage.refresh_from_db()
    assert (overage.since, overage.recorded_start, overage.since_reason) == (
        NOW - 30 * DAY,
        NOW - DAY,
        "Mail from Cisco",
    )
    assert (overage.starts_before, overage.days_left, overage.clock.started) == (False, 60, "since 25 Oct 2026")
    assert (overage.since_corrected_at, overage.since_corrected_by) == (NOW, "operator@acme.example")
    entry = AuditEntry.objects.latest("id")
    assert entry.action == "corrected the start of"
    assert entry.changes["since"] == [(NOW - DAY).isoformat(), (NOW - 30 * DAY).isoformat()]
    assert entry.changes["since_reason"] == ["", "Mail from Cisco"]


def test_second_correction_and_restoring_return_to_what_was_recorded(acme: Partner, clock: Any) -> None:
    overage = running(NOW - DAY, since_at_latest=True)
    overages.correct_start(SOMEBODY, overage, NOW - 30 * DAY, "Mail")
    overages.correct_start(SOMEBODY, overage, NOW - 40 * DAY, "Older mail")

    restored = overages.restore_start(SOMEBODY, overage)

    restored.refresh_from_db()
    assert (restored.since, restored.recorded_since, restored.since_reason) == (NOW - DAY, None, "")
    assert (restored.starts_before, restored.since_corrected_at, restored.since_corrected_by) == (True, None, "")
    assert [entry.action for entry in AuditEntry.objects.order_by("id")] == [
        "corrected the start of",
        "corrected the start of",
        "restored the start of",
    ]
    assert overages.restore_start(SOMEBODY, overage).since == NOW - DAY
    assert AuditEntry.objects.count() == 3


@pytest.mark.parametrize(
    ("since", "reason", "words", "field"),
    [
        (NOW + timedelta(minutes=1), "Mail", "future", "since"),
        (NOW - 6 * 365 * DAY, "Mail", "5 years", "since"),
        (NOW - 9 * DAY, "  ", "reason", "since_reason"),
        (NOW - 9 * DAY, "x" * 1001, "too long", "since_reason"),
    ],
)
def test_corrections_that_cannot_be_are_refused(
    acme: Partner, clock: Any, since: datetime, reason: str, words: str, field: str
) -> None:
    overage = running(NOW - DAY)

    with pytest.raises(Refusal, match=words) as refused:
        overages.correct_start(SOMEBODY, overage, since, reason)

    overage.refresh_from_db()
    assert (refused.value.field, overage.since, AuditEntry.objects.count()) == (field, NOW - DAY, 0)


def test_ended_clock_started_before_its_end(acme: Partner, clock: Any) -> None:
    overage = running(NOW - 9 * DAY, ended_at=NOW - 2 * DAY)

    with pytest.raises(Refusal, match="before the end"):
        overages.correct_start(SOMEBODY, overage, NOW - DAY, "Mail")
    assert overages.correct_start(SOMEBODY, overage, NOW - 20 * DAY, "Mail").days_left == 72


def test_database_refuses_a_correction_without_a_reason(acme: Partner) -> None:
    overage = running(NOW)

    with pytest.raises(IntegrityError, match="corrected_start_has_a_reason"), transaction.atomic():
        Overage.objects.filter(pk=overage.pk).update(recorded_since=NOW)


def alert_of(overage: Overage) -> Alert | None:
    return Alert.objects.open().filter(kind=Kind.OVERAGE, subject_id=overage.license_id).first()


def test_alert_follows_a_correction_at_once(acme: Partner, globex: Partner, clock: Any) -> None:
    with tenant_context(globex):
        theirs = running(NOW - DAY)
    overage = running(NOW - DAY)
    evaluation.evaluate()
    assert alert_of(overage) is None  # 89 days left

    overage = overages.correct_start(SOMEBODY, overage, NOW - 85 * DAY, "Mail from Cisco")
    due = alert_of(overage)
    assert due
    assert (due.due_at, due.severity) == (NOW + 5 * DAY, "critical")
    assert "since 31 Aug 2026. The 90 days that Cisco allows end on 29 Nov 2026, in 5 days." in due.summary
    assert due.figures["since_reason"] == "Mail from Cisco"

    overage = overages.correct_start(SOMEBODY, overage, NOW - 90 * DAY, "Older mail")
    due = alert_of(overage)
    assert due
    assert due.due_at == NOW
    assert "ended on 24 Nov 2026, today" in due.summary

    overages.restore_start(SOMEBODY, overage)
    assert alert_of(overage) is None
    with tenant_context(globex):
        assert (Overage.objects.get().since, alert_of(theirs)) == (NOW - DAY, None)


def test_unknown_start_is_said_in_the_alert(acme: Partner, clock: Any) -> None:
    overage = running(NOW - 80 * DAY, since_at_latest=True)

    evaluation.evaluate()

    alert = alert_of(overage)
    assert alert
    assert "since before 5 Sep 2026. The 90 days that Cisco allows end by 4 Dec 2026" in alert.summary
    assert alert.figures["since_at_latest"] is True


def test_replay_follows_a_correction(acme: Partner, clock: Any) -> None:
    overage = running(NOW - DAY)
    overages.correct_start(SOMEBODY, overage, NOW - 85 * DAY, "Mail")
    rule = AlertRule.objects.get(kind=Kind.OVERAGE)

    (firing,) = would_have_fired(rule, 90).firings

    assert firing.opened_at == NOW + 5 * DAY - (rule.threshold or 60) * DAY


# --- Page, REST and admin ---


def test_operator_corrects_and_restores_the_start_on_the_page(
    acme: Partner, globex: Partner, clock: Any, client_of: Callable[..., Any]
) -> None:
    overage = running(NOW - DAY, since_at_latest=True)
    with tenant_context(globex):
        theirs = running(NOW - DAY)
    client, address = client_of(acme, "operator"), f"/overages/{overage.pk}/since/"
    license_page = f"/licenses/{overage.license_id}/"
    assert f'href="{address}"' in page(client.get(license_page))
    assert "since before 23 Nov 2026" in page(client.get(license_page))
    assert 'value="2026-11-23T15:00"' in page(client.get(address))

    posted = client.post(address, {"since": "2026-10-01T08:30", "since_reason": "Mail from Cisco"})

    assert (posted.status_code, posted["Location"]) == (302, license_page)
    shown = page(client.get(license_page))
    assert "since 1 Oct 2026" in shown
    assert "Mail from Cisco" in shown
    assert "<dt>Corrected by</dt><dd>operator@acme.example</dd>" in shown
    assert "on 30 Dec 2026" in shown
    assert "36 days left" in shown
    assert "Restore recorded start" in page(client.get(address))
    assert client.get(f"/overages/{overage.pk}/since/restore/").status_code == 405
    assert client.post(f"/overages/{overage.pk}/since/restore/").status_code == 302
    assert "since before 23 Nov 2026" in page(client.get(license_page))
    with tenant_context(globex):
        assert Overage.objects.get(pk=theirs.pk).since == NOW - DAY


def test_page_says_what_is_wrong_and_keeps_what_was_typed(
    acme: Partner, clock: Any, client_of: Callable[..., Any]
) -> None:
    overage = running(NOW - DAY)
    client, address = client_of(acme, "owner"), f"/overages/{overage.pk}/since/"

    late = client.post(address, {"since": "2026-11-24T15:01", "since_reason": "Mail"})
    empty = client.post(address, {"since": "2026-11-01T15:00", "since_reason": ""})

    assert (late.status_code, empty.status_code) == (409, 422)
    assert "cannot lie in the future. Enter a date and time up to now." in late.content.decode()
    assert 'value="2026-11-24T15:01"' in late.content.decode()
    assert Overage.objects.get().since == NOW - DAY


def test_viewer_and_other_partners_cannot_correct(
    acme: Partner, globex: Partner, clock: Any, client_of: Callable[..., Any], api_of: Callable[..., Any]
) -> None:
    overage = running(NOW - DAY)
    sent = {"since": "2026-10-01T08:30", "since_reason": "Mail"}
    paths = (f"/overages/{overage.pk}/since/", f"/overages/{overage.pk}/since/restore/")
    rest, body = f"/api/v1/overages/{overage.pk}/", {**sent, "since": "2026-10-01T08:30:00Z"}

    assert [client_of(acme, "viewer").post(path, sent).status_code for path in paths] == [403, 403]
    assert client_of(acme, "viewer").get(paths[0]).status_code == 403
    assert [client_of(globex, "owner").post(path, sent).status_code for path in paths] == [404, 404]
    assert api_of(acme, "viewer").patch(rest, body).status_code == 403
    assert api_of(acme, "operator", "read").patch(rest, body).status_code == 403
    assert api_of(globex, "owner").patch(rest, body).status_code == 404
    assert paths[0] not in page(client_of(acme, "viewer").get(f"/licenses/{overage.license_id}/"))
    assert Overage.objects.get().since == NOW - DAY


def test_rest_corrects_explains_and_restores(acme: Partner, clock: Any, api_of: Callable[..., Any]) -> None:
    overage = running(NOW - DAY, since_at_latest=True)
    api, address = api_of(acme, "operator"), f"/api/v1/overages/{overage.pk}/"

    first = api.get(address).json()
    sent = api.patch(address, {"since": "2026-10-01T10:30:00+02:00", "since_reason": "Mail", "note": "Ordered"}).json()
    explained = api.patch(address, {"since_reason": "Mail of 2 Oct"}).json()
    repeated = api.patch(address, {"since": explained["since"]}).json()
    restored = api.patch(address, {"since": None}).json()

    assert (first["since"], first["recorded_since"], first["since_at_latest"], first["since_reason"]) == (
        "2026-11-23T15:00:00Z",
        "2026-11-23T15:00:00Z",
        True,
        "",
    )
    assert (sent["since"], sent["recorded_since"], sent["since_at_latest"], sent["since_reason"], sent["note"]) == (
        "2026-10-01T08:30:00Z",
        "2026-11-23T15:00:00Z",
        False,
        "Mail",
        "Ordered",
    )
    assert (sent["ends"], sent["days_left"]) == ("2026-12-30T08:30:00Z", 36)
    assert sent["since_corrected_by"].startswith("operator@acme.example (token ")
    assert (explained["since"], explained["since_reason"]) == (sent["since"], "Mail of 2 Oct")
    assert repeated == explained
    assert {**restored, "note": ""} == first


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"since": "2026-11-25T00:00:00Z", "since_reason": "Mail"}, "since"),
        ({"since": "2026-10-01T00:00:00Z"}, "since_reason"),
        ({"since": "2026-10-01T00:00:00Z", "since_reason": ""}, "since_reason"),
        ({"since": None, "since_reason": "Mail"}, "since_reason"),
        ({"since_reason": "Mail"}, "since"),
        ({"since": "yesterday", "since_reason": "Mail"}, "since"),
        ({"recorded_since": "2026-10-01T00:00:00Z"}, "recorded_since"),
        ({"since_corrected_by": "me"}, "since_corrected_by"),
    ],
)
def test_rest_names_the_member_at_fault_and_changes_nothing(
    acme: Partner, clock: Any, api_of: Callable[..., Any], body: dict[str, Any], field: str
) -> None:
    overage = running(NOW - DAY)

    answer = api_of(acme, "operator").patch(f"/api/v1/overages/{overage.pk}/", {"note": "Ordered", **body})

    assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json")
    assert list(answer.json()["errors"]) == [field]
    overage.refresh_from_db()
    assert (overage.since, overage.note, AuditEntry.objects.count()) == (NOW - DAY, "", 0)


def test_admin_corrects_by_the_same_verb(acme: Partner, clock: Any, client_of: Callable[..., Any]) -> None:
    since = NOW - DAY + timedelta(microseconds=123)
    overage, client = running(since), client_of(acme, "owner")
    address = f"/admin/alerts/overage/{overage.pk}/change/"
    kept = {"since_0": "2026-11-23", "since_1": "15:00:00", "since_reason": "", "owner": "", "note": "Ordered"}

    assert client.post(address, kept).status_code == 302
    overage.refresh_from_db()
    assert (overage.since, overage.note, overage.recorded_since) == (since, "Ordered", None)

    refused = client.post(address, {**kept, "since_0": "2026-10-01"})
    assert "only with a reason" in refused.content.decode()
    assert client.post(address, {**kept, "since_0": "2026-10-01", "since_reason": "Mail"}).status_code == 302
    overage.refresh_from_db()
    assert (overage.since, overage.recorded_since) == (datetime(2026, 10, 1, 15, tzinfo=UTC), since)


def test_list_and_file_say_how_the_start_is_known(acme: Partner, clock: Any, client_of: Callable[..., Any]) -> None:
    running(NOW - 3 * DAY, since_at_latest=True)
    running(NOW - 2 * DAY)
    overages.correct_start(SOMEBODY, running(NOW - DAY), NOW - 20 * DAY, "Mail")
    client = client_of(acme, "viewer")

    shown = page(client.get("/overages/"))
    lines = b"".join(client.get("/overages/?format=csv")).decode().splitlines()

    assert "since before 21 Nov 2026" in shown
    assert "since 4 Nov 2026" in shown
    assert "Start" in lines[0]
    assert [word for line in lines[1:] for word in ("before", "recorded", "corrected") if f",{word}," in line] == [
        "corrected",
        "before",
        "recorded",
    ]


# --- One count of days everywhere ---


@pytest.mark.parametrize("zone", ["Pacific/Auckland", "America/Los_Angeles"])
@pytest.mark.parametrize("minutes", [-1, 0, 1], ids=["before midnight", "at midnight", "after midnight"])
def test_page_rest_alert_mail_and_calendar_count_the_same_days(
    acme: Partner,
    globex: Partner,
    settings: Any,
    client_of: Callable[..., Any],
    api_of: Callable[..., Any],
    zone: str,
    minutes: int,
) -> None:
    settings.TIME_ZONE = zone
    here = ZoneInfo(zone)
    now = datetime(2026, 11, 24, 0, 0, tzinfo=here).astimezone(UTC) + timedelta(minutes=minutes)
    ends = datetime(2026, 11, 29, 0, 30, tzinfo=here).astimezone(UTC)
    left, day = (6 if minutes < 0 else 5), "29 Nov 2026"
    with timezone.override(here), time_machine.travel(now, tick=False):
        with tenant_context(globex):
            running(now - DAY)
        overage = running(ends - 90 * DAY)
        make.make_channel(storm_limit=1_000)
        evaluation.evaluate()
        collecting.collect("https://acme.example")
        owner, api = client_of(acme, "owner"), api_of(acme)
        alert = alert_of(overage)
        rest = api.get(f"/api/v1/overages/{overage.pk}/").json()
        entry = calendar_entry(owner, alert)
        mail = Delivery.objects.filter(text__contains=f"/alerts/{alert.pk}/").get().text if alert else ""

        assert alert
        assert f"end on {day}, in {left} days." in alert.summary
        assert f"end on {day}, in {left} days." in mail
        assert f"end on {day}, in {left} days." in str(entry["DESCRIPTION"])
        assert entry["DTSTART"].dt == ends
        assert datetime.fromisoformat(api.get(f"/api/v1/alerts/{alert.pk}/").json()["due_at"]) == ends
        assert (datetime.fromisoformat(rest["ends"]), rest["days_left"]) == (ends, left)
        license_page = page(owner.get(f"/licenses/{overage.license_id}/"))
        assert f"on {day}" in license_page
        for address in ("/", f"/licenses/{overage.license_id}/", "/licenses/", "/overages/"):
            assert f"{left} days left" in page(owner.get(address)), address
        assert f"in {left} days" in page(owner.get(f"/alerts/{alert.pk}/"))
        assert f",{left}," in b"".join(owner.get("/overages/?format=csv")).decode()


def calendar_entry(client: Any, alert: Alert | None) -> Any:
    made = client.post("/calendar/").content.decode()
    address = made.partition('id="address">')[2].partition("<")[0].partition("localhost")[2]
    entries = Calendar.from_ical(client.get(address).content).walk("VEVENT")
    return next(entry for entry in entries if str(entry["UID"]).startswith(f"alert-{alert and alert.pk}@"))


@pytest.mark.parametrize(
    ("ago", "words"),
    [
        (timedelta(days=88), "2 days left"),
        (timedelta(days=89), "1 day left"),
        (timedelta(days=90) - timedelta(hours=1), "ends today"),
        (timedelta(days=90), "ended today"),
        (timedelta(days=91), "over for 1 day"),
        (timedelta(days=93), "over for 3 days"),
    ],
)
def test_time_left_in_words(acme: Partner, clock: Any, ago: timedelta, words: str) -> None:
    assert running(NOW - ago).time_left == words


def test_overview_follows_the_corrected_start(
    acme: Partner, clock: Any, client_of: Callable[..., Any], acme_users: dict[str, User]
) -> None:
    corrected, other = running(NOW - DAY), running(NOW - 2 * DAY, since_at_latest=True)
    overages.correct_start(SOMEBODY, corrected, NOW - 40 * DAY, "Mail")

    shown = page(client_of(acme, "viewer").get("/"))

    assert "the oldest <time" in shown
    assert shown.index(corrected.license.name) < shown.index(other.license.name)
    assert "since 15 Oct 2026" in shown
    assert "since before 22 Nov 2026" in shown
    assert "50 days left" in shown
