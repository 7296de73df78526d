"""Create an API token and print it once."""

from typing import Any

from django.core.management.base import CommandParser

from people import audit
from people.models import ApiToken, Scope, User
from tenants.commands import PartnerCommand, Refused


class Command(PartnerCommand):
    help = "Creates an API token for a user of a partner and prints its text once."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--user", required=True, help="The user's email address.")
        parser.add_argument("--name", required=True, help="What the token is for.")
        parser.add_argument("--scope", required=True, choices=Scope.values)

    def handle_partner(self, **options: Any) -> None:
        user = User.objects.filter(email__iexact=options["user"], is_active=True).first()
        if user is None:
            raise Refused(f"There is no active user {options['user']!r} at this partner.")
        if not options["name"].strip():
            raise Refused("Enter a name that says what the token is for.")
        token, text = ApiToken.issue(user, options["name"].strip()[:100], options["scope"])
        audit.record(audit.Actor(None, "command line"), "created", token)
        self.stdout.write(text)
