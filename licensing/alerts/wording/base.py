"""The parts that the words of all kinds share: the facts that are read, and how numbers, dates and plurals are said.

`say` and `counted` are the seam of translation: each sentence is written whole in a call of `say`, its values by name.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.utils import timezone
from django.utils.dateformat import format as date_format


class FactMissingError(KeyError):
    """An alert lacks a fact that its words need: it was stored before that fact was kept."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One value that an alert rests on. `code` and `value` are for programs, `label` and `shown` for people."""

    code: str
    label: str
    value: Any
    shown: Any


@dataclass(frozen=True, slots=True)
class Words:
    """The words of an alert: what is wrong and why, what to do about it, and the figures behind it."""

    summary: str
    next_step: str = ""
    figures: tuple[Figure, ...] = ()


@dataclass(frozen=True, slots=True)
class Facts:
    """The facts of one alert, as its finding gave them, and the moment at which they are worded.

    Dates are those of the portal's zone, moments are aware. All but `text`, `has` and `figure` raise FactMissingError
    where the fact is missing.
    """

    values: Mapping[str, Any]
    at: datetime

    @property
    def today(self) -> date:
        return timezone.localdate(self.at, timezone.get_default_timezone())

    def has(self, code: str) -> bool:
        return self.values.get(code) is not None

    def text(self, code: str) -> str:
        return str(self.values.get(code) or "")

    def name(self, code: str) -> str:
        return str(self._get(code))

    def number(self, code: str) -> int:
        return int(self._get(code))

    def decimal(self, code: str) -> float:
        return float(self._get(code))

    def holds(self, code: str) -> bool:
        return bool(self._get(code))

    def items(self, code: str) -> list[Any]:
        return list(self._get(code))

    def mapping(self, code: str) -> dict[str, Any]:
        return dict(self._get(code))

    def day(self, code: str) -> date:
        return date.fromisoformat(self._get(code))

    def moment(self, code: str) -> datetime:
        return datetime.fromisoformat(self._get(code))

    def figure(self, code: str, label: str, shown: Any = None) -> Figure:
        value = self.values.get(code)
        return Figure(code, label, value, value if shown is None else shown)

    def _get(self, code: str) -> Any:
        value = self.values.get(code)
        if value is None:
            raise FactMissingError(code)
        return value


WordsOf = Callable[[Facts], Words]


def say(sentence: str, **values: Any) -> str:
    """Return a whole sentence with its values put in by name."""
    return sentence.format(**values)


def counted(number: int, one: str, many: str) -> str:
    """Return `1 license`, `2,394 licenses`."""
    return f"{grouped(number)} {one if number == 1 else many}"


def licenses(number: int) -> str:
    return counted(number, "license", "licenses")


def grouped(number: int) -> str:
    """Return a number with its thousands apart, as pages write it: `2,394`."""
    return f"{number:,}"


def day(value: date) -> str:
    """Return a date as pages write it: `1 Mar 2026`."""
    return date_format(value, "j M Y")


def day_of(moment: datetime) -> date:
    """Return the date of a moment in the portal's zone."""
    return timezone.localdate(moment, timezone.get_default_timezone())


def minute(moment: datetime) -> str:
    """Return a moment in the reader's zone: `1 Mar 2026, 07:00 UTC`."""
    return date_format(timezone.localtime(moment), "j M Y, H:i T")


def in_days(value: date, today: date) -> str:
    """Return how far a date is from today: `today`, `tomorrow`, `in 5 days`, `yesterday`, `5 days ago`."""
    left = (value - today).days
    if left == 0:
        return say("today")
    if left == 1:
        return say("tomorrow")
    if left == -1:
        return say("yesterday")
    if left > 0:
        return say("in {days}", days=days(left))
    return say("{days} ago", days=days(-left))


def days(number: int) -> str:
    return counted(number, "day", "days")


def pool_of(facts: Facts) -> str:
    """Return the virtual account with its smart account."""
    return say("{pool} of {account}", pool=facts.name("pool"), account=facts.name("account"))


def sentences(parts: Iterable[str]) -> str:
    """Return whole sentences as one paragraph, without the empty ones."""
    return " ".join(filter(None, parts))
