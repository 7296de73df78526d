"""Growth: true forward by customer, license and period agree; measures and costs are those that a plain count finds."""

import random
from collections import defaultdict
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone
from django_tenants.utils import tenant_context

from licensing.allocation.engine import allocate
from licensing.figures.growth import growth
from licensing.figures.growth import settings as growth_settings
from licensing.figures.growth.forecasts import Measured, Outlook, trend_of
from licensing.figures.growth.growth import by_license, for_customers, rows_of
from licensing.figures.growth.measures import Steps, half_up, measure_growth, measure_use
from licensing.figures.growth.periods import Cover, Period, add_months, period_of
from licensing.figures.models import FigureSettings, Price
from licensing.figures.prices.price_list import PriceList
from licensing.figures.prices.saving import save_price
from licensing.fleet.models import Customer
from licensing.mirror.forecast import Unknown
from licensing.mirror.models import VirtualAccount
from people import audit
from tenants.models import Partner
from tests import factories as make
from tests.figures.worlds import days_before, make_purchase, make_recorded_pool, write_supply, write_use

PLUS, ENHANCED, BASIC = (
    "UC Manager Enhanced Plus License (12.x)",
    "UC Manager Enhanced License (12.x)",
    "UC Manager Basic License  (12.x)",
)
TAG = {PLUS: "UCM_EnhancedPlus", ENHANCED: "UCM_Enhanced", BASIC: "UCM_Basic"}
DAY = timedelta(days=1)


def today() -> date:
    return timezone.now().date()


def figures(found: list[growth.CustomerGrowth]) -> dict[tuple[str, str], tuple[int, int, int]]:
    rows = rows_of(found)
    return {(row.customer_name, row.license): (row.commitment, row.used, row.true_forward) for row in rows}


# --- the defects ---


def test_true_forward_by_customer_license_and_in_total_agree(acme: Partner) -> None:
    """What one customer leaves unused does not lower the true forward of another one."""
    pool = make_recorded_pool(days_before(today(), 30))
    meadow, harbor = make.make_customer(name="Meadow"), make.make_customer(name="Harbor")
    make_purchase(pool, PLUS, meadow, 1197)
    make_purchase(pool, PLUS, harbor, 100)
    write_use(pool, PLUS, meadow, {days_before(today(), 30): 560})
    write_use(pool, PLUS, harbor, {days_before(today(), 30): 140})

    found = for_customers()

    assert figures(found) == {
        ("Harbor", "UCM_EnhancedPlus"): (100, 140, 40),
        ("Meadow", "UCM_EnhancedPlus"): (1197, 560, 0),
    }
    summed = by_license(rows_of(found))
    assert [(one.license, one.totals.true_forward) for one in summed] == [("UCM_EnhancedPlus", 40)]
    assert sum(one.totals.true_forward for one in found) == 40


def test_a_purchase_that_only_the_operational_pool_lists_is_a_commitment(acme: Partner) -> None:
    """Meadow holds 1,197 Enhanced Plus, uses 560, and was shown a true forward of 560."""
    since = days_before(today(), 30)
    pool = make_recorded_pool(since, purpose="operational")
    ordered = make_recorded_pool(since, smart_account=pool.smart_account, purpose="ordered")
    meadow = make.make_customer(name="Meadow")
    make_purchase(pool, PLUS, meadow, 1197)
    make_purchase(ordered, BASIC, meadow, 20)
    write_use(pool, PLUS, meadow, {since: 560})

    assert figures(for_customers()) == {
        ("Meadow", "UCM_EnhancedPlus"): (1197, 560, 0),
        ("Meadow", "UCM_Basic"): (20, 0, 0),
    }


def test_what_is_ordered_and_delivered_counts_once(acme: Partner) -> None:
    since = days_before(today(), 30)
    pool = make_recorded_pool(since, purpose="operational")
    ordered = make_recorded_pool(since, smart_account=pool.smart_account, purpose="ordered")
    meadow = make.make_customer(name="Meadow")
    make_purchase(ordered, PLUS, meadow, 100, subscription_id="Sub1")
    row = make_purchase(pool, PLUS, None, 60, subscription_id="")
    row.lines.update(subscription_id="Sub1")
    write_use(pool, PLUS, meadow, {since: 130})

    assert figures(for_customers()) == {("Meadow", "UCM_EnhancedPlus"): (100, 130, 30)}


