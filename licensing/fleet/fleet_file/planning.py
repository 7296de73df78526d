"""Plan an import line by line before it changes anything: new rows, changed rows, and bad lines.

A stored row is changed in what the file says; empty cells leave what is stored, and nothing is deleted. Facts of a
customer or cluster may stand on each of its lines as long as they agree. A line that relies on a customer or cluster
that only a bad line would have brought is bad too.
"""

from dataclasses import dataclass, field
from typing import Any

from django.db.models import F

from licensing.accounts.models import LicenseServer
from licensing.fleet import clusters as fleet
from licensing.fleet.fleet_file.reading import Bad, Line, Sheet
from licensing.fleet.fleet_file.values import (
    CLUSTER,
    CUSTOMER,
    NODE,
    Unfit,
    cluster_values,
    customer_values,
    node_values,
    proxy_values,
)
from licensing.fleet.models import Cluster, Customer, Node, Proxy
from licensing.mirror.models import VirtualAccount
from people import audit

ClusterKey = tuple[str, str]
PUBLISHER = Node.Role.PUBLISHER.value


@dataclass(slots=True)
class Entry:
    """A row as it will be after the import.

    `before` is audit.snapshot of the stored row, None for a new one. `sources` holds each value with the line that gave
    it.
    """

    row: Any
    before: dict[str, Any] | None
    sources: dict[str, tuple[Any, int]] = field(default_factory=dict)

    @property
    def new(self) -> bool:
        return self.before is None

    @property
    def changed(self) -> bool:
        return self.before is not None and audit.snapshot(self.row) != self.before

    def check_agreement(self, part: str, values: dict[str, Any], number: int) -> None:
        for name, value in values.items():
            known, line = self.sources.get(name, (value, number))
            if known != value:
                raise Unfit(part, f"{name} {_quote(value)} contradicts line {line}, where it is {_quote(known)}.")

    def take(self, values: dict[str, Any], number: int) -> None:
        for name, value in values.items():
            self.sources.setdefault(name, (value, number))
            setattr(self.row, name, value)


@dataclass(slots=True)
class Plan:
    bad: list[Bad] = field(default_factory=list)
    customers: dict[str, Entry] = field(default_factory=dict)
    clusters: dict[ClusterKey, Entry] = field(default_factory=dict)
    nodes: dict[tuple[ClusterKey, str], Entry] = field(default_factory=dict)
    proxies: dict[Any, Entry] = field(default_factory=dict)  # by the key of their customer or cluster
    lines: int = 0

    def counts(self) -> list[tuple[str, int, int, int]]:
        """Return, for each kind of row, its name and how many are new, changed and unchanged."""
        kinds = (("Customers", self.customers), ("Clusters", self.clusters), ("Nodes", self.nodes))
        return [_count_entries(name, entries) for name, entries in (*kinds, ("Proxies", self.proxies))]

    @property
    def does_something(self) -> bool:
        return any(new or changed for _, new, changed, _ in self.counts())


def plan(sheet: Sheet, *, lock: bool = False) -> Plan:
    """Plan an import. `lock` holds the rows that may change, for the import itself, and needs a transaction."""
    planner = _Planner(sheet, lock)
    for line in sheet.lines:
        planner.plan_line(line)
    found = planner.found
    found.bad = sorted([*sheet.bad, *found.bad], key=lambda bad: bad.number)
    return found


