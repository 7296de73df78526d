"""What a page asks a worker to do at Cisco and waits for: kept for minutes in the cache, told to who asked, once.

Pages do not wait for Cisco; a page that needs its answer polls an errand. No secret is in it, only the row's id.
"""

import secrets
from dataclasses import asdict, dataclass, replace

from django.core.cache import cache

KEEP_SECONDS = 15 * 60
LOOK_FIRST = "Start a sync and look at what Cisco lists before you try again."


@dataclass(frozen=True, slots=True)
class Errand:
    """`state`: waiting, begun, done or failed. `row_id`: what it made. `message`, `next_step`: why it failed."""

    key: str
    user_id: int
    what: str
    state: str = "waiting"
    row_id: int = 0
    message: str = ""
    next_step: str = ""


def begin(user_id: int, what: str) -> Errand:
    return _put(Errand(secrets.token_urlsafe(12), user_id, what))


def start(key: str) -> Errand | None:
    """For the worker: the errand to run, None where it is over.

    One that was begun and not finished is failed: its worker died, and a write to Cisco is not repeated blindly.
    """
    errand = find(key)
    if errand is None or errand.state in {"done", "failed"}:
        return None
    if errand.state == "begun":
        failed(key, "The worker ended before Cisco's answer was written down, so the outcome is not known.", LOOK_FIRST)
        return None
    return _put(replace(errand, state="begun"))


def done(key: str, row_id: int) -> None:
    if errand := find(key):
        _put(replace(errand, state="done", row_id=row_id))


def failed(key: str, message: str, next_step: str) -> None:
    if errand := find(key):
        _put(replace(errand, state="failed", message=message, next_step=next_step))


def find(key: str) -> Errand | None:
    kept = cache.get(f"errand-{key}")
    return Errand(**kept) if kept else None


def waits(errand: Errand) -> bool:
    return errand.state in {"waiting", "begun"}


def take(errand: Errand) -> bool:
    """Whether this caller is the one who gets the answer: true once."""
    return bool(cache.delete(f"errand-{errand.key}"))


def _put(errand: Errand) -> Errand:
    cache.set(f"errand-{errand.key}", asdict(errand), KEEP_SECONDS)
    return errand
