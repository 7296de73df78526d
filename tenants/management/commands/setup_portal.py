"""Set up the portal on empty servers. The command is safe to run again at each start."""

from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import CommandParser
from django.db import connection

from tenants.commands import PortalCommand, Refused
from tenants.models import Partner
from tenants.provisioning import NewPartner, create_partner

PROVIDER_DOMAINS = ("localhost", "127.0.0.1")
DEMO_PASSWORD = "demo"  # noqa: S105 - the demo's, said so on its sign-in page
EARLIER_TABLE = "licensing_smartaccount"
EARLIER_VERSION = (
    "This database was set up by a version before the first release, and its data cannot be taken over: delete the "
    "folder .local, or name an empty database in DATABASE_URL, and start again."
)


class Command(PortalCommand):
    help = "Migrates every schema. With --demo, creates the provider and demo partners if no partner exists."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--demo", action="store_true", help="Create the demo if no partner exists.")
        parser.add_argument("--emulator-url", default="", help="Write this address into the demo's license servers.")

    def handle(self, *args: Any, **options: Any) -> None:
        _refuse_earlier_version()
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


def _refuse_earlier_version() -> None:
    """Refuse a database whose tables still have the names from before the first release."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT FROM pg_tables WHERE tablename = %s)", [EARLIER_TABLE])
        if cursor.fetchone()[0]:
            raise Refused(EARLIER_VERSION)
