"""Measure use and growth over days, by one of three measures, as contracts differ. Pure.

- **Peak**: the highest figure at the end of a day.
- **End of month**: the highest figure at the end of a month. Until the first month ends, the figure of the day itself.
- **Average**: the mean of the figures at the end of each day, rounded to whole licenses, half a license up.

Growth is use beyond the commitment of today. By peak and end of month it is the highest true forward of the days that
count, each day for itself: a user who moves from one license to another is not counted for both. By average it is the
true forward of the average use.
"""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from itertools import pairwise
from operator import gt, le

from licensing.figures.growth.periods import add_months
from licensing.figures.models import FigureSettings
from licensing.figures.true_forward import true_forward

Measure = FigureSettings.Measure
Figures = dict[str, int]  # by license


class Steps:
    """The figure of a license at the end of each day. `days` are those on which it changed, ascending."""

    __slots__ = ("days", "values")

    def __init__(self, changes: Mapping[date, int]) -> None:
        """`changes`: by how much the figure differs from the day before."""
        self.days = sorted(changes)
        self.values: list[int] = []
        total = 0
        for day in self.days:
            total += changes[day]
            self.values.append(total)

    def at(self, day: date) -> int:
        place = bisect_right(self.days, day)
        return self.values[place - 1] if place else 0

    def changed_in(self, first: date, last: date) -> Sequence[date]:
        """Return the days after the first one, up to the last, on which the figure changed."""
        return self.days[bisect_right(self.days, first) : bisect_right(self.days, last)]

    def daily(self, first: date, last: date) -> list[int]:
        return [self.at(first + timedelta(days=number)) for number in range((last - first).days + 1)]

    def total(self, first: date, last: date) -> int:
        """Return the sum of the figures of each day from the first to the last."""
        days = [first, *self.changed_in(first, last), last + timedelta(days=1)]
        return sum(self.at(begin) * (end - begin).days for begin, end in pairwise(days))


def measure_use(measure: str, steps: Steps, first: date, last: date) -> int:
    """Return the use of a license over these days."""
    if measure == Measure.AVERAGE:
        return half_up(steps.total(first, last), (last - first).days + 1)
    if measure == Measure.END_OF_MONTH:
        return max(map(steps.at, month_ends(first, last) or [last]))
    return max(map(steps.at, [first, *steps.changed_in(first, last)]))


def measure_growth(
    measure: str, use: Mapping[str, Steps], committed: Mapping[str, int], first: date, last: date
) -> Figures:
    """Return how far use went beyond the commitment over these days. Licenses without growth may be left out."""
    if measure == Measure.AVERAGE:
        mean = {license_: measure_use(measure, steps, first, last) for license_, steps in use.items()}
        return true_forward(committed, mean)
    own = [committed.get(license_, 0) for license_ in use]
    days = {used for used in _measured_days(measure, use, first, last) if any(map(gt, used, own))}
    found: Figures = {}
    for used in _largest(days):
        for license_, quantity in true_forward(committed, dict(zip(use, used, strict=True))).items():
            found[license_] = max(found.get(license_, 0), quantity)
    return found


def half_up(total: float, parts: int) -> int:
    """Divide and round to a whole number, halves up."""
    return int((2 * total + parts) // (2 * parts))


def month_ends(first: date, last: date) -> list[date]:
    """Return the last days of months from the first day to the last."""
    found, begin = [], first.replace(day=1)
    while (end := add_months(begin, 1) - timedelta(days=1)) <= last:
        found.append(end)
        begin = add_months(begin, 1)
    return found


def _measured_days(measure: str, use: Mapping[str, Steps], first: date, last: date) -> Iterable[tuple[int, ...]]:
    """Return the use of all licenses at the end of each day that counts and may differ from the day before."""
    days: Iterable[date] = {first, *(day for steps in use.values() for day in steps.changed_in(first, last))}
    if measure == Measure.END_OF_MONTH:
        days = month_ends(first, last) or [last]
    return zip(*([steps.at(day) for day in days] for steps in use.values()), strict=True)


def _largest(days: Iterable[tuple[int, ...]]) -> list[tuple[int, ...]]:
    """Leave out days on which no license was used more than on another one: less use never lacks more."""
    found: list[tuple[int, ...]] = []
    for day in sorted(days, key=sum, reverse=True):
        if not any(all(map(le, day, other)) for other in found):
            found.append(day)
    return found
