"""The provider's own schema, host and first member of staff, on an installation without the demo."""

import secrets
from typing import Any

from django.conf import settings
from django.core.management.base import CommandParser

from tenants.commands import PortalCommand
from tenants.models import Partner
from tenants.provisioning import NewPartner, check_password, create_partner


class Command(PortalCommand):
    help = "Makes the provider: its schema, its host name and a first member of staff."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--name", default="Provider")
        parser.add_argument("--domain", required=True, help="Host name of the provider's admin site, without port.")
        parser.add_argument("--owner-email", required=True)
        parser.add_argument("--owner-password", help="Without it, one is made and printed once.")

    def handle(self, *args: Any, **options: Any) -> None:
        password = options["owner_password"] or secrets.token_urlsafe(12)
        if options["owner_password"]:
            check_password(password)
        new = NewPartner(
            schema=settings.PROVIDER_SCHEMA,
            name=options["name"],
            domain=options["domain"].lower().rstrip("."),
            owner_email=options["owner_email"].strip().lower(),
            kind=Partner.Kind.PROVIDER,
        )
        create_partner(new, password, superuser=True)
        self.say(f"The provider's admin site is ready on {new.domain}; sign in as {new.owner_email}.")
        if not options["owner_password"]:
            self.say("The password, shown this once, is on standard output.")
            self.stdout.write(password)
