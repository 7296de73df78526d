"""Count and word the out-of-compliance clock: the one home of its end, its days left, and how its start is written.

Pages, files, REST, the alert, mails and the calendar all read it here. Pure: no database. Days are dates where the
portal stands, as in every alert: a clock that ends tomorrow has one day left, whatever the hour.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from licensing.alerts.wording.base import counted, day, day_of, say

# After so long the products block new users and devices (docs/cisco-api.md#overage-clock).
ALLOWED = timedelta(days=90)


@dataclass(frozen=True, slots=True)
class Clock:
    """A clock that started at `since`. `at_latest`: its first sync already found the shortage, so it began earlier."""

    since: datetime
    at_latest: bool = False

    @property
    def ends(self) -> datetime:
        """Return when the products begin to block, or, with `at_latest`, when they do so at the latest."""
        return self.since + ALLOWED

    def is_over(self, at: datetime) -> bool:
        return self.ends <= at

    def days_left(self, at: datetime) -> int:
        """Return the days from the date of `at` to the date of the end; negative when the time is over."""
        return (day_of(self.ends) - day_of(at)).days

    @property
    def first_day(self) -> str:
        """Return the date of the start as pages write it."""
        return day(day_of(self.since))

    @property
    def last_day(self) -> str:
        """Return the date of the end as pages write it."""
        return day(day_of(self.ends))

    @property
    def started(self) -> str:
        """Return when the clock started: `since 24 Nov 2026` or `since before 24 Nov 2026`."""
        if self.at_latest:
            return say("since before {day}", day=self.first_day)
        return say("since {day}", day=self.first_day)

    @property
    def ending(self) -> str:
        """Return the day on which it ends: `on 22 Feb 2027`, or `by 22 Feb 2027` where the start is not known."""
        if self.at_latest:
            return say("by {day}", day=self.last_day)
        return say("on {day}", day=self.last_day)

    def time_left(self, at: datetime) -> str:
        """Return the time left in words: `9 days left`, `ends today`, `ended today`, `over for 3 days`."""
        left = self.days_left(at)
        if left == 0:
            return say("ended today") if self.is_over(at) else say("ends today")
        if left > 0:
            return say("{days} left", days=counted(left, "day", "days"))
        return say("over for {days}", days=counted(-left, "day", "days"))
