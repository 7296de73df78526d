"""When a license runs out, projected from its daily samples. Pure: no database, no clock.

The pace is the median of all slopes between two samples (Theil-Sen): days that stick out, or a cluster that came or
went near either end of the window, make no trend. A jump in its middle does, and then the range is wide. The 95 % range
is Sen's (1968), from the ranks of those slopes. From the last sample on, use grows at that pace; the license runs out
on the first day on which more is in use than owned. What may be borrowed is not counted, and terms are taken as renewed
(`first_gap` answers what happens if they are not).
"""

import datetime
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import ceil, floor, sqrt
from statistics import median
from typing import Protocol

WINDOW = 180  # days looked back at
FEWEST, SHORTEST = 14, 21  # samples, and days from the first to the last
STALE = 7  # days since the last sample
HORIZON = 5 * 365  # days; what lies beyond is not said
_Z = 1.96  # 95 %
_ROUNDING = 1e-9


class Sample(Protocol):
    """A day of one license. `day` is a date, UTC."""

    day: datetime.date
    quantity: int
    in_use: int
    reserved: int


@dataclass(frozen=True, slots=True)
class Forecast:
    """First day on which more is in use than owned; None: not within five years, at that pace. earliest <= date <=
    latest, None last. `pace`: licenses a day. `since` / `samples`: what it stands on."""

    date: datetime.date | None
    earliest: datetime.date | None
    latest: datetime.date | None
    pace: float
    since: datetime.date
    samples: int

    @property
    def possible(self) -> bool:
        """Whether it may run out at all within the horizon."""
        return self.earliest is not None


@dataclass(frozen=True, slots=True)
class Unknown:
    """No forecast; `why` is a sentence."""

    why: str


def exhaustion(samples: Iterable[Sample], today: datetime.date) -> Forecast | Unknown:
    """`samples`: any order, one a day at most. Those older than WINDOW days before `today` do not count."""
    known = sorted(
        (sample for sample in samples if datetime.timedelta() <= today - sample.day <= datetime.timedelta(days=WINDOW)),
        key=lambda sample: sample.day,
    )
    if why := _too_little(known, today):
        return Unknown(why)
    last = known[-1]
    low, middle, high = _paces(known)
    room = last.quantity - last.reserved - last.in_use
    earliest, day, latest = (_runs_out(room, pace, last.day, today) for pace in (high, middle, low))
    return Forecast(day, earliest, latest, middle, known[0].day, len(known))


def first_gap(
    in_use: int, quantity: int, endings: Iterable[tuple[datetime.date, int]]
) -> tuple[datetime.date, int] | None:
    """If no term is renewed and use stays as it is: the last day that is covered, and how many are short the day after.
    `endings`: (last day of a term, its quantity), any order. None: what is left covers the use."""
    for day, ending in sorted(endings):
        quantity -= ending
        if quantity < in_use:
            return day, in_use - quantity
    return None


def _too_little(known: Sequence[Sample], today: datetime.date) -> str:
    if not known:
        return f"Nothing is recorded of the last {WINDOW} days. A sample is kept with each day's sync."
    days = (known[-1].day - known[0].day).days
    if len(known) < FEWEST or days < SHORTEST:
        count = "1 day is" if len(known) == 1 else f"{len(known)} days are"
        return f"{count} recorded: a trend needs {FEWEST} over at least {SHORTEST} days."
    if (today - known[-1].day).days > STALE:
        return f"The last sample is {(today - known[-1].day).days} days old. Sync the smart account first."
    return ""


def _paces(known: Sequence[Sample]) -> tuple[float, float, float]:
    """Licenses a day: the lower end of the range, the median, the upper end."""
    slopes = sorted((b.in_use - a.in_use) / (b.day - a.day).days for a, b in combinations(known, 2))
    count, pairs = len(known), len(slopes)
    spread = _Z * sqrt(count * (count - 1) * (2 * count + 5) / 18)
    low, high = floor((pairs - spread) / 2), ceil((pairs + spread) / 2)
    return slopes[max(low, 0)], median(slopes), slopes[min(high, pairs - 1)]


def _runs_out(room: int, pace: float, last: datetime.date, today: datetime.date) -> datetime.date | None:
    if room < 0:
        return today
    if pace <= 0:
        return None
    days = floor(room / pace + _ROUNDING) + 1
    return max(last + datetime.timedelta(days=days), today) if days <= HORIZON else None
