"""Project from its daily samples when a license runs out. Pure: no database, no clock.

The license page, REST, the alert "Licenses running out" and its replay all ask this module.

- **Pace**: each sample of the older half is paired with the one half a window later (Theil's incomplete method). The
  pace is the median of the slopes of these pairs. Days that stick out change few pairs, so they make no trend.
- **Step**: one rise that is more than three times as far from the usual day as any other change is an event, such as
  a cluster that was assigned, and not growth. It is taken out before slopes are measured. Steps that come again are
  growth, and falls stay in.
- **Range**: 95 of 100 such trends lie within it. Its ends are slopes too, by rank around the median (sign test: half of
  the pairs, plus or minus 1.96 / 2 times their square root). Pairs up to three samples nearer or further are ranked as
  well, so that a rhythm of some days hides nothing. Where the line does not fit, for example because growth
  has ended, days stay on the same side of it. Neighbouring residuals then resemble each other (correlation r), the
  pairs say less than their number, and the range widens by the square root of (1 + r) / (1 - r).

From the last sample on, use grows at that pace. The license runs out on the first day on which more is in use than
owned. What may be borrowed is not counted, and terms are taken as renewed (`first_gap` says what happens otherwise).
"""

import datetime
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import floor, sqrt
from operator import mul, sub, truediv
from statistics import median
from typing import Protocol

WINDOW = 180  # days looked back at, today among them
FEWEST, SHORTEST = 14, 21  # samples, and days from the first to the last
STALE = 7  # days since the last sample
HORIZON = 5 * 365  # days; what lies beyond is not said
NEAR = 3  # samples nearer or further: with them, pairs a week wide
LONE = 3  # times the second largest change of a day: a step
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
        """Return whether it may run out at all within the horizon."""
        return self.earliest is not None


@dataclass(frozen=True, slots=True)
class Pace:
    """Licenses a day: the median, and the ends of the 95 % range."""

    low: float
    expected: float
    high: float


@dataclass(frozen=True, slots=True)
class Unknown:
    """No forecast; `why` is a sentence."""

    why: str


def exhaustion(samples: Iterable[Sample], today: datetime.date) -> Forecast | Unknown:
    """Forecast from samples in any order, one a day at most. Those older than WINDOW days do not count."""
    oldest = window_start(today)
    known = sorted((sample for sample in samples if oldest <= sample.day <= today), key=lambda sample: sample.day)
    if why := too_little([sample.day for sample in known], today):
        return Unknown(why)
    days, in_use = [sample.day.toordinal() for sample in known], [sample.in_use for sample in known]
    last = known[-1]
    room = last.quantity - last.reserved - last.in_use
    pace = pace_of(days, in_use)
    day, earliest, latest = (
        _runs_out(room, licenses_a_day, last.day, today) for licenses_a_day in (pace.expected, pace.high, pace.low)
    )
    return Forecast(day, earliest, latest, pace.expected, known[0].day, len(known))


def window_start(today: datetime.date) -> datetime.date:
    """Return the first day that counts."""
    return today - datetime.timedelta(days=WINDOW - 1)


def project(
    days: Sequence[int], in_use: Sequence[int], room: int, today: datetime.date
) -> tuple[datetime.date | None, float]:
    """Return the day a license runs out (None: not within five years) and its pace in licenses a day.

    `days` are ordinals in ascending order, at least two; `room` is what the last sample leaves free. The pace is never
    above the largest difference in use divided by half the number of samples: the replay skips days by that.
    """
    pace = _median_pace(days, in_use)
    return _runs_out(room, pace, datetime.date.fromordinal(days[-1]), today), pace


def pace_of(days: Sequence[int], in_use: Sequence[int]) -> Pace:
    """Return the pace of use and its range. `days` are ordinals in ascending order, enough of them for `too_little`."""
    pace = _median_pace(days, in_use)
    low, high = _range(days, in_use, pace)
    return Pace(low, pace, high)


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


def too_little(known: Sequence[datetime.date], today: datetime.date) -> str:
    """Return why these days, in ascending order, are too few or too old for a trend; "" where they suffice."""
    if not known:
        return f"Nothing is recorded of the last {WINDOW} days. A sample is kept with each day's sync."
    days = (known[-1] - known[0]).days
    if len(known) < FEWEST or days < SHORTEST:
        count = "1 day is" if len(known) == 1 else f"{len(known)} days are"
        return f"{count} recorded: a trend needs {FEWEST} over at least {SHORTEST} days."
    if (today - known[-1]).days > STALE:
        return f"The last sample is {(today - known[-1]).days} days old. Sync the smart account first."
    return ""


def _without_step(days: Sequence[int], in_use: Sequence[int]) -> Sequence[float]:
    """Return the use without its one rise that is no growth, if there is one."""
    gaps, changes = list(map(sub, days[1:], days)), list(map(sub, in_use[1:], in_use))
    usual = median(map(truediv, changes, gaps))
    excess = [change - usual * gap for change, gap in zip(changes, gaps, strict=True)]
    step = max(excess)
    place = excess.index(step)
    others = max(max(excess[:place] + excess[place + 1 :], default=0), -min(excess))
    if step < 1 or step <= LONE * others:
        return in_use
    return [*in_use[: place + 1], *(number - step for number in in_use[place + 1 :])]


def _median_pace(days: Sequence[int], in_use: Sequence[int]) -> float:
    return median(_slopes(days, _without_step(days, in_use)))


def _slopes(days: Sequence[int], in_use: Sequence[float], further: int = 0) -> list[float]:
    """Return the slopes between samples half a window apart, or so many samples further than that."""
    apart = (len(days) + 1) // 2 + further
    return list(map(truediv, map(sub, in_use[apart:], in_use), map(sub, days[apart:], days)))


def _range(days: Sequence[int], in_use: Sequence[int], pace: float) -> tuple[float, float]:
    """Return the slow and the fast end of the 95 % range of the pace."""
    even = _without_step(days, in_use)
    slopes = sorted(slope for further in range(-NEAR, NEAR + 1) for slope in _slopes(days, even, further))
    likeness = _likeness([number - pace * day for number, day in zip(even, days, strict=True)])
    spread = _Z / 2 * sqrt((1 + likeness) / (1 - likeness) / (len(days) // 2))
    low = max(floor(len(slopes) * (0.5 - spread)) - 1, 0)
    return min(slopes[low], pace), max(slopes[-1 - low], pace)


def _likeness(residuals: Sequence[float]) -> float:
    """Return how much a residual resembles the one before it: their correlation, from 0 to less than 1."""
    middle = median(residuals)
    around = [residual - middle for residual in residuals]
    total = sum(map(mul, around, around))
    return max(sum(map(mul, around, around[1:])) / total, 0) if total > _ROUNDING else 0


def _runs_out(room: int, pace: float, last: datetime.date, today: datetime.date) -> datetime.date | None:
    if room < 0:
        return today
    if pace <= 0:
        return None
    days = floor(room / pace + _ROUNDING) + 1
    return max(last + datetime.timedelta(days=days), today) if days <= HORIZON else None
