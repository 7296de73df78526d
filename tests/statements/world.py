"""A partner with two customers, whose history is recorded since 3 June 2026."""

from dataclasses import dataclass
from datetime import UTC, date, datetime

from licensing.accounts.models import SmartAccount
from licensing.fleet.models import Cluster, Customer
from licensing.history.recording import record
from licensing.mirror.models import InstanceUsage, License, ProductInstance, Subscription
from people.audit import Actor
from people.models import User
from tests import factories as make

BEGIN = datetime(2026, 6, 3, 9, tzinfo=UTC)
GROWTH = datetime(2026, 6, 20, 9, tzinfo=UTC)
JUNE = (date(2026, 6, 1), date(2026, 6, 30))
ENHANCED, BASIC = "HCS UCM Enhanced License (12.x)", "HCS UCM Basic License (12.x)"


@dataclass
class World:
    account: SmartAccount
    harbor: Customer
    meadow: Customer
    cluster: Cluster

    @property
    def actor(self) -> Actor:
        owner = User.objects.get(role="operator")
        return Actor(owner, owner.email)


def make_world(marker: str = "") -> World:
    """Harbor owns 100 Enhanced, uses 80 and from 20 June on 130; Meadow owns and uses 7 Basic."""
    account = make.make_smart_account(domain=f"{marker}account.example", last_synced_at=BEGIN)
    pool = make.make_virtual_account(smart_account=account, name=f"{marker}Operations")
    harbor, meadow = (make.make_customer(name=f"{marker}{name}") for name in ("Harbor", "Meadow"))
    cluster = make.make_cluster(customer=harbor, name=f"{marker}Harbor North")
    other = make.make_cluster(customer=meadow, name=f"{marker}Meadow One")
    for name, subscription, owner, quantity in ((ENHANCED, "Sub-H", harbor, 100), (BASIC, "Sub-M", meadow, 7)):
        license_ = make.make_license(virtual_account=pool, name=name, quantity=quantity, in_use=quantity)
        make.make_line(license=license_, subscription_id=subscription, quantity=quantity, end=date(2027, 3, 31))
        Subscription.objects.create(
            smart_account=account, subscription_id=subscription, customer=owner, license_model="named_user"
        )
    instance = make.make_instance({ENHANCED: 80}, virtual_account=pool, cluster=cluster)
    make.make_instance({BASIC: 7}, virtual_account=pool, cluster=other)
    record([account.pk], BEGIN)
    grow(account, instance, 130, GROWTH)
    return World(account, harbor, meadow, cluster)


def grow(account: SmartAccount, instance: ProductInstance, quantity: int, at: datetime) -> None:
    InstanceUsage.objects.filter(product_instance=instance).update(quantity=quantity)
    License.objects.filter(name=ENHANCED).update(in_use=quantity, available=100 - quantity, status="out_of_compliance")
    record([account.pk], at)
