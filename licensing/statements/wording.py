"""Word a statement: the page, the PDF and the public page show the same words and figures.

Everything is read from the frozen content, so a statement reads the same at any time.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.utils.formats import date_format

from kit.wording import counted
from licensing.figures.models import FigureSettings

MISSING = "–"
# Columns of the licenses: their heads, and the figures that each adds up.
COLUMNS = (
    ("Ordered", ("ordered",)),
    ("Owned", ("owned",)),
    ("Used", ("used",)),
    ("Borrowed", ("covered_by_higher", "covered_by_dual_parenting")),
    ("Short", ("short_with_borrowing",)),
    ("True forward", ("true_forward",)),
)
SHORT = "Short"
COSTS = (
    ("Use, a month", "use"),
    ("True forward, a month", "true_forward"),
    ("True forward, this period", "so_far"),
)
MOST_CHARTS = 8  # the licenses of which most is used; the tables have all
TOPS = (10, 12, 16, 20, 24, 30, 40, 50, 60, 80)

Content = dict[str, Any]


def title(content: Content) -> str:
    return f"Statement {content['number']}"


def words(content: Content) -> dict[str, Any]:
    """Return everything that a statement shows, in words, by the name that page and layout use."""
    letterhead = content["letterhead"]
    return {
        "title": title(content),
        "partner": letterhead["name"],
        "address": letterhead["address"],
        "note": letterhead["note"],
        "description": f"License statement of {content['customer']} for {period(content)}",
        "period": period(content),
        "facts": _facts(content),
        "corrects": _correction(content),
        "as_of": as_of(content),
        "license_head": ["License", *(head for head, _ in COLUMNS)],
        "licenses": [
            [row["name"], *(number(_cell(row, names)) for _, names in COLUMNS)] for row in content["licenses"]
        ],
        "license_rows": [_license(row) for row in content["licenses"]],
        "strong": [1 + [head for head, _ in COLUMNS].index(SHORT)],
        "trends": [_trend(content, row) for row in _charted(content["trends"])],
        "clusters": _clusters(content["clusters"]),
        "term_head": ["Subscription", "License", "Quantity", "Ends"],
        "terms": [_term(row) for row in content["terms"]],
        "growth_head": ["License", "Period", "Ordered", _measure(content["growth"]), "True forward"],
        "growth": [_growth(row) for row in content["growth"]],
        "cost_head": ["License", *(head for head, _ in COSTS)],
        "costs": _costs(content["costs"]),
        "remarks": [*(_remark(row) for row in content["remarks"]), *_cost_remarks(content)],
        "check": (
            f"Enter number {content['number']} and the SHA-256 of this file, or upload the file,"
            " to see that nobody has changed it:"
        ),
        "verify_at": content["verify_at"],
    }


# --- Values ---


def day(text: str) -> str:
    return date_format(date.fromisoformat(text), "j M Y")


def moment(text: str) -> str:
    return date_format(datetime.fromisoformat(text).astimezone(UTC), "j M Y, H:i") + " UTC"


def number(value: int | None) -> str:
    return MISSING if value is None else f"{value:,}".replace("-", "−")


def period(content: Content) -> str:
    return span(*(date.fromisoformat(content["period"][name]) for name in ("start", "end")))


def span(start: date, end: date) -> str:
    """Return days in words: "June 2026" for a whole month, "3 Jun 2026 to 9 Jun 2026" for others."""
    if start.day == 1 and (end + timedelta(days=1)) == _next_month(start):
        return date_format(start, "F Y")
    words = [date_format(one, "j M Y") for one in (start, end)]
    return words[0] if start == end else " to ".join(words)


def _next_month(first: date) -> date:
    return (first + timedelta(days=31)).replace(day=1)


def as_of(content: Content) -> str:
    """Return the sentence that tells when the figures were so, and how fresh they were then."""
    over = not any(row["code"] == "not_over" for row in content["remarks"])
    when = f"At the end of {day(content['period']['end'])} (UTC)" if over else f"On {moment(content['at'])}"
    known = [row["at"] for row in content["synced"] if row["at"]]
    return f"{when}. Last read from Cisco on {moment(min(known))}." if known else f"{when}."


# --- Parts ---


def _facts(content: Content) -> list[list[str]]:
    return [
        ["Customer", content["customer"]],
        ["Period", period(content)],
        ["Statement", content["number"]],
        ["Issued", moment(content["issued_at"])],
    ]


def _correction(content: Content) -> str:
    corrects = content.get("corrects")
    if not corrects:
        return ""
    reason = f" Reason: {corrects['reason']}" if corrects["reason"] else ""
    return f"This statement corrects and replaces statement {corrects['number']}.{reason}"


def _license(row: dict[str, Any]) -> dict[str, Any]:
    """Return the cells of a license: label, words, and whether the figure needs attention."""
    values = [(head, _cell(row, names)) for head, names in COLUMNS]
    return {
        "name": row["name"],
        "cells": [(head, number(value), head == SHORT and bool(value)) for head, value in values],
    }


def _cell(row: dict[str, Any], names: Sequence[str]) -> int | None:
    values = [row[name] for name in names if row[name] is not None]
    return sum(values) if values else None


def _clusters(clusters: Iterable[dict[str, Any]]) -> list[list[str]]:
    rows: list[list[str]] = []
    for cluster in clusters:
        application = f"{cluster['application']} {cluster['release']}".strip()
        for place, part in enumerate(cluster["licenses"]):
            first = [cluster["name"], application] if place == 0 else ["", ""]
            rows.append([*first, part["name"], number(part["used"])])
    return rows


def _term(row: dict[str, Any]) -> list[str]:
    ends = day(row["ends"]) if row["ends"] else MISSING
    return [row["subscription"] or MISSING, row["license"], number(row["quantity"]), ends]


def _measure(rows: Sequence[dict[str, Any]]) -> str:
    """Return the head of the measured use: "Peak use"."""
    return f"{FigureSettings.Measure(rows[0]['measure']).label} use" if rows else "Use"


def _growth(row: dict[str, Any]) -> list[str]:
    period_ = span(date.fromisoformat(row["start"]), date.fromisoformat(row["end"]))
    return [row["license"], period_, *(number(row[name]) for name in ("commitment", "used", "true_forward"))]


def _costs(costs: dict[str, Any]) -> list[list[str]]:
    """Return a row per license, then a row of totals. Amounts of different currencies stand side by side."""
    rows = [[row["license"], *(_amounts(row[name]) for _, name in COSTS)] for row in costs["licenses"]]
    if len(rows) > 1:
        rows.append(["Total", *(_amounts(costs["totals"][name]) for _, name in COSTS)])
    return rows


def _amounts(amounts: dict[str, str]) -> str:
    return " + ".join(f"{Decimal(amount):,} {currency}" for currency, amount in sorted(amounts.items())) or MISSING


def _cost_remarks(content: Content) -> list[str]:
    late = sorted({row["recorded_from"] for row in content["growth"] if row["recorded_from"]})
    found = [f"True forward is measured from {day(first)}, the first recorded day." for first in late[-1:]]
    if content["costs"]["unpriced"]:
        found.append(f"The cost leaves out licenses without a price: {', '.join(content['costs']['unpriced'])}.")
    return found


def _remark(row: dict[str, Any]) -> str:
    if row["code"] == "not_over":
        return f"The period was not over at issue. Its figures are those of {moment(row['at'])}."
    where = f" for {row['account']}" if row["account"] else ""
    return f"Nothing was recorded{where} before {day(row['day'])}."


# --- Charts ---


def _charted(trends: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the licenses with the highest use, by name. A license needs two recorded days for a line."""
    able = [row for row in trends if sum(value is not None for value in row["used"]) > 1]
    most = sorted(able, key=lambda row: (-row["peak"], row["license"]))[:MOST_CHARTS]
    return sorted(most, key=lambda row: str(row["license"]))


