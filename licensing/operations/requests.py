"""Requests to Cisco: what a user can ask a worker to do there, and what became of it.

Pages and REST never call Cisco. They start a request and read its state, which the cache keeps for minutes, for the
user who asked. A request holds no secret, only the id of the row that was made. To add an action, declare it below.
"""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from time import monotonic, sleep
from typing import Any

from django.core.cache import cache
from django.core.exceptions import ObjectDoesNotExist
from django.db.models import Model, QuerySet

from kit.broker import BrokerUnavailable, send
from kit.refusals import Refusal
from licensing.accounts.models import SmartAccount
from licensing.cisco.errors import CssmError, CssmRefused, CssmUnavailable
from licensing.mirror import tokens
from licensing.mirror.models import ProductInstance, RegistrationToken, VirtualAccount
from licensing.operations import product_instances, syncing, virtual_accounts
from people.audit import Actor
from people.models import User

CARRY_OUT = "licensing.operations.tasks.carry_out_request"
KEEP_SECONDS = 15 * 60
POLL_SECONDS = 0.1
STATES = ("waiting", "begun", "done", "failed")
LOOK_FIRST = "Start a sync and look at what Cisco lists before you try again."


@dataclass(frozen=True, slots=True)
class Failure:
    """The reason of a failure. `kind`: refused (by the portal), rejected (by Cisco), unavailable or internal."""

    kind: str = ""
    message: str = ""
    next_step: str = ""
    field: str = ""
    blockers: tuple[str, ...] = ()
    steps: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CiscoRequest:
    """One request of one user. `what`: the action's name. `state`: one of STATES. `row_id`: what was made, or 0."""

    key: str
    user_id: int
    what: str
    state: str = "waiting"
    row_id: int = 0
    failure: Failure = field(default_factory=Failure)

    @property
    def waits(self) -> bool:
        return self.state in {"waiting", "begun"}

    @property
    def message(self) -> str:
        return self.failure.message

    @property
    def next_step(self) -> str:
        return self.failure.next_step


