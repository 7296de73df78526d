"""Create the demo's partners, with users, smart accounts and their first syncs."""

from typing import Any

from django.core.management.base import CommandParser
from django.utils import timezone
from django_tenants.utils import tenant_context

from licensing.accounts import schedules
from licensing.accounts.models import SmartAccount
from licensing.alerts import evaluation
from licensing.demo import history, partner, purchases
from licensing.fleet import matching
from licensing.mirror.models import SyncRun
from licensing.mirror.sync import runs
from licensing.operations import syncing
from people.audit import Actor
from people.models import Role, User
from tenants.commands import PortalCommand
from tenants.provisioning import NewPartner, create_partner

PARTNERS = (("acme", "Acme Communications"), ("globex", "Globex Hosted Voice"))
PASSWORD = "demo"  # noqa: S105 - the demo's; `make run` prints it


class Command(PortalCommand):
    help = "Creates the demo's partners. `manage.py setup_portal --demo` calls this."

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
        partner.add_channel(f"{schema}.example")
        account = partner.connect(emulator_url, f"{schema}.example", name)
        if self.run_first_sync(account):
            partner.settle(account)
            matching.match_clusters()
            history.write(account)
            purchases.add_prices(account, timezone.now(), Actor(None, f"owner@{schema}.example"))
            self.furnish_on_prem(schema, name)
            matching.match_clusters()
            evaluation.evaluate()
        schedules.plan_sync(account, soon=True)

    def furnish_on_prem(self, schema: str, name: str) -> None:
        local = partner.connect_on_prem(name)
        if local is None:
            return
        if self.run_first_sync(local):
            owner = f"owner@{schema}.example"
            partner.settle_on_prem(local, owner)
            now = timezone.now()
            purchases.map_subscriptions(local, now)
            purchases.enter_orders(local, now, Actor(None, owner))
        schedules.plan_sync(local, soon=True)

    def run_first_sync(self, account: SmartAccount) -> bool:
        """Run the first sync. Returns False if it fails; the demo then starts without the account's figures."""
        run, _ = runs.request(account, "demo")
        run = syncing.run_sync(run)
        if run.status == SyncRun.Status.SUCCEEDED:
            return True
        self.say(f"{account}: {run.cause} The demo starts without its figures.")
        return False
