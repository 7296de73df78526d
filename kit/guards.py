"""What stands in the way of an action, and how to clear it."""

from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet

from kit.refusals import Refusal
from kit.wording import shorten_sentences

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
    return shorten_sentences((sentence(row) for row in rows[:SHOWN]), number, SHOWN) if number else ()
