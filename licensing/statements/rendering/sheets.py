"""Make the CSV, XLSX and service-inventory files of a statement from its frozen content."""

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django.http import HttpResponse

from kit import files
from licensing.statements.content import inventory
from licensing.statements.content.gathering import FIGURES
from licensing.statements.models import Statement

HEAD = (
    "statement",
    "customer",
    "from",
    "to",
    "figure",
    "cluster",
    "subscription",
    "license",
    "quantity",
    "currency",
    "day",
)
COSTS = {
    "use": "cost_of_use_a_month",
    "true_forward": "cost_of_true_forward_a_month",
    "so_far": "cost_of_true_forward_of_period",
}
FORMATS = ("csv", "xlsx", "txt")

Row = tuple[str, str, str, str, Any, str, date | None]


def rows(content: dict[str, Any]) -> Iterator[tuple[Any, ...]]:
    """Yield the head, then a row per figure. Each begins with the statement, the customer and the period."""
    start, end = (date.fromisoformat(content["period"][name]) for name in ("start", "end"))
    common = (content["number"], content["customer"], start, end)
    yield HEAD
    for part in (_figures(content, end), _growth(content, end), _days(content, start)):
        for row in part:
            yield (*common, *row)


def _figures(content: dict[str, Any], end: date) -> Iterator[Row]:
    for row in content["licenses"]:
        for name in FIGURES:
            if row[name] is not None:
                yield name, "", "", row["name"], row[name], "", end
    for cluster in content["clusters"]:
        for part in cluster["licenses"]:
            yield "used_by_cluster", cluster["name"], "", part["name"], part["used"], "", end
    for row in content["terms"]:
        ends = date.fromisoformat(row["ends"]) if row["ends"] else None
        yield "term_ends", "", row["subscription"], row["license"], row["quantity"], "", ends


def _growth(content: dict[str, Any], end: date) -> Iterator[Row]:
    for row in content["growth"]:
        until = date.fromisoformat(row["end"])
        yield "true_forward_of_period", "", row["subscription"], row["license"], row["true_forward"], "", until
    for row in content["costs"]["licenses"]:
        for name, figure in COSTS.items():
            for currency, amount in row[name].items():
                yield figure, "", "", row["license"], Decimal(amount), currency, end


def _days(content: dict[str, Any], start: date) -> Iterator[Row]:
    for row in content["trends"]:
        for place, used in enumerate(row["used"]):
            if used is not None:
                yield "used_on_day", "", "", row["license"], used, "", start + timedelta(days=place)


def answer(statement: Statement, format_: str) -> HttpResponse:
    """Return the file as a download: csv, xlsx or txt (HCM-F's service inventory)."""
    name = f"{statement.filename}.{format_}"
    if format_ == "txt":
        return files.download(inventory_text(statement.content), "text/plain; charset=utf-8", name)
    return files.FORMATS[format_](rows(statement.content), name)


def inventory_text(content: dict[str, Any]) -> str:
    """Return the customer's part of HCM-F's service inventory."""
    clusters = [
        {"customer": content["customer"], "cluster": cluster["name"], "license": part["name"], "used": part["used"]}
        for cluster in content["clusters"]
        for part in cluster["licenses"]
    ]
    return inventory.text(content["pools"], clusters)
