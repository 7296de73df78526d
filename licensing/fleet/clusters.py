"""Save clusters and their nodes. Pages, REST and admin call these functions."""

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
from licensing.fleet.saving import save_row
from licensing.mirror.models import VirtualAccount
from people import audit
from people.audit import Actor


@dataclass(frozen=True, slots=True)
class NodeSpec:
    """The wanted state of a node. `serial` None keeps the stored one."""

    host_name: str
    role: str
    serial: str | None = None


@transaction.atomic
def save_cluster(
    actor: Actor, cluster: Cluster, nodes: list[NodeSpec] | None = None, before: dict[str, Any] | None = None
) -> Cluster:
    """Save a cluster, and its nodes unless they are None. At most one node is the publisher.

    Host names are compared ignoring case.
    """
    if nodes is not None:
        _check_nodes(nodes)
    if before:
        _check_assigned_cluster(cluster)
    save_row(cluster, before)
    audit.record(actor, "changed" if before else "added", cluster, before=before)
    changes = _set_nodes(cluster, nodes) if nodes is not None else {}
    if changes:
        audit.record(actor, "changed nodes", cluster, changes=changes)
    match_clusters()
    return cluster


def _check_nodes(nodes: list[NodeSpec]) -> None:
    publishers = [node.host_name for node in nodes if node.role == Node.Role.PUBLISHER]
    if len(publishers) > 1:
        raise Refusal(
            f"A cluster has exactly one publisher; {' and '.join(publishers)} are marked as publishers.",
            "Make all but one of them subscribers.",
            "nodes",
        )
    twice = [name for name, number in Counter(node.host_name.lower() for node in nodes).items() if number > 1]
    if twice:
        raise Refusal(f"The node {twice[0]} is listed twice.", "List each node once.", "nodes")
    for node in nodes:
        check_value(HOST_NAME, node.host_name, "a node", "nodes")


def _check_assigned_cluster(cluster: Cluster) -> None:
    """Refuse changes that need the assignment to end first (docs/domain.md#unassign-first).

    The row is locked, so that the cluster cannot be assigned meanwhile.
    """
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


def assigned_elsewhere(server: LicenseServer | None, pool: VirtualAccount) -> str:
    """Return why a cluster that is assigned there cannot change to this server; "" where it can."""
    if registers_with(server, pool):
        return ""
    return f"It is assigned to {pool}, which belongs to {pool.smart_account.license_server}."


def registers_with(server: LicenseServer | None, pool: VirtualAccount) -> bool:
    """Return whether a cluster with this server can register in this virtual account.

    A token of one server does not register with another. None and a cloud server are the same.
    """
    given = pool.smart_account.license_server
    return given.is_cloud if server is None or server.is_cloud else server.pk == given.pk


def _check_customer_change(stored: Cluster, cluster: Cluster) -> None:
    """Refuse a new customer when an assigned cluster would lose the proxy that it uses."""
    by_its_customer = transport_of(stored).rule == transport.Rule.CUSTOMER_PROXY
    if by_its_customer and transport_of(cluster).mode == transport.Mode.DIRECT:
        raise Refusal(
            f"{stored} is assigned and uses the proxy of {stored.customer}, but {cluster.customer} has no proxy.",
            "Set a proxy on the cluster first. Or end its assignment, change the customer, then assign it again.",
            "customer",
        )


def _set_nodes(cluster: Cluster, nodes: list[NodeSpec]) -> dict[str, list[Any]]:
    """Replace the nodes.

    A node that stays keeps its serial number where none is given, even when its letters change case.
    """
    Cluster.objects.select_for_update().filter(pk=cluster.pk).first()  # of two at once, one waits
    stored = {node.host_name.lower(): node for node in Node.objects.filter(cluster=cluster)}
    wanted = [
        Node(cluster=cluster, host_name=spec.host_name, role=spec.role, serial=_choose_serial(spec, stored))
        for spec in nodes
    ]
    old, new = _describe_nodes(stored.values()), _describe_nodes(wanted)
    if old == new:
        return {}
    Node.objects.filter(cluster=cluster).delete()
    Node.objects.bulk_create(wanted)
    return {"nodes": [old, new]}


def _choose_serial(spec: NodeSpec, stored: dict[str, Node]) -> str:
    if spec.serial is not None:
        return spec.serial
    known = stored.get(spec.host_name.lower())
    return known.serial if known else ""


def _describe_nodes(nodes: Any) -> dict[str, str]:
    return {node.host_name: " ".join(filter(None, (node.role, node.serial))) for node in nodes}