@dataclass(frozen=True, slots=True)
class Action:
    """Something that a worker does at Cisco. Its arguments go by name, and rows among them by id.

    `rows`: which arguments are rows, and where a worker finds them. `check` raises Refusal before anything is queued.
    `carry_out` takes the actor too, writes to Cisco, and returns the row that it made, if any. `afterwards` follows
    whatever became of it. `reveal` returns the text of the row that was made, for showing it once.
    """

    name: str
    rows: Mapping[str, QuerySet[Any]]
    check: Callable[..., object]
    carry_out: Callable[..., Model | None]
    afterwards: Callable[..., None] = lambda **_: None
    reveal: Callable[[int], str] = lambda _: ""

    def pack(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Return the arguments as a message carries them."""
        return {name: value.pk if name in self.rows else value for name, value in arguments.items()}

    def unpack(self, packed: dict[str, Any]) -> dict[str, Any]:
        """Find the rows again. Raises ObjectDoesNotExist."""
        return {name: self.rows[name].get(pk=value) if name in self.rows else value for name, value in packed.items()}


ACTIONS: dict[str, Action] = {}


def register(action: Action) -> Action:
    ACTIONS[action.name] = action
    return action


def start(user: User, action: Action, **arguments: Any) -> CiscoRequest:
    """Check the arguments and hand the request to a worker. Raises Refusal and BrokerUnavailable."""
    action.check(**arguments)
    asked = _keep(CiscoRequest(secrets.token_urlsafe(12), user.pk, action.name))
    send(CARRY_OUT, asked.key, action.name, action.pack(arguments), undo=lambda: forget(asked))
    return asked


def find(key: str) -> CiscoRequest | None:
    kept = cache.get(_address(key))
    return CiscoRequest(**{**kept, "failure": Failure(**kept["failure"])}) if kept else None


def wait(asked: CiscoRequest, seconds: float) -> CiscoRequest:
    """Wait for the worker, not for Cisco, at most so long. Returns the request as it is then."""
    end = monotonic() + seconds
    while asked.waits and monotonic() < end:
        sleep(POLL_SECONDS)
        asked = find(asked.key) or asked
    return asked


def forget(asked: CiscoRequest) -> None:
    cache.delete(_address(asked.key))


def reveal_once(asked: CiscoRequest) -> str:
    """Return the secret text of what was made to the first who asks for it, and "" to everybody after."""
    if asked.state != "done" or not asked.row_id or not cache.add(_address(asked.key, "shown"), True, KEEP_SECONDS):
        return ""
    return ACTIONS[asked.what].reveal(asked.row_id)


def error_of(asked: CiscoRequest) -> Refusal | CssmError | None:
    """Return the error that stopped it, as the caller would have met it; None for an error of the portal itself."""
    failure = asked.failure
    if failure.kind == "refused":
        return Refusal(failure.message, failure.next_step, failure.field, failure.blockers, failure.steps)
    if failure.kind == "rejected":
        return CssmRefused("rejected", failure.message, failure.next_step)
    return CssmUnavailable(failure.message, failure.next_step) if failure.kind == "unavailable" else None


# --- for the worker ---


def carry_out(key: str, name: str, packed: dict[str, Any]) -> None:
    """Do it in the name of the user who asked. A message that comes twice finds its request over."""
    asked, action = find(key), ACTIONS[name]
    if asked is None or not asked.waits:
        return
    try:
        arguments = action.unpack(packed)
    except ObjectDoesNotExist:
        _fail(key, Failure("refused", "What this was about is no longer in the portal.", "Nothing was sent to Cisco."))
        return
    try:
        if take_up(key):
            _write(asked, action, arguments)
    finally:
        action.afterwards(**arguments)


def take_up(key: str) -> CiscoRequest | None:
    """Begin a request that waits; None where it is over.

    One that was begun and not finished is failed: its worker died, and a write to Cisco is not repeated blindly.
    """
    asked = find(key)
    if asked is None or not asked.waits:
        return None
    if cache.add(_address(key, "begun"), True, KEEP_SECONDS):
        return _keep(replace(asked, state="begun"))
    lost = "The worker ended before Cisco's answer was written down, so the outcome is not known."
    _fail(key, Failure("unavailable", lost, LOOK_FIRST))
    return None


def _write(asked: CiscoRequest, action: Action, arguments: dict[str, Any]) -> None:
    try:
        user = User.objects.get(pk=asked.user_id)
        row = action.carry_out(Actor(user, user.email), **arguments)
    except (CssmError, Refusal) as error:
        _fail(asked.key, _failure_of(error))
    except Exception:
        _fail(asked.key, Failure("internal", "An error of the portal stopped this.", LOOK_FIRST))
        raise
    else:
        _keep(replace(asked, state="done", row_id=row.pk if row else 0))


def _failure_of(error: CssmError | Refusal) -> Failure:
    if isinstance(error, Refusal):
        blockers, steps = tuple(error.blockers), tuple(error.steps)
        return Failure("refused", error.message, error.next_step, error.field, blockers, steps)
    kind = "rejected" if isinstance(error, CssmRefused) else "unavailable"
    return Failure(kind, error.message, error.next_step)


def _fail(key: str, failure: Failure) -> None:
    if asked := find(key):
        _keep(replace(asked, state="failed", failure=failure))


def _keep(asked: CiscoRequest) -> CiscoRequest:
    cache.set(_address(asked.key), asdict(asked), KEEP_SECONDS)
    return asked


def _address(key: str, mark: str = "") -> str:
    return f"cisco-request-{key}-{mark}" if mark else f"cisco-request-{key}"


# --- what can be asked ---

ACCOUNTS = SmartAccount.objects.select_related("license_server")
POOLS = VirtualAccount.objects.select_related("smart_account__license_server")
TOKENS = RegistrationToken.objects.select_related("virtual_account__smart_account__license_server")
INSTANCES = ProductInstance.objects.select_related("virtual_account__smart_account__license_server")


def _token_text(token_id: int) -> str:
    token = RegistrationToken.objects.filter(pk=token_id).first()
    return tokens.text_of(token) if token else ""


def _sync_after(instance: ProductInstance, **_: Any) -> None:
    """Start a sync, so that the mirror shows soon what became of a write. An absent broker takes nothing back."""
    try:
        syncing.start_sync(instance.virtual_account.smart_account, "portal")
    except (Refusal, BrokerUnavailable):
        return


CREATE_TOKEN = register(
    Action(
        "create",
        {"virtual_account": POOLS},
        lambda virtual_account, expires_after_days, **_: tokens.check_creation(virtual_account, expires_after_days),
        lambda actor, **asked: tokens.create(actor, **asked)[0],
        reveal=_token_text,
    )
)
REVOKE_TOKEN = register(Action("revoke", {"token": TOKENS}, tokens.check_revocation, tokens.revoke))
REMOVE_INSTANCE = register(
    Action("remove", {"instance": INSTANCES}, product_instances.check_removal, product_instances.remove, _sync_after)
)
REPLACE_INSTANCE = register(
    Action(
        "replace",
        {"instance": INSTANCES, "successor": INSTANCES},
        product_instances.check_replacement,
        product_instances.replace,
        _sync_after,
    )
)
TRANSFER_INSTANCE = register(
    Action(
        "transfer",
        {"instance": INSTANCES, "target": POOLS},
        product_instances.check_transfer,
        product_instances.transfer,
        _sync_after,
    )
)
CREATE_VIRTUAL_ACCOUNT = register(
    Action(
        "create_virtual_account",
        {"account": ACCOUNTS},
        lambda account, name, **_: virtual_accounts.check_creation(account, name),
        virtual_accounts.create,
    )
)
DELETE_VIRTUAL_ACCOUNT = register(
    Action("delete_virtual_account", {"pool": POOLS}, virtual_accounts.check_deletion, virtual_accounts.delete)
)
