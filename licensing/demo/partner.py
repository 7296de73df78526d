"""Furnish one demo partner: license server and smart account, and after the first sync its fleet."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from licensing.accounts.models import LicenseServer, SmartAccount
from licensing.assignments.models import Assignment
from licensing.channels.models import Channel
from licensing.fleet.models import Cluster, ClusterAccess, Customer, Node, Proxy
from licensing.fleet.transport import TRANSPORT_GATEWAY
from licensing.mirror.models import ProductInstance, VirtualAccount

SERVER, ON_PREM = "CSSM (emulator)", "On-Prem (emulator)"
PUBLISHERS = "/publishers/"  # of the emulator, followed by a host name
AXL_USER, AXL_PASSWORD = "axl-demo", "axl-secret"  # the emulator's
APPLICATIONS = {"cucm": Cluster.Application.CUCM, "cuc": Cluster.Application.CUC, "cer": Cluster.Application.CER}
PURPOSES = {"va-hcs-ordered": "ordered", "va-hcs-operational": "operational"}
API_PATH = "/services/api/smart-accounts-and-licensing"
TOKEN_PATH = "/oauth2/default/v1/token"  # noqa: S105 - a path
ON_PREM_API_PATH, ON_PREM_TOKEN_PATH = "/api/v1", "/backend/oauth/token"
TAGS = (["north", "gold"], ["south"], ["north", "silver"], ["south", "gold"])  # of the customers, in turn
# Age of clusters that are not registered yet, and of the On-Prem server's last sync with Cisco.
INSTALLED, ON_PREM_SYNCED = timedelta(days=12), timedelta(days=3)
ON_PREM_LIMIT = 40  # product instances of the demo's server


@dataclass(frozen=True, slots=True)
class Publisher:
    """A host name tells all about a publisher: `cucm-pub.harbor.example` is Harbor's Unified CM."""

    host_name: str
    application: str
    customer: str


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
    """Set purposes, and add customers, clusters and assignments for the publishers that the first sync found."""
    for name, purpose in PURPOSES.items():
        VirtualAccount.objects.filter(smart_account=account, name=name).update(purpose=purpose, license_mode="hcs")
    instances = ProductInstance.objects.filter(
        virtual_account__smart_account=account, host_name__contains="-pub."
    ).exclude(virtual_account__purpose="ordered")
    emulator_url = account.license_server.api_base_url.removesuffix(API_PATH)
    for instance in instances.order_by("host_name"):
        publisher = _read_publisher(instance.host_name)
        cluster = _add_cluster(publisher)
        if cluster.application == Cluster.Application.CUCM:
            _add_access(cluster, emulator_url + PUBLISHERS + publisher.host_name)
        Assignment.objects.create(
            cluster=cluster, virtual_account_id=instance.virtual_account_id, started_by="owner@" + account.domain
        )
    VirtualAccount.objects.filter(assignments__isnull=False, license_mode="").update(license_mode="hcs")
    _add_unregistered(emulator_url, account.domain)


def connect_on_prem(name: str) -> SmartAccount | None:
    """Add the partner's local account on the On-Prem server of `settle`. Returns None if there is no server."""
    server = LicenseServer.objects.filter(name=ON_PREM).first()
    local = f"{name} On-Prem"  # as the emulator calls it
    return SmartAccount.objects.create(license_server=server, domain=local, name=local) if server else None


@transaction.atomic
def settle_on_prem(account: SmartAccount, started_by: str) -> None:
    """Assign clusters to the pools of their product instances, after the first sync of a local account."""
    for cluster in Cluster.objects.filter(license_server=account.license_server_id):
        hosts = list(cluster.nodes.values_list("host_name", flat=True))
        instance = ProductInstance.objects.filter(virtual_account__smart_account=account, host_name__in=hosts).first()
        if instance:
            VirtualAccount.objects.filter(pk=instance.virtual_account_id).update(license_mode="hcs")
            Assignment.objects.create(
                cluster=cluster, virtual_account_id=instance.virtual_account_id, started_by=started_by
            )


def _add_unregistered(emulator_url: str, domain: str) -> None:
    """Add clusters that the cloud does not list, to show what a proxy and an On-Prem server do to the transport.

    These are an Expressway pair behind its customer's proxy, and a cluster that registers with the On-Prem server.
    """
    with_proxy = Customer.objects.exclude(proxy=None).order_by("pk").first()
    if with_proxy:
        for letter in "CE":
            hosts = [f"exp{letter.lower()}-{number}" for number in (1, 2)]
            _add_new_cluster(with_proxy, Cluster.Application(f"expressway_{letter.lower()}"), hosts, version="X14.3.5")
    last = Customer.objects.order_by("pk").last()
    if last:
        server = _add_on_prem(emulator_url, f"onprem.{domain}")
        _add_new_cluster(
            last,
            Cluster.Application.CUCM,
            ["cucm-site"],
            name=f"{last} Unified CM On-Prem",
            version="14.0.1",
            license_server=server,
            managed_on_premise=True,
        )


def _add_new_cluster(customer: Customer, application: Cluster.Application, hosts: list[str], **values: Any) -> None:
    """Add a cluster that was installed lately. The first host is its publisher."""
    values = {"name": f"{customer} {application.label}", "installed_on": (timezone.now() - INSTALLED).date(), **values}
    cluster = Cluster.objects.create(customer=customer, application=application, **values)
    for number, host in enumerate(hosts):
        role = Node.Role.SUBSCRIBER if number else Node.Role.PUBLISHER
        Node.objects.create(cluster=cluster, host_name=f"{host}.{customer.name.lower()}.example", role=role)


def _add_on_prem(emulator_url: str, host: str) -> LicenseServer:
    """Add a server that is nearly full, and that was upgraded from version 6 with its old registration URL."""
    return LicenseServer.objects.create(
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


def _read_publisher(host_name: str) -> Publisher:
    product, customer = host_name.split(".")[:2]
    return Publisher(host_name, APPLICATIONS[product.partition("-")[0]], customer.title())


def _add_cluster(publisher: Publisher) -> Cluster:
    tags = TAGS[Customer.objects.count() % len(TAGS)]
    customer, created = Customer.objects.get_or_create(name=publisher.customer, defaults={"tags": tags})
    if created and Customer.objects.count() % 3 == 1:
        Proxy.objects.create(customer=customer, host=f"proxy.{publisher.customer.lower()}.example", port=3128)
    label = Cluster.Application(publisher.application).label
    cluster = Cluster.objects.create(
        customer=customer,
        name=f"{publisher.customer} {label}",
        application=publisher.application,
        version="14.0.1" if len(publisher.customer) % 2 else "15.0.1",
    )
    subscriber = publisher.host_name.replace("-pub.", "-sub1.")
    Node.objects.create(cluster=cluster, host_name=publisher.host_name, role=Node.Role.PUBLISHER)
    Node.objects.create(cluster=cluster, host_name=subscriber, role=Node.Role.SUBSCRIBER)
    return cluster


def _add_access(cluster: Cluster, url: str) -> None:
    """Add access to a cluster by AXL. The emulator plays the publishers of Unified CM."""
    ClusterAccess.objects.create(
        cluster=cluster, method=ClusterAccess.Method.AXL, url=url, username=AXL_USER, password=AXL_PASSWORD
    )
