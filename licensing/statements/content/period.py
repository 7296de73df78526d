"""Check a period against what is recorded. A day is a UTC day, as everywhere in the history."""

from dataclasses import dataclass
from datetime import UTC, date, datetime

from django.utils import timezone
from django.utils.formats import date_format

from kit.refusals import Refusal
from licensing.history import reading

MOST_DAYS = 400


@dataclass(frozen=True, slots=True)
class Period:
    """The days from `start` to `end`, both included. Figures are those at `at`, the end of the last day.

    The last day may be today: the figures are then those of this moment.
    """

    start: date
    end: date
    at: datetime

    @property
    def over(self) -> bool:
        """Return whether the last day has ended."""
        return self.at == reading.end_of(self.end)


def check(start: date, end: date, now: datetime | None = None) -> Period:
    """Return the period, or refuse one that is reversed, too long, not over or not recorded."""
    now = (now or timezone.now()).astimezone(UTC)
    if end < start:
        raise Refusal("The period ends before it begins.", "Enter an end on or after the start.", "period_end")
    if (end - start).days >= MOST_DAYS:
        raise Refusal("The period is too long.", f"Enter at most {MOST_DAYS} days.", "period_end")
    if end > now.date():
        raise Refusal(
            "The period ends in the future.", f"Enter an end up to today, {words(now.date())} in UTC.", "period_end"
        )
    first = first_day()
    if first is None:
        raise Refusal(
            "Nothing is recorded yet.", "Sync a smart account first. Statements are possible from that day on."
        )
    if end < first:
        raise Refusal(
            f"Nothing was recorded before {words(first)}.",
            f"Enter an end on or after {words(first)}, the first possible day.",
            "period_end",
        )
    return Period(start, end, min(reading.end_of(end), now))


def first_day() -> date | None:
    """Return the first day with figures, or None before the first sync."""
    moments = reading.recorded_from().values()
    return min(moments).astimezone(UTC).date() if moments else None


def words(day: date) -> str:
    return date_format(day, "j M Y")
