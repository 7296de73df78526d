"""The demo of one partner: its license server and smart account, and, once Cisco's figures are here, its fleet."""

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
# Of clusters that are not registered yet.
INSTALLED, ON_PREM_SYNCED = timedelta(days=12), timedelta(days=3)
ON_PREM_LIMIT = 40  # product instances of the demo's server


@dataclass(frozen=True, slots=True)
class Publisher:
    """What a publisher's host name tells: `cucm-pub.harbor.example` is Harbor's Unified CM."""

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
    """Mails to the owner. The local stack has no mail server: they become files in .local/mail/."""
    return Channel.objects.create(name="Mail to the owner", recipients=[f"owner@{domain}"], min_severity="major")


def move(emulator_url: str) -> None:
    """The emulator stands elsewhere at each start."""
    LicenseServer.objects.filter(name=SERVER).update(
        api_base_url=emulator_url + API_PATH, token_url=emulator_url + TOKEN_PATH
    )
    LicenseServer.objects.filter(name=ON_PREM).update(
        api_base_url=emulator_url + ON_PREM_API_PATH, token_url=emulator_url + ON_PREM_TOKEN_PATH
    )
    reached = list(ClusterAccess.objects.filter(username=AXL_USER, url__contains=PUBLISHERS))
    for access in reached:
        access.url = emulator_url + PUBLISHERS + access.url.rpartition(PUBLISHERS)[2]
    ClusterAccess.objects.bulk_update(reached, ["url"])


@transaction.atomic
def settle(account: SmartAccount) -> None:
    """Purposes, customers, clusters and assignments, found from the publishers that the first sync has brought."""
    for name, purpose in PURPOSES.items():
        VirtualAccount.objects.filter(smart_account=account, name=name).update(purpose=purpose, license_mode="hcs")
    instances = ProductInstance.objects.filter(
        virtual_account__smart_account=account, host_name__contains="-pub."
    ).exclude(virtual_account__purpose="ordered")
    emulator_url = account.license_server.api_base_url.removesuffix(API_PATH)
    for instance in instances.order_by("host_name"):
        publisher = _publisher(instance.host_name)
        cluster = _cluster(publisher)
        if cluster.application == Cluster.Application.CUCM:
            _reach(cluster, emulator_url + PUBLISHERS + publisher.host_name)
        Assignment.objects.create(
            cluster=cluster, virtual_account_id=instance.virtual_account_id, started_by="owner@" + account.domain
        )
    VirtualAccount.objects.filter(assignments__isnull=False, license_mode="").update(license_mode="hcs")
    _add_what_is_new(emulator_url, account.domain)


def connect_on_prem(name: str) -> SmartAccount | None:
    """The partner's local account on the server that `settle` has made; None where it found no customer."""
    server = LicenseServer.objects.filter(name=ON_PREM).first()
    local = f"{name} On-Prem"  # as the emulator calls it
    return SmartAccount.objects.create(license_server=server, domain=local, name=local) if server else None


@transaction.atomic
def settle_on_prem(account: SmartAccount, started_by: str) -> None:
    """Once its first sync is here: its clusters are assigned to where their product instances stand."""
    for cluster in Cluster.objects.filter(license_server=account.license_server_id):
        hosts = list(cluster.nodes.values_list("host_name", flat=True))
        instance = ProductInstance.objects.filter(virtual_account__smart_account=account, host_name__in=hosts).first()
        if instance:
            VirtualAccount.objects.filter(pk=instance.virtual_account_id).update(license_mode="hcs")
            Assignment.objects.create(
                cluster=cluster, virtual_account_id=instance.virtual_account_id, started_by=started_by
            )


def _add_what_is_new(emulator_url: str, domain: str) -> None:
    """Clusters that the cloud has not shown: an Expressway pair behind its customer's proxy, and one that registers
    with an On-Prem server. What a proxy and a server do to the transport is seen by them."""
    with_proxy = Customer.objects.exclude(proxy=None).order_by("pk").first()
    if with_proxy:
        for letter in "CE":
            hosts = [f"exp{letter.lower()}-{number}" for number in (1, 2)]
            _new(with_proxy, Cluster.Application(f"expressway_{letter.lower()}"), hosts, version="X14.3.5")
    last = Customer.objects.order_by("pk").last()
    if last:
        server = _on_prem(emulator_url, f"onprem.{domain}")
        _new(
            last,
            Cluster.Application.CUCM,
            ["cucm-site"],
            name=f"{last} Unified CM On-Prem",
            version="14.0.1",
            license_server=server,
            managed_on_premise=True,
        )


def _new(customer: Customer, application: Cluster.Application, hosts: list[str], **values: Any) -> None:
    """Its first host is its publisher."""
    values = {"name": f"{customer} {application.label}", "installed_on": (timezone.now() - INSTALLED).date(), **values}
    cluster = Cluster.objects.create(customer=customer, application=application, **values)
    for number, host in enumerate(hosts):
        role = Node.Role.SUBSCRIBER if number else Node.Role.PUBLISHER
        Node.objects.create(cluster=cluster, host_name=f"{host}.{customer.name.lower()}.example", role=role)


def _on_prem(emulator_url: str, host: str) -> LicenseServer:
    """Upgraded from 6 without anybody's changing its registration URL, and nearly full."""
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


def _publisher(host_name: str) -> Publisher:
    product, customer = host_name.split(".")[:2]
    return Publisher(host_name, APPLICATIONS[product.partition("-")[0]], customer.title())


def _cluster(publisher: Publisher) -> Cluster:
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


def _reach(cluster: Cluster, url: str) -> None:
    """The emulator plays the publishers of Unified CM."""
    ClusterAccess.objects.create(
        cluster=cluster, method=ClusterAccess.Method.AXL, url=url, username=AXL_USER, password=AXL_PASSWORD
    )
