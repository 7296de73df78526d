"""Keep the cache of content types apart for each schema.

Django keeps one process-wide cache of content types, and django-tenants empties it at each switch. Two threads in two
partners then read each other's ids (this was reproduced). The cache here is keyed by schema and stays.
"""

from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.db import connections


class SchemaKeyedCache(dict[Any, dict[Any, ContentType]]):
    """Keep the mapping alias -> {key: content type} that Django expects, apart for each schema."""

    def _key(self, alias: str) -> tuple[str, str]:
        return alias, connections[alias].schema_name

    def __getitem__(self, alias: str) -> dict[Any, ContentType]:
        return super().__getitem__(self._key(alias))

    def setdefault(self, alias: str, default: Any = None) -> dict[Any, ContentType]:
        return super().setdefault(self._key(alias), {} if default is None else default)

    def clear(self) -> None:
        """Do nothing. django-tenants calls this at each switch, also while another thread works."""

    def forget(self, schema: str) -> None:
        """Forget the content types of a schema that is created anew or dropped."""
        for key in [key for key in self if key[1] == schema]:
            del self[key]


def key_content_types_by_schema() -> None:
    ContentType.objects._cache = SchemaKeyedCache()  # type: ignore[attr-defined]


def forget_content_types(schema: str) -> None:
    ContentType.objects._cache.forget(schema)  # type: ignore[attr-defined]
