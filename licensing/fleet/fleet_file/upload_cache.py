"""A file between its preview and its import: kept for a while, for who has chosen it. A page holds its key alone."""

import secrets

from django.core.cache import cache

KEEP_SECONDS = 60 * 60


def keep(user_id: int, text: str) -> str:
    key = secrets.token_urlsafe(12)
    cache.set(_name(key), {"user_id": user_id, "text": text}, KEEP_SECONDS)
    return key


def find(user_id: int, key: str) -> str | None:
    """None when it is over, or was chosen by somebody else."""
    kept = cache.get(_name(key))
    return str(kept["text"]) if kept and kept["user_id"] == user_id else None


def forget(key: str) -> None:
    cache.delete(_name(key))


def _name(key: str) -> str:
    return f"fleet-file-{key}"
