"""The trend of use against owned: each point is the figure of that moment, and says where it comes from."""

import random
from datetime import date, timedelta
from typing import Any

import pytest
from django.utils import timezone
from django_tenants.utils import tenant_context

from kit.refusals import Refusal
from licensing.figures.growth.trend import MOST, NOBODY, Point, Scope, Source, Step, trend
from licensing.history import reading
from licensing.mirror.models import UsageSample
from tenants.models import Partner
from tests import factories as make
from tests.figures.test_growth import BASIC, ENHANCED, PLUS, random_figures
from tests.figures.worlds import make_recorded_pool, write_supply, write_use

SINCE, LAST = date(2026, 1, 10), date(2026, 4, 20)
DAY = timedelta(days=1)


def points(found: list[Point]) -> list[tuple[date, int, int]]:
    return [(point.day, point.used, point.owned) for point in found]


@pytest.mark.parametrize("seed", range(4))
def test_points_are_what_the_history_says_of_that_moment(acme: Partner, seed: int) -> None:
    chance = random.Random(seed)
    pools = [make_recorded_pool(SINCE) for _ in range(2)]
    pools.append(make_recorded_pool(SINCE, smart_account=pools[0].smart_account, purpose="ordered"))
    customers = [make.make_customer(), make.make_customer(), None]
    owners: dict[str, int] = {}
    for number, pool in enumerate(pools):
        for place, customer in enumerate(customers):
            for name in (PLUS, ENHANCED):
                write_use(pool, name, customer, random_figures(chance, SINCE, LAST))
                key = f"Sub{number}-{place}-{name[:25]}"
                owners[key] = customer.pk if customer else 0
                make.make_subscription(smart_account=pool.smart_account, subscription_id=key, customer=customer)
                write_supply(pool, name, key, random_figures(chance, SINCE, LAST))
    ids = [pool.pk for pool in pools]
    account = pools[0].smart_account_id
    in_account = [pool.pk for pool in pools if pool.smart_account_id == account]
    assert customers[0] is not None

    def expected(day: date, customer: int | None = None, name: str = "", which: list[int] = ids) -> Any:
        at = reading.end_of(day)
        use = [row for row in reading.use(which, at) if name in ("", row.license_name)]
        supply = [row for row in reading.supply(which, at) if name in ("", row.license_name)]
        if customer is not None:
            use = [row for row in use if row.customer == customer]
            supply = [row for row in supply if owners[row.subscription_id] == customer]
        owned = [row for row in supply if row.virtual_account != ids[2]]
        return day, sum(row.quantity for row in use), sum(row.quantity for row in owned)

    scopes: list[tuple[Scope, dict[str, Any]]] = [
        (Scope(), {}),
        (Scope(customer=customers[0].pk), {"customer": customers[0].pk}),
        (Scope(customer=NOBODY), {"customer": 0}),
        (Scope(license_name="uc manager enhanced plus license (14.x)"), {"name": PLUS}),
        (Scope(account=account), {"which": in_account}),
        (
            Scope(customers[0].pk, ENHANCED, account),
            {"customer": customers[0].pk, "name": ENHANCED, "which": in_account},
        ),
    ]
    for scope, wanted in scopes:
        found = trend(SINCE + 5 * DAY, LAST - DAY, Step.DAY, scope).points
        sample = chance.sample(found, 12)
        assert points(sample) == [expected(point.day, **wanted) for point in sample], scope
        assert {point.source for point in found} == {Source.HISTORY}
    months = trend(SINCE, LAST - DAY, Step.MONTH).points
    assert [point.day for point in months] == [date(2026, 1, 31), date(2026, 2, 28), date(2026, 3, 31), LAST - DAY]
    assert points(months) == [expected(point.day) for point in months]


def add_samples(license_name: str, pool: Any, figures: dict[date, tuple[int, int]]) -> None:
    row = make.make_license(virtual_account=pool, name=license_name)
    for day, (used, owned) in figures.items():
        UsageSample.objects.create(license=row, day=day, quantity=owned, in_use=used, available=0, reserved=0)


def test_samples_stand_for_the_days_before_the_record(acme: Partner) -> None:
    pool = make_recorded_pool(SINCE)
    ordered = make_recorded_pool(SINCE, smart_account=pool.smart_account, purpose="ordered")
    add_samples(PLUS, pool, {SINCE - 20 * DAY: (5, 9), SINCE - 3 * DAY: (6, 10), SINCE + DAY: (99, 99)})
    add_samples(BASIC, pool, {SINCE - 3 * DAY: (1, 2)})
    add_samples(PLUS, ordered, {SINCE - 3 * DAY: (0, 50)})
    write_use(pool, PLUS, make.make_customer(), {SINCE: 7})
    write_supply(pool, PLUS, "Sub1", {SINCE: 11})

    whole = trend(SINCE - 30 * DAY, SINCE + DAY)
    plus = trend(SINCE - DAY, SINCE, Step.DAY, Scope(license_name=PLUS))
    customer = trend(SINCE - 30 * DAY, SINCE, Step.DAY, Scope(customer=NOBODY))

    early = [SINCE - number * DAY for number in range(20, 13, -1)]
    late = [SINCE - number * DAY for number in (3, 2, 1)]
    assert points(whole.points) == [
        *((day, 5, 9) for day in early),
        *((day, 7, 12) for day in late),
        (SINCE, 7, 11),
        (SINCE + DAY, 7, 11),
    ]
    assert [point.source for point in whole.points] == [*[Source.SAMPLES] * 10, Source.HISTORY, Source.HISTORY]
    assert whole.recorded_from == SINCE
    assert points(plus.points) == [(SINCE - DAY, 6, 10), (SINCE, 7, 11)]
    assert points(customer.points) == [(SINCE, 0, 11)]


def test_a_trend_has_at_most_so_many_points(acme: Partner) -> None:
    make_recorded_pool(date(2020, 1, 1))
    end = date(2026, 1, 1)

    assert len(trend(end - (MOST - 1) * DAY, end).points) == MOST
    assert len(trend(date(2020, 1, 1), end, Step.MONTH).points) == 73
    with pytest.raises(Refusal, match="more than 400 points"):
        trend(end - MOST * DAY, end)
    with pytest.raises(Refusal, match="before the start"):
        trend(end, end - DAY)


def test_a_trend_takes_few_statements_and_pauses_with_its_account(
    acme: Partner, globex: Partner, django_assert_num_queries: Any
) -> None:
    pool = make_recorded_pool(SINCE)
    add_samples(PLUS, pool, {SINCE - DAY: (5, 9)})
    with django_assert_num_queries(4):
        found = trend(SINCE - DAY, SINCE, Step.DAY, Scope(license_name=PLUS))
    assert points(found.points) == [(SINCE - DAY, 5, 9), (SINCE, 0, 0)]

    pool.smart_account.paused_at = timezone.now()
    pool.smart_account.save()
    assert trend(SINCE - DAY, SINCE).points == []
    with tenant_context(globex):
        assert trend(SINCE - DAY, SINCE).points == []
