"""A partner to measure with, on the servers of this run."""

import django
from django.core.management import call_command

SCHEMA = "bench"


def make_partner() -> None:
    django.setup()
    call_command("setup_portal")
    from tenants.models import Partner  # noqa: PLC0415 - Django must be set up before models are imported
    from tenants.provisioning import NewPartner, create_partner  # noqa: PLC0415 - the same

    if not Partner.objects.filter(schema_name=SCHEMA).exists():
        create_partner(NewPartner(SCHEMA, "Bench", "bench.localhost", "owner@bench.example"), "bench-pass-1")


def enter_partner() -> None:
    from django.db import connection  # noqa: PLC0415 - the same

    from tenants.models import Partner  # noqa: PLC0415 - the same

    connection.set_tenant(Partner.objects.get(schema_name=SCHEMA))
