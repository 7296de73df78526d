"""Create the provider's schema, host and first member of staff on an installation without the demo."""

from typing import Any

from django.conf import settings
from django.core.management.base import CommandParser

from tenants.commands import NewSchemaCommand
from tenants.models import Partner


class Command(NewSchemaCommand):
    help = "Creates the provider: its schema, the host name of its admin site, and a first member of staff."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--name", default="Provider")
        super().add_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        new = self.create(settings.PROVIDER_SCHEMA, options, Partner.Kind.PROVIDER, superuser=True)
        self.say(f"The provider's admin site is ready on {new.domain}. Sign in as {new.owner_email}.")
