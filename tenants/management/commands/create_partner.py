"""A new partner, ready to sign in."""

from typing import Any

from django.core.management.base import CommandParser

from tenants.commands import NewSchemaCommand


class Command(NewSchemaCommand):
    help = "Makes a partner with its schema, its domain and its first owner."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("schema", help="2 to 48 lower-case letters, digits and underscores.")
        parser.add_argument("--name", required=True, help="How people call the partner.")
        super().add_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        new = self.create(options["schema"], options)
        self.say(f"Partner {new.name} is ready on {new.domain}; its owner is {new.owner_email}.")