def _trend(content: Content, row: dict[str, Any]) -> dict[str, Any]:
    first = date.fromisoformat(content["period"]["start"])
    last = first + timedelta(days=len(row["used"]) - 1)
    known = [value for value in (*row["used"], *row["owned"]) if value is not None]
    summary = (
        f"{counted(row['used'][-1] or 0, 'license')} at the end, {row['peak']:,} at most, {row['average']:,} on average"
    )
    return {
        "license": row["license"],
        "words": summary,
        "alt": f"{row['license']} from {day(first.isoformat())} to {day(last.isoformat())}: {summary}.",
        "days": len(row["used"]),
        "top": _round_up(max([1, *known])),
        "used": _parts(row["used"]),
        "owned": _parts(row["owned"]),
        "first": date_format(first, "j M"),
        "last": date_format(last, "j M"),
    }


def _parts(line: Sequence[int | None]) -> list[list[tuple[int, int]]]:
    """Return the recorded stretches of a line as points. Points within a level stretch are left out."""
    parts: list[list[tuple[int, int]]] = [[]]
    for place, value in enumerate(line):
        if value is None:
            parts.append([])
            continue
        part = parts[-1]
        if part and part[-1][1] != value:
            part.append((place, part[-1][1]))  # a step, because nothing is known of the hours between
        elif len(part) > 1 and part[-2][1] == value:
            part.pop()
        part.append((place, value))
    return [part for part in parts if len(part) > 1]


def _round_up(value: int) -> int:
    """Round up to a number that reads well: 4, 8, 10, 12, 16, 20 …"""
    size = 1
    while value > TOPS[-1] * size:
        size *= 10
    small = (top for top in (2, 4, 6, 8) if value <= top)
    return next(small, 0) or next(top * size for top in TOPS if value <= top * size)
