"""Which virtual accounts are the ordered and the operational pool, judged by their names. Pure.

Cisco's guide names them va-hcs-ordered and va-hcs-operational, and writes the second one in two more ways
(docs/domain.md#pool-names). An account may use any name. So names only suggest: without regard to case and to what
stands between the words, and a name that is nearly one of them is pointed out as a near miss (docs/domain.md#C11).
A person decides.
"""

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher

ORDERED, OPERATIONAL = "ordered", "operational"
# As Cisco's guide spells them, the usual one first.
NAMES = {ORDERED: ("va-hcs-ordered",), OPERATIONAL: ("va-hcs-operational", "va-hcs-operations")}
WORDS = {ORDERED: ("ordered",), OPERATIONAL: ("operational", "operations")}
# From here on a name or one of its words counts as nearly the same; found by trying what people misspell.
NEAR_NAME, NEAR_WORD = 0.88, 0.85


@dataclass(frozen=True, slots=True)
class Suggestion:
    """`sure` False: a near miss."""

    name: str
    purpose: str
    sure: bool

    @property
    def text(self) -> str:
        usual = NAMES[self.purpose][0]
        if self.sure:
            return f"{self.name} is what Cisco's guide calls the {self.purpose} pool."
        return f"{self.name} is nearly {usual}, which Cisco's guide calls the {self.purpose} pool. Is it meant?"


def suggest(names: Iterable[str], taken: Collection[str] = ()) -> list[Suggestion]:
    """For virtual accounts of one smart account that have no purpose yet; `taken` are the purposes that others have.
    Sure ones first; a near miss only where no name is sure."""
    found = [suggestion for name in names for suggestion in _of(name) if suggestion.purpose not in taken]
    sure = {suggestion.purpose for suggestion in found if suggestion.sure}
    kept = (suggestion for suggestion in found if suggestion.sure or suggestion.purpose not in sure)
    return sorted(kept, key=lambda one: (not one.sure, one.purpose, one.name))


def _of(name: str) -> Iterator[Suggestion]:
    """At most one: an exact name before a near one."""
    shape = _shape(name)
    exact = [purpose for purpose, known in NAMES.items() if shape in known]
    near = [purpose for purpose in NAMES if _is_near(shape, purpose)]
    for purpose in (exact or near)[:1]:
        yield Suggestion(name, purpose, bool(exact))


def _is_near(shape: str, purpose: str) -> bool:
    if any(_ratio(shape, known) >= NEAR_NAME for known in NAMES[purpose]):
        return True
    return any(_ratio(word, known) >= NEAR_WORD for word in shape.split("-") for known in WORDS[purpose])


def _shape(name: str) -> str:
    return re.sub(r"[\W_]+", "-", name.casefold()).strip("-")


def _ratio(one: str, other: str) -> float:
    return SequenceMatcher(None, one, other, autojunk=False).ratio()
