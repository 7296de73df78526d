"""Run the allocation engine on numbers from standard input: `manage.py allocate`. It needs no database."""

import json
import sys
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from licensing.allocation.engine import Allocation, allocate
from licensing.allocation.license_names import CURRENT
from tenants.commands import PortalCommand, Refused

SIDES = ("supply", "demand")
MOST = 1_000_000_000  # licenses: more than any order, and far below the limit of a table's column
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
    """Read supply and demand from JSON. Raises Refused."""
    case = _parse(text)
    if not isinstance(case, dict) or set(case) != set(SIDES):
        raise Refused(f"The input is not an object with exactly the members supply and demand. {SHAPE}")
    supply, demand = (_check_quantities(side, case[side]) for side in SIDES)
    return supply, demand


def as_json(allocation: Allocation) -> dict[str, Any]:
    return {
        "grants": [asdict(grant) for grant in allocation.grants],
        "left": allocation.left,
        "short": allocation.short,
    }


def _parse(text: bytes) -> Any:
    try:
        return json.loads(
            text.decode("utf-8-sig"),
            object_pairs_hook=_refuse_repeats,
            parse_int=_parse_whole_number,
            parse_constant=_refuse_constant,
        )
    except UnicodeDecodeError as error:
        raise Refused(f"The input is not UTF-8 text (byte {error.start}). {SHAPE}") from None
    except json.JSONDecodeError as error:
        raise Refused(f"The input is not JSON: {error}. {SHAPE}") from None
    except RecursionError:
        raise Refused(f"The input is nested too deeply. {SHAPE}") from None


def _refuse_repeats(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    members: dict[str, Any] = {}
    for name, value in pairs:
        if name in members:
            raise Refused(f"{_quote(name)} appears twice in the same object. Add up the quantities and give one.")
        members[name] = value
    return members


def _parse_whole_number(digits: str) -> int:
    """Convert digits, cut short: Python refuses to convert thousands, and the limit is still exceeded."""
    return int(digits[: _LONGEST_NUMBER + 1])


def _refuse_constant(word: str) -> None:
    raise Refused(f"{word} is not a quantity. Give whole numbers from 0 to {MOST}.")


def _check_quantities(side: str, quantities: Any) -> dict[str, int]:
    if not isinstance(quantities, dict):
        raise Refused(f"{side} is not an object of licenses and quantities. {SHAPE}")
    spelled: dict[str, str] = {}
    for name, quantity in quantities.items():
        tag = _find_license(side, name)
        if tag in spelled:
            raise Refused(
                f"{side}: {_quote(spelled[tag])} and {_quote(name)} are the same license. "
                "Add up the quantities and give one."
            )
        spelled[tag] = name
        _check_quantity(side, name, quantity)
    return quantities


def _find_license(side: str, name: str) -> str:
    tag = CURRENT.find(name)
    if tag is None:
        raise Refused(
            f"{side}: {_quote(name)} is not a known license. "
            "Write it as Cisco displays it (UC Manager Enhanced License) or as its tag name (UCM_Enhanced)."
        )
    return tag


def _check_quantity(side: str, name: str, quantity: Any) -> None:
    if type(quantity) is not int:  # To Python a bool is an int, to JSON it is not.
        raise Refused(f"{side}: the quantity of {_quote(name)} is not a whole number. Give one from 0 to {MOST}.")
    if not 0 <= quantity <= MOST:
        what = "negative" if quantity < 0 else "too large"
        raise Refused(f"{side}: the quantity of {_quote(name)} is {what}. Give a whole number from 0 to {MOST}.")


def _quote(name: str) -> str:
    """Quote a name for an error message: on one line, printable and not endless."""
    quoted = json.dumps(name)
    return quoted if len(quoted) <= 120 else f'{quoted[:116]}…"'
