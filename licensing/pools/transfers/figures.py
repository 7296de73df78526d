"""Read Cisco's figures of one license in the two pools of a step, and judge what became of the step. Never writes."""

from dataclasses import asdict, dataclass
from typing import Any

from licensing.cisco.client import CssmClient
from licensing.cisco.types import AccountRef
from licensing.cisco.write_back import Verdict
from licensing.pools.models import TransferStep


@dataclass(frozen=True, slots=True)
class Figures:
    quantity: int = 0
    in_use: int = 0
    available: int = 0


@dataclass(frozen=True, slots=True)
class Pair:
    """A license that a pool does not list has no figures there: all are 0."""

    source: Figures
    target: Figures

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def read(client: CssmClient, account: AccountRef, step: TransferStep) -> Pair:
    """Read the two pools alone. Raises CssmError."""
    found: dict[str, Figures] = {}
    for page in client.licenses(account, (step.source.name, step.target.name)):
        for row in page.items:
            if row.name == step.license.name:
                found[row.virtual_account] = Figures(row.quantity, row.in_use, row.available)
    return Pair(found.get(step.source.name, Figures()), found.get(step.target.name, Figures()))


def compare(before: dict[str, Any], now: Pair, quantity: int) -> Verdict:
    """Compare quantities alone: what is in use changes all day.

    DONE: the source has so many less and the target so many more. NOT_DONE: both have as many as before. UNCLEAR:
    somebody else changed them too, or only a part arrived.
    """
    left = before["source"]["quantity"] - now.source.quantity
    arrived = now.target.quantity - before["target"]["quantity"]
    if (left, arrived) == (quantity, quantity):
        return Verdict.DONE
    return Verdict.NOT_DONE if (left, arrived) == (0, 0) else Verdict.UNCLEAR
