"""Write to Cisco by one protocol: send once, read back, decide. Nothing here sends a write a second time.

An answer may be lost after Cisco has done the work, so Cisco's listing decides, not the answer. Callers supply the
call, how its effect shows in a listing, and the words. They read what they need before they call `write`, and write
down what they are about to do: a request to Cisco counts as begun, a transfer step as sending.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from time import sleep
from typing import Generic, TypeVar

from licensing.cisco.errors import CssmError, CssmRefused, CssmUnavailable
from licensing.cisco.types import ItemResult

Evidence = TypeVar("Evidence")


class Verdict(StrEnum):
    """A listing shows whether a write was done."""

    DONE = "done"
    NOT_DONE = "not done"
    UNCLEAR = "unclear"  # it fits neither, so another user changed the same things


@dataclass(frozen=True, slots=True)
class Finding(Generic[Evidence]):
    """A finding results from reading back. `evidence` is what was read; a DONE verdict always has it."""

    verdict: Verdict
    evidence: Evidence | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """Cisco answers a call. It is neither `refused` nor `lost` if Cisco said that the write was done."""

    refused: CssmRefused | None = None
    lost: CssmUnavailable | None = None

    @property
    def said_done(self) -> bool:
        return self.refused is None and self.lost is None


@dataclass(frozen=True, slots=True)
class Outcome(Generic[Evidence]):
    """An outcome tells what became of a write. `unread`: why reading back failed, so that nothing is known."""

    answer: Answer
    finding: Finding[Evidence]
    unread: CssmError | None = None


@dataclass(frozen=True, slots=True)
class Words:
    """Callers supply the words for a write that may not be done. `not_done` and `unknown` are whole sentences."""

    not_done: str
    unknown: str
    look_first: str
    try_again: str = ""  # after a write that was not done; empty: `look_first`


class ItemRefused(CssmRefused):
    """Cisco took the call and refused one of its items. The others may be done, so the listing decides."""


def check_items(results: Iterable[ItemResult]) -> None:
    """Raise ItemRefused for the first item that Cisco refused."""
    for result in results:
        if not result.ok:
            reason = (result.message or "no reason given").rstrip(".")
            raise ItemRefused("rejected", f"Cisco refused it: {reason}.")


def found(evidence: Evidence | None) -> Finding[Evidence]:
    """Return the finding for a listing in which the effect is there, or is not."""
    return Finding(Verdict.NOT_DONE if evidence is None else Verdict.DONE, evidence)


def write(
    send: Callable[[], Evidence | None],
    read_back: Callable[[], Finding[Evidence]],
    *,
    looks: int = 1,
    pause: float = 0.0,
    verify_refusals: bool = False,
) -> Outcome[Evidence]:
    """Send once, then read back to find the outcome.

    `send` returns evidence only if Cisco's answer itself proves the effect; then nothing is read back. A call whose
    answer was lost may still be under way, hence several `looks`, `pause` seconds apart, while the listing shows no
    effect; a refusal gets one. A refusal of the whole call raises CssmRefused unless `verify_refusals` is set.
    """
    try:
        proof, answer = send(), Answer()
    except CssmUnavailable as error:
        proof, answer = None, Answer(lost=error)
    except CssmRefused as error:
        if not verify_refusals and not isinstance(error, ItemRefused):
            raise
        proof, answer = None, Answer(refused=error)
    if proof is not None:
        return Outcome(answer, Finding(Verdict.DONE, proof))
    try:
        return Outcome(answer, _look(read_back, 1 if answer.refused else looks, pause))
    except CssmError as error:
        return Outcome(answer, Finding(Verdict.UNCLEAR), unread=error)


def write_and_verify(
    send: Callable[[], Evidence | None], read_back: Callable[[], Finding[Evidence]], words: Words
) -> Evidence:
    """Send once and return the evidence that it is done. Raises CssmRefused, or CssmUnavailable in these words."""
    outcome = write(send, read_back)
    if outcome.finding.verdict == Verdict.DONE and outcome.finding.evidence is not None:
        return outcome.finding.evidence
    answer = outcome.answer
    heard = outcome.unread or answer.lost
    report = heard.message if heard else "Cisco answered that it was done."
    if outcome.finding.verdict == Verdict.UNCLEAR:
        raise CssmUnavailable(f"{report} {words.unknown}", words.look_first) from None
    if answer.refused:
        raise CssmRefused(answer.refused.reason, answer.refused.message, words.look_first) from None
    raise CssmUnavailable(f"{report} {words.not_done}", words.try_again or words.look_first) from None


def _look(read_back: Callable[[], Finding[Evidence]], looks: int, pause: float) -> Finding[Evidence]:
    finding = read_back()
    for _ in range(looks - 1):
        if finding.verdict != Verdict.NOT_DONE:
            break
        sleep(pause)
        finding = read_back()
    return finding