def test_own_higher_licenses_cover_growth_and_spellings_count_together(acme: Partner) -> None:
    since = days_before(today(), 30)
    pool, other = make_recorded_pool(since), make_recorded_pool(since)
    customer = make.make_customer(name="Meadow")
    make_purchase(pool, PLUS, customer, 50)
    write_use(pool, PLUS, customer, {since: 30})
    write_use(pool, "UC Manager Enhanced License (14.x)", customer, {since: 15})
    write_use(other, ENHANCED, customer, {since: 10})

    assert figures(for_customers()) == {
        ("Meadow", "UCM_EnhancedPlus"): (50, 30, 0),
        ("Meadow", "UCM_Enhanced"): (0, 25, 5),
    }


def test_what_belongs_to_no_customer_is_a_row_and_paused_accounts_are_none(acme: Partner) -> None:
    since = days_before(today(), 30)
    pool, paused = make_recorded_pool(since), make_recorded_pool(since)
    paused.smart_account.paused_at = timezone.now()
    paused.smart_account.save()
    make_purchase(pool, PLUS, None, 20)
    write_use(pool, PLUS, None, {since: 25})
    write_use(paused, PLUS, None, {since: 999})

    assert figures(for_customers()) == {("Unmatched", "UCM_EnhancedPlus"): (20, 25, 5)}
    assert figures(for_customers([None])) == figures(for_customers())
    assert for_customers([make.make_customer().pk]) == []


def test_one_customer_is_read_alone_and_as_among_all(acme: Partner, django_assert_num_queries: Any) -> None:
    chance = random.Random(1)
    pool = make_recorded_pool(days_before(today(), 300))
    customers = [make.make_customer() for _ in range(4)]
    for customer in customers:
        make_world_of(chance, pool, customer)

    alone = for_customers([customers[2].pk])
    assert figures(alone) == {
        key: value for key, value in figures(for_customers()).items() if key[0] == customers[2].name
    }
    for ids in (None, [customers[0].pk], [one.pk for one in customers]):
        with django_assert_num_queries(STATEMENTS):
            for_customers(ids)


STATEMENTS = 12


def make_world_of(chance: random.Random, pool: VirtualAccount, customer: Customer) -> None:
    for name in (PLUS, ENHANCED, BASIC):
        start = days_before(today(), chance.randrange(1, 800))
        make_purchase(pool, name, customer, chance.randrange(1, 60), start=start, end=start + timedelta(days=1095))
        write_use(pool, name, customer, random_figures(chance, days_before(today(), 300), today()))


def random_figures(chance: random.Random, first: date, last: date) -> dict[date, int]:
    span = (last - first).days
    days = sorted(chance.sample(range(1, span + 1), min(chance.randrange(1, 25), span)))
    return {first: chance.randrange(80), **{first + timedelta(days=number): chance.randrange(80) for number in days}}


# --- periods ---


@pytest.mark.parametrize(
    ("start", "end", "day", "period"),
    [
        ((2024, 3, 1), (2027, 2, 28), (2025, 11, 25), ((2025, 3, 1), (2026, 2, 28))),
        ((2024, 3, 1), (2027, 2, 28), (2025, 2, 28), ((2024, 3, 1), (2025, 2, 28))),
        ((2024, 3, 1), (2027, 2, 28), (2025, 3, 1), ((2025, 3, 1), (2026, 2, 28))),
        ((2024, 3, 1), (2027, 3, 1), (2027, 3, 1), ((2026, 3, 1), (2027, 3, 1))),
        ((2024, 3, 1), (2025, 8, 15), (2025, 8, 1), ((2025, 3, 1), (2025, 8, 15))),
        ((2024, 2, 29), None, (2025, 12, 1), ((2025, 2, 28), (2026, 2, 27))),
        ((2024, 2, 29), None, (2028, 2, 29), ((2028, 2, 29), (2029, 2, 27))),
        ((2026, 3, 1), None, (2025, 6, 1), ((2025, 1, 1), (2025, 12, 31))),
        ((2022, 3, 1), (2025, 2, 28), (2025, 6, 1), ((2025, 1, 1), (2025, 12, 31))),
        ((2025, 6, 1), (2025, 6, 1), (2025, 6, 1), ((2025, 6, 1), (2025, 6, 1))),
    ],
)
def test_a_period_lasts_from_anniversary_to_anniversary(start: Any, end: Any, day: Any, period: Any) -> None:
    cover = Cover("Sub1", date(*start), date(*end) if end else None)

    found = period_of([cover], date(*day))

    assert (found.start, found.end) == tuple(date(*part) for part in period)
    assert found.is_calendar_year is not cover.covers(date(*day))


