"""Make the CSV, XLSX and service-inventory files of a statement from its frozen content."""

from collections.abc import Iterator
from datetime import date
from typing import Any

from django.http import HttpResponse

from kit import files
from licensing.statements.content import inventory
from licensing.statements.content.gathering import FIGURES
from licensing.statements.models import Statement

HEAD = ("statement", "customer", "from", "to", "figure", "cluster", "subscription", "license", "quantity", "day")
FORMATS = ("csv", "xlsx", "txt")


def rows(content: dict[str, Any]) -> Iterator[tuple[Any, ...]]:
    """Yield the head, then a row per figure: by license, by cluster, by term, and the use of each recorded day."""
    yield HEAD
    start, end = (date.fromisoformat(content["period"][name]) for name in ("start", "end"))
    common = (content["number"], content["customer"], start, end)
    for row in content["licenses"]:
        for name in FIGURES:
            if row[name] is not None:
                yield (*common, name, "", "", row["name"], row[name], end)
    for cluster in content["clusters"]:
        for part in cluster["licenses"]:
            yield (*common, "used_by_cluster", cluster["name"], "", part["name"], part["used"], end)
    for row in content["terms"]:
        ends = date.fromisoformat(row["ends"]) if row["ends"] else None
        yield (*common, "term_ends", "", row["subscription"], row["license"], row["quantity"], ends)
    for row in content["trends"]:
        for place, used in enumerate(row["used"]):
            if used is not None:
                yield (
                    *common,
                    "used_on_day",
                    "",
                    "",
                    row["license"],
                    used,
                    date.fromordinal(start.toordinal() + place),
                )


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
