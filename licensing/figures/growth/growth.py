"""True forward and growth by customer and license, with a forecast and costs (docs/figures.md#growth).

The true forward of a day is what a customer uses beyond its commitment (licensing.figures.true_forward). Figures by
license, and of all, are sums over customers. What belongs to no customer, unmatched use and the partner's own or
unmapped purchases, counts as one customer more, so that no use is left out.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property

from django.utils import timezone
from xxhash import xxh3_64_intdigest

from licensing.allocation.license_names import CURRENT
from licensing.figures.growth import commitments, recorded, settings
from licensing.figures.growth.forecasts import Measured, Outlook, Trend, outlook, trend_of
from licensing.figures.growth.measures import Figures, Steps, measure_growth, measure_use
from licensing.figures.growth.periods import Cover, period_of
from licensing.figures.growth.recorded import NOBODY, Key, Recorded
from licensing.figures.positions import UNMATCHED
from licensing.figures.prices import price_list
from licensing.figures.prices.price_list import Cost, PriceList
from licensing.figures.true_forward import true_forward
from licensing.fleet.models import Customer
from licensing.history.reading import end_of
from licensing.mirror.forecast import Unknown

LONGEST = 366  # days of a period
ID_SHIFT = 11  # ids of 53 bits: every reader of JSON knows them exactly


@dataclass(frozen=True, slots=True)
class Facts:
    """All that growth stands on, read once."""

    day: date
    measure: str
    use: recorded.Use
    commitments: Mapping[Key, int]
    accounts: Mapping[Key, frozenset[int]]
    covers: Mapping[Key, list[Cover]]
    records: Mapping[int, Recorded]
    prices: PriceList
    customer_names: Mapping[int, str]
    license_names: Mapping[str, str]


class CustomerGrowth:
    """The growth of one customer, license by license. `customer` None: what belongs to no customer."""

    def __init__(self, facts: Facts, customer: int, licenses: Iterable[str]) -> None:
        self.facts, self.customer = facts, customer or None
        self.name = facts.customer_names.get(customer, "") or UNMATCHED
        self._key = customer
        licenses = sorted(licenses, key=lambda one: (CURRENT.rank(one), facts.license_names[one]))
        self.committed: Figures = {one: facts.commitments.get((customer, one), 0) for one in licenses}
        self.steps: dict[str, Steps] = {one: facts.use.steps.get((customer, one), Steps({})) for one in licenses}
        self.used: Figures = {one: steps.at(facts.day) for one, steps in self.steps.items()}
        self.beyond = true_forward(self.committed, self.used)
        self._growth_from: dict[date, Figures] = {}
        rows = [Growth(self, one) for one in licenses]
        self.rows = [row for row in rows if row.commitment or row.used or row.measured_use]

    @cached_property
    def totals(self) -> "Totals":
        return totals(self.rows)

    def growth_from(self, first: date) -> Figures:
        """Return the growth of each license from a day on."""
        if first not in self._growth_from:
            self._growth_from[first] = measure_growth(
                self.facts.measure, self.steps, self.committed, first, self.facts.day
            )
        return self._growth_from[first]

    @cached_property
    def trends(self) -> dict[str, Trend]:
        found = {}
        for one, steps in self.steps.items():
            records = self.records_of(one)
            since = min((record.since for record in records), default=self.facts.day)
            synced = min((record.synced for record in records), default=self.facts.day)
            found[one] = trend_of(steps, since, min(synced, self.facts.day), self.facts.day)
        return found

    def records_of(self, license_: str) -> list[Recorded]:
        """Return the records of the smart accounts in which the customer uses or bought this license."""
        accounts = self.facts.accounts.get((self._key, license_), frozenset())
        return [self.facts.records[pk] for pk in accounts if pk in self.facts.records]

    def covers_of(self, license_: str) -> list[Cover]:
        return self.facts.covers.get((self._key, license_), [])


class Growth:
    """One license of one customer, on a day and in the period that holds this day.

    `true_forward` is that of the day. `measured_use` and `growth` are measured over the period so far. `recorded_from`
    is the day from which on all figures of the period are recorded; None: from its first day on. `pk` is the same for
    as long as the customer and the license are.
    """

    def __init__(self, of: CustomerGrowth, license_: str) -> None:
        facts = of.facts
        self._of, self.license, self.day = of, license_, facts.day
        self.customer, self.customer_name = of.customer, of.name
        self.pk = int(xxh3_64_intdigest(f"{of.customer} {license_}".encode()) >> ID_SHIFT)
        self.license_name = facts.license_names[license_]
        self.commitment, self.used = of.committed[license_], of.used[license_]
        self.true_forward = of.beyond.get(license_, 0)
        self.period = period_of(of.covers_of(license_), facts.day)
        since = [record.since for record in of.records_of(license_)]
        self.recorded_from = max(since) if since and max(since) > self.period.start else None
        self.first = min(max(self.period.start, min(since, default=facts.day)), facts.day)
        self.measure = facts.measure
        self.measured_use = measure_use(facts.measure, of.steps[license_], self.first, facts.day)
        self.growth = of.growth_from(self.first).get(license_, 0)

    @cached_property
    def outlook(self) -> Outlook | Unknown:
        """Return the forecast for the last day of the period, or why there is none."""
        measured = Measured(self.measure, self.first, self.growth, self._of.steps)
        return outlook(self.license, self._of.trends, self._of.committed, self.period.end, measured)

    @cached_property
    def cost_per_month(self) -> Cost:
        """Return what the true forward of the day costs a month, at the prices of the day."""
        return self._cost(self.true_forward, [self.day])

    @cached_property
    def cost_so_far(self) -> Cost:
        """Return what the growth costs for each month of the period that has begun, at the prices of that month."""
        return self._cost(self.growth, self.period.months_until(self.day))

    def cost_expected(self, end: str = "") -> Cost:
        """Return what the expected true forward costs a month at the present prices. `end`: "low" or "high"."""
        if isinstance(self.outlook, Unknown):
            return Cost()
        return self._cost(getattr(self.outlook, f"true_forward_{end}" if end else "true_forward"), [self.day])

    def _cost(self, quantity: int, months: list[date]) -> Cost:
        return self._of.facts.prices.cost(self.license, self.license_name, quantity, months)


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums over any rows, which are those of whole customers."""

    commitment: int
    used: int
    true_forward: int
    growth: int
    cost_per_month: Cost
    cost_so_far: Cost


