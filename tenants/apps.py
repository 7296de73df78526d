"""Configure the shared app: the registry of partners and their domains, in the public schema."""

from django.apps import AppConfig


class TenantsConfig(AppConfig):
    name = "tenants"
    verbose_name = "Registry"

    def ready(self) -> None:
        from tenants.content_types import key_content_types_by_schema  # noqa: PLC0415 - needs the loaded models

        key_content_types_by_schema()
