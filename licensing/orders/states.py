"""Say where each order stands: its state, what arrived of each line, and where its licenses are.

- `wrong_account`: a part lies in another serving virtual account than the expected one, or in another smart account,
  and no recognised move brought it there.
- `delivered`: nothing is missing.
- `partly_delivered`: a part arrived. If it is past its due day too, `overdue_since` says since when.
- `overdue`: nothing arrived, and the due day is past. `ordered`: nothing arrived yet.

The first one that applies is the state. Where no virtual account is expected, or the ordered one, which only records
purchases, the licenses are expected in the operational one; without any, no place is wrong.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from django.db.models import TextChoices
from django.utils import timezone

from licensing.accounts.models import SmartAccount
from licensing.allocation.engine import license_of
from licensing.allocation.license_names import CURRENT
from licensing.mirror.models import VirtualAccount
from licensing.orders.delivery import Facts, Keys, OrderedLine, Purchase, display_name, read, settle
from licensing.orders.models import Order

NOWHERE = 0  # no virtual account: each place in another smart account is wrong


class State(TextChoices):
    ORDERED = "ordered", "Ordered"
    PARTLY_DELIVERED = "partly_delivered", "Partly delivered"
    DELIVERED = "delivered", "Delivered"
    WRONG_ACCOUNT = "wrong_account", "In the wrong account"
    OVERDUE = "overdue", "Overdue"


@dataclass(frozen=True, slots=True)
class Place:
    """What one virtual account holds of one license of an order. `is_wrong`: it should not have arrived there."""

    virtual_account: int
    license_name: str
    quantity: int
    is_recorded: bool
    is_wrong: bool


@dataclass(frozen=True, slots=True)
class Standing:
    """Where an order stands. `delivered` and `ordered` go by the tag of a license."""

    state: State
    overdue_since: date | None
    figures: Mapping[str, Purchase]
    places: tuple[Place, ...]

    @property
    def ordered(self) -> int:
        return sum(one.ordered for one in self.figures.values())

    @property
    def delivered(self) -> int:
        return sum(min(one.delivered, one.ordered) for one in self.figures.values())

    @property
    def undelivered(self) -> int:
        return sum(one.undelivered for one in self.figures.values())

    def delivered_of(self, license_name: str) -> int:
        found = self.figures.get(license_of(license_name, CURRENT))
        return found.delivered if found else 0


def standings(orders: Iterable[Order] | None = None, at: datetime | None = None) -> dict[int, Standing]:
    """Return where these orders stand, or all of them, by id: now, or at a recorded moment.

    Seven statements for any number of orders. All smart accounts are looked through, because an order may have arrived
    in another one.
    """
    rows = list(Order.objects.all() if orders is None else orders)
    if not rows:
        return {}
    facts = read(SmartAccount.objects.order_by().values_list("pk", flat=True), at)
    figures: dict[int, dict[str, Purchase]] = defaultdict(dict)
    for one in settle(facts.supplies, facts.moves, facts.lines, facts.subscriptions):
        if one.order:
            figures[one.order][one.license] = one
    found = _Places(facts)
    today = at.astimezone(UTC).date() if at else timezone.localdate()
    return {row.pk: _standing(row, figures[row.pk], found.of(row), today) for row in rows}


def _standing(order: Order, figures: dict[str, Purchase], places: tuple[Place, ...], today: date) -> Standing:
    missing = any(one.undelivered for one in figures.values())
    overdue = order.due_on + timedelta(days=1) if missing and today > order.due_on else None
    if any(place.is_wrong for place in places):
        state = State.WRONG_ACCOUNT
    elif not missing:
        state = State.DELIVERED
    elif any(one.delivered for one in figures.values()):
        state = State.PARTLY_DELIVERED
    else:
        state = State.OVERDUE if overdue else State.ORDERED
    return Standing(state, overdue, figures, places)


class _Places:
    """Find where the licenses of each order are, and which of these places are wrong."""

    def __init__(self, facts: Facts) -> None:
        self.keys = Keys(facts.lines)
        self.own = {(line.smart_account, self._key_of(line)) for line in facts.lines}
        self.expected = self._expected(facts.lines)
        self.held: dict[tuple[int, str], dict[tuple[int, str], int]] = defaultdict(lambda: defaultdict(int))
        self.moved: dict[tuple[int, str], dict[tuple[int, str], int]] = defaultdict(lambda: defaultdict(int))
        self.accounts: dict[int, int] = {}
        self.recorded: set[int] = set()
        self.elsewhere: dict[str, set[tuple[int, str]]] = defaultdict(set)
        for held in facts.supplies:
            key = self.keys.of(held.smart_account, held.subscription_id, held.order_number)
            tag = license_of(held.license_name, CURRENT)
            self.held[held.smart_account, key][held.virtual_account, tag] += held.quantity
            self.accounts[held.virtual_account] = held.smart_account
            if held.recorded:
                self.recorded.add(held.virtual_account)
            self.elsewhere[held.subscription_id or held.order_number].add((held.smart_account, key))
        for moved in facts.moves:
            key = self.keys.of(moved.smart_account, moved.subscription_id, moved.order_number)
            tag = license_of(moved.license_name, CURRENT)
            self.moved[moved.smart_account, key][moved.virtual_account, tag] += moved.quantity

    def of(self, order: Order) -> tuple[Place, ...]:
        here = (order.smart_account_id, self.keys.of(order.smart_account_id, order.subscription_id, order.number))
        found = self._in(here, self.expected.get(here, set()))
        for there in sorted(self.elsewhere[order.subscription_id or order.number]):
            if there[0] != order.smart_account_id and there not in self.own:
                found += self._in(there, {NOWHERE})
        return tuple(found)

    def _in(self, purchase: tuple[int, str], expected: set[int]) -> list[Place]:
        """List the places of a purchase. Where nothing is expected, none of them is wrong."""
        return [
            Place(
                pool,
                display_name(tag),
                quantity,
                pool in self.recorded,
                bool(expected)
                and pool not in expected
                and pool not in self.recorded
                and quantity > self.moved[purchase][pool, tag],
            )
            for (pool, tag), quantity in sorted(self.held.get(purchase, {}).items())
        ]

    def _key_of(self, line: OrderedLine) -> str:
        return self.keys.of(line.smart_account, line.subscription_id, line.number)

    def _expected(self, lines: Iterable[OrderedLine]) -> dict[tuple[int, str], set[int]]:
        """Return, by purchase, the virtual accounts in which its orders are expected."""
        operational = dict(
            VirtualAccount.objects.present()
            .filter(purpose=VirtualAccount.Purpose.OPERATIONAL)
            .values_list("smart_account", "pk")
        )
        chosen = dict(
            Order.objects.exclude(virtual_account=None)
            .exclude(virtual_account__purpose=VirtualAccount.Purpose.ORDERED)
            .order_by()
            .values_list("pk", "virtual_account")
        )
        found: dict[tuple[int, str], set[int]] = defaultdict(set)
        for line in lines:
            pool = chosen.get(line.order) or operational.get(line.smart_account)
            if pool:
                found[line.smart_account, self._key_of(line)].add(pool)
        return found
