"""The demo's partners, with people, one smart account each and its first sync."""

from typing import Any

from django.core.management.base import CommandParser
from django_tenants.utils import tenant_context

from licensing import alerts, demo, demo_history, matching, sync, tasks
from licensing.models import SyncRun
from people.models import Role, User
from tenants.commands import PortalCommand
from tenants.provisioning import NewPartner, create_partner

PARTNERS = (("acme", "Acme Communications"), ("globex", "Globex Hosted Voice"))
PASSWORD = "demo"  # noqa: S105 - the demo's, printed at its start


class Command(PortalCommand):
    help = "Makes the demo's partners. Part of `manage.py setup_portal --demo`."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--emulator-url", required=True)

    def handle(self, *args: Any, **options: Any) -> None:
        for schema, name in PARTNERS:
            new = NewPartner(schema, name, f"{schema}.localhost", f"owner@{schema}.example")
            with tenant_context(create_partner(new, PASSWORD)):
                self.furnish(schema, name, options["emulator_url"])

    def furnish(self, schema: str, name: str, emulator_url: str) -> None:
        for role in (Role.OPERATOR, Role.VIEWER):
            User.objects.create_user(f"{role}@{schema}.example", PASSWORD, role=role)
        demo.add_channel(f"{schema}.example")
        account = demo.connect(emulator_url, f"{schema}.example", name)
        run, _ = sync.request(account, "demo")
        run = sync.run(run)
        if run.status == SyncRun.Status.SUCCEEDED:
            demo.settle(account)
            demo_history.write(account)
            matching.match_clusters()
            alerts.evaluate()
        else:
            self.say(f"{schema}: {run.cause} The demo begins without figures.")
        tasks.plan_sync(account, soon=True)
