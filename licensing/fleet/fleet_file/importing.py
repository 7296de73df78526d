"""Carrying out a plan: a fixed number of writes however many lines, one transaction, every change in the audit."""

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from django.db import IntegrityError, transaction

from kit.refusals import Refusal
from licensing.fleet.fleet_file.planning import PUBLISHER, Entry, Plan, plan
from licensing.fleet.fleet_file.reading import read
from licensing.fleet.matching import match_clusters
from licensing.fleet.models import Cluster, Customer, Node, Proxy
from people import audit
from people.audit import Actor

BATCH = 1_000
COLUMNS: dict[Any, list[str]] = {
    Customer: ["note", "tags"],
    Cluster: [
        "application", "version", "deployment", "mixed_mode", "managed_on_premise", "installed_on", "license_server",
    ],
    Node: ["role", "serial"],
    Proxy: ["host", "port", "username"],
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Imported:
    lines: int
    left_out: int


class LooksDifferent(Refusal):
    """Other lines are bad than those that were shown: somebody has changed the fleet since. Show the preview again."""


@transaction.atomic
def carry_out(actor: Actor, text: str, accepted: list[int]) -> Imported:
    """Import all lines but the bad ones, whose numbers are `accepted` as left out. On Refusal nothing is done."""
    found = plan(read(text), lock=True)
    if [bad.number for bad in found.bad] != accepted:
        raise LooksDifferent("The fleet has changed since this preview was made.", "Look at it again below.")
    try:
        with transaction.atomic():
            _write(found)
    except IntegrityError:
        raise LooksDifferent(
            "Somebody else changed the same customers or clusters at this moment, so nothing was imported.",
            "Look at the preview again below.",
        ) from None
    audit.record_many(actor, _audited(found))
    match_clusters()
    return Imported(found.lines, len(found.bad))


def _write(found: Plan) -> None:
    _save(Customer, found.customers)
    for key, entry in found.clusters.items():
        entry.row.customer = found.customers[key[0]].row
    _save(Cluster, found.clusters)
    for (cluster, _), entry in found.nodes.items():
        entry.row.cluster = found.clusters[cluster].row
    # A cluster has one publisher at each moment: who steps back goes first.
    stepping_up = {place: entry for place, entry in found.nodes.items() if entry.row.role == PUBLISHER}
    _save(Node, {place: entry for place, entry in found.nodes.items() if place not in stepping_up})
    _save(Node, stepping_up)
    _save(Proxy, found.proxies)


def _save(model: Any, entries: dict[Any, Entry]) -> None:
    model.objects.bulk_create([entry.row for entry in entries.values() if entry.new], batch_size=BATCH)
    changed = [entry.row for entry in entries.values() if entry.changed]
    model.objects.bulk_update(changed, COLUMNS[model], batch_size=BATCH)


def _audited(found: Plan) -> list[audit.Event]:
    """As the verbs of licensing.fleet.clusters say it, one entry for each customer and cluster and what of it has changed."""
    rows = (*found.customers.values(), *found.clusters.values())
    events = [audit.Event("imported", entry.row, entry.before) for entry in rows if entry.new or entry.changed]
    for cluster, (old, new) in _node_changes(found).items():
        events.append(audit.Event("changed nodes", found.clusters[cluster].row, changes={"nodes": [old, new]}))
    for entry in found.proxies.values():
        if entry.new or entry.changed:
            owner = entry.row.customer or entry.row.cluster
            old_proxy = f"{entry.before['host']}:{entry.before['port']}" if entry.before else None
            events.append(audit.Event("changed proxy", owner, changes={"proxy": [old_proxy, str(entry.row)]}))
    return events


def _node_changes(found: Plan) -> dict[Any, tuple[dict[str, str], dict[str, str]]]:
    """The nodes that are new or changed, by cluster: before and after."""
    changes: dict[Any, tuple[dict[str, str], dict[str, str]]] = defaultdict(lambda: ({}, {}))
    for (cluster, host_name), entry in found.nodes.items():
        if entry.changed and entry.before:
            changes[cluster][0][host_name] = f"{entry.before['role']} {entry.before['serial']}".strip()
        if entry.new or entry.changed:
            changes[cluster][1][host_name] = f"{entry.row.role} {entry.row.serial}".strip()
    return changes
