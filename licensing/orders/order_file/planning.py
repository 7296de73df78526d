"""Plan the import of orders from a CSV file, a line for each license of an order, before anything changes.

A stored order is changed in what the file says: empty cells leave what is stored, lines of other licenses stay, and
nothing is deleted. Facts of an order may stand on each of its lines as long as they agree.
"""

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from kit.refusals import Refusal
from licensing.accounts.models import SmartAccount
from licensing.fleet.fleet_file.reading import MAX_LINES, Bad, clean_cell, find_columns, rows
from licensing.fleet.models import Customer
from licensing.mirror.models import VirtualAccount
from licensing.orders.models import Order
from licensing.orders.saving import LineSpec, tag_of
from people import audit

COLUMNS = {
    "smart_account": "Domain or name of the smart account. Not needed where there is only one.",
    "order_number": "Cisco's number of the order. An order needs this or its subscription.",
    "subscription_id": "The subscription that the order began.",
    "ordered_on": "A day as 2026-12-31. A new order needs it.",
    "customer": "Name of the customer.",
    "virtual_account": "Where the licenses are expected. Empty: in the operational pool.",
    "renewal_on": "A day as 2026-12-31.",
    "contract": "Number of the contract.",
    "license": "Name or tag of the license.",
    "quantity": "How many were ordered.",
}
MOST = 2**31 - 1
OrderKey = tuple[int, str, str]


@dataclass(slots=True)
class Entry:
    """An order as it will be after the import. `before` is audit.snapshot of the stored row, None for a new one."""

    order: Order
    before: dict[str, Any] | None
    stored: dict[str, LineSpec]
    lines: dict[str, LineSpec] = field(default_factory=dict)
    values: dict[str, tuple[Any, int]] = field(default_factory=dict)
    numbers: dict[str, int] = field(default_factory=dict)  # the line of the file that names a license

    @property
    def is_new(self) -> bool:
        return self.before is None

    @property
    def all_lines(self) -> dict[str, LineSpec]:
        return {**self.stored, **self.lines}

    @property
    def is_changed(self) -> bool:
        return not self.is_new and (self.all_lines != self.stored or audit.snapshot(self.order) != self.before)


@dataclass(slots=True)
class Plan:
    orders: dict[OrderKey, Entry] = field(default_factory=dict)
    bad: list[Bad] = field(default_factory=list)
    lines: int = 0

    def counts(self) -> list[tuple[str, int, int, int]]:
        """Return what is imported with how many are new, changed and unchanged: orders, then lines."""
        new = sum(entry.is_new for entry in self.orders.values())
        changed = sum(entry.is_changed for entry in self.orders.values())
        added = altered = 0
        for entry in self.orders.values():
            added += sum(tag not in entry.stored for tag in entry.lines)
            altered += sum(tag in entry.stored and entry.stored[tag] != line for tag, line in entry.lines.items())
        return [
            ("Orders", new, changed, len(self.orders) - new - changed),
            ("Lines", added, altered, self.lines - added - altered),
        ]

    @property
    def does_something(self) -> bool:
        return any(entry.is_new or entry.is_changed for entry in self.orders.values())


class Unfit(Exception):
    """The reason why a line cannot be imported."""


def plan(text: str) -> Plan:
    """Plan an import. Raises Refusal for a file that cannot be read, Bad lines are part of the plan."""
    planner = _Planner()
    lines = rows(text)
    columns = find_columns(next(lines, (0, []))[1], COLUMNS, "license")
    for count, (number, cells) in enumerate(lines):
        if count >= MAX_LINES:
            raise Refusal(f"The file has more than {MAX_LINES:,} lines.", "Import it in parts.", "file")
        found = {name: plain for name, cell in zip(columns, cells, strict=False) if (plain := clean_cell(cell))}
        try:
            if any(cell.strip() for cell in cells[len(columns) :]):
                raise Unfit("It has more cells than the first line has columns.")
            planner.take(number, found)
        except Unfit as unfit:
            planner.found.bad.append(Bad(number, _names_of(found), str(unfit)))
    return planner.found


def _names_of(cells: dict[str, str]) -> str:
    return " · ".join(cells[name] for name in ("order_number", "subscription_id", "license") if name in cells)


