"""Everything between empty servers and a portal that answers. Safe to run again at each start."""

from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import CommandParser
from django.db import connection

from tenants.commands import PortalCommand
from tenants.models import Partner
from tenants.provisioning import NewPartner, create_partner

PROVIDER_DOMAINS = ("localhost", "127.0.0.1")
DEMO_PASSWORD = "demo"  # noqa: S105 - the demo's, said so on its sign-in page


class Command(PortalCommand):
    help = "Migrates every schema and, with --demo, makes provider and demo partners where no partner exists."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--demo", action="store_true", help="Make the demo where no partner exists.")
        parser.add_argument("--emulator-url", default="", help="Write this address into the demo's license servers.")

    def handle(self, *args: Any, **options: Any) -> None:
        # Two of these at once (two web hosts at a deployment) wait for each other.
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(hashtext('setup_portal'))")
        call_command("migrate_schemas", shared=True, interactive=False, verbosity=0)
        connection.set_schema_to_public()
        if Partner.objects.exists():
            call_command("migrate_schemas", tenant=True, interactive=False, verbosity=0)
        connection.set_schema_to_public()
        if options["demo"] and not Partner.objects.exists():
            self._make_provider()
            call_command("make_demo", emulator_url=options["emulator_url"], stderr=self.stderr)
        elif options["emulator_url"]:
            call_command("move_demo", options["emulator_url"], stderr=self.stderr)

    def _make_provider(self) -> None:
        new = NewPartner(
            schema=settings.PROVIDER_SCHEMA,
            name="Provider",
            domain=PROVIDER_DOMAINS[0],
            owner_email="provider@portal.example",
            kind=Partner.Kind.PROVIDER,
        )
        provider = create_partner(new, DEMO_PASSWORD, superuser=True)
        for domain in PROVIDER_DOMAINS[1:]:
            provider.domains.create(domain=domain, is_primary=False)
