"""Find the servers that `make run` has started, and the keys of this folder, without importing Django."""

import base64
import json
import os
import secrets
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from portal.local.files import write_new, write_private


@dataclass(frozen=True)
class Urls:
    database_url: str
    redis_url: str


@dataclass(frozen=True)
class Keys:
    django_secret_key: str
    field_keys: dict[str, str]  # key id -> 32 bytes in base64


def state_file(root: Path) -> Path:
    return root / ".local" / "servers.json"


def find_urls(root: Path) -> Urls | None:
    """Return the servers of a `make run` that is alive. A killed one leaves a file whose addresses do not answer."""
    try:
        found = json.loads(state_file(root).read_text())
        return Urls(found["database_url"], found["redis_url"]) if is_alive(found["pid"]) else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def write_state(root: Path, urls: Urls, emulator_url: str, pids: dict[str, int]) -> None:
    state = {**asdict(urls), "emulator_url": emulator_url, "pid": os.getpid(), "pids": pids}
    write_private(state_file(root), json.dumps(state, indent=2))


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True  # the process of another user
    return True


def load_or_make_keys(root: Path) -> Keys:
    """Read the keys, or create them once. A damaged file is never replaced: sealed secrets would be lost for good.

    Raises SystemExit, because settings call this: every program that reads them then ends with a sentence and status 1.
    """
    path = root / ".local" / "keys.json"
    try:
        if not path.exists() or not path.stat().st_size:
            _make_keys(path)
        return _read_keys(path)
    except OSError as error:
        raise SystemExit(
            f"Cannot read or write {path}: {error.strerror}. Give this user access to it,"
            " or set PORTAL_SECRET_KEY and PORTAL_FIELD_KEYS."
        ) from None
    except (ValueError, KeyError, TypeError):
        raise SystemExit(
            f"{path} is damaged. It opens the secrets in the database. Put back a copy of it,"
            " or remove all of .local/ to start anew."
        ) from None


def _read_keys(path: Path) -> Keys:
    found = json.loads(path.read_text())
    keys = Keys(found["django_secret_key"], dict(found["field_keys"]))
    if not keys.django_secret_key or not keys.field_keys:
        raise ValueError
    return keys


def _make_keys(path: Path) -> None:
    keys = Keys(secrets.token_urlsafe(50), {"k1": base64.b64encode(os.urandom(32)).decode()})
    path.parent.mkdir(exist_ok=True)
    with suppress(FileNotFoundError):
        if not path.stat().st_size:
            path.unlink()  # created, never filled
    write_new(path, json.dumps(asdict(keys), indent=2))
