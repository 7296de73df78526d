"""Customers, their clusters, nodes and proxies: what people may do with them. Pages and REST call these."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import IntegrityError, models, transaction
from django.db.models import Q

from licensing import guards, on_prem, transport
from licensing.matching import match_clusters
from licensing.models import Assignment, Cluster, Customer, LicenseServer, Node, Proxy, VirtualAccount
from licensing.refusals import Refusal
from people import audit
from people.audit import Actor, Event

# A name or an IP address. Products resolve it, the portal does not.
HOST_NAME = RegexValidator(
    r"^[A-Za-z0-9_:]([A-Za-z0-9_.:-]*[A-Za-z0-9_.:])?\Z", "Enter a host name or an IP address, without scheme and port."
)


@dataclass(frozen=True, slots=True)
class NodeSpec:
    """`serial` None: the stored one stays."""

    host_name: str
    role: str
    serial: str | None = None


@dataclass(frozen=True, slots=True)
class ProxySpec:
    """`password` None: the stored one stays."""

    host: str
    port: int
    username: str = ""
    password: str | None = None


def save_customer(actor: Actor, customer: Customer, before: dict[str, Any] | None = None) -> Customer:
    """`before`: audit.snapshot of the stored row, None for a new one."""
    customer.tags = clean_tags(customer.tags)
    with transaction.atomic():
        _save(customer, before)
        audit.record(actor, "changed" if before else "added", customer, before=before)
    return customer


@transaction.atomic
def save_cluster(
    actor: Actor, cluster: Cluster, nodes: list[NodeSpec] | None = None, before: dict[str, Any] | None = None
) -> Cluster:
    """`nodes` None: they stay. At most one is the publisher; host names are told apart ignoring case."""
    if nodes is not None:
        _check_nodes(nodes)
    if before:
        _check_what_stays(cluster)
    _save(cluster, before)
    audit.record(actor, "changed" if before else "added", cluster, before=before)
    changes = _set_nodes(cluster, nodes) if nodes is not None else {}
    if changes:
        audit.record(actor, "changed nodes", cluster, changes=changes)
    match_clusters()
    return cluster


def _check_what_stays(cluster: Cluster) -> None:
    """Unassigned first, then changed, then assigned again (domain.md §3.3). Nobody assigns it meanwhile."""
    stored = Cluster.objects.select_for_update(no_key=True).filter(pk=cluster.pk).first()
    if stored is None:
        return
    current = Assignment.objects.current().filter(cluster=cluster)
    if stored.license_server_id != cluster.license_server_id:
        _check_server_change(cluster, current)
    if stored.customer_id != cluster.customer_id and current.exists():
        _check_customer_change(stored, cluster)


def _check_server_change(cluster: Cluster, current: models.QuerySet[Assignment]) -> None:
    for row in current.select_related("virtual_account__smart_account__license_server"):
        if why := assigned_elsewhere(cluster.license_server, row.virtual_account):
            raise Refusal(why, "End that assignment, change the server, then assign it again.", "license_server")


def _check_customer_change(stored: Cluster, cluster: Cluster) -> None:
    """The proxy by which it reaches Cisco would go, as if somebody took it away."""
    by_its_customer = transport_of(stored).rule == transport.Rule.CUSTOMER_PROXY
    if by_its_customer and transport_of(cluster).mode == transport.Mode.DIRECT:
        raise Refusal(
            f"{stored} is assigned and reaches Cisco by the proxy of {stored.customer}; {cluster.customer} has none.",
            "Give the cluster a proxy of its own first. Or end its assignment, move it, then assign it again.",
            "customer",
        )


def registers_with(server: LicenseServer | None, pool: VirtualAccount) -> bool:
    """Whether a cluster with this server can register in this virtual account: a token of one server does not
    register with another. None and a cloud server are the same."""
    given = pool.smart_account.license_server
    return given.is_cloud if server is None or server.is_cloud else server.pk == given.pk


def assigned_elsewhere(server: LicenseServer | None, pool: VirtualAccount) -> str:
    """Why a cluster that is assigned there cannot change to this server; "" where it can."""
    if registers_with(server, pool):
        return ""
    return f"It is assigned to {pool}, which stands on {pool.smart_account.license_server}."


@transaction.atomic
def set_proxy(actor: Actor, owner: Customer | Cluster, spec: ProxySpec | None) -> None:
    """None: the proxy goes."""
    proxy = Proxy.objects.filter(**{owner._meta.model_name or "": owner}).first()
    if spec is None:
        if proxy:
            guard_of_proxy(owner).check(f"The proxy {proxy} of {owner} is in use.")
            audit.record(actor, "removed proxy", owner, changes={"proxy": [str(proxy), None]})
            proxy.delete()
        return
    before = audit.snapshot(proxy) if proxy else None
    proxy = proxy or Proxy(**{owner._meta.model_name or "": owner})
    old = str(proxy) if before else None
    _fill_proxy(proxy, spec)
    _save(proxy, before, "proxy_")
    if before is None or before != audit.snapshot(proxy):
        audit.record(actor, "changed proxy", owner, changes={"proxy": [old, str(proxy)]})


def guard_of_proxy(owner: Customer | Cluster) -> guards.Guard:
    """Of taking it away: assigned clusters reach Cisco by it. They are unassigned first (domain.md §3.3)."""
    mine = Q(pk=owner.pk) if isinstance(owner, Cluster) else Q(customer=owner)
    rule = transport.Rule.CLUSTER_PROXY if isinstance(owner, Cluster) else transport.Rule.CUSTOMER_PROXY
    assigned = Assignment.objects.current().values("cluster")
    rows = with_transport(Cluster.objects.filter(mine, pk__in=assigned))
    using = [str(cluster) for cluster in rows if transport_of(cluster).rule == rule]
    return guards.Guard(
        guards.first_of([f"{name} is assigned and reaches Cisco by it." for name in using]),
        (
            "End the assignments of these clusters.",
            "Take the proxy away.",
            "Assign them again. To use another proxy, enter that instead: nothing needs to be ended then.",
        ),
    )


@transaction.atomic
def delete_customer(actor: Actor, customer: Customer) -> None:
    """Its subscriptions are mapped to nobody then; the audit keeps it at the customer and at each of them."""
    clusters = list(customer.clusters.all())
    names = ", ".join(str(cluster) for cluster in clusters[:5])
    number = "1 cluster" if len(clusters) == 1 else f"{len(clusters)} clusters"
    more = " and others" if len(clusters) > 5 else ""
    guards.of_customer(customer).check(
        f"{customer} has {number}: {names}{more}.", "Delete them or move them to another customer first."
    )
    mapped = list(customer.subscriptions.order_by("subscription_id"))
    audit.record_many(actor, [Event("mapped", row, changes={"customer": [customer.pk, None]}) for row in mapped])
    lost = {"subscriptions": [[row.subscription_id for row in mapped], []]} if mapped else {}
    audit.record(actor, "deleted", customer, changes=lost)
    customer.delete()


@transaction.atomic
def delete_cluster(actor: Actor, cluster: Cluster) -> None:
    """With the history of its ended assignments, which the audit keeps in words."""
    # Nobody assigns it between the look and the deletion.
    Cluster.objects.select_for_update().filter(pk=cluster.pk).first()
    current = Assignment.objects.current().filter(cluster=cluster).select_related("virtual_account").first()
    guard = guards.of_cluster(cluster)
    if current:
        guard.check(f"{cluster} is assigned to {current.virtual_account}.", "End that assignment first.")
    guard.check(f"{cluster} has an assignment job that is not over.", "Wait for its end, or cancel it.")
    ended = Assignment.objects.filter(cluster=cluster).select_related("virtual_account")
    audit.record(actor, "deleted", cluster, changes=_history(list(ended)))
    ended.delete()
    cluster.delete()


def with_transport(clusters: models.QuerySet[Cluster]) -> models.QuerySet[Cluster]:
    """With all that `transport_of` reads, in one query."""
    return clusters.select_related("customer__proxy", "proxy", "license_server")


def transport_of(cluster: Cluster) -> transport.Transport:
    """Which way it reaches Cisco. Reads what `with_transport` fetches."""
    return transport.resolve(*_transport_facts(cluster))


def change_if_proxy_moved(cluster: Cluster) -> str:
    """What would be otherwise if its customer's proxy were its own and the other way round; "" where nothing would."""
    now, moved = transport.resolve(*_transport_facts(cluster)), transport.if_proxy_moved(*_transport_facts(cluster))
    if (now.mode, now.proxy) == (moved.mode, moved.proxy):
        return ""
    if moved.mode == transport.Mode.DIRECT:
        return "It would go directly to Cisco: Expressway-E does not use the customer's proxy."
    return f"It would use the proxy {moved.proxy}."


