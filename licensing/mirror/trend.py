"""The days of one license, the ends of its terms, and the forecast from both."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from licensing.mirror.forecast import Forecast, Unknown, exhaustion, first_gap, window_start
from licensing.mirror.models import License, UsageSample


@dataclass(frozen=True, slots=True)
class Trend:
    samples: Sequence[UsageSample]  # of the last WINDOW days, by day
    endings: Sequence[tuple[date, int]]  # last day and quantity of the terms to come, added up per day
    forecast: Forecast | Unknown
    gap: tuple[date, int] | None  # if no term is renewed: the last day that is covered, and how many are short then
    today: date

    @property
    def short_already(self) -> bool:
        return isinstance(self.forecast, Forecast) and self.forecast.date == self.today and self._room < 0

    @property
    def _room(self) -> int:
        last = self.samples[-1]
        return last.quantity - last.reserved - last.in_use


def of(row: License, today: date) -> Trend:
    """Two statements. A gone license has its past and no future."""
    samples = list(row.samples.filter(day__gte=window_start(today), day__lte=today).order_by("day"))
    if row.gone_at:
        return Trend(samples, [], Unknown("Cisco no longer lists this license."), None, today)
    endings = _endings(row, today)
    return Trend(samples, endings, exhaustion(samples, today), first_gap(row.in_use, row.quantity, endings), today)


def _endings(row: License, today: date) -> list[tuple[date, int]]:
    found: dict[date, int] = {}
    for day, quantity in (
        row.lines.not_cancelled().filter(end__gte=today, quantity__gt=0).values_list("end", "quantity")
    ):
        if day:
            found[day] = found.get(day, 0) + quantity
    return sorted(found.items())