class _Planner:
    def __init__(self, sheet: Sheet, lock: bool) -> None:
        self.found = Plan()
        self.tainted: dict[Any, int] = {}
        self.node_lines: dict[tuple[ClusterKey, str], int] = {}
        self.servers = {server.name: server for server in LicenseServer.objects.all()}
        named = {line.cells["customer"] for line in sheet.lines}
        customers = Customer.objects.filter(name__in=named).order_by("pk")
        clusters = Cluster.objects.filter(customer__name__in=named).order_by("pk")
        if lock:
            customers = customers.select_for_update(no_key=True)
            clusters = clusters.select_for_update(no_key=True, of=("self",))
        self.stored_customers = {row.name: row for row in customers}
        self.stored_clusters = {(row.customer.name, row.name): row for row in clusters.select_related("customer")}
        self._fetch_parts()

    def _fetch_parts(self) -> None:
        by_number = {row.pk: key for key, row in self.stored_clusters.items()}
        self.stored_nodes = {
            (by_number[row.cluster_id], row.host_name.lower()): row
            for row in Node.objects.filter(cluster__in=list(by_number))
        }
        pools = VirtualAccount.objects.filter(assignments__cluster__in=list(by_number), assignments__ended_at=None)
        pools = pools.annotate(cluster=F("assignments__cluster")).select_related("smart_account__license_server")
        self.assigned: dict[int, VirtualAccount] = {row.cluster: row for row in pools}
        names = {row.pk: name for name, row in self.stored_customers.items()}
        self.stored_proxies: dict[Any, Proxy] = {
            names[row.customer_id]: row for row in Proxy.objects.filter(customer__in=list(names)) if row.customer_id
        }
        for row in Proxy.objects.filter(cluster__in=list(by_number)):
            if row.cluster_id:
                self.stored_proxies[by_number[row.cluster_id]] = row
        publishers = (place for place, row in self.stored_nodes.items() if row.role == PUBLISHER)
        self.publishers = dict(publishers)  # the host name, by cluster

    def plan_line(self, line: Line) -> None:
        """Take all of a line or nothing of it."""
        try:
            steps = [*self._plan_customer(line), *self._plan_cluster(line), *self._plan_node(line)]
        except Unfit as unfit:
            self.found.bad.append(Bad(line.number, line.names, str(unfit)))
            self._taint(line, unfit.part)
            return
        self.found.lines += 1
        for entries, key, entry, values in steps:
            entries[key] = entry
            entry.take(values, line.number)
        self._remember_node(line)

    def _remember_node(self, line: Line) -> None:
        key, host_name = _cluster_key(line), line.cells.get("node", "").lower()
        if key is None or not host_name:
            return
        self.node_lines[(key, host_name)] = line.number
        role = line.cells.get("role", "").lower()
        if role == PUBLISHER:
            self.publishers[key] = host_name
        elif role and self.publishers.get(key) == host_name:
            del self.publishers[key]

    def _taint(self, line: Line, part: str) -> None:
        """Remember what only this bad line would have brought, so that lines that rely on it are refused."""
        name, key = line.cells["customer"], _cluster_key(line)
        if part == CUSTOMER and name not in self.found.customers:
            self.tainted.setdefault(name, line.number)
        if key and key not in self.found.clusters:
            self.tainted.setdefault(key, line.number)

    def _plan_customer(self, line: Line) -> list[Any]:
        name = line.cells["customer"]
        self._refuse_tainted(CUSTOMER, name, "customer")
        values, proxy = customer_values(line), proxy_values(line, CUSTOMER)
        entry = _get_entry(self.found.customers, name, self.stored_customers.get(name), Customer)
        entry.check_agreement(CUSTOMER, values, line.number)
        return [(self.found.customers, name, entry, values), *self._plan_proxy(line, CUSTOMER, name, entry, proxy)]

    def _plan_cluster(self, line: Line) -> list[Any]:
        key = _cluster_key(line)
        if key is None:
            return []
        self._refuse_tainted(CLUSTER, key, "cluster")
        values, proxy = cluster_values(line), proxy_values(line, CLUSTER)
        if server := line.cells.get("license_server"):
            values["license_server"] = self._find_server(server, key)
        entry = _get_entry(self.found.clusters, key, self.stored_clusters.get(key), Cluster)
        if entry.new and not entry.sources and "application" not in values:
            raise Unfit(CLUSTER, "A new cluster needs its application.")
        entry.check_agreement(CLUSTER, values, line.number)
        return [(self.found.clusters, key, entry, values), *self._plan_proxy(line, CLUSTER, key, entry, proxy)]

    def _plan_node(self, line: Line) -> list[Any]:
        key = _cluster_key(line)
        if key is None or "node" not in line.cells:
            return []
        values = node_values(line)
        place = (key, values["host_name"])
        if place in self.node_lines:
            raise Unfit(NODE, f"It repeats line {self.node_lines[place]}: that line already has this node.")
        publisher = self.publishers.get(key)
        if values.get("role") == PUBLISHER and publisher not in (None, values["host_name"]):
            raise Unfit(NODE, f"{publisher} is already the publisher of this cluster. Make it a subscriber first.")
        entry = _get_entry({}, place, self.stored_nodes.get(place), Node)
        if not entry.new:
            del values["host_name"]  # it may be stored in other letters
        return [(self.found.nodes, place, entry, values)]

    def _plan_proxy(self, line: Line, part: str, key: Any, owner: Entry, values: dict[str, Any]) -> list[Any]:
        if not values:
            return []
        entry = _get_entry(self.found.proxies, key, self.stored_proxies.get(key), Proxy)
        if entry.new and not entry.sources and "port" not in values:
            raise Unfit(part, f"{part}_proxy_port is empty. A proxy needs a port.")
        entry.check_agreement(part, values, line.number)
        return [(self.found.proxies, key, entry, {part: owner.row, **values})]

    def _find_server(self, name: str, key: ClusterKey) -> LicenseServer:
        server, stored = self.servers.get(name), self.stored_clusters.get(key)
        if server is None or server.is_cloud:
            raise Unfit(CLUSTER, f"license_server {name!r} is not the name of an On-Prem server.")
        pool = self.assigned.get(stored.pk) if stored and stored.license_server_id != server.pk else None
        if why := fleet.assigned_elsewhere(server, pool) if pool else "":
            raise Unfit(CLUSTER, f"license_server cannot change to {name!r}. {why} End that assignment first.")
        return server

    def _refuse_tainted(self, part: str, key: Any, word: str) -> None:
        if key in self.tainted:
            raise Unfit(part, f"Line {self.tainted[key]}, which brings its {word}, cannot be imported.")


def _get_entry(known: dict[Any, Entry], key: Any, stored: Any, model: Any) -> Entry:
    if key in known:
        return known[key]
    return Entry(stored, audit.snapshot(stored)) if stored is not None else Entry(model(), None)


def _cluster_key(line: Line) -> ClusterKey | None:
    return (line.cells["customer"], line.cells["cluster"]) if "cluster" in line.cells else None


def _count_entries(name: str, entries: dict[Any, Entry]) -> tuple[str, int, int, int]:
    new = sum(entry.new for entry in entries.values())
    changed = sum(entry.changed for entry in entries.values())
    return name, new, changed, len(entries) - new - changed


def _quote(value: Any) -> str:
    return {True: "yes", False: "no"}.get(value, str(value)) if isinstance(value, bool) else repr(str(value))
