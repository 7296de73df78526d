"""The kinds that came later: just before, at and just after each border, one cause one alert, and scopes."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django_tenants.utils import tenant_context

from licensing.alerts.evaluation import evaluate
from licensing.alerts.models import Alert, AlertRule, Kind, Overage
from licensing.assignments.models import AssignmentJob
from licensing.mirror.forecast import exhaustion
from licensing.mirror.models import CssmAlert, UsageSample
from tenants.models import Partner
from tests import factories as make
from tests.finding import found, only

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
TODAY = NOW.date()
SECOND, HOUR, DAY = timedelta(seconds=1), timedelta(hours=1), timedelta(days=1)


@pytest.fixture(autouse=True)
def clock() -> Any:
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


def pool(name: str = "va-1", **values: Any) -> Any:
    account = values.pop("of", None) or make.make_smart_account(name="Main", domain="main.example")
    return make.make_virtual_account(name=name, smart_account=account, **values)


# --- Few licenses free ---


@pytest.mark.parametrize(("in_use", "opens"), [(89, False), (90, False), (91, True), (100, True)])
def test_few_free_in_percent(acme: Partner, in_use: int, opens: bool) -> None:
    make.make_license(quantity=100, in_use=in_use)

    assert bool(found(Kind.FREE_BELOW)) is opens


@pytest.mark.parametrize(("free", "opens"), [(6, False), (5, False), (4, True), (0, True)])
def test_few_free_in_licenses(acme: Partner, free: int, opens: bool) -> None:
    AlertRule.objects.filter(kind=Kind.FREE_BELOW).update(threshold=5, unit="licenses")
    make.make_license(quantity=1000, in_use=1000 - free)

    assert bool(found(Kind.FREE_BELOW)) is opens


def test_shortage_is_not_said_twice(acme: Partner) -> None:
    make.make_license(quantity=10, in_use=14)

    evaluate()

    assert list(Alert.objects.values_list("kind", flat=True)) == [Kind.OUT_OF_COMPLIANCE]


def test_few_free_says_figures_and_who_has_some(acme: Partner) -> None:
    here = pool()
    make.make_license(virtual_account=here, name="UC Manager", quantity=100, in_use=95)
    make.make_license(virtual_account=pool("va-2", of=here.smart_account), name="UC Manager", quantity=50, in_use=0)
    make.make_license(virtual_account=here, name="Nobody owns it", quantity=0, in_use=0)

    alert = only(Kind.FREE_BELOW)

    assert alert.summary == "5 free licenses out of 100 in va-1 of Main. The threshold is 10 percent."
    assert alert.next_step == "Move licenses here from va-2, which has 50 free, before they run out."
    assert alert.figures == {"owned": 100, "in_use": 95, "free": 5, "threshold": 10}
    assert [(figure.label, figure.shown) for figure in alert.words.figures] == [
        ("Owned", 100), ("In use", 95), ("Free", 5), ("Threshold in percent", 10)
    ]  # fmt: skip


# --- Running out ---


def used(license_: Any, days: int, per_day: float) -> None:
    """Samples of so many days up to today, at that pace, ending with what is in use."""
    UsageSample.objects.bulk_create(
        UsageSample(
            license=license_,
            day=TODAY - timedelta(days=back),
            quantity=license_.quantity,
            in_use=round(license_.in_use - per_day * back),
            available=0,
            reserved=0,
        )
        for back in range(days)
    )


@pytest.mark.parametrize(("free", "opens"), [(60, False), (59, True), (58, True), (0, True)])
def test_license_runs_out_within_sixty_days_at_its_pace(acme: Partner, free: int, opens: bool) -> None:
    license_ = make.make_license(virtual_account=pool(), quantity=500, in_use=500 - free)
    used(license_, 90, 1)

    assert bool(found(Kind.EXHAUSTION)) is opens


def test_running_out_says_when(acme: Partner) -> None:
    license_ = make.make_license(virtual_account=pool(), quantity=500, in_use=470)
    used(license_, 90, 1)

    alert = only(Kind.EXHAUSTION)

    assert alert.due_at == datetime(2026, 4, 1, tzinfo=UTC)
    assert alert.summary == (
        "30 licenses left out of 500 in va-1 of Main. At the pace of the last 180 days (30.0 more in use each month), "
        "the license runs out on 1 Apr 2026, in 31 days."
    )
    forecast = exhaustion(UsageSample.objects.all(), TODAY)
    assert (forecast.date, alert.due_at.date()) == (date(2026, 4, 1), date(2026, 4, 1))  # the page says the same


@pytest.mark.parametrize(("days", "per_day"), [(13, 1), (21, 1), (90, 0), (90, -1)])
def test_too_few_days_and_no_growth_are_no_forecast(acme: Partner, days: int, per_day: float) -> None:
    used(make.make_license(quantity=500, in_use=490), days, per_day)

    assert found(Kind.EXHAUSTION) == []


# --- In the wrong pool ---


def test_instance_outside_of_its_clusters_pool_is_found_until_one_of_both_moves(acme: Partner) -> None:
    meant = pool("right")
    wrong = pool("wrong", of=meant.smart_account)
    cluster = make.make_cluster(name="HQ", customer=make.make_customer(name="Harbor"))
    make.make_assignment(cluster=cluster, virtual_account=wrong, ended_at=NOW - DAY)
    assignment = make.make_assignment(cluster=cluster, virtual_account=meant)
    make.make_instance(virtual_account=wrong, cluster=cluster, host_name="cucm.example")
    make.make_instance(virtual_account=meant, cluster=cluster)
    make.make_instance(virtual_account=wrong)

    alert = only(Kind.WRONG_POOL)

    assert (alert.subject, alert.cluster, alert.virtual_account) == ("cucm.example", cluster, wrong)
    assert alert.summary == ("Registered in wrong of Main, but its cluster HQ of Harbor is assigned to right of Main.")
    assignment.ended_at = NOW
    assignment.save()
    assert found(Kind.WRONG_POOL) == []


# --- Tokens, certificates, credentials ---


@pytest.mark.parametrize(
    ("left", "opens"),
    [
        (8 * DAY, False),
        (7 * DAY + 12 * HOUR, False),
        (7 * DAY + 12 * HOUR - SECOND, True),
        (SECOND, True),
        (timedelta(0), False),
        (-DAY, False),
    ],
)
def test_token_is_found_from_seven_days_before_its_end_until_it_ends(
    acme: Partner, left: timedelta, opens: bool
) -> None:
    make.make_token(expires_at=NOW + left)

    assert bool(found(Kind.TOKEN_EXPIRING)) is opens


@pytest.mark.parametrize(
    ("values", "opens"),
    [
        ({"uses_allowed": 5, "uses": 4}, False),
        ({"uses_allowed": 5, "uses": 5}, True),
        ({"uses_allowed": 5, "uses": 6}, True),
        ({"uses_allowed": None, "uses": 500}, False),
        ({"uses_allowed": 5, "uses": 5, "gone_at": NOW}, False),
        ({"uses_allowed": 5, "uses": 5, "expires_at": NOW}, False),
        ({"uses_allowed": 5, "uses": 5, "expires_at": NOW + SECOND}, True),
        ({"uses_allowed": 5, "uses": 5, "expires_at": None}, True),
    ],
)
def test_token_is_used_up_at_its_number_of_uses(acme: Partner, values: dict[str, Any], opens: bool) -> None:
    make.make_token(description="Core", virtual_account=pool("va-1"), **values)

    assert [alert.subject for alert in found(Kind.TOKEN_USED_UP)] == (["Core in va-1"] if opens else [])


@pytest.mark.parametrize(
    ("ends", "opens", "severity"),
    [
        (datetime(2026, 5, 1, 0, 0, tzinfo=UTC), False, ""),  # 61 days
        (datetime(2026, 4, 30, 23, 59, tzinfo=UTC), True, "minor"),  # 60 days
        (datetime(2026, 3, 15, 12, 0, tzinfo=UTC), True, "major"),  # 14 days
        (datetime(2026, 3, 4, 12, 0, tzinfo=UTC), True, "critical"),  # 3 days
        (NOW - DAY, True, "critical"),
    ],
)
def test_certificate_is_found_from_sixty_days_before_its_end(
    acme: Partner, ends: datetime, opens: bool, severity: str
) -> None:
    make.make_server(certificate_not_after=ends)

    alerts = found(Kind.CERTIFICATE_EXPIRING)

    assert [alert.severity for alert in alerts] == ([severity] if opens else [])
    assert [alert.due_at for alert in alerts] == ([ends] if opens else [])


def test_server_without_a_certificate_has_none_that_ends(acme: Partner) -> None:
    make.make_server()

    assert found(Kind.CERTIFICATE_EXPIRING) == []


@pytest.mark.parametrize(("days", "opens"), [(31, False), (30, True), (0, True), (-1, True)])
@pytest.mark.parametrize("whose", ["server", "account"])
def test_credentials_are_found_from_thirty_days_before_their_last(
    acme: Partner, days: int, opens: bool, whose: str
) -> None:
    end = TODAY + timedelta(days=days)
    if whose == "server":
        make.make_server(credentials_expire_on=end)
    else:
        make.make_smart_account(client_id="own", credentials_expire_on=end)

    assert [alert.subject_type for alert in found(Kind.CREDENTIALS_EXPIRING)] == (
        [{"server": "license_server", "account": "smart_account"}[whose]] if opens else []
    )


def test_date_of_credentials_that_the_account_does_not_use_is_passed_over(acme: Partner) -> None:
    make.make_smart_account(client_id="", credentials_expire_on=TODAY)

    assert found(Kind.CREDENTIALS_EXPIRING) == []


# --- Cisco's own alerts ---


def cisco_says(account: Any, type_: str, severity: str = "Major", **values: Any) -> CssmAlert:
    return CssmAlert.objects.create(smart_account=account, digest=type_, type=type_, severity=severity, **values)


def test_ciscos_alerts_are_passed_on_with_ciscos_severity(acme: Partner) -> None:
    here = pool()
    cisco_says(here.smart_account, "Licenses Expiring", "Minor", message="5 licenses expire.", virtual_account="va-1")
    cisco_says(here.smart_account, "Synchronization Overdue", "", source="ssm-1")

    first, second = found(Kind.CSSM_ALERT)

    assert (first.severity, first.virtual_account, first.smart_account) == ("minor", here, here.smart_account)
    assert first.summary == "Cisco reports for va-1 of Main: 5 licenses expire."
    assert (second.severity, second.subject) == ("info", "Synchronization Overdue: ssm-1")
    CssmAlert.objects.all().delete()
    assert found(Kind.CSSM_ALERT) == []


def test_ciscos_word_on_shortages_is_left_to_our_own_kind(acme: Partner) -> None:
    cisco_says(pool().smart_account, "Insufficient Licenses")
    assert found(Kind.CSSM_ALERT) == []

    AlertRule.objects.filter(kind=Kind.OUT_OF_COMPLIANCE).update(enabled=False)
    assert len(found(Kind.CSSM_ALERT)) == 1


@pytest.mark.parametrize("narrowed", ["smart_accounts", "virtual_accounts", "licenses", "customers", "tags"])
def test_ciscos_word_on_shortages_is_passed_on_where_our_own_rule_does_not_look(acme: Partner, narrowed: str) -> None:
    here, elsewhere = pool(), pool()
    scopes = {
        "smart_accounts": [elsewhere.smart_account_id],
        "virtual_accounts": [elsewhere.pk],
        "licenses": ["Basic"],
        "customers": [1],
        "tags": ["north"],
    }
    AlertRule.objects.filter(kind=Kind.OUT_OF_COMPLIANCE).update(**{narrowed: scopes[narrowed]})

    cisco_says(here.smart_account, "Insufficient Licenses")

    assert len(found(Kind.CSSM_ALERT)) == 1


# --- Assignments ---


@pytest.mark.parametrize(
    ("state", "unmoved", "opens"),
    [
        ("failed", timedelta(0), True),
        ("running", HOUR, False),
        ("running", HOUR + SECOND, True),
        ("by_hand", 48 * HOUR, False),
        ("by_hand", 48 * HOUR + SECOND, True),
        ("verifying", 48 * HOUR + SECOND, True),
    ],
)
def test_assignment_that_failed_or_does_not_move_is_found(
    acme: Partner, state: str, unmoved: timedelta, opens: bool
) -> None:
    cluster = make.make_cluster()
    job = AssignmentJob.objects.create(
        kind="assign", cluster=cluster, virtual_account=pool(), state=state, moved_at=NOW - unmoved
    )

    alerts = found(Kind.ASSIGNMENT_FAILED)

    assert [(alert.subject_type, alert.subject_id) for alert in alerts] == ([("cluster", cluster.pk)] if opens else [])
    assert AssignmentJob.objects.failed_or_stuck(NOW).filter(pk=job.pk).exists() is opens
    AssignmentJob.objects.update(state="cancelled", finished_at=NOW)
    assert found(Kind.ASSIGNMENT_FAILED) == []


# --- Evaluations, overages, On-Prem servers ---


@pytest.mark.parametrize(("installed", "opens"), [(29, False), (30, True), (90, True), (91, True)])
def test_evaluation_is_found_from_sixty_days_before_its_end_until_registered(
    acme: Partner, installed: int, opens: bool
) -> None:
    cluster = make.make_cluster(installed_on=TODAY - timedelta(days=installed))

    assert [alert.cluster for alert in found(Kind.EVALUATION_ENDING)] == ([cluster] if opens else [])
    make.make_instance(cluster=cluster)
    assert found(Kind.EVALUATION_ENDING) == []


def test_evaluation_says_when_it_ends(acme: Partner) -> None:
    make.make_cluster(name="HQ", customer=make.make_customer(name="Harbor"), installed_on=date(2025, 12, 31))

    alert = only(Kind.EVALUATION_ENDING)

    assert alert.summary == (
        "This cluster was installed on 31 Dec 2025 and is not registered. Its evaluation ends on 31 Mar 2026, in 30 "
        "days. After that, users and devices cannot be added."
    )
    assert (alert.severity, alert.due_at) == ("major", datetime(2026, 3, 31, tzinfo=UTC))


@pytest.mark.parametrize(
    ("age", "severities"), [(29, []), (30, ["major"]), (75, ["major"]), (76, ["critical"]), (120, ["critical"])]
)
def test_clock_of_a_shortage_is_found_when_sixty_of_ninety_days_are_left(
    acme: Partner, age: int, severities: list[str]
) -> None:
    license_ = make.make_license(quantity=1, in_use=5)
    Overage.objects.create(license=license_, since=NOW - age * DAY)

    assert [alert.severity for alert in found(Kind.OVERAGE)] == severities


def test_clock_that_ended_is_no_finding(acme: Partner) -> None:
    Overage.objects.create(license=make.make_license(), since=NOW - 80 * DAY, ended_at=NOW - DAY)

    assert found(Kind.OVERAGE) == []


@pytest.mark.parametrize(
    ("age", "opens"), [(30 * DAY - SECOND, False), (30 * DAY, False), (30 * DAY + SECOND, True), (99 * DAY, True)]
)
def test_on_prem_server_is_to_synchronize_within_thirty_days(acme: Partner, age: timedelta, opens: bool) -> None:
    make.make_server(kind="on_prem", last_cloud_sync_at=NOW - age)
    make.make_server(kind="on_prem", last_cloud_sync_at=None)

    assert [alert.due_at for alert in found(Kind.ON_PREM_SYNC)] == ([NOW - age + 90 * DAY] if opens else [])


def test_url_that_does_not_fit_the_version_is_found_once_with_all_that_differs(acme: Partner) -> None:
    server = make.make_server(
        kind="on_prem",
        name="ssm",
        version="8-202404",
        api_base_url="https://ssm.example:8443/api/v1",
        registration_url="https://ssm.example/Transportgateway/services/DeviceRequestHandler",
        on_prem_name="other.example",
    )

    alert = only(Kind.ON_PREM_URL)

    assert alert.subject_id == server.pk
    assert "does not fit version 8-202404" in alert.summary
    assert "SSM On-Prem Name is other.example" in alert.summary


@pytest.mark.parametrize(("instances", "opens"), [(4, False), (5, True)])
def test_server_is_nearly_full_above_four_fifths(acme: Partner, instances: int, opens: bool) -> None:
    server = make.make_server(kind="on_prem", version="8-202404", instance_limit=5)
    here = make.make_virtual_account(smart_account=make.make_smart_account(license_server=server))
    for _ in range(instances):
        make.make_instance(virtual_account=here)

    assert bool(found(Kind.ON_PREM_CAPACITY)) is opens


# --- One cause, one alert ---


def test_refused_sync_opens_one_alert_and_so_does_its_age(acme: Partner) -> None:
    account = make.make_smart_account(last_synced_at=NOW - 9 * DAY)
    make.make_sync_run(smart_account=account, status="failed", reason="refused", cause="The secret is wrong.")

    evaluate()

    assert list(Alert.objects.values_list("kind", flat=True)) == [Kind.CREDENTIALS_REFUSED]


def test_refused_sync_is_a_failed_one_where_no_rule_watches_credentials(acme: Partner) -> None:
    make.make_sync_run(status="failed", reason="refused")
    AlertRule.objects.filter(kind=Kind.CREDENTIALS_REFUSED).update(enabled=False)

    evaluate()

    assert list(Alert.objects.values_list("kind", flat=True)) == [Kind.SYNC_FAILED]


def test_refused_test_of_a_server_speaks_for_the_accounts_that_use_it(acme: Partner) -> None:
    server = make.make_server(check_status="refused", checked_at=NOW)
    for client_id in ("", "", "own"):
        account = make.make_smart_account(license_server=server, client_id=client_id, last_synced_at=NOW - HOUR)
        make.make_sync_run(smart_account=account, status="failed", reason="refused")

    assert sorted(alert.subject_type for alert in found(Kind.CREDENTIALS_REFUSED)) == [
        "license_server",
        "smart_account",
    ]


# --- Age by the account's own interval ---


@pytest.mark.parametrize(("every", "border"), [(HOUR, 2 * HOUR), (DAY, 2 * DAY), (7 * DAY, 14 * DAY)])
def test_figures_are_too_old_after_twice_the_accounts_interval(
    acme: Partner, every: timedelta, border: timedelta
) -> None:
    account = make.make_smart_account(sync_every=every, last_synced_at=NOW - border)
    assert found(Kind.SYNC_TOO_OLD) == []

    type(account).objects.update(last_synced_at=NOW - border - SECOND)
    assert len(found(Kind.SYNC_TOO_OLD)) == 1


# --- Scopes ---


@pytest.mark.parametrize("scope", ["smart_accounts", "virtual_accounts", "licenses", "customers", "tags"])
def test_rule_watches_its_scope_alone(acme: Partner, globex: Partner, scope: str) -> None:
    inside, outside = pool("in"), pool("out", of=make.make_smart_account())
    customer = make.make_customer(tags=["north"])
    make.make_assignment(cluster=make.make_cluster(customer=customer), virtual_account=inside)
    make.make_assignment(virtual_account=outside)
    for place, name in ((inside, "A"), (outside, "B")):
        make.make_license(virtual_account=place, name=name, quantity=1, in_use=5)
    value = {
        "smart_accounts": inside.smart_account_id,
        "virtual_accounts": inside.pk,
        "licenses": "A",
        "customers": customer.pk,
        "tags": "north",
    }[scope]
    AlertRule.objects.filter(kind=Kind.OUT_OF_COMPLIANCE).update(**{scope: [value]})
    with tenant_context(globex):
        make.make_license(name="A", quantity=1, in_use=5)

    assert [alert.license_name for alert in found(Kind.OUT_OF_COMPLIANCE)] == ["A"]


def test_two_rules_of_a_kind_stand_side_by_side(acme: Partner) -> None:
    make.make_license(quantity=100, in_use=96)
    AlertRule.objects.create(name="Nearly none", kind=Kind.FREE_BELOW, threshold=5, unit="percent", severity="major")

    assert sorted(alert.severity for alert in found(Kind.FREE_BELOW)) == ["major", "minor"]


def test_clock_change_moves_no_border(acme: Partner, clock: Any, settings: Any) -> None:
    settings.TIME_ZONE = "Europe/Berlin"
    from django.utils import timezone

    make.make_server(credentials_expire_on=date(2026, 4, 28))
    seen = []
    with timezone.override("Europe/Berlin"):
        for moment in (datetime(2026, 3, 28, 22, 59, 59, tzinfo=UTC), datetime(2026, 3, 28, 23, 0, tzinfo=UTC)):
            clock.move_to(moment, tick=False)
            seen.append([alert.due_at for alert in found(Kind.CREDENTIALS_EXPIRING)])

    assert seen == [[], [datetime(2026, 4, 27, 22, 0, tzinfo=UTC)]]  # 29 March has 23 hours, and is one day
