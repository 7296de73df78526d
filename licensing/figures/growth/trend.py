"""The trend of use against owned: figures for the end of each day or month, by customer, license, account, or of all.

The figures are those of the history. Where the history begins later, Cisco's own daily figures (UsageSample) stand for
the days before, and each point says which of the two it is. They know licenses and accounts, but no customers.

Owned is what all virtual accounts but the ordered one hold, which only records purchases. It belongs to the customer of
the order or subscription that it names.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Any

from django.db import connection

from kit.refusals import Refusal
from licensing.allocation.engine import license_of
from licensing.allocation.license_names import CURRENT
from licensing.figures.growth import recorded
from licensing.figures.growth.measures import Steps, month_ends
from licensing.figures.growth.recorded import NOBODY, Recorded, begin_of
from licensing.history.models import Series
from licensing.mirror.models import License

MOST = 400  # points
CARRIED = 7  # days for which a sample stands where no later one was kept
USED, OWNED = "use", "supply"
DAY = timedelta(days=1)


class Step(StrEnum):
    DAY = "day"
    MONTH = "month"


class Source(StrEnum):
    HISTORY = "history"
    SAMPLES = "samples"  # at least in part


@dataclass(frozen=True, slots=True)
class Point:
    """The figures at the end of a UTC day."""

    day: date
    used: int
    owned: int
    source: Source


@dataclass(frozen=True, slots=True)
class Trend:
    """`recorded_from`: the day from which on all points come from the history; None: nothing is recorded."""

    points: list[Point]
    recorded_from: date | None


@dataclass(frozen=True, slots=True)
class Scope:
    """What a trend is about. `customer` 0: what belongs to none; None: all. `license_name`: in any spelling."""

    customer: int | None = None
    license_name: str = ""
    account: int | None = None


HISTORY = """
SELECT series.kind, pool.smart_account_id, event.day, sum(event.quantity)::integer
FROM history_series series
JOIN mirror_virtualaccount pool ON pool.id = series.virtual_account_id
JOIN accounts_smartaccount account ON account.id = pool.smart_account_id AND account.paused_at IS NULL
JOIN history_interval interval ON interval.series_id = series.id AND interval.valid && tstzrange(%(begin)s, %(end)s)
CROSS JOIN LATERAL (VALUES
    (greatest((lower(interval.valid) AT TIME ZONE 'UTC')::date, %(first)s), interval.quantity),
    ((upper(interval.valid) AT TIME ZONE 'UTC')::date, -interval.quantity)
) AS event (day, quantity)
WHERE (series.kind = 'use' OR pool.purpose <> 'ordered') AND event.day <= %(last)s {wanted}
GROUP BY 1, 2, 3
HAVING sum(event.quantity) <> 0
"""
SAMPLES = """
SELECT sample.day, pool.smart_account_id, sum(sample.in_use)::integer,
    coalesce(sum(sample.quantity) FILTER (WHERE pool.purpose <> 'ordered'), 0)::integer
