"""Decide which tables exist in which schema, beyond the library's split into public and partner."""

from typing import Any

from django.apps import apps
from django.conf import settings
from django.db import connections


class ProviderRouter:
    """Keep licensing tables out of the provider's schema, so that licensing code fails there at once."""

    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool | None:
        licensing = apps.get_app_config(app_label).name.startswith("licensing.")
        if licensing and connections[db].schema_name == settings.PROVIDER_SCHEMA:
            return False
        return None