def test_the_subscription_that_ends_next_decides() -> None:
    covers = [
        Cover("later", date(2023, 1, 15), date(2027, 1, 14)),
        Cover("next", date(2024, 5, 1), date(2026, 4, 30)),
        Cover("over", date(2020, 1, 1), date(2024, 12, 31)),
        Cover("endless", date(2020, 7, 1), None),
    ]

    assert period_of(covers, date(2025, 11, 25)) == Period(date(2025, 5, 1), date(2026, 4, 30), "next")


def test_months_of_a_period_begin_on_its_day() -> None:
    period = Period(date(2025, 1, 31), date(2026, 1, 30), "Sub1")

    assert period.months_until(date(2025, 4, 29)) == [date(2025, 1, 31), date(2025, 2, 28), date(2025, 3, 31)]
    assert len(period.months_until(date(2099, 1, 1))) == 12


# --- measures and costs, against a plain count ---


@pytest.mark.parametrize("seed", range(60))
def test_measures_are_those_of_a_plain_count(seed: int) -> None:
    chance = random.Random(seed)
    first = date(2025, 1, 1) + timedelta(days=chance.randrange(300))
    last = first + timedelta(days=chance.randrange(0, 366))
    daily, steps = {}, {}
    for tag in TAG.values():
        known = random_figures(chance, first - 40 * DAY, last + 9 * DAY)
        daily[tag] = {}
        figure, changes = 0, {}
        for number in range((last + 9 * DAY - first).days + 41):
            day = first - 40 * DAY + timedelta(days=number)
            if day in known:
                changes[day] = known[day] - figure
                figure = known[day]
            daily[tag][day] = figure
        steps[tag] = Steps(changes)
    committed = {tag: chance.randrange(80) for tag in TAG.values()}
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    ends = [day for day in days if (day + DAY).day == 1] or [last]

    def beyond(used: dict[str, int]) -> dict[str, int]:
        return dict(allocate(committed, used).short)

    def highest(which: list[date]) -> tuple[dict[str, int], dict[str, int]]:
        used = {tag: max(daily[tag][day] for day in which) for tag in daily}
        each = [beyond({tag: daily[tag][day] for tag in daily}) for day in which]
        return used, {tag: most for tag in daily if (most := max(one.get(tag, 0) for one in each))}

    mean = {
        tag: int((Decimal(sum(daily[tag][day] for day in days)) / len(days)).quantize(Decimal(1), "ROUND_HALF_UP"))
        for tag in daily
    }
    expected = {"peak": highest(days), "end_of_month": highest(ends), "average": (mean, beyond(mean))}
    for measure, (used, grown) in expected.items():
        assert {tag: measure_use(measure, steps[tag], first, last) for tag in steps} == used, measure
        assert measure_growth(measure, steps, committed, first, last) == grown, measure


def test_half_licenses_are_rounded_up() -> None:
    assert [half_up(total, 2) for total in (0, 1, 2, 3, 4)] == [0, 1, 1, 2, 2]
    assert half_up(7, 3) == 2