def _transport_facts(cluster: Cluster) -> tuple[transport.ClusterFacts, transport.Proxies, Any]:
    proxies = transport.Proxies(_proxy_facts(cluster), _proxy_facts(cluster.customer))
    server = cluster.license_server
    facts = on_prem.facts_of(server) if server is not None and not server.is_cloud else None
    return transport.ClusterFacts(cluster.application), proxies, facts


def clean_tags(tags: list[str]) -> list[str]:
    """Lower case, each once, in the order in which they were given. A comma parts two; empty ones are left out."""
    words = (" ".join(tag.lower().split()) for part in tags for tag in part.split(","))
    return list(dict.fromkeys(word for word in words if word))


def _check_nodes(nodes: list[NodeSpec]) -> None:
    publishers = [node.host_name for node in nodes if node.role == Node.Role.PUBLISHER]
    if len(publishers) > 1:
        raise Refusal(
            f"A cluster has exactly one publisher; {' and '.join(publishers)} are named as such.",
            "Make all but one of them subscribers.",
            "nodes",
        )
    twice = [name for name, number in Counter(node.host_name.lower() for node in nodes).items() if number > 1]
    if twice:
        raise Refusal(f"The node {twice[0]} is named twice.", "Name each node once.", "nodes")
    for node in nodes:
        try:
            HOST_NAME(node.host_name)
        except ValidationError as error:
            raise Refusal(f"{node.host_name!r} cannot be a node.", " ".join(error.messages), "nodes") from None


