"""Suggest by their names which virtual accounts are the ordered and the operational pool. Pure.

Cisco's guide names them va-hcs-ordered and va-hcs-operational, and writes the second one in two more ways
(docs/domain.md#pool-names). An account may use any name, so names only suggest. Case and the characters between words
do not count, and a name that is nearly one of them is reported as a near miss (docs/domain.md#C11). A person decides.
"""

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher

ORDERED, OPERATIONAL = "ordered", "operational"
# Cisco's guide spells them like this. The usual name comes first.
NAMES = {ORDERED: ("va-hcs-ordered",), OPERATIONAL: ("va-hcs-operational", "va-hcs-operations")}
WORDS = {ORDERED: ("ordered",), OPERATIONAL: ("operational", "operations")}
# At these ratios a name, or one of its words, counts as nearly the same. They were tried on common misspellings.
NEAR_NAME, NEAR_WORD = 0.88, 0.85


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A purpose that fits a virtual account's name. `sure` is False for a near miss."""

    name: str
    purpose: str
    sure: bool

    @property
    def text(self) -> str:
        usual = NAMES[self.purpose][0]
        if self.sure:
            return f"{self.name} is the name of the {self.purpose} pool in Cisco's guide."
        return f"{self.name} resembles {usual}, the name of the {self.purpose} pool in Cisco's guide. Check it."


def suggest(names: Iterable[str], taken: Collection[str] = ()) -> list[Suggestion]:
    """Return suggestions for virtual accounts of one smart account that have no purpose yet, sure ones first.

    `taken` are the purposes that other accounts have. A near miss counts only where no name is sure.
    """
    found = [suggestion for name in names for suggestion in _match_name(name) if suggestion.purpose not in taken]
    sure = {suggestion.purpose for suggestion in found if suggestion.sure}
    kept = (suggestion for suggestion in found if suggestion.sure or suggestion.purpose not in sure)
    return sorted(kept, key=lambda one: (not one.sure, one.purpose, one.name))


def _match_name(name: str) -> Iterator[Suggestion]:
    """Yield at most one suggestion: an exact name goes before a near one."""
    shape = _normalize(name)
    exact = [purpose for purpose, known in NAMES.items() if shape in known]
    near = [purpose for purpose in NAMES if _is_near(shape, purpose)]
    for purpose in (exact or near)[:1]:
        yield Suggestion(name, purpose, bool(exact))


def _is_near(shape: str, purpose: str) -> bool:
    if any(_ratio(shape, known) >= NEAR_NAME for known in NAMES[purpose]):
        return True
    return any(_ratio(word, known) >= NEAR_WORD for word in shape.split("-") for known in WORDS[purpose])


def _normalize(name: str) -> str:
    return re.sub(r"[\W_]+", "-", name.casefold()).strip("-")


def _ratio(one: str, other: str) -> float:
    return SequenceMatcher(None, one, other, autojunk=False).ratio()