@pytest.mark.parametrize("seed", range(30))
def test_costs_are_those_of_a_plain_count(seed: int) -> None:
    chance = random.Random(seed)
    start = date(2025, 1, 1) + timedelta(days=chance.randrange(300))
    prices = [
        Price(license="A", currency=currency, amount=Decimal(chance.randrange(1, 900)) / 100, valid_from=day)
        for currency in ("EUR", "USD")
        for day in {start + timedelta(days=chance.randrange(-90, 300)) for _ in range(3)}
    ]
    months = Period(start, add_months(start, 12) - DAY, "S").months_until(start + timedelta(days=chance.randrange(400)))
    quantity, sums, missing = chance.randrange(1, 50), defaultdict(Decimal), 0
    for month in months:
        valid = [price for price in prices if price.valid_from <= month]
        missing += not valid
        for currency in {price.currency for price in valid}:
            own = [price for price in valid if price.currency == currency]
            sums[currency] += quantity * max(own, key=lambda price: price.valid_from).amount

    cost = PriceList(prices).cost("A", "License A", quantity, months)

    assert cost.amounts == sums
    assert cost.unpriced == ({"License A"} if missing == len(months) else frozenset())
    assert cost.partly == ({"License A"} if 0 < missing < len(months) else frozenset())
    assert PriceList([]).cost("A", "License A", 0, months).unpriced == frozenset()


def test_costs_are_summed_by_currency_and_what_has_no_price_is_named(acme: Partner) -> None:
    since = days_before(today(), 70)
    pool = make_recorded_pool(since)
    customer, other = make.make_customer(), make.make_customer()
    for name, owner in ((PLUS, customer), (ENHANCED, customer), (BASIC, customer), (PLUS, other)):
        write_use(pool, name, owner, {since: 10})
    start = days_before(today(), 200)
    make_purchase(pool, PLUS, other, 4, start=start, end=start + timedelta(days=1000))
    add_price(PLUS, "EUR", "2.50", since - 400 * DAY)
    add_price("UC Manager Enhanced License (14.X)", "USD", "3", since - 400 * DAY)

    found = {one.customer: one for one in for_customers()}

    assert found[customer.pk].totals.cost_per_month.sums == [("EUR", Decimal("25.00")), ("USD", Decimal("30.00"))]
    assert found[customer.pk].totals.cost_per_month.unpriced == {BASIC}
    assert found[other.pk].totals.cost_per_month.sums == [("EUR", Decimal("15.00"))]
    assert found[other.pk].totals.cost_so_far.sums == [("EUR", Decimal("15.00") * 7)]
    total = growth.totals(rows_of(found.values())).cost_per_month
    assert (total.sums, total.unpriced) == ([("EUR", Decimal("40.00")), ("USD", Decimal("30.00"))], {BASIC})


def add_price(name: str, currency: str, amount: str, day: date) -> Price:
    price = Price(license_name=name, currency=currency, amount=Decimal(amount), valid_from=day)
    return save_price(audit.SYSTEM, price)


# --- measure, recording and forecast of real rows ---


@pytest.mark.parametrize(("measure", "use", "grown"), [("peak", 90, 40), ("average", 56, 6), ("end_of_month", 70, 20)])
def test_the_measure_is_the_partners_choice(acme: Partner, measure: str, use: int, grown: int) -> None:
    customer, pool = make.make_customer(), make_recorded_pool(date(2025, 12, 1))
    make_purchase(pool, PLUS, customer, 50, start=date(2026, 1, 1), end=date(2028, 12, 31))
    parts = {date(2025, 12, 1): 95, date(2026, 1, 1): 40, date(2026, 1, 10): 90, date(2026, 1, 12): 70}
    write_use(pool, PLUS, customer, {**parts, date(2026, 2, 10): 45})
    growth_settings.save_measure(audit.SYSTEM, measure)
    write_supply(pool, PLUS, customer.subscriptions.get().subscription_id, {date(2025, 12, 1): 50})

    (row,) = rows_of(for_customers([customer.pk], date(2026, 3, 9)))

    assert (row.used, row.true_forward, row.measured_use, row.growth) == (45, 0, use, grown)
    assert (row.period.start, row.period.end, row.recorded_from) == (date(2026, 1, 1), date(2026, 12, 31), None)