class _Planner:
    def __init__(self) -> None:
        self.found = Plan()
        self.accounts = list(SmartAccount.objects.order_by("pk"))
        self.customers = {row.name.casefold(): row for row in Customer.objects.all()}
        self.pools = {(row.smart_account_id, row.name): row for row in VirtualAccount.objects.present()}
        stored = Order.objects.select_related("smart_account").prefetch_related("lines")
        self.stored = {(row.smart_account_id, row.subscription_id, row.number): row for row in stored}

    def take(self, number: int, cells: dict[str, str]) -> None:
        """Take all of a line or nothing of it."""
        account = self._account(cells.get("smart_account", ""))
        key = (account.pk, cells.get("subscription_id", ""), cells.get("order_number", ""))
        if not (key[1] or key[2]):
            raise Unfit("It names neither an order nor a subscription.")
        line, values = _line_of(cells), self._values(account, cells)
        entry = self.found.orders.get(key) or self._entry(account, key)
        if entry.is_new and "ordered_on" not in {**entry.values, **values}:
            raise Unfit("A new order needs ordered_on.")
        _check_agreement(entry, line, values, number)
        for name, value in values.items():
            entry.values.setdefault(name, (value, number))
            setattr(entry.order, name, value)
        entry.lines[tag_of(line)] = line
        entry.numbers[tag_of(line)] = number
        self.found.orders[key] = entry
        self.found.lines += 1

    def _entry(self, account: SmartAccount, key: OrderKey) -> Entry:
        row = self.stored.get(key)
        if row is None:
            return Entry(Order(smart_account=account, subscription_id=key[1], number=key[2]), None, {})
        lines = [LineSpec(line.license_name, line.quantity) for line in row.lines.all()]
        return Entry(row, audit.snapshot(row), {tag_of(line): line for line in lines})

    def _account(self, text: str) -> SmartAccount:
        if not text and len(self.accounts) == 1:
            return self.accounts[0]
        if not text:
            raise Unfit("It names no smart account.")
        for name in ("domain", "name"):
            fitting = [row for row in self.accounts if getattr(row, name).casefold() == text.casefold()]
            if len(fitting) == 1:
                return fitting[0]
        raise Unfit(f"smart_account {text!r} is neither the domain nor the name of one smart account.")

    def _values(self, account: SmartAccount, cells: dict[str, str]) -> dict[str, Any]:
        """Return the facts of the order that are given, each checked."""
        found: dict[str, Any] = {}
        for name in ("ordered_on", "renewal_on"):
            if name in cells:
                found[name] = _read_day(name, cells[name])
        if "contract" in cells:
            found["contract"] = cells["contract"]
        if "customer" in cells:
            found["customer"] = self.customers.get(cells["customer"].casefold())
            if found["customer"] is None:
                raise Unfit(f"customer {cells['customer']!r} is not entered. Add the customer first.")
        if "virtual_account" in cells:
            found["virtual_account"] = self.pools.get((account.pk, cells["virtual_account"]))
            if found["virtual_account"] is None:
                raise Unfit(f"virtual_account {cells['virtual_account']!r} is not one of {account}.")
        for name in ("order_number", "subscription_id", "contract"):
            if len(cells.get(name, "")) > 100:
                raise Unfit(f"{name} is longer than 100 characters.")
        return found


def _check_agreement(entry: Entry, line: LineSpec, values: dict[str, Any], number: int) -> None:
    for name, value in values.items():
        known, where = entry.values.get(name, (value, number))
        if known != value:
            raise Unfit(f"{name} {str(value)!r} contradicts line {where}, where it is {str(known)!r}.")
    if (earlier := entry.numbers.get(tag_of(line))) is not None:
        raise Unfit(f"Line {earlier} names this license of this order already. Enter one line with their sum.")


def _line_of(cells: dict[str, str]) -> LineSpec:
    if "license" not in cells:
        raise Unfit("It names no license.")
    if len(cells["license"]) > 300:
        raise Unfit("license is longer than 300 characters.")
    text = cells.get("quantity", "").replace(",", "").replace("'", "")
    if not (text.isascii() and text.isdecimal() and len(text) < 11 and 0 < int(text) <= MOST):
        raise Unfit(f"quantity {cells.get('quantity', '')!r} is not a whole number from 1 on.")
    return LineSpec(cells["license"], int(text))


def _read_day(column: str, cell: str) -> date:
    for pattern in ("%Y-%m-%d", "%d.%m.%Y"):
        try:
            return datetime.strptime(cell, pattern).date()  # noqa: DTZ007 - a day has no zone
        except ValueError:
            continue
    raise Unfit(f"{column} {cell!r} is not a day. Write it as 2026-12-31.")