@dataclass(frozen=True, slots=True)
class LicenseGrowth:
    """A license of all customers: the sum of their rows."""

    license: str
    license_name: str
    totals: Totals


def for_customers(customers: Collection[int | None] | None = None, day: date | None = None) -> list[CustomerGrowth]:
    """Return the growth of these customers, or of all, at the end of a day, by name; what is unmatched comes last.

    None among the customers stands for what belongs to none. `day` None: today. A fixed number of statements, which
    read the rows of these customers only.
    """
    wanted = None if customers is None else {pk or NOBODY for pk in customers}
    facts = _read(wanted, day or today())
    by_customer: dict[int, set[str]] = defaultdict(set)
    for customer, license_ in (*facts.use.steps, *facts.commitments):
        by_customer[customer].add(license_)
    found = [CustomerGrowth(facts, customer, licenses) for customer, licenses in by_customer.items()]
    shown = [one for one in found if one.rows]
    return sorted(shown, key=lambda one: (one.customer is None, one.name.casefold(), one.customer or 0))


def rows_of(found: Iterable[CustomerGrowth]) -> list[Growth]:
    return [row for one in found for row in one.rows]


def by_license(rows: Iterable[Growth]) -> list[LicenseGrowth]:
    """Return the sums of these rows by license, higher licenses first."""
    groups: dict[str, list[Growth]] = defaultdict(list)
    for row in rows:
        groups[row.license].append(row)
    found = [LicenseGrowth(license_, parts[0].license_name, totals(parts)) for license_, parts in groups.items()]
    return sorted(found, key=lambda one: (CURRENT.rank(one.license), one.license_name))


def totals(rows: Iterable[Growth]) -> Totals:
    rows = list(rows)
    return Totals(
        commitment=sum(row.commitment for row in rows),
        used=sum(row.used for row in rows),
        true_forward=sum(row.true_forward for row in rows),
        growth=sum(row.growth for row in rows),
        cost_per_month=sum((row.cost_per_month for row in rows), Cost()),
        cost_so_far=sum((row.cost_so_far for row in rows), Cost()),
    )


def today() -> date:
    """Return the present UTC day."""
    return timezone.now().date()


def _read(customers: set[int] | None, day: date) -> Facts:
    use = recorded.use(customers, day - timedelta(days=LONGEST), day)
    accounts = {key: set(found) for key, found in use.accounts.items()}
    committed: dict[Key, int] = defaultdict(int)
    at = end_of(day) if day < today() else None
    names = use.license_names
    for part in commitments.of(customers, at):
        key = (part.customer or NOBODY, part.license)
        committed[key] += part.ordered
        accounts.setdefault(key, set()).add(part.smart_account)
        names[part.license].add(part.license_name)
    known = {customer for customer, _ in (*use.steps, *committed)} - {NOBODY}
    return Facts(
        day=day,
        measure=settings.current().measure,
        use=use,
        commitments=committed,
        accounts={key: frozenset(found) for key, found in accounts.items()},
        covers=recorded.covers(customers),
        records=recorded.accounts(),
        prices=price_list.read(),
        customer_names={
            **use.customer_names,
            **dict(Customer.objects.filter(pk__in=known).values_list("pk", "name")),
        },
        license_names={
            one: CURRENT.display_name(one) if one in CURRENT.names else min(spelled) for one, spelled in names.items()
        },
    )
