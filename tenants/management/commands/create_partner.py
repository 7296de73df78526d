"""Create a partner whose owner can sign in at once."""

from typing import Any

from django.core.management.base import CommandParser

from tenants.commands import NewSchemaCommand


class Command(NewSchemaCommand):
    help = "Creates a partner with its schema, its domain and its first owner."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("schema", help="2 to 48 lower-case letters, digits and underscores.")
        parser.add_argument("--name", required=True, help="The partner's name, as people read it.")
        super().add_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        new = self.create(options["schema"], options)
        self.say(f"Partner {new.name} is ready on {new.domain}. Its owner is {new.owner_email}.")