def _set_nodes(cluster: Cluster, nodes: list[NodeSpec]) -> dict[str, list[Any]]:
    """A node that stays keeps its serial number where none is given, in whatever letters it is named."""
    Cluster.objects.select_for_update().filter(pk=cluster.pk).first()  # of two at once, one waits
    stored = {node.host_name.lower(): node for node in Node.objects.filter(cluster=cluster)}
    wanted = [
        Node(cluster=cluster, host_name=spec.host_name, role=spec.role, serial=_serial(spec, stored)) for spec in nodes
    ]
    old, new = _said(stored.values()), _said(wanted)
    if old == new:
        return {}
    Node.objects.filter(cluster=cluster).delete()
    Node.objects.bulk_create(wanted)
    return {"nodes": [old, new]}


def _serial(spec: NodeSpec, stored: dict[str, Node]) -> str:
    if spec.serial is not None:
        return spec.serial
    known = stored.get(spec.host_name.lower())
    return known.serial if known else ""


def _said(nodes: Any) -> dict[str, str]:
    return {node.host_name: " ".join(filter(None, (node.role, node.serial))) for node in nodes}


def _fill_proxy(proxy: Proxy, spec: ProxySpec) -> None:
    try:
        HOST_NAME(spec.host)
    except ValidationError as error:
        raise Refusal(f"{spec.host!r} cannot be a proxy.", " ".join(error.messages), "proxy_host") from None
    proxy.host, proxy.port, proxy.username = spec.host, spec.port, spec.username
    if spec.password is not None:
        proxy.password = spec.password


def _proxy_facts(owner: Customer | Cluster) -> transport.ProxyFacts | None:
    proxy: Proxy | None = getattr(owner, "proxy", None)
    return transport.ProxyFacts(proxy.host, proxy.port) if proxy else None


def _history(ended: list[Assignment]) -> dict[str, list[Any]]:
    lines = [f"{row.virtual_account}: {row.started_at:%Y-%m-%d} to {row.ended_at:%Y-%m-%d}" for row in ended]
    return {"assignments": [lines, []]} if lines else {}


def _save(row: Customer | Cluster | Proxy, before: dict[str, Any] | None, prefix: str = "") -> None:
    """Only what has changed is written: of two who change different columns, both win.

    Refusals name their field (`prefix` before it). Of two who take the same name at once, one gets the refusal that
    it would have got a moment later.
    """
    try:
        _check(row, prefix)
        with transaction.atomic():
            row.save(update_fields=_changed(row, before) if before else None)
    except IntegrityError:
        _check(row, prefix)
        raise


def _check(row: models.Model, prefix: str) -> None:
    try:
        row.full_clean()
    except ValidationError as error:
        field, messages = next(iter(error.message_dict.items()))
        name = {"__all__": "name" if isinstance(row, Cluster) else ""}.get(field, prefix + field)
        raise Refusal(" ".join(messages), "", name) from None


def _changed(row: models.Model, before: dict[str, Any]) -> list[str]:
    return [name for name, value in audit.snapshot(row).items() if before.get(name) != value]
