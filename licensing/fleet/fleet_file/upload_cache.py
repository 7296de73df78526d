"""Keep a file between its preview and its import, for the user who chose it. The page holds only its key."""

import secrets

from django.core.cache import cache

KEEP_SECONDS = 60 * 60


def keep(user_id: int, text: str) -> str:
    key = secrets.token_urlsafe(12)
    cache.set(_cache_key(key), {"user_id": user_id, "text": text}, KEEP_SECONDS)
    return key


def find(user_id: int, key: str) -> str | None:
    """Return the text; None when it has expired, or when another user chose it."""
    kept = cache.get(_cache_key(key))
    return str(kept["text"]) if kept and kept["user_id"] == user_id else None


def forget(key: str) -> None:
    cache.delete(_cache_key(key))


def _cache_key(key: str) -> str:
    return f"fleet-file-{key}"
