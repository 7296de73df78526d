"""A new partner, ready to sign in."""

import secrets
from typing import Any

from django.core.management.base import CommandParser

from tenants.commands import PortalCommand
from tenants.provisioning import NewPartner, check_password, create_partner


class Command(PortalCommand):
    help = "Makes a partner with its schema, its domain and its first owner."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("schema", help="2 to 48 lower-case letters, digits and underscores.")
        parser.add_argument("--name", required=True, help="How people call the partner.")
        parser.add_argument("--domain", required=True, help="Host name, without port.")
        parser.add_argument("--owner-email", required=True)
        parser.add_argument("--owner-password", help="Without it, one is made and printed once.")

    def handle(self, *args: Any, **options: Any) -> None:
        password = options["owner_password"] or secrets.token_urlsafe(12)
        if options["owner_password"]:
            check_password(password)
        new = NewPartner(
            schema=options["schema"],
            name=options["name"],
            domain=options["domain"].lower().rstrip("."),
            owner_email=options["owner_email"].strip().lower(),
        )
        create_partner(new, password)
        self.say(f"Partner {new.name} is ready on {new.domain}; its owner is {new.owner_email}.")
        if not options["owner_password"]:
            self.say("The owner's password, shown this once, is on standard output.")
            self.stdout.write(password)
