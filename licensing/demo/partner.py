"""Furnish one demo partner: license server and smart account, and after the first sync its fleet."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import Count
from django.utils import timezone

from licensing.accounts.models import LicenseServer, SmartAccount
from licensing.allocation.license_names import CURRENT, Side
from licensing.assignments.models import Assignment
from licensing.channels.models import Channel
from licensing.cisco.emulator.plan import plan_of
from licensing.fleet.models import Cluster, ClusterAccess, Customer, Node, Proxy
from licensing.fleet.transport import TRANSPORT_GATEWAY
from licensing.mirror.models import InstanceUsage, ProductInstance, VirtualAccount

SERVER, ON_PREM = "CSSM (emulator)", "On-Prem (emulator)"
PUBLISHERS = "/publishers/"  # of the emulator, followed by a host name
AXL_USER, AXL_PASSWORD = "axl-demo", "axl-secret"  # the emulator's
APPLICATIONS = {
    "cucm": Cluster.Application.CUCM,
    "cuc": Cluster.Application.CUC,
    "cer": Cluster.Application.CER,
    "expc": Cluster.Application.EXPRESSWAY_C,
}
# `cucm-pub.harbor.example` is Harbor's Unified CM, `cucm-east-pub.harbor.example` that of its site in the east, and
# `expc-1.harbor.example` a node of its Expressway-C.
HOST = re.compile(r"(?P<product>cucm|cuc|cer|expc)(?:-(?P<site>[a-z]+))?-(?:pub|\d)\.(?P<customer>[a-z]+)\.example")
PURPOSES = {"va-hcs-ordered": "ordered", "va-hcs-operational": "operational"}
API_PATH = "/services/api/smart-accounts-and-licensing"
TOKEN_PATH = "/oauth2/default/v1/token"  # noqa: S105 - a path
ON_PREM_API_PATH, ON_PREM_TOKEN_PATH = "/api/v1", "/backend/oauth/token"
TAGS = (["north", "gold"], ["south"], ["north", "silver"], ["south", "gold"])  # of the customers, in turn
ONE_IN_PROXY = 3
# Age of clusters that are not registered yet, and of the On-Prem server's last sync with Cisco.
INSTALLED, ON_PREM_SYNCED = timedelta(days=12), timedelta(days=3)
ON_PREM_LIMIT = 10  # product instances of the demo's server
EXPRESSWAY_VERSION = "X14.3.5"


@dataclass(frozen=True, slots=True)
class Registered:
    """A product instance of the mirror, and what its host name says: customer, application and site."""

    instance: ProductInstance
    host_name: str
    application: Cluster.Application
    customer: str
    site: str
    deployment: str

    @property
    def cluster(self) -> tuple[str, str]:
        """Return the customer and the name of the cluster, which tell it apart."""
        return self.customer, " ".join(filter(None, (self.customer, str(self.application.label), self.site)))


def connect(emulator_url: str, domain: str, name: str) -> SmartAccount:
    server = LicenseServer.objects.create(
        name=SERVER,
        api_base_url=emulator_url + API_PATH,
        token_url=emulator_url + TOKEN_PATH,
        client_id="demo-client",
        client_secret="demo-secret",  # noqa: S106 - the emulator's
    )
    return SmartAccount.objects.create(license_server=server, domain=domain, name=name)


def add_channel(domain: str) -> Channel:
    """Add a channel of mails to the owner. Without a mail server, the local stack writes them to .local/mail/."""
    return Channel.objects.create(name="Mail to the owner", recipients=[f"owner@{domain}"], min_severity="major")


def move(emulator_url: str) -> None:
    """Write the emulator's address, which differs at each start, into servers and clusters."""
    LicenseServer.objects.filter(name=SERVER).update(
        api_base_url=emulator_url + API_PATH, token_url=emulator_url + TOKEN_PATH
    )
    LicenseServer.objects.filter(name=ON_PREM).update(
        api_base_url=emulator_url + ON_PREM_API_PATH, token_url=emulator_url + ON_PREM_TOKEN_PATH
    )
    accesses = list(ClusterAccess.objects.filter(username=AXL_USER, url__contains=PUBLISHERS))
    for access in accesses:
        access.url = emulator_url + PUBLISHERS + access.url.rpartition(PUBLISHERS)[2]
    ClusterAccess.objects.bulk_update(accesses, ["url"])


