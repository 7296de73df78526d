"""Define what can be asked of a cluster, whatever the way to it, and the answers. No database, no network."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Protocol

from licensing.fleet.transport import Transport


@dataclass(frozen=True, slots=True)
class Status:
    """A cluster's registration, as far as it is known. None stands for not known.

    `virtual_account` is empty for a cluster that is not registered. `authorization` in the application's own words
    (docs/cisco-api.md#product-states). `as_of`: when Cisco or the application said so.
    """

    registered: bool | None = None
    virtual_account: str | None = None
    smart_account: str | None = None
    mode: str | None = None
    transport: str | None = None
    authorization: str | None = None
    export_control: bool | None = None
    reason: str | None = None  # why the last registration failed
    as_of: datetime | None = None

    def known(self) -> dict[str, Any]:
        """Return the members that are known, as plain values."""
        found = {name: value for name, value in asdict(self).items() if value is not None}
        return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in found.items()}


@dataclass(frozen=True, slots=True)
class Done:
    """A step that is done. `text` says in a sentence what came of it."""

    text: str = ""


@dataclass(frozen=True, slots=True)
class ByHand:
    """A step that a person has to do. The instructions stand in order, each a sentence or a command.

    They hold no secret: `<token>` stands for the text of the registration token.
    """

    instructions: list[str]


Answer = Done | ByHand


class ReachError(Exception):
    """A failure to reach a cluster: what happened and why (`message`), and what to do next (`next_step`).

    It holds no secret.
    """

    def __init__(self, message: str, next_step: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.next_step = next_step


class ReachUnavailable(ReachError):
    """The application gave no complete answer. Trying later may help.

    Whether the step was done is not known; `status` tells later.
    """


class ReachRefused(ReachError):
    """The application said no. Trying again without a change does not help."""


class Reach(Protocol):
    """One way to a cluster.

    Every method but the manual way's waits for the network: call it in a worker, outside of a database transaction.
    Each raises ReachRefused or ReachUnavailable and nothing else.

    A step that is done already is Done again: `register` of a registered cluster asks nothing, as does `deregister` of
    one that is not registered.
    """

    def probe(self) -> Status:
        """Test the way: sign in and read. The manual way has nothing to test."""

    def status(self) -> Status: ...

    def set_mode(self, mode: str) -> Answer:
        """Set the license mode: hcs or enterprise (VirtualAccount.LicenseMode). May restart the publisher."""

    def set_transport(self, transport: Transport) -> Answer: ...

    def register(self, token_text: str) -> Answer: ...

    def deregister(self) -> Answer: ...
