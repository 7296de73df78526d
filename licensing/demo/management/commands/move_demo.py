"""Write the emulator's new address into the demo's license servers."""

from typing import Any

from django.core.management.base import CommandParser
from django_tenants.utils import tenant_context

from licensing.demo import partner as demo
from licensing.demo.management.commands.make_demo import PARTNERS
from tenants.commands import PortalCommand
from tenants.models import Partner


class Command(PortalCommand):
    help = "Writes the emulator's present address into the demo's license servers."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("emulator_url")

    def handle(self, *args: Any, **options: Any) -> None:
        demo_partners = Partner.objects.partners().filter(
            ready=True, schema_name__in=[schema for schema, _ in PARTNERS]
        )
        for partner in demo_partners:
            with tenant_context(partner):
                demo.move(options["emulator_url"])
