"""What each kind of rule finds: just before, at and just after its border, and the words it says it with."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django_tenants.utils import tenant_context

from licensing.accounts.models import LicenseServer, SmartAccount
from licensing.alerts.evaluation import evaluate
from licensing.alerts.models import Alert, AlertRule, Kind
from tenants.models import Partner
from tests import factories as make
from tests.finding import found, only

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
TODAY = NOW.date()
SECOND = timedelta(seconds=1)


@pytest.fixture(autouse=True)
def clock() -> Any:
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


def account(**values: Any) -> SmartAccount:
    return make.make_smart_account(**{"name": "Main", "domain": "main.example", **values})


def pool(name: str = "va-1", **values: Any) -> Any:
    return make.make_virtual_account(**{"name": name, "smart_account": values.pop("of", None) or account(), **values})


# --- Out of compliance ---


def test_shortage_names_figures_pool_and_what_to_order(acme: Partner) -> None:
    make.make_license(virtual_account=pool(), name="UC Manager", quantity=10, in_use=14)

    alert = only(Kind.OUT_OF_COMPLIANCE)

    assert (alert.subject_type, alert.subject, alert.severity) == ("license", "UC Manager in va-1", "critical")
    assert alert.summary == "4 licenses short in va-1 of Main: 14 in use, 10 owned."
    assert alert.next_step == (
        "No other pool that serves products has free licenses. Order 4 more licenses, or remove product instances that "
        "use them."
    )
    assert (alert.opened_at, alert.due_at) == (NOW, None)


def test_numbers_in_texts_stand_as_they_do_on_pages(acme: Partner) -> None:
    main = account()
    make.make_license(virtual_account=pool(of=main), name="UC Manager", quantity=2394, in_use=3490)
    make.make_license(virtual_account=pool("most", of=main), name="UC Manager", quantity=5000, in_use=0)

    alert = only(Kind.OUT_OF_COMPLIANCE)

    assert alert.summary == "1,096 licenses short in va-1 of Main: 3,490 in use, 2,394 owned."
    assert alert.next_step == "Move 1,096 licenses here from most, which has 5,000 free."


def test_shortage_points_to_the_pool_with_most_to_spare(acme: Partner) -> None:
    main = account()
    make.make_license(virtual_account=pool("short", of=main), name="UC Manager", quantity=10, in_use=11)
    make.make_license(virtual_account=pool("some", of=main), name="UC Manager", quantity=5, in_use=0)
    make.make_license(virtual_account=pool("most", of=main), name="UC Manager", quantity=30, in_use=0)
    make.make_license(virtual_account=pool("other", of=main), name="Unity", quantity=90, in_use=0)
    ordered = pool("bought", of=main, purpose="ordered")  # serves no product
    make.make_license(virtual_account=ordered, name="UC Manager", quantity=200, in_use=0)
    make.make_license(name="UC Manager", quantity=500, in_use=0)

    assert only(Kind.OUT_OF_COMPLIANCE).next_step == "Move 1 license here from most, which has 30 free."


def test_shortage_larger_than_what_is_spare_says_so(acme: Partner) -> None:
    main = account()
    make.make_license(virtual_account=pool("short", of=main), name="UC Manager", quantity=0, in_use=9)
    make.make_license(virtual_account=pool("some", of=main), name="UC Manager", quantity=5, in_use=0)

    assert only(Kind.OUT_OF_COMPLIANCE).next_step == (
        "Move 5 licenses here from some, which has 5 free. Then check other pools, or order more."
    )


def test_compliance_is_ciscos_word_and_not_our_sum(acme: Partner) -> None:
    here = pool()
    make.make_license(virtual_account=here, quantity=1, in_use=5, status="in_compliance")
    make.make_license(virtual_account=here, quantity=5, in_use=1, status="unknown")
    borrowed = make.make_license(virtual_account=here, quantity=5, in_use=1, status="out_of_compliance")

    alert = only(Kind.OUT_OF_COMPLIANCE)

    assert alert.subject_id == borrowed.pk
    assert alert.summary == "Cisco reports this license as out of compliance in va-1 of Main: 1 in use, 5 owned."


# --- Term ending ---


def line(end: date | None, **values: Any) -> Any:
    license_ = values.pop("license", None) or make.make_license(virtual_account=pool(), name="Flex")
    return make.make_line(license=license_, end=end, **{"subscription_id": "Sub1", **values})


@pytest.mark.parametrize(("days", "opens"), [(91, False), (90, True), (89, True), (0, True), (-1, False)])
def test_term_is_found_from_ninety_days_before_its_end_to_its_last_day(acme: Partner, days: int, opens: bool) -> None:
    line(TODAY + timedelta(days=days))

    assert bool(found(Kind.TERM_ENDING)) is opens


@pytest.mark.parametrize(
    ("days", "severity", "summary"),
    [
        (90, "minor", "The term of 10 licenses in va-1 of Main ends on 30 May 2026, in 90 days. Subscription Sub1."),
        (30, "major", "The term of 10 licenses in va-1 of Main ends on 31 Mar 2026, in 30 days. Subscription Sub1."),
        (1, "critical", "The term of 10 licenses in va-1 of Main ends on 2 Mar 2026, tomorrow. Subscription Sub1."),
        (0, "critical", "The term of 10 licenses in va-1 of Main ends on 1 Mar 2026, today. Subscription Sub1."),
    ],
)
def test_term_says_when_it_ends_and_grows_more_severe_as_it_nears(
    acme: Partner, days: int, severity: str, summary: str
) -> None:
    end = TODAY + timedelta(days=days)
    line(end)

    alert = only(Kind.TERM_ENDING)

    assert (alert.severity, alert.summary) == (severity, summary)
    assert alert.due_at == datetime(end.year, end.month, end.day, tzinfo=UTC)


def test_term_opens_rises_and_has_ended_at_midnight(acme: Partner, clock: Any) -> None:
    AlertRule.objects.filter(kind=Kind.SYNC_TOO_OLD).update(enabled=False)
    line(date(2026, 6, 15))
    border, major, end = (datetime(2026, *day, tzinfo=UTC) for day in ((3, 17), (5, 16), (6, 16)))
    seen = []
    for moment in (border - SECOND, border, major - SECOND, major, end - SECOND, end):
        clock.move_to(moment, tick=False)
        evaluate()
        seen.append([(alert.kind, alert.severity) for alert in Alert.objects.open()])

    ending = "term_ending"
    assert seen == [
        [],
        [(ending, "minor")],
        [(ending, "minor")],
        [(ending, "major")],
        [(ending, "critical")],
        [("term_ended", "major")],
    ]
    assert Alert.objects.get(kind=ending).opened_at == border


@pytest.mark.parametrize(("days", "opens"), [(1, False), (0, False), (-1, True), (-400, True)])
def test_term_has_ended_from_the_day_after_its_last_on(acme: Partner, days: int, opens: bool) -> None:
    line(TODAY + timedelta(days=days))

    assert bool(found(Kind.TERM_ENDED)) is opens


def test_ended_term_names_the_first_end(acme: Partner) -> None:
    license_ = make.make_license(virtual_account=pool(), name="Flex")
    for days in (-3, -1):
        line(TODAY + timedelta(days=days), license=license_)

    alert = only(Kind.TERM_ENDED)

    assert alert.summary == (
        "The terms of 20 licenses in va-1 of Main have ended, the first on 26 Feb 2026. Subscription Sub1."
    )
    assert (alert.severity, alert.due_at) == ("major", datetime(2026, 2, 26, tzinfo=UTC))


def test_midnight_is_the_portals_own_over_a_change_to_summer_time(acme: Partner, clock: Any, settings: Any) -> None:
    settings.TIME_ZONE = "Europe/Berlin"  # +1 before 29 March 2026, +2 after it
    from django.utils import timezone

    line(date(2026, 3, 30))
    AlertRule.objects.filter(kind=Kind.TERM_ENDING).update(threshold=0)
    with timezone.override("Europe/Berlin"):
        seen = []
        for moment in (datetime(2026, 3, 29, 21, 59, 59, tzinfo=UTC), datetime(2026, 3, 29, 22, 0, tzinfo=UTC)):
            clock.move_to(moment, tick=False)
            seen.append([alert.due_at for alert in found(Kind.TERM_ENDING)])

    assert seen == [[], [datetime(2026, 3, 29, 22, 0, tzinfo=UTC)]]


def test_lines_of_one_license_are_one_finding(acme: Partner) -> None:
    license_ = make.make_license(virtual_account=pool(), name="Flex")
    for days, quantity in ((-3, 1), (10, 2), (20, 3), (200, 50)):
        line(TODAY + timedelta(days=days), license=license_, quantity=quantity, subscription_id=f"Sub{quantity}")

    alert = only(Kind.TERM_ENDING)

    assert alert.summary == (
        "The terms of 5 licenses in va-1 of Main end between 11 Mar 2026 and 21 Mar 2026, the first in 10 days. "
        "Subscriptions Sub2, Sub3."
    )
    assert (alert.severity, alert.due_at) == ("major", datetime(2026, 3, 11, tzinfo=UTC))
    assert only(Kind.TERM_ENDED).figures["licenses"] == 1


def test_replaced_lines_keep_the_alert_and_renewed_ones_close_it(acme: Partner) -> None:
    old = line(TODAY + timedelta(days=10))
    first = only(Kind.TERM_ENDING)
    old.delete()
    new = line(TODAY + timedelta(days=10), license=old.license)
    assert only(Kind.TERM_ENDING).pk == first.pk

    new.delete()
    line(TODAY + timedelta(days=375), license=old.license)
    assert found(Kind.TERM_ENDING) == []


@pytest.mark.parametrize("values", [{"end": None}, {"status": "CANCELED"}, {"quantity": 0}])
def test_lines_without_end_or_of_nothing_are_no_finding(acme: Partner, values: dict[str, Any]) -> None:
    line(**{"end": TODAY, **values})

    assert found(Kind.TERM_ENDING) == []


# --- Product instance silent ---


@pytest.mark.parametrize(
    ("silence", "opens"),
    [(timedelta(days=30) - SECOND, False), (timedelta(days=30), False), (timedelta(days=30) + SECOND, True)],
)
def test_instance_is_silent_after_more_than_thirty_days(acme: Partner, silence: timedelta, opens: bool) -> None:
    make.make_instance(last_contact_at=NOW - silence)

    assert bool(found(Kind.INSTANCE_SILENT)) is opens


def test_silent_instance_tells_since_when_and_what_it_holds(acme: Partner, clock: Any) -> None:
    make.make_instance({"A": 3, "B": 4}, virtual_account=pool(), host_name="cucm.example", last_contact_at=NOW)
    clock.move_to(NOW + timedelta(days=45, hours=1), tick=False)

    alert = only(Kind.INSTANCE_SILENT)

    assert (alert.subject_type, alert.subject, alert.severity) == ("product_instance", "cucm.example", "minor")
    assert alert.summary == (
        "No contact with Cisco since 1 Mar 2026, for 45 days. It holds 7 licenses in va-1 of Main."
    )


@pytest.mark.parametrize("values", [{"gone_at": NOW}, {"last_contact_at": None}])
def test_gone_and_never_seen_instances_are_not_silent(acme: Partner, values: dict[str, Any]) -> None:
    make.make_instance(**{"last_contact_at": NOW - timedelta(days=99), **values})

    assert found(Kind.INSTANCE_SILENT) == []


# --- Consumption in the ordered pool ---


@pytest.mark.parametrize(
    ("purpose", "in_use", "opens"),
    [("ordered", 0, False), ("ordered", 1, True), ("operational", 1, False), ("general", 1, False)],
)
def test_consumption_counts_in_the_ordered_pool_alone(acme: Partner, purpose: str, in_use: int, opens: bool) -> None:
    make.make_license(virtual_account=pool(purpose=purpose), in_use=in_use)

    assert bool(found(Kind.ORDERED_CONSUMPTION)) is opens


def test_consumption_of_a_pool_is_one_finding_that_names_the_largest(acme: Partner) -> None:
    main = account()
    pool("operating", of=main, purpose="operational")
    ordered = pool("ordering", of=main, purpose="ordered")
    for name, in_use in (("A", 1), ("B", 5), ("C", 3), ("D", 2)):
        make.make_license(virtual_account=ordered, name=name, in_use=in_use)

    alert = only(Kind.ORDERED_CONSUMPTION)

    assert (alert.subject_type, alert.subject_id, alert.subject) == ("virtual_account", ordered.pk, "ordering")
    assert alert.summary == ("11 licenses in use in the ordered pool ordering of Main: B (5), C (3), D (2) and 1 more.")
    assert alert.next_step.endswith("Register these product instances in operating instead.")


# --- Syncs ---


def run(of: SmartAccount, minutes_ago: int, status: str, **values: Any) -> Any:
    return make.make_sync_run(smart_account=of, queued_at=NOW - timedelta(minutes=minutes_ago), status=status, **values)


@pytest.mark.parametrize(
    ("runs", "opens"),
    [
        ([], False),
        (["succeeded"], False),
        (["failed"], True),
        (["failed", "succeeded"], False),
        (["succeeded", "failed"], True),
        (["failed", "running"], True),
        (["succeeded", "queued"], False),
    ],
)
def test_last_finished_run_decides_whether_the_sync_failed(acme: Partner, runs: list[str], opens: bool) -> None:
    main = account()
    for place, status in enumerate(runs):
        run(main, 60 - place, status)

    assert bool(found(Kind.SYNC_FAILED)) is opens


def test_failed_sync_hands_on_cause_next_step_and_age_of_the_figures(acme: Partner) -> None:
    main = account(last_synced_at=NOW - timedelta(hours=5))
    run(main, 5, "failed", reason="unavailable", cause="The server did not answer.", next_step="Check the network.")

    alert = only(Kind.SYNC_FAILED)

    assert (alert.subject_type, alert.subject_id, alert.subject) == ("smart_account", main.pk, "Main")
    assert alert.summary == (
        "The last sync failed. The server did not answer. The figures are from 1 Mar 2026, 07:00 UTC."
    )
    assert alert.next_step == "Check the network."
    assert found(Kind.CREDENTIALS_REFUSED) == []


@pytest.mark.parametrize(
    ("age", "opens"),
    [(timedelta(hours=48) - SECOND, False), (timedelta(hours=48), False), (timedelta(hours=48) + SECOND, True)],
)
@pytest.mark.parametrize("ever", [True, False], ids=["synced", "never synced"])
def test_figures_are_too_old_after_more_than_48_hours(acme: Partner, age: timedelta, opens: bool, ever: bool) -> None:
    account(created_at=NOW - age, last_synced_at=NOW - age if ever else None)

    alerts = found(Kind.SYNC_TOO_OLD)

    assert bool(alerts) is opens
    since = "The last complete sync was on " if ever else "No sync has completed since the smart account was added on "
    assert [alert.summary for alert in alerts] == (
        [since + "27 Feb 2026, 11:59 UTC. The limit is 48 hours. The figures may be out of date."] if opens else []
    )


def test_paused_account_is_neither_old_nor_failed(acme: Partner) -> None:
    paused = account(last_synced_at=NOW - timedelta(days=9), paused_at=NOW)
    run(paused, 5, "failed", reason="refused")

    assert evaluate().open == 0


# --- Credentials and TLS ---


def test_refused_sync_finds_the_accounts_credentials(acme: Partner) -> None:
    run(account(), 5, "failed", reason="refused", cause="The client secret is wrong.", next_step="Enter it again.")

    alert = only(Kind.CREDENTIALS_REFUSED)

    assert (alert.subject_type, alert.subject) == ("smart_account", "Main")
    assert alert.summary == "Cisco refused the credentials at the last sync. The client secret is wrong."
    assert alert.next_step == "Enter it again."


@pytest.mark.parametrize(
    ("status", "opens"), [("", False), ("running", False), ("ok", False), ("unavailable", False), ("refused", True)]
)
def test_refused_connection_test_finds_the_servers_credentials(acme: Partner, status: str, opens: bool) -> None:
    server = make.make_server(check_status=status, checked_at=NOW, check_message="Unknown client.")

    assert [(alert.subject_type, alert.subject_id) for alert in found(Kind.CREDENTIALS_REFUSED)] == (
        [("license_server", server.pk)] if opens else []
    )


@pytest.mark.parametrize(("synced_later_by", "opens"), [(-SECOND, True), (timedelta(0), True), (SECOND, False)])
def test_complete_sync_after_the_refused_test_disproves_it(
    acme: Partner, synced_later_by: timedelta, opens: bool
) -> None:
    server = make.make_server(check_status="refused", checked_at=NOW)
    account(license_server=server, last_synced_at=NOW + synced_later_by)

    assert bool(found(Kind.CREDENTIALS_REFUSED)) is opens


def test_sync_with_the_accounts_own_credentials_disproves_nothing(acme: Partner) -> None:
    server = make.make_server(check_status="refused", checked_at=NOW)
    account(license_server=server, client_id="own", last_synced_at=NOW + SECOND)

    assert len(found(Kind.CREDENTIALS_REFUSED)) == 1


def test_tls_verification_off_is_found_until_it_is_on(acme: Partner) -> None:
    server = make.make_server(verify_tls=False)
    assert only(Kind.TLS_VERIFICATION_OFF).subject == server.name

    LicenseServer.objects.update(verify_tls=True)
    assert found(Kind.TLS_VERIFICATION_OFF) == []


# --- Thresholds ---


@pytest.mark.parametrize("threshold", [0, 1, 36_500, None])
@pytest.mark.parametrize("kind", [Kind.TERM_ENDING, Kind.INSTANCE_SILENT, Kind.SYNC_TOO_OLD])
def test_threshold_of_a_rule_is_its_border(acme: Partner, kind: str, threshold: int | None) -> None:
    AlertRule.objects.filter(kind=kind).update(threshold=threshold)
    usual = {Kind.TERM_ENDING: 90, Kind.INSTANCE_SILENT: 30, Kind.SYNC_TOO_OLD: 48}[kind]
    border = usual if threshold is None else threshold
    seen = []
    for step in (0, 1):
        license_ = make.make_license(virtual_account=pool(f"va{step}", of=account(domain=f"{step}.example")))
        if kind == Kind.TERM_ENDING:
            line(TODAY + timedelta(days=border + 1 - step), license=license_)
        elif kind == Kind.INSTANCE_SILENT:
            silence = timedelta(days=border) + step * SECOND
            make.make_instance(virtual_account=license_.virtual_account, last_contact_at=NOW - silence)
        else:
            age = timedelta(hours=border) + step * SECOND
            SmartAccount.objects.filter(domain=f"{step}.example").update(last_synced_at=NOW - age)
        seen.append(len(found(kind)))

    assert seen == [0, 1]


def test_borders_of_two_partners_are_their_own(acme: Partner, globex: Partner) -> None:
    make.make_instance(last_contact_at=NOW - timedelta(days=10))
    with tenant_context(globex):
        make.make_instance(last_contact_at=NOW - timedelta(days=10))
        AlertRule.objects.filter(kind=Kind.INSTANCE_SILENT).update(threshold=7)
        assert len(found(Kind.INSTANCE_SILENT)) == 1

    assert found(Kind.INSTANCE_SILENT) == []
