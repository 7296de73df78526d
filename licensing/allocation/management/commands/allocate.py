"""`manage.py allocate`: the allocation engine for anyone's own numbers. Needs no database."""

import json
import sys
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from licensing.allocation.engine import Allocation, allocate
from licensing.allocation.license_names import CURRENT
from tenants.commands import PortalCommand, Refused

SIDES = ("supply", "demand")
MOST = 1_000_000_000  # licenses; more than any order, and far from what a table's column holds
SHAPE = 'Give {"supply": {license: quantity}, "demand": {license: quantity}} as JSON on standard input.'
_LONGEST_NUMBER = len(str(MOST)) + 1


class Command(PortalCommand):
    help = (
        "Reads supply and demand per license from standard input and prints which license serves which request. "
        + SHAPE
    )

    def handle(self, *args: Any, **options: Any) -> None:
        if sys.stdin and sys.stdin.isatty():
            self.say(SHAPE)
        supply, demand = read_case(sys.stdin.buffer.read() if sys.stdin else b"")
        self.answer(as_json(allocate(supply, demand)))


def read_case(text: bytes) -> tuple[dict[str, int], dict[str, int]]:
    """Supply and demand from JSON, or Refused."""
    case = _parsed(text)
    if not isinstance(case, dict) or set(case) != set(SIDES):
        raise Refused(f"The input is not an object with exactly the members supply and demand. {SHAPE}")
    supply, demand = (_quantities(side, case[side]) for side in SIDES)
    return supply, demand


def as_json(allocation: Allocation) -> dict[str, Any]:
    return {
        "grants": [asdict(grant) for grant in allocation.grants],
        "left": allocation.left,
        "short": allocation.short,
    }


def _parsed(text: bytes) -> Any:
    try:
        return json.loads(
            text.decode("utf-8-sig"),
            object_pairs_hook=_without_repeats,
            parse_int=_whole_number,
            parse_constant=_no_number,
        )
    except UnicodeDecodeError as error:
        raise Refused(f"The input is not UTF-8 text (byte {error.start}). {SHAPE}") from None
    except json.JSONDecodeError as error:
        raise Refused(f"The input is not JSON: {error}. {SHAPE}") from None
    except RecursionError:
        raise Refused(f"The input is nested too deeply. {SHAPE}") from None


def _without_repeats(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    members: dict[str, Any] = {}
    for name, value in pairs:
        if name in members:
            raise Refused(f"{_quoted(name)} stands twice in the same object. Add the quantities up and give one.")
        members[name] = value
    return members


def _whole_number(digits: str) -> int:
    """Python refuses to convert thousands of digits; cut short, they are still refused for what they are: too many."""
    return int(digits[: _LONGEST_NUMBER + 1])


def _no_number(word: str) -> None:
    raise Refused(f"{word} is not a quantity. Give whole numbers from 0 to {MOST}.")


def _quantities(side: str, quantities: Any) -> dict[str, int]:
    if not isinstance(quantities, dict):
        raise Refused(f"{side} is not an object of licenses and quantities. {SHAPE}")
    spelled: dict[str, str] = {}
    for name, quantity in quantities.items():
        tag = _known(side, name)
        if tag in spelled:
            raise Refused(
                f"{side}: {_quoted(spelled[tag])} and {_quoted(name)} are the same license. "
                "Add the quantities up and give one."
            )
        spelled[tag] = name
        _check_quantity(side, name, quantity)
    return quantities


def _known(side: str, name: str) -> str:
    tag = CURRENT.find(name)
    if tag is None:
        raise Refused(
            f"{side}: {_quoted(name)} is not a known license. "
            "Write it as Cisco displays it (UC Manager Enhanced License) or as its tag name (UCM_Enhanced)."
        )
    return tag


def _check_quantity(side: str, name: str, quantity: Any) -> None:
    if type(quantity) is not int:  # bool is an int to Python, not to JSON
        raise Refused(f"{side}: the quantity of {_quoted(name)} is not a whole number. Give one from 0 to {MOST}.")
    if not 0 <= quantity <= MOST:
        what = "negative" if quantity < 0 else "too large to be true"
        raise Refused(f"{side}: the quantity of {_quoted(name)} is {what}. Give a whole number from 0 to {MOST}.")


def _quoted(name: str) -> str:
    """A name for an error message: one line, printable, not endless."""
    quoted = json.dumps(name)
    return quoted if len(quoted) <= 120 else f'{quoted[:116]}…"'
