"""Carry out a plan in one transaction, with a fixed number of writes, and audit every change."""

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
        "application",
        "version",
        "deployment",
        "mixed_mode",
        "managed_on_premise",
        "installed_on",
        "license_server",
    ],
    Node: ["role", "serial"],
    Proxy: ["host", "port", "username"],
}


@dataclass(frozen=True, slots=True)
class Imported:
    lines: int
    left_out: int


class LooksDifferent(Refusal):
    """The fleet has changed since the preview, so other lines are bad now. Show the preview again."""


@transaction.atomic
def carry_out(actor: Actor, text: str, accepted: list[int]) -> Imported:
    """Import all lines but the bad ones, whose numbers are `accepted` as left out. On Refusal nothing is done."""
    found = plan(read(text), lock=True)
    if [bad.number for bad in found.bad] != accepted:
        raise LooksDifferent("The fleet has changed since this preview was made.", "Check the new preview below.")
    try:
        with transaction.atomic():
            _write(found)
    except IntegrityError:
        raise LooksDifferent(
            "Another user changed the same customers or clusters at the same time, so nothing was imported.",
            "Check the new preview below.",
        ) from None
    audit.record_many(actor, _audit_events(found))
    match_clusters()
    return Imported(found.lines, len(found.bad))


def _write(found: Plan) -> None:
    _write_rows(Customer, found.customers)
    for key, entry in found.clusters.items():
        entry.row.customer = found.customers[key[0]].row
    _write_rows(Cluster, found.clusters)
    for (cluster, _), entry in found.nodes.items():
        entry.row.cluster = found.clusters[cluster].row
    # A cluster has one publisher at each moment, so nodes that step back are written first.
    stepping_up = {place: entry for place, entry in found.nodes.items() if entry.row.role == PUBLISHER}
    _write_rows(Node, {place: entry for place, entry in found.nodes.items() if place not in stepping_up})
    _write_rows(Node, stepping_up)
    _write_rows(Proxy, found.proxies)


def _write_rows(model: Any, entries: dict[Any, Entry]) -> None:
    model.objects.bulk_create([entry.row for entry in entries.values() if entry.new], batch_size=BATCH)
    changed = [entry.row for entry in entries.values() if entry.changed]
    model.objects.bulk_update(changed, COLUMNS[model], batch_size=BATCH)


def _audit_events(found: Plan) -> list[audit.Event]:
    """Return the audit events, worded as those of licensing.fleet.clusters.

    There is one for each customer and cluster, and for what of it has changed.
    """
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
    """Return the nodes that are new or changed, before and after, by cluster."""
    changes: dict[Any, tuple[dict[str, str], dict[str, str]]] = defaultdict(lambda: ({}, {}))
    for (cluster, host_name), entry in found.nodes.items():
        if entry.changed and entry.before:
            changes[cluster][0][host_name] = f"{entry.before['role']} {entry.before['serial']}".strip()
        if entry.new or entry.changed:
            changes[cluster][1][host_name] = f"{entry.row.role} {entry.row.serial}".strip()
    return changes
