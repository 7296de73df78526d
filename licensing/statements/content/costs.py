"""True forward by period and what it costs, for statements (licensing.figures.growth, licensing.figures.prices)."""

from collections.abc import Iterable
from datetime import date
from typing import Any

from licensing.figures.growth.growth import Growth, for_customers
from licensing.figures.prices import price_list
from licensing.figures.prices.price_list import Cost, PriceList
from licensing.fleet.models import Customer

Amounts = dict[str, str]  # by currency, as JSON holds them


class Growths:
    """The growth of customers at the end of a day. `many`: read all of them at once, for a batch."""

    def __init__(self, day: date, many: bool) -> None:
        self.day = day
        self.prices: PriceList = price_list.read()
        self._all = {one.customer: one.rows for one in for_customers(None, day)} if many else None

    def of(self, customer: Customer) -> list[Growth]:
        if self._all is not None:
            return self._all.get(customer.pk, [])
        return [row for one in for_customers([customer.pk], self.day) for row in one.rows]

    def periods(self, rows: Iterable[Growth]) -> list[dict[str, Any]]:
        """Return, by license, what was used beyond the commitment in the period up to its anniversary."""
        return [
            {
                "license": row.license_name,
                "start": row.period.start.isoformat(),
                "end": row.period.end.isoformat(),
                "subscription": row.period.subscription_id,
                "recorded_from": row.recorded_from.isoformat() if row.recorded_from else None,
                "measure": str(row.measure),
                "commitment": row.commitment,
                "used": row.measured_use,
                "true_forward": row.growth,
            }
            for row in rows
        ]

    def costs(self, rows: Iterable[Growth]) -> dict[str, Any]:
        """Return what use and true forward cost, by license and in all. Empty where the partner has no prices."""
        total = {"use": Cost(), "true_forward": Cost(), "so_far": Cost()}
        found, unpriced = [], frozenset[str]()
        for row in rows:
            parts = {
                "use": self.prices.cost(row.license, row.license_name, row.used, [self.day]),
                "true_forward": row.cost_per_month,
                "so_far": row.cost_so_far,
            }
            unpriced |= parts["use"].unpriced
            if any(part.amounts for part in parts.values()):
                found.append({"license": row.license_name, **{name: _amounts(part) for name, part in parts.items()}})
                total = {name: total[name] + part for name, part in parts.items()}
        if not found:
            return {"licenses": [], "totals": {}, "unpriced": []}
        return {
            "licenses": found,
            "totals": {name: _amounts(part) for name, part in total.items()},
            "unpriced": sorted(unpriced),
        }


def _amounts(cost: Cost) -> Amounts:
    return {currency: str(amount) for currency, amount in cost.sums}
