"""Customers, their clusters, nodes and proxies: what people may do with them. Pages and REST call these."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from licensing.matching import match_clusters
from licensing.models import Assignment, Cluster, Customer, Node, Proxy
from licensing.refusals import Refusal
from people import audit
from people.audit import Actor


@dataclass(frozen=True, slots=True)
class NodeSpec:
    host_name: str
    role: str


@dataclass(frozen=True, slots=True)
class ProxySpec:
    """`password` None: the stored one stays."""

    host: str
    port: int
    username: str = ""
    password: str | None = None


@transaction.atomic
def save_customer(actor: Actor, customer: Customer, before: dict[str, Any] | None = None) -> Customer:
    """`before`: audit.snapshot of the stored row, None for a new one."""
    _save(customer, "A customer of this name exists already.")
    audit.record(actor, "changed" if before else "added", customer, before=before)
    return customer


@transaction.atomic
def save_cluster(
    actor: Actor, cluster: Cluster, nodes: list[NodeSpec] | None = None, before: dict[str, Any] | None = None
) -> Cluster:
    """`nodes` None: they stay. At most one is the publisher, host names are told apart ignoring case."""
    if nodes is not None:
        _check_nodes(nodes)
    _save(cluster, "This customer already has a cluster of this name.")
    changes = _replace_nodes(cluster, nodes) if nodes is not None else {}
    audit.record(actor, "changed" if before else "added", cluster, before=before)
    if changes and before:
        audit.record(actor, "changed nodes", cluster, changes=changes)
    match_clusters()
    return cluster


@transaction.atomic
def set_proxy(actor: Actor, owner: Customer | Cluster, spec: ProxySpec | None) -> None:
    """None: the proxy goes."""
    proxy = Proxy.objects.filter(**{owner._meta.model_name or "": owner}).first()
    if spec is None:
        if proxy:
            audit.record(actor, "removed proxy", owner, changes={"proxy": [str(proxy), None]})
            proxy.delete()
        return
    proxy = proxy or Proxy(**{owner._meta.model_name or "": owner})
    old = str(proxy) if proxy.pk else None
    proxy.host, proxy.port, proxy.username = spec.host, spec.port, spec.username
    if spec.password is not None:
        proxy.password = spec.password
    _save(proxy, "This proxy cannot be set.")
    if old != str(proxy) or spec.password is not None:
        audit.record(actor, "changed proxy", owner, changes={"proxy": [old, str(proxy)]})


@transaction.atomic
def delete_customer(actor: Actor, customer: Customer) -> None:
    blockers = list(customer.clusters.all())
    if blockers:
        names = ", ".join(str(cluster) for cluster in blockers[:5])
        raise Refusal(f"{customer} has {len(blockers)} clusters: {names}.", "Delete or move them first.")
    audit.record(actor, "deleted", customer, changes={})
    customer.delete()


@transaction.atomic
def delete_cluster(actor: Actor, cluster: Cluster) -> None:
    """With the history of its ended assignments, which the audit keeps in words."""
    current = Assignment.objects.current().filter(cluster=cluster).select_related("virtual_account").first()
    if current:
        raise Refusal(f"{cluster} is assigned to {current.virtual_account}.", "End that assignment first.")
    audit.record(actor, "deleted", cluster, changes={})
    Assignment.objects.filter(cluster=cluster).delete()
    cluster.delete()


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


def _replace_nodes(cluster: Cluster, nodes: list[NodeSpec]) -> dict[str, list[Any]]:
    old = {node.host_name: node.role for node in cluster.nodes.all()}
    new = {node.host_name: node.role for node in nodes}
    if old == new:
        return {}
    cluster.nodes.all().delete()
    Node.objects.bulk_create(Node(cluster=cluster, host_name=name, role=role) for name, role in new.items())
    return {"nodes": [old, new]}


def _save(row: Customer | Cluster | Proxy, taken: str) -> None:
    """Refusals name their field. Of two at the same moment the constraint decides."""
    try:
        row.full_clean()
        with transaction.atomic():
            row.save()
    except ValidationError as error:
        field, messages = next(iter(error.message_dict.items()))
        raise Refusal(" ".join(messages), "", "" if field == "__all__" else field) from None
    except IntegrityError:
        raise Refusal(taken, "Choose another name.", "name") from None