def test_a_period_that_began_before_the_record_says_from_when_on(acme: Partner) -> None:
    since = days_before(today(), 40)
    customer, pool = make.make_customer(), make_recorded_pool(since)
    start = days_before(today(), 100)
    make_purchase(pool, PLUS, customer, 5, start=start, end=start + timedelta(days=730))
    write_use(pool, PLUS, customer, {since: 9})

    (row,) = rows_of(for_customers())

    assert (row.period.start, row.recorded_from, row.measured_use, row.growth) == (start, since, 9, 4)


def test_forecast_goes_on_to_the_end_of_the_period(acme: Partner) -> None:
    since, customer = days_before(today(), 200), make.make_customer()
    pool = make_recorded_pool(since)
    start = days_before(today(), 265)
    make_purchase(pool, PLUS, customer, 150, start=start, end=start + timedelta(days=2000))
    write_use(pool, PLUS, customer, {since + timedelta(days=number): 100 + number // 4 for number in range(201)})

    (row,) = rows_of(for_customers())

    assert row.used == 150
    outlook = row.outlook
    assert isinstance(outlook, Outlook)
    left = (row.period.end - today()).days
    assert outlook.day == row.period.end == add_months(start, 12) - DAY
    assert abs(outlook.use - (150 + left / 4)) <= 1
    assert outlook.true_forward == outlook.use - 150
    assert outlook.use_low <= outlook.use <= outlook.use_high
    assert outlook.true_forward_low <= outlook.true_forward <= outlook.true_forward_high


def test_a_step_that_is_no_growth_stays_out_of_the_forecast(acme: Partner) -> None:
    """A cluster with 150 users was assigned: the use rose once, and is flat since."""
    since, customer = days_before(today(), 120), make.make_customer()
    pool = make_recorded_pool(since)
    make_purchase(pool, PLUS, customer, 100, start=days_before(today(), 100))
    write_use(pool, PLUS, customer, {since: 60, days_before(today(), 20): 210})

    (row,) = rows_of(for_customers())

    outlook = row.outlook
    assert isinstance(outlook, Outlook)
    assert (outlook.use, outlook.true_forward, outlook.pace) == (210, 110, 0)


def test_too_little_record_is_no_forecast(acme: Partner) -> None:
    since, customer = days_before(today(), 5), make.make_customer()
    write_use(make_recorded_pool(since), PLUS, customer, {since: 60})

    (row,) = rows_of(for_customers())

    assert row.outlook == Unknown("6 days are recorded: a trend needs 14 over at least 21 days.")
    assert row.cost_expected().sums == []


@pytest.mark.parametrize("seed", range(20))
def test_forecast_of_an_average_is_that_of_a_plain_count(seed: int) -> None:
    """The mean of the recorded days and of the days to come, at the pace that was found."""
    chance = random.Random(seed)
    first, end = date(2026, 1, 1), date(2026, 12, 31)
    last = first + timedelta(days=chance.randrange(30, 300))
    steps = Steps(
        {first: 200, **{first + timedelta(days=number): chance.choice((-2, 0, 1, 2)) for number in range(1, 365)}}
    )
    trend = trend_of(steps, first, last, last)
    assert trend.pace is not None
    days = [first + timedelta(days=number) for number in range(365)]

    for name in ("low", "expected", "high"):
        pace = getattr(trend.pace, name)
        path = [steps.at(day) if day <= last else max(steps.at(last) + pace * (day - last).days, 0) for day in days]
        measured = Measured("average", first, 0, {"A": steps})
        assert abs(measured.expected("A", trend, end, name) - sum(path) / 365) <= 0.51


def test_partners_have_growth_of_their_own(acme: Partner, globex: Partner) -> None:
    with tenant_context(globex):
        write_use(make_recorded_pool(today()), PLUS, make.make_customer(), {today(): 9})
        growth_settings.save_measure(audit.SYSTEM, "average")
        add_price(PLUS, "EUR", "1", today())
    with tenant_context(acme):
        assert for_customers() == []
        assert growth_settings.current().measure == FigureSettings.Measure.PEAK
        assert not Price.objects.exists()
