"""Import a price list from a CSV file. The list of prices is exported with the same columns.

A line is a price: license, currency, price a month, and the day from which on it is valid. A price that is here already
for that license, currency and day gets the amount of the file; the others stay as they are. Nothing is deleted. One bad
line refuses the whole file.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.db import transaction

from kit.refusals import Refusal, check_row
from licensing.figures.models import Price
from licensing.fleet.fleet_file.reading import MAX_LINES, clean_cell, rows
from people import audit
from people.audit import Actor

# Each column with its contents.
COLUMNS = {
    "license": "Name of the license, in any of its spellings.",
    "currency": "Three letters of ISO 4217, for example EUR.",
    "price_a_month": "For one license, for example 2.50.",
    "valid_from": "A day as 2026-12-31.",
}
AMOUNT = re.compile(r"\d{1,10}(?:\.\d{1,4})?", re.ASCII)
COMMA = re.compile(r"(\d{1,10}),(\d{1,2})", re.ASCII)  # as spreadsheets of some languages write it
SHOWN = 10  # bad lines
BATCH = 1_000
Key = tuple[str, str, date]


@dataclass(frozen=True, slots=True)
class Imported:
    added: int
    changed: int
    unchanged: int


@transaction.atomic
def import_prices(actor: Actor, text: str) -> Imported:
    """Add and change the prices of a file. Raise Refusal, with the bad lines as its blockers, and then save nothing."""
    wanted = read(text)
    stored = {_key(row): row for row in Price.objects.select_for_update()}
    added = [row for key, row in wanted.items() if key not in stored]
    events, changed = [], []
    for key, row in wanted.items():
        if key in stored and stored[key].amount != row.amount:
            before = audit.snapshot(stored[key])
            stored[key].amount = row.amount
            changed.append(stored[key])
            events.append(audit.Event("imported", stored[key], before))
    Price.objects.bulk_create(added, batch_size=BATCH)
    Price.objects.bulk_update(changed, ["amount"], batch_size=BATCH)
    audit.record_many(actor, [*(audit.Event("imported", row) for row in added), *events])
    return Imported(len(added), len(changed), len(wanted) - len(added) - len(changed))


def read(text: str) -> dict[Key, Price]:
    """Return the prices of a file, not saved. Raise Refusal for a file with a bad line."""
    lines = rows(text)
    columns = _columns(next(lines, (0, []))[1])
    found: dict[Key, Price] = {}
    bad: list[str] = []
    for number, cells in lines:
        if len(found) + len(bad) >= MAX_LINES:
            raise Refusal(f"The file has more than {MAX_LINES:,} lines.", "Import it in parts.", "file")
        try:
            price = _price(dict(zip(columns, map(clean_cell, cells), strict=False)))
        except Refusal as refusal:
            bad.append(f"Line {number:,}: {refusal}")
            continue
        if _key(price) in found:
            bad.append(f"Line {number:,}: An earlier line has the same license, currency and day.")
        found[_key(price)] = price
    if bad:
        more = [f"And {len(bad) - SHOWN:,} more."] if len(bad) > SHOWN else []
        words = "1 line is wrong, so nothing was imported."
        if len(bad) > 1:
            words = f"{len(bad):,} lines are wrong, so nothing was imported."
        raise Refusal(words, "Correct the file and choose it again.", "file", blockers=[*bad[:SHOWN], *more])
    return found


def _columns(header: Iterable[str]) -> list[str]:
    columns = ["_".join(name.lower().split()) for name in header]
    missing = [name for name in COLUMNS if name not in columns]
    if missing:
        raise Refusal(
            f"The first line does not name the column {missing[0]}.",
            f"It must name these columns: {', '.join(COLUMNS)}.",
            "file",
        )
    return columns


def _price(cells: dict[str, str]) -> Price:
    row = Price(license_name=cells.get("license", ""), currency=cells.get("currency", "").upper())
    row.amount = _amount(cells.get("price_a_month", ""))
    row.valid_from = _day(cells.get("valid_from", ""))
    try:
        check_row(row, constraints=False)  # the stored prices are compared with all lines at once
    except Refusal as refusal:
        raise Refusal(f"{refusal.field}: {refusal.message}", "", refusal.field) from None
    return row


def _amount(text: str) -> Decimal:
    plain = COMMA.sub(r"\1.\2", text) if COMMA.fullmatch(text) else text
    if not AMOUNT.fullmatch(plain):
        raise Refusal(f"{text!r} is not a price.", "Write it as 2.50, with at most 4 decimals.", "price_a_month")
    return Decimal(plain)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Refusal(f"{text!r} is not a day.", "Write it as 2026-12-31.", "valid_from") from None


def _key(row: Price) -> Key:
    return row.license, row.currency, row.valid_from
