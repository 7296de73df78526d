"""Channels that do not work, for every page: in the cache, so that no page asks the database for it."""

from typing import Any

from django.core.cache import cache
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject
from redis.exceptions import RedisError

from licensing.channels.models import Channel

KEY = "notify-dead"


def remember() -> None:
    """Note which enabled channels are dead; after each change of theirs, and at every delivery run."""
    names = Channel.objects.filter(enabled=True).exclude(dead_since=None).values_list("name", flat=True)
    try:
        cache.set(KEY, list(names), timeout=None)
    except RedisError:
        return  # the next delivery run writes it


def warnings(request: HttpRequest) -> dict[str, Any]:
    """Template context: `dead_channels`, their names."""
    return {"dead_channels": SimpleLazyObject(_names)}


def _names() -> list[str]:
    try:
        names: list[str] = cache.get(KEY) or []
    except RedisError:
        return []
    return names