@transaction.atomic
def settle(account: SmartAccount) -> None:
    """Set purposes, and add customers, clusters and assignments for the products that the first sync found."""
    for name, purpose in PURPOSES.items():
        VirtualAccount.objects.filter(smart_account=account, name=name).update(purpose=purpose, license_mode="hcs")
    found = _registered(account)
    emulator_url = account.license_server.api_base_url.removesuffix(API_PATH)
    clusters = _add_clusters(found, "owner@" + account.domain)
    _add_accesses(clusters, emulator_url)
    if clusters:
        _add_unregistered()
        _add_on_prem(emulator_url, f"onprem.{account.domain}")


def connect_on_prem(name: str) -> SmartAccount | None:
    """Add the partner's local account on the On-Prem server of `settle`. Returns None if there is no server."""
    server = LicenseServer.objects.filter(name=ON_PREM).first()
    local = f"{name} On-Prem"  # as the emulator calls it
    return SmartAccount.objects.create(license_server=server, domain=local, name=local) if server else None


@transaction.atomic
def settle_on_prem(account: SmartAccount, started_by: str) -> None:
    """Add the clusters of a local account after its first sync, and assign them."""
    values = {"license_server": account.license_server, "managed_on_premise": True}
    _add_clusters(_registered(account), started_by, **values)


def _registered(account: SmartAccount) -> list[Registered]:
    """Return the products of which the host name says whose they are, in order. The ordered pool serves nobody."""
    plan = plan_of(account.domain)
    enterprise = {tag for family in CURRENT.families if family.side == Side.ENTERPRISE for tag in family.tags}
    used: dict[int, set[str]] = {}
    rows = InstanceUsage.objects.filter(product_instance__virtual_account__smart_account=account)
    for instance, name in rows.values_list("product_instance", "license_name"):
        used.setdefault(instance, set()).add(CURRENT.find(name) or name)
    instances = ProductInstance.objects.filter(virtual_account__smart_account=account).exclude(
        virtual_account__purpose="ordered"
    )
    found = []
    for instance in instances.order_by("host_name"):
        host = instance.host_name
        if plan and host == plan.demo.short_host:  # it registered without its domain
            host += f".{plan.demo.twins[1]}.example"
        match = HOST.fullmatch(host)
        if match:
            mode = (
                Cluster.Deployment.ENTERPRISE if used.get(instance.pk, set()) & enterprise else Cluster.Deployment.HCS
            )
            site = (match["site"] or "").title()
            application = APPLICATIONS[match["product"]]
            found.append(Registered(instance, host, application, match["customer"].title(), site, mode))
    return sorted(found, key=lambda one: one.host_name)


def _add_clusters(found: list[Registered], started_by: str, **values: Any) -> list[Cluster]:
    """Add customers, clusters with their nodes, and assignments to the pools in which they are registered."""
    customers = _add_customers(one.customer for one in found)
    by_cluster: dict[tuple[str, str], list[Registered]] = {}
    for one in found:
        by_cluster.setdefault(one.cluster, []).append(one)
    clusters = Cluster.objects.bulk_create(
        Cluster(
            customer=customers[customer],
            name=name,
            application=group[0].application,
            version=_version(group[0]),
            deployment=group[0].deployment,
            **values,
        )
        for (customer, name), group in by_cluster.items()
    )
    pairs = list(zip(clusters, by_cluster.values(), strict=True))
    Node.objects.bulk_create(node for cluster, group in pairs for node in _nodes(cluster, group))
    Assignment.objects.bulk_create(
        Assignment(
            cluster=cluster,
            virtual_account_id=group[0].instance.virtual_account_id,
            started_at=group[0].instance.registered_at or timezone.now(),
            started_by=started_by,
        )
        for cluster, group in pairs
    )
    for mode in (Cluster.Deployment.HCS, Cluster.Deployment.ENTERPRISE):
        held = Assignment.objects.filter(cluster__in=clusters, cluster__deployment=mode)
        VirtualAccount.objects.filter(pk__in=held.values("virtual_account"), license_mode="").update(license_mode=mode)
    return clusters


