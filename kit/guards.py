"""What stands in the way of an action, and how to clear it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet

from kit.refusals import Refusal

SHOWN = 20


@dataclass(frozen=True, slots=True)
class Guard:
    """`blockers`: a sentence each; none: nothing stands in the way. `steps`: how to clear them, in order."""

    blockers: tuple[str, ...] = ()
    steps: tuple[str, ...] = ()

    def check(self, message: str, next_step: str = "", field: str = "") -> None:
        """Raise Refusal while anything stands in the way."""
        if self.blockers:
            raise Refusal(message, next_step or " ".join(self.steps), field, self.blockers, self.steps)


def _named(rows: QuerySet[Any], sentence: Any) -> tuple[str, ...]:
    """The first few one by one, so that people can work through them; the rest as a number."""
    number = rows.count()
    return (*(sentence(row) for row in rows[:SHOWN]), *_more(number)) if number else ()


def first_of(sentences: Sequence[str]) -> tuple[str, ...]:
    """As `_named`, of what is known already."""
    return (*sentences[:SHOWN], *_more(len(sentences)))


def _more(number: int) -> tuple[str, ...]:
    return (f"And {number - SHOWN} more.",) if number > SHOWN else ()


def _counted(number: int, one: str, many: str, words: str) -> tuple[str, ...]:
    return (f"{number:,} {one if number == 1 else many} {words}.",) if number else ()


def _list(rows: list[Any]) -> str:
    """The first few by name, the rest as a number."""
    shown = ", ".join(str(row) for row in rows[:3])
    return shown if len(rows) <= 3 else f"{shown} and {len(rows) - 3} more"
