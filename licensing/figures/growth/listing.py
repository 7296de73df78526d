"""Choose rows of growth: by customer, license and search, for the page, its files and REST."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import cached_property

from licensing.allocation.engine import license_of
from licensing.allocation.license_names import CURRENT
from licensing.figures.growth.growth import CustomerGrowth, Growth, for_customers, rows_of


@dataclass(frozen=True)
class Wanted:
    """`customer` None: all, and what belongs to none. `license_name`: in any spelling. `growing`: true forward only."""

    day: date | None = None
    customer: int | None = None
    license_name: str = ""
    search: str = ""
    growing: bool = False
    after: int | None = None
    before: int | None = None
    descending: bool = False

    def filter(self, *, id__gt: int | None = None, id__lt: int | None = None) -> "Wanted":
        return replace(self, after=id__gt, before=id__lt)

    def order_by(self, column: str) -> "Wanted":
        """Order by id, up or down, for the cursor of REST."""
        return replace(self, descending=column.startswith("-"))

    def __getitem__(self, part: slice) -> Sequence[Growth]:
        rows = [
            row
            for row in self.rows
            if (self.after is None or row.pk > self.after) and (self.before is None or row.pk < self.before)
        ]
        return sorted(rows, key=lambda row: row.pk, reverse=self.descending)[part]

    @cached_property
    def customers(self) -> list[CustomerGrowth]:
        """Return the growth of the customers, with all of their licenses."""
        return for_customers(None if self.customer is None else [self.customer], self.day)

    @cached_property
    def rows(self) -> list[Growth]:
        license_ = license_of(self.license_name, CURRENT) if self.license_name else ""
        words = self.search.casefold().split()
        return [
            row
            for row in rows_of(self.customers)
            if (not license_ or row.license == license_)
            and (not self.growing or row.true_forward or row.growth)
            and all(word in f"{row.customer_name} {row.license_name}".casefold() for word in words)
        ]

    @property
    def synced_at(self) -> datetime | None:
        """Return the oldest of the last syncs that the figures come from."""
        moments = [record.synced_at for one in self.customers for record in one.facts.records.values()]
        return min(moments, default=None)
