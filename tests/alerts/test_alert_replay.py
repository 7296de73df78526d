"""What a rule would have fired, from the history that is kept."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django_tenants.utils import tenant_context

from licensing.alerts.kinds import FACTS
from licensing.alerts.models import AlertRule, Kind, Overage
from licensing.alerts.replay.replay import would_have_fired
from licensing.mirror.models import UsageSample
from tenants.models import Partner
from tests import factories as make

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
TODAY = NOW.date()
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture(autouse=True)
def clock() -> Any:
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


def samples(license_: Any, free: list[int], quantity: int = 100) -> None:
    """One a day, the last of them today's."""
    UsageSample.objects.bulk_create(
        UsageSample(
            license=license_,
            day=TODAY - timedelta(days=len(free) - 1 - place),
            quantity=quantity,
            in_use=quantity - number,
            available=number,
            reserved=0,
        )
        for place, number in enumerate(free)
    )


def fired(kind: str, days: int = 90, **values: Any) -> list[tuple[str, datetime, datetime | None]]:
    """An unsaved rule of the kind, switched off."""
    replay = would_have_fired(AlertRule(kind=kind, enabled=False, **values), days)
    return [(firing.subject, firing.opened_at, firing.closed_at) for firing in replay.firings]


def midnight(days_ago: int) -> datetime:
    return datetime(2026, 3, 1, tzinfo=UTC) - days_ago * DAY


def test_every_kind_answers_or_says_why_not(acme: Partner) -> None:
    covered = {kind: would_have_fired(AlertRule(kind=kind)).covered for kind in FACTS}

    assert set(covered.values()) == {"whole", "partly", "none"}
    assert (
        would_have_fired(AlertRule(kind=Kind.TLS_VERIFICATION_OFF)).why
        == "The portal keeps no history for this kind of rule."
    )


def test_days_below_the_border_are_one_spell_each(acme: Partner, globex: Partner) -> None:
    license_ = make.make_license(name="A", virtual_account=make.make_virtual_account(name="va-1"))
    samples(license_, [50, 9, 8, 50, 10, 9, 9])
    with tenant_context(globex):
        samples(make.make_license(name="A"), [1, 1, 1])

    assert fired(Kind.FREE_BELOW, threshold=10) == [
        ("A in va-1", midnight(1), None),
        ("A in va-1", midnight(5), midnight(3)),
    ]
    assert len(fired(Kind.FREE_BELOW, threshold=11, unit="licenses")) == 2
    assert fired(Kind.FREE_BELOW, threshold=5) == []


def test_nothing_is_written_and_the_rule_is_left_unsaved(acme: Partner) -> None:
    samples(make.make_license(), [1, 1])
    rules = AlertRule.objects.count()

    assert len(fired(Kind.FREE_BELOW)) == 1
    assert AlertRule.objects.count() == rules


def test_shortages_are_days_with_less_than_nothing(acme: Partner) -> None:
    samples(make.make_license(), [0, -1, -2, 0])

    assert [(opened, closed) for _, opened, closed in fired(Kind.OUT_OF_COMPLIANCE)] == [(midnight(2), midnight(0))]


def test_consumption_of_the_ordered_pool_is_one_spell_for_all_of_its_licenses(acme: Partner) -> None:
    pool = make.make_virtual_account(name="ordered", purpose="ordered")
    samples(make.make_license(virtual_account=pool), [100, 99, 100, 100])
    samples(make.make_license(virtual_account=pool), [100, 100, 98, 100])

    assert fired(Kind.ORDERED_CONSUMPTION) == [("ordered", midnight(2), midnight(0))]


def test_pace_of_each_day_is_that_of_the_days_before_it(acme: Partner) -> None:
    samples(make.make_license(), list(range(70, 30, -1)))

    [(_, opened, closed)] = fired(Kind.EXHAUSTION, threshold=45)

    assert (opened, closed) == (midnight(13), None)  # 44 are left: the 45th day is the first without


def test_terms_that_are_present(acme: Partner) -> None:
    make.make_line(end=TODAY - timedelta(days=10))

    assert [row[1:] for row in fired(Kind.TERM_ENDING, threshold=30)] == [(midnight(40), midnight(9))]
    assert [row[1:] for row in fired(Kind.TERM_ENDED)] == [(midnight(9), None)]


def test_failed_syncs_from_the_first_to_the_next_that_came_whole(acme: Partner) -> None:
    account = make.make_smart_account(name="Main")
    for hours, status in ((50, "succeeded"), (40, "failed"), (30, "failed"), (20, "succeeded"), (10, "failed")):
        at = NOW - hours * HOUR
        make.make_sync_run(smart_account=account, status=status, queued_at=at, finished_at=at)

    assert fired(Kind.SYNC_FAILED) == [
        ("Main", NOW - 10 * HOUR, None),
        ("Main", NOW - 40 * HOUR, NOW - 20 * HOUR),
    ]
    assert fired(Kind.SYNC_TOO_OLD, threshold=25) == [("Main", NOW - 25 * HOUR, NOW - 20 * HOUR)]
    assert fired(Kind.CREDENTIALS_REFUSED) == []


def test_spells_before_the_time_asked_for_are_left_out(acme: Partner) -> None:
    license_ = make.make_license()
    samples(license_, [1] + [50] * 20)

    assert len(fired(Kind.FREE_BELOW, days=20)) == 1
    assert fired(Kind.FREE_BELOW, days=18) == []


def test_scope_holds_for_the_past_too(acme: Partner) -> None:
    first, second = make.make_license(), make.make_license()
    for license_ in (first, second):
        samples(license_, [1, 1])

    assert len(fired(Kind.FREE_BELOW)) == 2
    assert len(fired(Kind.FREE_BELOW, licenses=[first.name])) == 1
    assert len(fired(Kind.FREE_BELOW, smart_accounts=[second.virtual_account.smart_account_id])) == 1


def test_clocks_tokens_and_silences(acme: Partner) -> None:
    Overage.objects.create(license=make.make_license(), since=NOW - 60 * DAY, ended_at=NOW - DAY)
    make.make_token(expires_at=NOW + 3 * DAY, created_at=NOW - 30 * DAY)
    make.make_instance(last_contact_at=NOW - 40 * DAY)
    make.make_cluster(installed_on=TODAY - timedelta(days=40))

    assert [row[1:] for row in fired(Kind.OVERAGE)] == [(NOW - 30 * DAY, NOW - DAY)]
    assert [row[1:] for row in fired(Kind.TOKEN_EXPIRING)] == [(midnight(4), None)]
    assert [row[1:] for row in fired(Kind.INSTANCE_SILENT)] == [(NOW - 10 * DAY, None)]
    assert [row[1] for row in fired(Kind.EVALUATION_ENDING)] == [midnight(10)]