def _add_customers(names: Iterable[str]) -> dict[str, Customer]:
    """Return the customers of these names. New ones get tags in turn, and one in three gets a proxy."""
    known = {row.name: row for row in Customer.objects.all()}
    new = [name for name in dict.fromkeys(names) if name not in known]
    numbered = list(enumerate(new, len(known)))
    rows = Customer.objects.bulk_create(Customer(name=name, tags=TAGS[number % len(TAGS)]) for number, name in numbered)
    Proxy.objects.bulk_create(
        Proxy(customer=row, host=f"proxy.{row.name.lower()}.example", port=3128)
        for (number, _), row in zip(numbered, rows, strict=True)
        if number % ONE_IN_PROXY == 0
    )
    return known | {row.name: row for row in rows}


def _version(one: Registered) -> str:
    if one.application == Cluster.Application.EXPRESSWAY_C:
        return EXPRESSWAY_VERSION
    return "14.0.1" if len(one.customer) % 2 else "15.0.1"


def _nodes(cluster: Cluster, group: list[Registered]) -> list[Node]:
    """Return the nodes of a cluster, the publisher first. A subscriber does not register, but that of an Expressway."""
    hosts = [one.host_name for one in group]
    if not cluster.is_expressway:
        hosts = [hosts[0], hosts[0].replace("-pub.", "-sub1.")]
    return [
        Node(cluster=cluster, host_name=host, role=Node.Role.SUBSCRIBER if number else Node.Role.PUBLISHER)
        for number, host in enumerate(hosts)
    ]


def _add_accesses(clusters: list[Cluster], emulator_url: str) -> None:
    """Add access to the Unified CMs by AXL. The emulator plays their publishers."""
    publishers = Node.objects.filter(cluster__in=[cluster for cluster in clusters if cluster.has_axl], role="publisher")
    ClusterAccess.objects.bulk_create(
        ClusterAccess(
            cluster_id=node.cluster_id,
            method=ClusterAccess.Method.AXL,
            url=emulator_url + PUBLISHERS + node.host_name,
            username=AXL_USER,
            password=AXL_PASSWORD,
        )
        for node in publishers
    )


def _add_unregistered() -> None:
    """Add an Expressway pair that the cloud does not list, to show what its customer's proxy does to the transport."""
    with_proxy = Customer.objects.exclude(proxy=None).alias(number=Count("clusters"))
    customer = with_proxy.order_by("number", "pk").first()
    if customer is None:
        return
    for letter in "CE":
        application = Cluster.Application(f"expressway_{letter.lower()}")
        cluster = Cluster.objects.create(
            customer=customer,
            name=f"{customer} {application.label}",
            application=application,
            version=EXPRESSWAY_VERSION,
            installed_on=(timezone.now() - INSTALLED).date(),
        )
        for number in (1, 2):
            host = f"exp{letter.lower()}-{number}.{str(customer).lower()}.example"
            role = Node.Role.PUBLISHER if number == 1 else Node.Role.SUBSCRIBER
            Node.objects.create(cluster=cluster, host_name=host, role=role)


def _add_on_prem(emulator_url: str, host: str) -> None:
    """Add a server that is nearly full, and that was upgraded from version 6 with its old registration URL."""
    LicenseServer.objects.create(
        name=ON_PREM,
        kind=LicenseServer.Kind.ON_PREM,
        api_base_url=emulator_url + ON_PREM_API_PATH,
        token_url=emulator_url + ON_PREM_TOKEN_PATH,
        client_id="demo-client",
        client_secret="demo-secret",  # noqa: S106 - the emulator's
        version="8-202404",
        registration_url=f"https://{host}{TRANSPORT_GATEWAY}",
        on_prem_name=host,
        host_common_name=host,
        last_cloud_sync_at=timezone.now() - ON_PREM_SYNCED,
        instance_limit=ON_PREM_LIMIT,
    )
