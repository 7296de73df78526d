"""Write the fleet as a file that can be imported again. Three queries for any number of clusters; no passwords."""

import csv
import io
from typing import Any

from django.db.models import Prefetch

from licensing.accounts.models import LicenseServer
from licensing.fleet.fleet_file.reading import COLUMNS, looks_like_formula
from licensing.fleet.models import Cluster, Customer, Node

BYTE_ORDER_MARK = "\ufeff"  # or spreadsheets take it for Windows-1252


def write() -> str:
    text = io.StringIO()
    text.write(BYTE_ORDER_MARK)
    writer = csv.DictWriter(text, list(COLUMNS), restval="")
    writer.writeheader()
    clusters = Cluster.objects.select_related("license_server", "proxy").order_by("name", "pk")
    nodes = Prefetch("nodes", Node.objects.order_by("role", "host_name"))
    rows = Customer.objects.select_related("proxy").order_by("name")
    for customer in rows.prefetch_related(Prefetch("clusters", clusters.prefetch_related(nodes))):
        for line in _customer_lines(customer):
            writer.writerow({name: _format_cell(value) for name, value in line.items()})
    return text.getvalue()


def _customer_lines(customer: Customer) -> list[dict[str, Any]]:
    """Return a customer's lines. Facts stand on the first line of the row that they belong to."""
    about: dict[str, Any] = {
        "customer": customer.name,
        "customer_tags": ", ".join(customer.tags),
        "customer_note": customer.note,
        **_proxy_cells(customer, "customer"),
    }
    lines = [line for cluster in customer.clusters.all() for line in _cluster_lines(cluster)] or [{}]
    return [{**about, **lines[0]}, *({"customer": customer.name, **line} for line in lines[1:])]


def _cluster_lines(cluster: Cluster) -> list[dict[str, Any]]:
    about: dict[str, Any] = {
        "cluster": cluster.name,
        "application": cluster.application,
        "version": cluster.version,
        "deployment": cluster.deployment,
        "mixed_mode": cluster.mixed_mode,
        "managed_on_premise": cluster.managed_on_premise,
        "installed_on": cluster.installed_on,
        "license_server": _on_prem_server(cluster),
        **_proxy_cells(cluster, "cluster"),
    }
    nodes = [{"node": node.host_name, "role": node.role, "serial": node.serial} for node in cluster.nodes.all()] or [{}]
    return [{**about, **nodes[0]}, *({"cluster": cluster.name, **node} for node in nodes[1:])]


def _on_prem_server(cluster: Cluster) -> LicenseServer | None:
    """Return the On-Prem server. A cloud server is left out, because it means the same as none."""
    server = cluster.license_server
    return None if server is None or server.is_cloud else server


def _proxy_cells(owner: Customer | Cluster, part: str) -> dict[str, Any]:
    proxy = getattr(owner, "proxy", None)
    return {f"{part}_proxy_{name}": getattr(proxy, name) for name in ("host", "port", "username")} if proxy else {}


def _format_cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = str(value)
    return f"'{text}" if looks_like_formula(text) else text
