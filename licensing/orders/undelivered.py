"""List what Cisco still owes, by smart account and license, with the row where people look at it."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace

from licensing.allocation.engine import license_of
from licensing.allocation.license_names import CURRENT
from licensing.orders.delivery import Purchase, Supplied, read, settle
from licensing.orders.models import Order


@dataclass(frozen=True, slots=True)
class Undelivered:
    """What is missing of one license, over the purchases that lack some of it.

    `virtual_account` and `license_name` lead to the mirrored license that holds the most of it, in the ordered virtual
    account if it is there. Where no virtual account has the license yet, they are None and the order's name, and
    `order` leads to the first order that asks for it.
    """

    smart_account: int
    virtual_account: int | None
    license_name: str
    order: int | None
    ordered: int
    delivered: int
    undelivered: int
    purchases: tuple[str, ...]


def undelivered(accounts: Iterable[int]) -> list[Undelivered]:
    """Return what is missing in these smart accounts. The sum is that of delivery.figures. Six statements."""
    facts = read(accounts)
    missing: dict[tuple[int, str], list[Purchase]] = defaultdict(list)
    for one in settle(facts.supplies, facts.moves, facts.lines, facts.subscriptions):
        if one.undelivered:
            missing[one.smart_account, one.license].append(one)
    held = _largest(facts.supplies)
    found = [_sum_up(purchases, held.get(place)) for place, purchases in missing.items()]
    return [one for one in found if one.virtual_account] + _by_order(one for one in found if not one.virtual_account)


def _largest(supplies: Iterable[Supplied]) -> dict[tuple[int, str], Supplied]:
    found: dict[tuple[int, str], Supplied] = {}
    for held in sorted(supplies, key=lambda row: (row.recorded, row.quantity, -row.virtual_account)):
        found[held.smart_account, license_of(held.license_name, CURRENT)] = held
    return found


def _sum_up(purchases: list[Purchase], held: Supplied | None) -> Undelivered:
    first = purchases[0]
    return Undelivered(
        smart_account=first.smart_account,
        virtual_account=held.virtual_account if held else None,
        license_name=held.license_name if held else first.license_name,
        order=None if held else next((one.order for one in purchases if one.order), None),
        ordered=sum(one.ordered for one in purchases),
        delivered=sum(one.delivered for one in purchases),
        undelivered=sum(one.undelivered for one in purchases),
        purchases=tuple(label for one in purchases if (label := label_of(one))),
    )


def _by_order(rows: Iterable[Undelivered]) -> list[Undelivered]:
    """Put what is mirrored nowhere together, under the order that asks for it."""
    found: dict[int, Undelivered] = {}
    for row in rows:
        if row.order is None:
            continue
        one = found.get(row.order)
        found[row.order] = row if one is None else _add(one, row)
    names = {row.pk: str(row) for row in Order.objects.filter(pk__in=found)} if found else {}
    return [replace(one, license_name=names[number]) for number, one in found.items() if number in names]


def _add(one: Undelivered, row: Undelivered) -> Undelivered:
    return replace(
        one,
        ordered=one.ordered + row.ordered,
        delivered=one.delivered + row.delivered,
        undelivered=one.undelivered + row.undelivered,
        purchases=tuple(dict.fromkeys([*one.purchases, *row.purchases])),
    )


def label_of(one: Purchase) -> str:
    """Return the name of a purchase: its subscription, else its order, else ""."""
    return one.subscription_id or (f"order {one.order_number}" if one.order_number else "")
