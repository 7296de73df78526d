"""The story of one alert: it comes back, flaps, rises, is snoozed, owned and commented, and tells each change once."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django_tenants.utils import tenant_context

from kit.refusals import Refusal
from licensing.alerts import handling
from licensing.alerts.evaluation import Evaluation, evaluate
from licensing.alerts.models import Alert, AlertEvent, AlertRule, Kind
from licensing.mirror.models import License
from people import audit
from people.models import AuditEntry, User
from tenants.models import Partner
from tests import factories as make

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SECOND, HOUR, DAY = timedelta(seconds=1), timedelta(hours=1), timedelta(days=1)


@pytest.fixture(autouse=True)
def clock() -> Any:
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


@pytest.fixture
def operator(acme_users: dict[str, User]) -> audit.Actor:
    return audit.Actor(acme_users["operator"], "operator@acme.example")


def no_sync_for_weeks() -> None:
    """Leave out what else would be found over so long a time."""
    AlertRule.objects.filter(kind__in=[Kind.SYNC_TOO_OLD, Kind.OVERAGE]).update(enabled=False)


class Shortage:
    """A license that goes out of compliance and back."""

    def __init__(self, clock: Any) -> None:
        self.row, self.clock = make.make_license(quantity=10, in_use=4), clock

    def at(self, moment: datetime, short: bool) -> Evaluation:
        self.clock.move_to(moment, tick=False)
        status, in_use = ("out_of_compliance", 14) if short else ("in_compliance", 4)
        License.objects.filter(pk=self.row.pk).update(status=status, in_use=in_use, available=10 - in_use)
        return evaluate()


@pytest.fixture
def shortage(acme: Partner, clock: Any) -> Shortage:
    no_sync_for_weeks()
    return Shortage(clock)


def told() -> list[str]:
    return list(AlertEvent.objects.order_by("id").values_list("kind", flat=True))


# --- Coming back ---


@pytest.mark.parametrize(("after", "rows"), [(7 * DAY - SECOND, 1), (7 * DAY, 2), (7 * DAY + SECOND, 2)])
def test_what_comes_back_within_a_week_is_the_same_story(shortage: Shortage, after: timedelta, rows: int) -> None:
    shortage.at(NOW, True)
    assert shortage.at(NOW + HOUR, False) == Evaluation(opened=0, closed=1, open=0)

    assert shortage.at(NOW + HOUR + after, True) == Evaluation(opened=1, closed=0, open=1)

    assert Alert.objects.count() == rows
    latest = Alert.objects.open().get()
    assert latest.open_since == NOW + HOUR + after
    assert latest.opened_at == (NOW if rows == 1 else NOW + HOUR + after)
    assert told() == ["opened", "closed", "reopened" if rows == 1 else "opened"]


def test_new_alert_is_its_rules_owners(shortage: Shortage, acme_users: dict[str, User], operator: audit.Actor) -> None:
    AlertRule.objects.filter(kind=Kind.OUT_OF_COMPLIANCE).update(owner=acme_users["owner"])
    shortage.at(NOW, True)
    alert = Alert.objects.get()
    assert alert.owner == acme_users["owner"]

    handling.acknowledge(operator, alert)
    assert alert.owner == acme_users["owner"]
    handling.own(operator, alert, acme_users["operator"])
    shortage.at(NOW + HOUR, True)
    shortage.at(NOW + 2 * HOUR, False)
    shortage.at(NOW + 3 * HOUR, True)
    assert Alert.objects.get().owner == acme_users["operator"]


def test_reopened_alert_keeps_its_owner_and_wants_to_be_seen_again(shortage: Shortage, operator: audit.Actor) -> None:
    shortage.at(NOW, True)
    handling.acknowledge(operator, Alert.objects.get())
    shortage.at(NOW + HOUR, False)
    shortage.at(NOW + 2 * HOUR, True)

    alert = Alert.objects.get()
    assert (alert.owner, alert.acknowledged_at, alert.closed_at) == (operator.user, None, None)


def test_evaluations_without_change_tell_nothing(shortage: Shortage) -> None:
    for hour in range(4):
        shortage.at(NOW + hour * HOUR, True)
    for hour in range(4, 8):
        shortage.at(NOW + hour * HOUR, False)

    assert told() == ["opened", "closed"]


# --- Flapping ---


def flap(shortage: Shortage, times: int) -> datetime:
    """Short at each full hour, well at each half; returns the last half hour."""
    for hour in range(times):
        shortage.at(NOW + hour * HOUR, True)
        shortage.at(NOW + hour * HOUR + HOUR / 2, False)
    return NOW + (times - 1) * HOUR + HOUR / 2


def test_what_opened_three_times_in_a_day_stays_open_until_it_was_quiet(shortage: Shortage) -> None:
    calm = flap(shortage, 3)

    alert = Alert.objects.get()
    assert (alert.closed_at, alert.clear_since) == (None, calm)
    assert shortage.at(calm + 2 * HOUR - SECOND, False).closed == 0
    assert shortage.at(calm + 2 * HOUR, False) == Evaluation(opened=0, closed=1, open=0)
    assert told() == ["opened", "closed", "reopened", "closed", "reopened", "closed"]


def test_flapping_that_goes_on_tells_nobody(shortage: Shortage) -> None:
    calm = flap(shortage, 10)

    assert told() == ["opened", "closed", "reopened", "closed", "reopened"]
    assert Alert.objects.get().clear_since == calm


def test_twice_is_no_flapping(shortage: Shortage) -> None:
    flap(shortage, 2)

    assert Alert.objects.get().state == "closed"


def test_switching_a_rule_off_closes_even_what_flaps(shortage: Shortage) -> None:
    calm = flap(shortage, 3)
    AlertRule.objects.update(enabled=False)

    assert shortage.at(calm + SECOND, False).closed == 1


# --- Severity ---


@pytest.mark.parametrize(
    ("age", "severity"),
    [(24 * HOUR - SECOND, "minor"), (24 * HOUR, "major"), (48 * HOUR - SECOND, "major"), (99 * DAY, "critical")],
)
def test_severity_rises_with_each_span_that_nobody_saw_to_it(shortage: Shortage, age: timedelta, severity: str) -> None:
    AlertRule.objects.filter(kind=Kind.OUT_OF_COMPLIANCE).update(severity="minor", escalate_after_hours=24)
    shortage.at(NOW, True)

    shortage.at(NOW + age, True)
    shortage.at(NOW + age, True)

    assert Alert.objects.get().severity == severity
    assert told() == ["opened"] + (["severity"] if severity != "minor" else [])


def test_acknowledged_alert_rises_no_further(shortage: Shortage, operator: audit.Actor) -> None:
    AlertRule.objects.filter(kind=Kind.OUT_OF_COMPLIANCE).update(severity="minor", escalate_after_hours=24)
    shortage.at(NOW, True)
    shortage.at(NOW + 30 * HOUR, True)
    handling.acknowledge(operator, Alert.objects.get())

    shortage.at(NOW + 30 * DAY, True)

    assert Alert.objects.get().severity == "major"


def test_reopened_alert_rises_from_its_beginning_again(shortage: Shortage) -> None:
    AlertRule.objects.filter(kind=Kind.OUT_OF_COMPLIANCE).update(severity="minor", escalate_after_hours=24)
    shortage.at(NOW, True)
    shortage.at(NOW + 30 * HOUR, False)
    shortage.at(NOW + 31 * HOUR, True)

    assert shortage.at(NOW + 55 * HOUR - SECOND, True).open == 1
    assert Alert.objects.get().severity == "minor"


def test_each_lead_time_is_told_once_over_months(acme: Partner, clock: Any) -> None:
    no_sync_for_weeks()
    make.make_line(end=(NOW + 100 * DAY).date())
    for day in range(101):
        for hour in (0, 6):
            clock.move_to(NOW + day * DAY + hour * HOUR, tick=False)
            evaluate()

    leads = [event.at for event in AlertEvent.objects.filter(kind__in=["opened", "lead", "severity"])]
    assert [100 - (at - NOW).days for at in leads] == [90, 60, 30, 14, 7, 3, 1]
    assert told() == ["opened", "lead", "severity", "lead", "severity", "lead", "lead"]


# --- People ---


@pytest.mark.parametrize(("later", "asleep"), [(3 * HOUR - SECOND, True), (3 * HOUR, False)])
def test_snoozed_alert_wakes_at_its_time(
    shortage: Shortage, operator: audit.Actor, later: timedelta, asleep: bool
) -> None:
    shortage.at(NOW, True)
    handling.snooze(operator, Alert.objects.get(), NOW + 3 * HOUR)

    shortage.at(NOW + later, True)
    shortage.at(NOW + later, True)

    assert (Alert.objects.get().snoozed_until is not None) == asleep
    assert told() == ["opened", "snoozed"] + ([] if asleep else ["woken"])


def test_snoozed_alert_closes_by_itself(shortage: Shortage, operator: audit.Actor) -> None:
    shortage.at(NOW, True)
    handling.snooze(operator, Alert.objects.get(), NOW + 3 * HOUR)

    shortage.at(NOW + HOUR, False)
    shortage.at(NOW + 4 * HOUR, False)

    assert told() == ["opened", "snoozed", "closed"]
    assert Alert.objects.get().snoozed_until is None


@pytest.mark.parametrize("until", [NOW, NOW - SECOND, NOW + 90 * DAY + SECOND])
def test_snoozing_into_the_past_or_for_good_is_refused(acme: Partner, operator: audit.Actor, until: datetime) -> None:
    alert = make.make_alert()

    with pytest.raises(Refusal, match="within the next 90 days") as refused:
        handling.snooze(operator, alert, until)

    assert refused.value.field == "until"
    assert (AlertEvent.objects.count(), AuditEntry.objects.count()) == (0, 0)


def test_owner_is_somebody_who_may_act(acme: Partner, acme_users: dict[str, User], operator: audit.Actor) -> None:
    alert = make.make_alert()

    handling.own(operator, alert, acme_users["owner"])
    handling.own(operator, alert, acme_users["owner"])
    with pytest.raises(Refusal, match="may not act"):
        handling.own(operator, alert, acme_users["viewer"])

    assert Alert.objects.get().owner == acme_users["owner"]
    assert [(event.kind, event.by) for event in AlertEvent.objects.all()] == [("owned", "operator@acme.example")]
    assert AuditEntry.objects.count() == 1


def test_closed_alert_can_be_commented_and_nothing_else(acme: Partner, operator: audit.Actor) -> None:
    alert = make.make_alert(closed_at=NOW)

    handling.comment(operator, alert, "  Cisco moved them.  ")
    for refused in (lambda: handling.own(operator, alert, None), lambda: handling.snooze(operator, alert, NOW + HOUR)):
        with pytest.raises(Refusal, match="This alert has already closed"):
            refused()

    assert [(event.kind, event.text) for event in AlertEvent.objects.all()] == [("commented", "Cisco moved them.")]


@pytest.mark.parametrize("text", ["", "   ", "x" * 2001])
def test_unfit_comment_is_refused(acme: Partner, operator: audit.Actor, text: str) -> None:
    with pytest.raises(Refusal):
        handling.comment(operator, make.make_alert(), text)


# --- What a sync changes ---


def test_evaluation_of_one_account_leaves_the_others_alone(acme: Partner, globex: Partner, clock: Any) -> None:
    first, second = Shortage(clock), Shortage(clock)
    server = make.make_server(verify_tls=False)
    with tenant_context(globex):
        make.make_license(quantity=1, in_use=5)
    for shortage in (first, second):
        License.objects.filter(pk=shortage.row.pk).update(status="out_of_compliance", in_use=14, available=-4)
    account = first.row.virtual_account.smart_account

    assert evaluate(smart_account_id=account.pk).opened == 2
    assert set(Alert.objects.values_list("subject_id", flat=True)) == {first.row.pk, server.pk}

    evaluate()
    License.objects.update(status="in_compliance", in_use=1, available=9)
    assert evaluate(smart_account_id=account.pk) == Evaluation(opened=0, closed=1, open=2)
    assert evaluate() == Evaluation(opened=0, closed=1, open=1)
