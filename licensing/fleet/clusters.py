"""Customers, their clusters, nodes and proxies: what people may do with them. Pages and REST call these."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from kit.refusals import Refusal, check_value
from licensing.accounts.models import LicenseServer
from licensing.fleet import transport
from licensing.fleet.matching import match_clusters
from licensing.fleet.models import Cluster, Node
from licensing.fleet.paths import transport_of
from licensing.fleet.proxies import HOST_NAME
from licensing.fleet.saving import _save
from licensing.mirror.models import VirtualAccount
from people import audit
from people.audit import Actor


@dataclass(frozen=True, slots=True)
class NodeSpec:
    """`serial` None: the stored one stays."""

    host_name: str
    role: str
    serial: str | None = None


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
    """Unassign, change, assign again (docs/domain.md#unassign-first). Nobody assigns it meanwhile."""
    stored = Cluster.objects.select_for_update(no_key=True).filter(pk=cluster.pk).first()
    if stored is None:
        return
    pool = VirtualAccount.objects.filter(assignments__cluster=cluster, assignments__ended_at=None)
    assigned_to = pool.select_related("smart_account__license_server").first()
    if assigned_to is None:
        return
    if stored.license_server_id != cluster.license_server_id:
        _check_server_change(cluster, assigned_to)
    if stored.customer_id != cluster.customer_id:
        _check_customer_change(stored, cluster)


def _check_server_change(cluster: Cluster, assigned_to: VirtualAccount) -> None:
    if why := assigned_elsewhere(cluster.license_server, assigned_to):
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
        check_value(HOST_NAME, node.host_name, "a node", "nodes")


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
