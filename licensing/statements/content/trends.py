"""What customers used and owned on each day of a period, from the intervals of the history."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime, time, timedelta
from typing import Any

from django.db import connection

from licensing.allocation.engine import license_of
from licensing.allocation.license_names import CURRENT
from licensing.figures.positions import Books
from licensing.history import reading
from licensing.statements.content.period import Period

# Each interval that touches the period: the use of one customer, or the supply of all virtual accounts.
USE = """
SELECT series.license_name, lower(interval.valid), upper(interval.valid), interval.quantity
FROM history_series series JOIN history_interval interval ON interval.series_id = series.id
WHERE interval.valid && tstzrange(%(start)s, %(end)s) AND series.kind = 'use' AND series.customer = %(customer)s
    AND series.virtual_account_id = ANY(%(pools)s)
"""
SUPPLY = """
SELECT series.license_name, lower(interval.valid), upper(interval.valid), interval.quantity,
    series.virtual_account_id, series.subscription_id, series.order_number
FROM history_series series JOIN history_interval interval ON interval.series_id = series.id
WHERE interval.valid && tstzrange(%(start)s, %(end)s) AND series.kind = 'supply'
    AND series.virtual_account_id = ANY(%(pools)s)
"""

Days = list[int | None]
Stretch = tuple[str, datetime, datetime | None, int]


class Trends:
    """The days of one period. Supply is read once, use for each customer that is asked for."""

    def __init__(self, books: Books, period: Period) -> None:
        self.books, self.period = books, period
        days = (period.end - period.start).days + 1
        # The last day of a period that is not over is read at its own moment.
        self.ends = [min(reading.end_of(period.start + timedelta(days=place)), period.at) for place in range(days)]
        self.supply: dict[int, list[Stretch]] = defaultdict(list)
        pools = books.facts.pools
        for name, first, last, quantity, pool, subscription, order in self._select(SUPPLY):
            if not pools[pool].is_ordered:
                owner = books.owner_of(pools[pool].smart_account_id, name, subscription, order)
                self.supply[owner].append((name, first, last, quantity))

    def of(self, customer: int, recorded: datetime) -> dict[str, dict[str, Days]]:
        """Return, by license, what was used and owned at the end of each day; None before `recorded`."""
        empty: Days = [0 if end >= recorded else None for end in self.ends]
        found: dict[str, dict[str, Days]] = defaultdict(lambda: {"used": empty.copy(), "owned": empty.copy()})
        self._fill(found, "used", self._select(USE, customer=customer))
        self._fill(found, "owned", self.supply[customer])
        return dict(found)

    def _fill(self, found: dict[str, dict[str, Days]], kind: str, stretches: Iterable[Stretch]) -> None:
        for name, first, last, quantity in stretches:
            line = found[self._name(name)][kind]
            for place in range(self._place(first), self._place(last) if last else len(self.ends)):
                line[place] = (line[place] or 0) + quantity

    def _name(self, name: str) -> str:
        """Return the name under which spellings of one license count together."""
        return self.books.license_names.get(license_of(name, CURRENT), name)

    def _place(self, moment: datetime) -> int:
        """Return the place of the first day whose end is at or after the moment."""
        return bisect_left(self.ends, moment)

    def _select(self, statement: str, **values: Any) -> list[Any]:
        start = datetime.combine(self.period.start, time.min, UTC)
        end = self.period.at + timedelta(microseconds=1)
        with connection.cursor() as cursor:
            cursor.execute(statement, {"start": start, "end": end, "pools": list(self.books.facts.pools), **values})
            return list(cursor.fetchall())
