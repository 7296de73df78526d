"""Project the use of a license to the end of its period, with a range. Pure.

The pace and its 95 % range are those of licensing.mirror.forecast, from the figures of the last 180 days: one rise that
stands alone is a step and no growth. From the last recorded day on, use grows at that pace.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from licensing.figures.growth.measures import Figures, Measure, Steps, half_up
from licensing.figures.true_forward import true_forward
from licensing.mirror.forecast import Pace, Unknown, pace_of, too_little, window_start

ENDS = ("low", "expected", "high")  # of the range


@dataclass(frozen=True, slots=True)
class Outlook:
    """Use, and use beyond the commitment, on the last day of a period: expected, and the ends of the range."""

    day: date
    use_low: int
    use: int
    use_high: int
    true_forward_low: int
    true_forward: int
    true_forward_high: int
    pace: float  # licenses a day


@dataclass(frozen=True, slots=True)
class Trend:
    """How the use of one license goes on after `last`. `pace` None: too little is recorded, so use stays as it is."""

    last: date
    used: int
    pace: Pace | None
    why: str = ""

    def on(self, day: date, end: str) -> float:
        """Return the use on a later day, at the pace of one end of the range."""
        return max(self.used + self._pace(end) * (day - self.last).days, 0)

    def total(self, day: date, end: str) -> float:
        """Return the sum of the use of each day after `last`, up to that one."""
        pace, days = self._pace(end), max((day - self.last).days, 0)
        if pace < 0:
            days = min(days, int(self.used / -pace))
        return self.used * days + pace * days * (days + 1) / 2

    def _pace(self, end: str) -> float:
        return getattr(self.pace, end) if self.pace else 0.0


def trend_of(steps: Steps, since: date, last: date, today: date) -> Trend:
    """Return the trend of a license that is recorded from `since` to `last`, as of `today`."""
    first = max(since, window_start(today))
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    if why := too_little(days, today):
        return Trend(last, steps.at(last), None, why)
    return Trend(last, steps.at(last), pace_of([day.toordinal() for day in days], steps.daily(first, last)))


def outlook(
    license_: str,
    trends: Mapping[str, Trend],
    committed: Mapping[str, int],
    day: date,
    measured: "Measured",
) -> Outlook | Unknown:
    """Return how one license of a customer stands on a later day.

    The other licenses go on by their own trends, because they lend and ask for the same purchases.
    """
    trend = trends[license_]
    if trend.pace is None:
        return Unknown(trend.why)
    beyond = {}
    for end in ENDS:
        expected = {name: measured.expected(name, other, day, end) for name, other in trends.items()}
        beyond[end] = max(true_forward(committed, expected).get(license_, 0), measured.least)
    use = {end: half_up(trend.on(day, end), 1) for end in ENDS}
    return Outlook(
        day=day,
        use_low=use["low"],
        use=use["expected"],
        use_high=use["high"],
        true_forward_low=beyond["low"],
        true_forward=beyond["expected"],
        true_forward_high=beyond["high"],
        pace=trend.pace.expected,
    )


@dataclass(frozen=True, slots=True)
class Measured:
    """How a measure goes on to the end of a period that is recorded from `first` on.

    `growth` is what was measured so far. A peak does not sink again; an average may.
    """

    measure: str
    first: date
    growth: int
    use: Mapping[str, Steps]

    @property
    def least(self) -> int:
        return 0 if self.measure == Measure.AVERAGE else self.growth

    def expected(self, license_: str, trend: Trend, day: date, end: str) -> int:
        if self.measure != Measure.AVERAGE:
            return half_up(trend.on(day, end), 1)
        so_far = self.use[license_].total(self.first, trend.last) if license_ in self.use else 0
        return half_up(so_far + trend.total(day, end), (day - self.first).days + 1)


__all__ = ["Figures", "Measured", "Outlook", "Trend", "outlook", "trend_of"]
