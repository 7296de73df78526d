"""Turn the cells of a line into values of a customer, a cluster, a node and proxies.

Unfit says which cell is wrong.
"""

from datetime import date, datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import Model

from licensing.fleet import customers, proxies
from licensing.fleet.fleet_file.reading import Line
from licensing.fleet.models import Cluster, Customer, Node, Proxy

CUSTOMER, CLUSTER, NODE = "customer", "cluster", "node"
YES, NO = {"yes", "true", "1", "x", "y"}, {"no", "false", "0", "n"}


class Unfit(Exception):
    """The reason why a line cannot be imported; `part` names the part of the line that is wrong."""

    def __init__(self, part: str, reason: str) -> None:
        super().__init__(reason)
        self.part = part


def customer_values(line: Line) -> dict[str, Any]:
    cells = line.cells
    found: dict[str, Any] = {"name": cells["customer"], "note": cells.get("customer_note")}
    if "customer_tags" in cells:
        found["tags"] = customers.clean_tags([cells["customer_tags"]])
    return _check_columns(CUSTOMER, Customer, found)


def cluster_values(line: Line) -> dict[str, Any]:
    """Return the cluster's values without customer and license_server, which are rows."""
    cells = line.cells
    found = {
        "name": cells["cluster"],
        "application": _read_choice(cells.get("application"), Cluster.Application, "application"),
        "version": cells.get("version"),
        "deployment": _read_choice(cells.get("deployment"), Cluster.Deployment, "deployment"),
        "mixed_mode": _read_yes_no(cells.get("mixed_mode"), "mixed_mode"),
        "managed_on_premise": _read_yes_no(cells.get("managed_on_premise"), "managed_on_premise"),
        "installed_on": _read_day(cells.get("installed_on")),
    }
    return _check_columns(CLUSTER, Cluster, found)


def node_values(line: Line) -> dict[str, Any]:
    cells = line.cells
    _check_host(NODE, "node", cells["node"])
    role = cells.get("role", "").lower() or None
    if role not in (None, *Node.Role.values):
        raise Unfit(NODE, f"role {role!r} is neither publisher nor subscriber.")
    return _check_columns(NODE, Node, {"host_name": cells["node"].lower(), "role": role, "serial": cells.get("serial")})


def proxy_values(line: Line, part: str) -> dict[str, Any]:
    """Return the proxy of the customer or of the cluster; empty where the line names none."""
    cells = {name: line.cells.get(f"{part}_proxy_{name}") for name in ("host", "port", "username")}
    if not any(cells.values()):
        return {}
    if not cells["host"]:
        raise Unfit(part, f"{part}_proxy_host is empty, though other cells of the proxy are not.")
    _check_host(part, f"{part}_proxy_host", cells["host"])
    port = cells["port"]
    if port is not None and not (port.isascii() and port.isdigit()):
        raise Unfit(part, f"{part}_proxy_port {port!r} is not a number.")
    found = {"host": cells["host"], "port": int(port) if port else None, "username": cells["username"]}
    return _check_columns(part, Proxy, found, prefix=f"{part}_proxy_")


def _check_host(part: str, column: str, cell: str) -> None:
    try:
        proxies.HOST_NAME(cell)
    except ValidationError as error:
        raise Unfit(part, f"{column} {cell!r}: {' '.join(error.messages)}") from None


def _check_columns(part: str, model: type[Model], values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return the values that are given, each checked by its column."""
    given = {name: value for name, value in values.items() if value is not None}
    others = {column.name for column in model._meta.fields if column.name not in given}
    try:
        row = model(**given)
        row.clean_fields(exclude=others)
        row.clean()
    except ValidationError as error:
        name, messages = next(iter(error.message_dict.items()))
        raise Unfit(part, f"{prefix}{name}: {' '.join(messages)}") from None
    return given


def _read_choice(cell: str | None, choices: Any, column: str) -> str | None:
    """Return the choice that the cell names by its value or by its label on the page."""
    if cell is None:
        return None
    known = {word.lower(): value for value, label in choices.choices for word in (value, label)}
    if cell.lower() not in known:
        raise Unfit(CLUSTER, f"{column} {cell!r} is none of {', '.join(choices.values)}.")
    return str(known[cell.lower()])


def _read_yes_no(cell: str | None, column: str) -> bool | None:
    if cell is None:
        return None
    if cell.lower() not in YES | NO:
        raise Unfit(CLUSTER, f"{column} {cell!r} is neither yes nor no.")
    return cell.lower() in YES


def _read_day(cell: str | None) -> date | None:
    if cell is None:
        return None
    for pattern in ("%Y-%m-%d", "%d.%m.%Y"):
        try:
            return datetime.strptime(cell, pattern).date()  # noqa: DTZ007 - a day has no zone
        except ValueError:
            continue
    raise Unfit(CLUSTER, f"installed_on {cell!r} is not a day. Write it as 2026-12-31.")
