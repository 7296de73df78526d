"""Enter, change and delete orders. Pages, REST, the import and the admin call these verbs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import IntegrityError, transaction

from kit.refusals import Refusal, check_row
from licensing.allocation.engine import license_of
from licensing.allocation.license_names import CURRENT
from licensing.orders.models import Order, OrderLine
from people import audit
from people.audit import Actor

# People enter these columns. Page, REST and admin show them in this order.
ENTERED = (
    "smart_account",
    "number",
    "subscription_id",
    "ordered_on",
    "customer",
    "virtual_account",
    "renewal_on",
    "contract",
)


@dataclass(frozen=True, slots=True)
class LineSpec:
    """The wanted state of an order line."""

    license_name: str
    quantity: int


@transaction.atomic
def save_order(
    actor: Actor, order: Order, lines: Sequence[LineSpec] | None = None, before: dict[str, Any] | None = None
) -> Order:
    """Save an order, and its lines unless they are None. `before` is audit.snapshot of the stored row."""
    if lines is not None:
        _check_lines(lines)
    _check_place(order)
    try:
        check_row(order, whole="number")
        with transaction.atomic():
            order.save()
    except IntegrityError:
        check_row(order, whole="number")  # somebody entered the same one at the same moment
        raise
    audit.record(actor, "changed" if before else "added", order, before=before)
    if lines is not None:
        changes = _set_lines(order, lines)
        if changes:
            audit.record(actor, "changed lines", order, changes=changes)
    return order


@transaction.atomic
def delete_order(actor: Actor, order: Order) -> None:
    """Delete an order with its lines, which the audit keeps. What Cisco delivered stays as it is."""
    lines = {"lines": [_describe(order.lines.all()), {}]}
    audit.record(actor, "deleted", order, changes=lines)
    order.delete()


def tag_of(line: LineSpec | OrderLine) -> str:
    """Return the tag by which the licenses of lines are told apart."""
    return license_of(line.license_name, CURRENT)


def _check_lines(lines: Sequence[LineSpec]) -> None:
    if not lines:
        raise Refusal("An order needs at least one line.", "Add a license and its quantity.", "lines")
    seen: set[str] = set()
    for line in lines:
        if not line.license_name.strip():
            raise Refusal("A line has no license.", "Enter the license that was ordered.", "lines")
        tag = tag_of(line)
        if tag in seen:
            raise Refusal(f"Two lines name the license {line.license_name}.", "Enter one line with their sum.", "lines")
        seen.add(tag)


def _check_place(order: Order) -> None:
    pool = order.virtual_account
    if pool and pool.smart_account_id != order.smart_account_id:
        raise Refusal(
            f"{pool} belongs to another smart account than this order.",
            "Choose a virtual account of the same smart account.",
            "virtual_account",
        )


def _set_lines(order: Order, lines: Sequence[LineSpec]) -> dict[str, list[Any]]:
    """Replace the lines. Returns what differs."""
    Order.objects.select_for_update().filter(pk=order.pk).first()  # of two at once, one waits
    wanted = [
        OrderLine(order=order, position=place, license_name=line.license_name.strip(), quantity=line.quantity)
        for place, line in enumerate(lines, 1)
    ]
    old, new = _describe(order.lines.all()), _describe(wanted)
    if list(old.items()) == list(new.items()):
        return {}
    order.lines.all().delete()
    OrderLine.objects.bulk_create(wanted)
    return {"lines": [old, new]}


def _describe(lines: Any) -> dict[str, int]:
    return {line.license_name: line.quantity for line in lines}
