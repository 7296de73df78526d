"""Find the period in which the growth of a license counts: from the last to the next anniversary. Pure.

A subscription's anniversary is the month and day on which it started, each year. A term that ends earlier ends the
period. Of several subscriptions the one that ends next decides. Where none covers the license, the calendar year does.
"""

from calendar import monthrange
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import count, takewhile

DAY = timedelta(days=1)
YEAR = 12  # months


@dataclass(frozen=True, slots=True)
class Cover:
    """A subscription that covers a license. `end` is its last day; None: it has no end."""

    subscription_id: str
    start: date
    end: date | None

    def covers(self, day: date) -> bool:
        return self.start <= day and (self.end is None or day <= self.end)


@dataclass(frozen=True, slots=True)
class Period:
    """Both days are part of the period. `subscription_id` is "" where the period is the calendar year."""

    start: date
    end: date
    subscription_id: str = ""

    @property
    def is_calendar_year(self) -> bool:
        return not self.subscription_id

    def months_until(self, day: date) -> list[date]:
        """Return the first day of each month of the period that has begun by that day."""
        return list(takewhile(lambda first: first <= min(day, self.end), (add_months(self.start, n) for n in count())))


def period_of(covers: Iterable[Cover], day: date) -> Period:
    """Return the period of a license that holds this day."""
    running = [cover for cover in covers if cover.covers(day)]
    if not running:
        return Period(date(day.year, 1, 1), date(day.year, 12, 31))
    cover = min(running, key=lambda one: (one.end or date.max, one.subscription_id))
    years = day.year - cover.start.year
    while _begins_late(cover, years, day):
        years -= 1
    start, following = (add_months(cover.start, YEAR * number) for number in (years, years + 1))
    # A term that ends on an anniversary ends its last year with that day.
    end = following if following == cover.end else min(following - DAY, cover.end or date.max)
    return Period(start, end, cover.subscription_id)


def _begins_late(cover: Cover, years: int, day: date) -> bool:
    start = add_months(cover.start, YEAR * years)
    return start > day or (years > 0 and start == cover.end)


def add_months(day: date, months: int) -> date:
    """Return the same day so many months later, or the last day of a month that is too short for it."""
    year, month = divmod(day.year * YEAR + day.month - 1 + months, YEAR)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))
