"""Collect what blocks an action, and the steps that clear it."""

from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet

from kit.refusals import Refusal
from kit.wording import shorten_sentences

SHOWN = 20


@dataclass(frozen=True, slots=True)
class Guard:
    """A guard holds the `blockers` of an action, a sentence each, and the `steps` that clear them, in order."""

    blockers: tuple[str, ...] = ()
    steps: tuple[str, ...] = ()

    def check(self, message: str, next_step: str = "", field: str = "") -> None:
        """Raise Refusal if there are blockers."""
        if self.blockers:
            raise Refusal(message, next_step or " ".join(self.steps), field, self.blockers, self.steps)


def list_blockers(rows: QuerySet[Any], sentence: Any) -> tuple[str, ...]:
    """Return a sentence for each of the first rows, so that people can work through them, and count the rest."""
    number = rows.count()
    return shorten_sentences((sentence(row) for row in rows[:SHOWN]), number, SHOWN) if number else ()
