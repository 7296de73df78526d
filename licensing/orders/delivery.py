"""Answer what Cisco delivered: one definition of ordered, delivered and undelivered, by purchase and license.

A purchase is told by its key within a smart account: its subscription, else its order number, else "" where nothing
names one. Spellings of one license count together. Serving virtual accounts are all but the ordered one, which only
records purchases.

- `ordered`: the quantity of the entered order's line; else what the ordered virtual account records, with what moved
  out of it into serving ones; else, where only serving ones show the purchase, what was delivered.
- `delivered`: what serving virtual accounts hold, without what moved into them from the ordered one. Moving licenses
  back counts the other way, so that no move changes what was delivered.
- A serving quantity that names no purchase serves what the ordered virtual account records without one, then the oldest
  undelivered purchases of its license. A quantity that names a purchase counts for that one alone: more than was
  ordered is a surplus, and never makes up for another purchase.
- `undelivered`: what is missing, never below 0. All sums of undelivered licenses add these.

What moved out of the ordered virtual account and has ended since counts on neither side.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

from django.db.models import Sum

from licensing.allocation.engine import license_of
from licensing.allocation.license_names import CURRENT
from licensing.history import reading
from licensing.mirror.models import Subscription, VirtualAccount
from licensing.orders.models import Movement, OrderLine

ORDERED = VirtualAccount.Purpose.ORDERED


@dataclass(frozen=True, slots=True)
class Purchase:
    """The figures of one license of one purchase. `order`: the id of the entered order. `license`: its tag.

    Several orders may name one subscription: each has its own figures then, and the oldest is served first.
    """

    smart_account: int
    key: str
    subscription_id: str
    order_number: str
    order: int | None
    customer: int | None
    license_name: str
    license: str
    ordered: int
    delivered: int
    undelivered: int


@dataclass(frozen=True, slots=True)
class Supplied:
    """What one virtual account holds of one license under one purchase. `recorded`: it is the ordered one."""

    smart_account: int
    virtual_account: int
    recorded: bool
    license_name: str
    subscription_id: str
    order_number: str
    quantity: int


@dataclass(frozen=True, slots=True)
class Moved:
    """The sum of what moved into (above 0) or out of one virtual account. `recorded`: it is the ordered one."""

    smart_account: int
    virtual_account: int
    recorded: bool
    counterpart_recorded: bool
    license_name: str
    subscription_id: str
    order_number: str
    quantity: int


@dataclass(frozen=True, slots=True)
class OrderedLine:
    """One line of an entered order."""

    smart_account: int
    order: int
    number: str
    subscription_id: str
    ordered_on: date
    customer: int | None
    license_name: str
    quantity: int


@dataclass(frozen=True, slots=True)
class Known:
    """What the portal knows of a subscription: when a sync first saw it, and whose it is."""

    first_seen: date
    customer: int | None


@dataclass(frozen=True)
class Facts:
    """Everything that the figures follow from."""

    supplies: Sequence[Supplied]
    moves: Sequence[Moved]
    lines: Sequence[OrderedLine]
    subscriptions: Mapping[tuple[int, str], Known]


def figures(accounts: Iterable[int], at: datetime | None = None) -> list[Purchase]:
    """Return the figures of every purchase of these smart accounts, now or at a recorded moment. Five statements."""
    facts = read(accounts, at)
    return settle(facts.supplies, facts.moves, facts.lines, facts.subscriptions)


def figures_of(
    customer: int, accounts: Iterable[int], pools: Iterable[int], at: datetime | None = None
) -> tuple[Facts, list[Purchase]]:
    """Return the figures of one customer's purchases, without reading those of all others where it can be helped.

    The facts are those of the customer's purchases, and all supply of `pools`. Where one of its purchases lacks
    something, what names no purchase may belong to it, so that all are read.
    """
    accounts = list(accounts)
    facts = read(accounts, at, customer, pools)
    keys = keys_of(customer, facts)
    own = settle(
        [row for row in facts.supplies if row.subscription_id in keys or row.order_number in keys],
        [row for row in facts.moves if row.subscription_id in keys or row.order_number in keys],
        [row for row in facts.lines if row.subscription_id in keys or row.number in keys],
        facts.subscriptions,
    )
    if any(one.undelivered for one in own):
        facts = read(accounts, at)
        own = settle(facts.supplies, facts.moves, facts.lines, facts.subscriptions)
    return facts, [one for one in own if one.customer == customer]


def keys_of(customer: int, facts: Facts) -> set[str]:
    """Return the subscriptions and order numbers under which a customer bought something."""
    found = {key for (_, key), known in facts.subscriptions.items() if known.customer == customer}
    for line in facts.lines:
        if line.customer == customer:
            found |= {line.subscription_id, line.number}
    return found - {""}


def read(
    accounts: Iterable[int], at: datetime | None = None, customer: int | None = None, pools: Iterable[int] = ()
) -> Facts:
    """Read what the figures follow from: supply, moves up to then, and orders of that day or earlier.

    With a customer, supply is that of its purchases and all of `pools`.
    """
    ids = list(accounts)
    whole = None if customer is None else list(pools)
    lines, subscriptions = _lines(ids, at), _subscriptions(ids)
    purchases = [] if customer is None else keys_of(customer, Facts([], [], lines, subscriptions))
    places = {
        pk: (account, purpose == ORDERED)
        for pk, account, purpose in VirtualAccount.objects.filter(smart_account__in=ids)
        .order_by()
        .values_list("pk", "smart_account", "purpose")
    }
    supplies = [
        Supplied(
            places[row.virtual_account][0],
            row.virtual_account,
            places[row.virtual_account][1],
            row.license_name,
            row.subscription_id,
            row.order_number,
            row.quantity,
        )
        for row in reading.supply(places, at, whole=whole, purchases=purchases)
    ]
    return Facts(supplies, _moves(ids, at), lines, subscriptions)


def _moves(accounts: list[int], at: datetime | None) -> list[Moved]:
    rows = Movement.objects.filter(kind=Movement.Kind.MOVE, virtual_account__smart_account__in=accounts)
    if at is not None:
        rows = rows.filter(at__lte=at)
    found = (
        rows.order_by()
        .values_list(
            "virtual_account__smart_account",
            "virtual_account",
            "virtual_account__purpose",
            "counterpart__purpose",
            "license_name",
            "subscription_id",
            "order_number",
        )
        .annotate(total=Sum("quantity"))
    )
    return [
        Moved(account, pool, purpose == ORDERED, other == ORDERED, name, subscription, number, total)
        for account, pool, purpose, other, name, subscription, number, total in found
    ]


def _lines(accounts: list[int], at: datetime | None) -> list[OrderedLine]:
    rows = OrderLine.objects.filter(order__smart_account__in=accounts)
    if at is not None:
        rows = rows.filter(order__ordered_on__lte=at.astimezone(UTC).date())
    found = rows.order_by("order__ordered_on", "order", "position").values_list(
        "order__smart_account",
        "order",
        "order__number",
        "order__subscription_id",
        "order__ordered_on",
        "order__customer",
        "license_name",
        "quantity",
    )
    return [OrderedLine(*row) for row in found]


def _subscriptions(accounts: list[int]) -> dict[tuple[int, str], Known]:
    rows = Subscription.objects.filter(smart_account__in=accounts).order_by()
    found = rows.values_list("smart_account", "subscription_id", "first_seen_at", "customer")
    return {(account, key): Known(seen.date(), customer) for account, key, seen, customer in found}


class Keys:
    """Find the key of a purchase: that of the entered order which a line names by subscription or by number.

    A line with a subscription is never that of an order with another subscription, even if the numbers are equal.
    """

    def __init__(self, lines: Iterable[OrderedLine]) -> None:
        self._by_subscription: set[tuple[int, str]] = set()
        self._by_number: dict[tuple[int, str], str] = {}
        self._plain_numbers: set[tuple[int, str]] = set()
        for line in lines:
            if line.subscription_id:
                self._by_subscription.add((line.smart_account, line.subscription_id))
            elif line.number:
                self._plain_numbers.add((line.smart_account, line.number))
            if line.number:
                key = line.subscription_id or line.number
                self._by_number.setdefault((line.smart_account, line.number), key)

    def of(self, account: int, subscription: str, number: str) -> str:
        if subscription and (account, subscription) in self._by_subscription:
            return subscription
        if number and subscription and (account, number) in self._plain_numbers:
            return number
        if number and not subscription:
            return self._by_number.get((account, number), number)
        return subscription or number


@dataclass(slots=True)
class _Entry:
    """The open figures of one license of one purchase, and the orders that ask for it, oldest first."""

    subscription_id: str = ""
    order_number: str = ""
    license_name: str = ""
    recorded: int = 0  # by the ordered virtual account
    serving: int = 0
    left: int = 0  # out of the ordered virtual account, seen there
    arrived: int = 0  # the same moves, seen at the other end
    orders: list[OrderedLine] = field(default_factory=list)

    def net(self) -> tuple[int, int]:
        """Return what was recorded and what was deposited, as if nothing had moved between the two."""
        ended = max(self.arrived - self.serving, 0)
        left, arrived = self.left - ended, self.arrived - ended
        ended = max(-left - self.recorded, 0)
        left, arrived = left + ended, arrived + ended
        return max(self.recorded + left, 0), max(self.serving - arrived, 0)


@dataclass(slots=True)
class _Open:
    """A purchase of one license before what names no purchase was shared out."""

    entry: _Entry
    line: OrderedLine | None
    since: date
    ordered: int
    delivered: int


def settle(
    supplies: Iterable[Supplied],
    moves: Iterable[Moved],
    lines: Iterable[OrderedLine],
    subscriptions: Mapping[tuple[int, str], Known] | None = None,
) -> list[Purchase]:
    """Return the figures that follow from these facts. Pure.

    Sorted by smart account, purchase and license; what names no purchase comes last.
    """
    known = subscriptions or {}
    lines = sorted(lines, key=lambda line: (line.ordered_on, line.order))
    entries = _entries(supplies, moves, lines)
    found: list[Purchase] = []
    by_license: dict[tuple[int, str], dict[str, _Entry]] = defaultdict(dict)
    for (account, key, tag), entry in entries.items():
        by_license[account, tag][key] = entry
    for (account, tag), purchases in by_license.items():
        opened = {key: _open(account, entry, known) for key, entry in sorted(purchases.items()) if key}
        loose = _share(purchases.get(""), [one for each in opened.values() for one in each])
        for key, each in [*opened.items(), ("", loose)]:
            found += [_purchase(account, key, tag, one, known) for one in each if one.ordered or one.delivered]
    place = {tag: number for number, tag in enumerate(CURRENT.names)}
    return sorted(
        found,
        key=lambda one: (
            one.smart_account,
            not one.key,
            one.key,
            CURRENT.rank(one.license),
            place.get(one.license, len(place)),
            one.license,
            one.order or 0,
        ),
    )


def _entries(
    supplies: Iterable[Supplied], moves: Iterable[Moved], lines: Sequence[OrderedLine]
) -> dict[tuple[int, str, str], _Entry]:
    keys = Keys(lines)
    found: dict[tuple[int, str, str], _Entry] = defaultdict(_Entry)

    def entry(row: Supplied | Moved | OrderedLine, number: str) -> _Entry:
        tag = license_of(row.license_name, CURRENT)
        one = found[row.smart_account, keys.of(row.smart_account, row.subscription_id, number), tag]
        one.subscription_id = one.subscription_id or row.subscription_id
        one.order_number = one.order_number or number
        one.license_name = one.license_name or display_name(row.license_name)
        return one

    for line in lines:
        entry(line, line.number).orders.append(line)
    for held in supplies:
        one = entry(held, held.order_number)
        if held.recorded:
            one.recorded += held.quantity
        else:
            one.serving += held.quantity
    for moved in moves:
        if moved.recorded == moved.counterpart_recorded:
            continue
        one = entry(moved, moved.order_number)
        if moved.recorded:
            one.left -= moved.quantity
        else:
            one.arrived += moved.quantity
    return found


def _open(account: int, entry: _Entry, known: Mapping[tuple[int, str], Known]) -> list[_Open]:
    """Return what one purchase asks for, by entered order. What is more than all asked for goes to the last one."""
    recorded, delivered = entry.net()
    seen = known.get((account, entry.subscription_id))
    since = seen.first_seen if seen else date.max
    if not entry.orders:
        return [_Open(entry, None, since, recorded or delivered, delivered)]
    rows = []
    for line in entry.orders:
        part = min(line.quantity, delivered)
        delivered -= part
        rows.append(_Open(entry, line, line.ordered_on, line.quantity, part))
    rows[-1].delivered += delivered
    return rows


def _share(loose: _Entry | None, others: Iterable[_Open]) -> list[_Open]:
    """Give what names no purchase to its own, then to the oldest undelivered ones of the license."""
    if loose is None:
        return []
    recorded, left = loose.net()
    own = min(recorded, left)
    left -= own
    for one in sorted(others, key=lambda one: (one.since, one.entry.subscription_id or one.entry.order_number)):
        part = min(max(one.ordered - one.delivered, 0), left)
        one.delivered += part
        left -= part
    return [_Open(loose, None, date.max, recorded or left, own + left)]


def _purchase(account: int, key: str, tag: str, one: _Open, known: Mapping[tuple[int, str], Known]) -> Purchase:
    line, subscription = one.line, one.line.subscription_id if one.line else one.entry.subscription_id
    seen = known.get((account, subscription or one.entry.subscription_id))
    return Purchase(
        smart_account=account,
        key=key,
        subscription_id=subscription or one.entry.subscription_id,
        order_number=(line.number if line else "") or one.entry.order_number,
        order=line.order if line else None,
        customer=(line.customer if line else None) or (seen.customer if seen else None),
        license_name=one.entry.license_name,
        license=tag,
        ordered=one.ordered,
        delivered=one.delivered,
        undelivered=max(one.ordered - one.delivered, 0),
    )


def display_name(name: str) -> str:
    """Return how pages spell a license: as Cisco does where the portal knows it, else as it was given."""
    tag = CURRENT.find(name)
    return CURRENT.display_name(tag) if tag else name