FROM mirror_usagesample sample
JOIN mirror_license license ON license.id = sample.license_id
JOIN mirror_virtualaccount pool ON pool.id = license.virtual_account_id
JOIN accounts_smartaccount account ON account.id = pool.smart_account_id AND account.paused_at IS NULL
WHERE sample.day BETWEEN %(first)s AND %(last)s {wanted}
GROUP BY 1, 2
"""
# Whose a supply is: the customer of the order that it names, or of its subscription.
OWNER = """
coalesce(
    (
        SELECT bought.customer_id FROM orders_order bought
        WHERE bought.smart_account_id = pool.smart_account_id AND bought.customer_id IS NOT NULL AND (
            (bought.subscription_id <> '' AND bought.subscription_id = series.subscription_id)
            OR (bought.number <> '' AND bought.number = series.order_number)
        )
        ORDER BY bought.ordered_on, bought.id LIMIT 1
    ),
    (
        SELECT named.customer_id FROM mirror_subscription named
        WHERE named.smart_account_id = pool.smart_account_id AND named.subscription_id = series.subscription_id
    ),
    0
)
"""


def trend(start: date, end: date, step: Step = Step.DAY, scope: Scope | None = None) -> Trend:
    """Return the use and what is owned at the end of each day or month. Raise Refusal for more than MOST points.

    Days of which nothing is known have no point. The last month may be under way: its point is that of the last day.
    Four statements at most.
    """
    scope = scope or Scope()
    days = _days(start, end, step)
    records = {pk: one for pk, one in recorded.accounts().items() if scope.account in (None, pk)}
    since = [record.since for record in records.values()]
    names = _names(scope.license_name)
    steps = _history(scope, names, start, end)
    samples: dict[int, _Samples] = {}
    if scope.customer is None and start < max(since, default=end + DAY):
        samples = _samples(scope, names, start - timedelta(days=CARRIED), min(end, max(since, default=end)))
    found = (_point(day, records, steps, samples) for day in days)
    return Trend([point for point in found if point], max(since, default=None))


def _days(start: date, end: date, step: Step) -> list[date]:
    if end < start:
        raise Refusal("The end is before the start.", "Enter a later end.", "end")
    if step == Step.MONTH:
        days = month_ends(start, end)
        days += [end] if days[-1:] != [end] else []
    else:
        days = [start + timedelta(days=number) for number in range(min((end - start).days, MOST) + 1)]
    if len(days) > MOST:
        raise Refusal(f"This trend has more than {MOST} points.", "Choose months, or a shorter time.", "end")
    return days


def _point(
    day: date,
    records: Mapping[int, Recorded],
    steps: Mapping[tuple[str, int], Steps],
    samples: "Mapping[int, _Samples]",
) -> Point | None:
    used, owned, sources = 0, 0, set()
    for account in {*records, *samples}:
        record = records.get(account)
        if record and record.since <= day:
            sources.add(Source.HISTORY)
            parts = [steps[kind, account].at(day) if (kind, account) in steps else 0 for kind in (USED, OWNED)]
        elif account in samples and (figures := samples[account].at(day)):
            sources.add(Source.SAMPLES)
            parts = list(figures)
        else:
            continue
        used, owned = used + parts[0], owned + parts[1]
    if not sources:
        return None
    return Point(day, used, owned, Source.SAMPLES if Source.SAMPLES in sources else Source.HISTORY)


class _Samples:
    """The sums of one smart account's samples, day by day."""

    def __init__(self) -> None:
        self.found: dict[date, tuple[int, int]] = {}
        self._days: list[date] = []

    def at(self, day: date) -> tuple[int, int] | None:
        self._days = self._days or sorted(self.found)
        place = bisect_right(self._days, day)
        kept = self._days[place - 1] if place else None
        return self.found[kept] if kept and day - kept < timedelta(days=CARRIED) else None


def _names(license_name: str) -> list[str] | None:
    """Return all spellings of a license that were ever listed or used; None: all licenses."""
    if not license_name:
        return None
    wanted = license_of(license_name, CURRENT)
    known = Series.objects.order_by().values("license_name").union(License.objects.order_by().values("name"))
    return [row["license_name"] for row in known if license_of(row["license_name"], CURRENT) == wanted]


def _history(scope: Scope, names: list[str] | None, start: date, end: date) -> dict[tuple[str, int], Steps]:
    wanted = _clauses(names, "series.license_name", scope.account)
    if scope.customer is not None:
        by_use = "(series.kind = 'use' AND series.customer = %(customer)s)"
        wanted += f" AND ({by_use} OR (series.kind = 'supply' AND {OWNER} = %(customer)s))"
    given = {"first": start, "last": end, "begin": begin_of(start), "end": begin_of(end + DAY)}
    rows = _run(HISTORY.format(wanted=wanted), {**given, **_given(scope, names)})
    changes: dict[tuple[str, int], dict[date, int]] = defaultdict(dict)
    for kind, account, day, quantity in rows:
        changes[kind, account][day] = quantity
    return {key: Steps(differences) for key, differences in changes.items()}


def _samples(scope: Scope, names: list[str] | None, first: date, last: date) -> dict[int, _Samples]:
    wanted = _clauses(names, "license.name", scope.account)
    found: dict[int, _Samples] = defaultdict(_Samples)
    for day, account, used, owned in _run(
        SAMPLES.format(wanted=wanted), {"first": first, "last": last, **_given(scope, names)}
    ):
        found[account].found[day] = (used, owned)
    return found


def _clauses(names: list[str] | None, column: str, account: int | None) -> str:
    by_name = "" if names is None else f" AND {column} = ANY(%(names)s)"
    return by_name + ("" if account is None else " AND pool.smart_account_id = %(account)s")


def _given(scope: Scope, names: list[str] | None) -> dict[str, Any]:
    return {"customer": scope.customer, "names": names or [], "account": scope.account}


def _run(statement: str, given: dict[str, Any]) -> Iterable[Any]:
    with connection.cursor() as cursor:
        cursor.execute(statement, given)
        return list(cursor.fetchall())


__all__ = ["NOBODY", "Point", "Scope", "Source", "Step", "Trend", "trend"]
