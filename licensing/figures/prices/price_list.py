"""Find the price of a license on a day, and work out costs. Amounts of different currencies are never added up."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from licensing.figures.models import Price

Amounts = dict[str, Decimal]  # by currency


@dataclass(frozen=True, slots=True)
class Cost:
    """A sum for each currency, and the names of the licenses that it leaves out.

    `unpriced`: they have no price. `partly`: their prices begin after the first month that counts.
    """

    amounts: Amounts = field(default_factory=dict)
    unpriced: frozenset[str] = frozenset()
    partly: frozenset[str] = frozenset()

    def __add__(self, other: "Cost") -> "Cost":
        amounts = dict(self.amounts)
        for currency, amount in other.amounts.items():
            amounts[currency] = amounts.get(currency, Decimal(0)) + amount
        return Cost(amounts, self.unpriced | other.unpriced, self.partly | other.partly)

    @property
    def is_whole(self) -> bool:
        return not self.unpriced and not self.partly

    @property
    def sums(self) -> list[tuple[str, Decimal]]:
        """Return (currency, amount), ordered by currency, in hundredths."""
        return [(currency, self.amounts[currency].quantize(CENT)) for currency in sorted(self.amounts)]


CENT = Decimal("0.01")


class PriceList:
    """Prices by license and currency. A license with prices in two currencies costs something in each."""

    def __init__(self, prices: Iterable[Price]) -> None:
        found: dict[str, dict[str, list[tuple[date, Decimal]]]] = defaultdict(lambda: defaultdict(list))
        for price in prices:
            found[price.license][price.currency].append((price.valid_from, price.amount))
        self._found = {
            license_: {currency: sorted(parts) for currency, parts in by_currency.items()}
            for license_, by_currency in found.items()
        }

    def on(self, license_: str, day: date) -> Amounts:
        """Return what one license costs a month, by currency, at the prices of that day."""
        amounts = {}
        for currency, parts in self._found.get(license_, {}).items():
            place = bisect_right(parts, day, key=lambda part: part[0])
            if place:
                amounts[currency] = parts[place - 1][1]
        return amounts

    def cost(self, license_: str, name: str, quantity: int, months: Sequence[date]) -> Cost:
        """Return what so many licenses cost over months, each at the prices of its first day.

        Months without a price are left out, and the license is named.
        """
        if not quantity or not months:
            return Cost()
        found = [amounts for month in months if (amounts := self.on(license_, month))]
        total: Amounts = defaultdict(Decimal)
        for amounts in found:
            for currency, amount in amounts.items():
                total[currency] += quantity * amount
        named = frozenset([name])
        if not found:
            return Cost(unpriced=named)
        return Cost(dict(total), partly=named if len(found) < len(months) else frozenset())


def read() -> PriceList:
    """Return the price list. One statement."""
    return PriceList(Price.objects.all())
