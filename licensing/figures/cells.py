"""Split the figures of each virtual account among those who use it, so that every sum of them is the same.

A cell is one license of one virtual account for one cluster. Positions add cells up, by customer, cluster, virtual
account or license: whatever they are grouped by, the total stays. Pure.

What is used belongs to its cluster. What a pool lends, lacks or covers is a figure of the whole pool (the allocation
engine's answer), so it is shared out. What is short or borrowed goes to the customers who use more than they own there,
in proportion to the excess, and only then to the others by use. What is lent goes to those who own more than they use.
A customer's share is shared among its clusters by their use.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from licensing.allocation.engine import Allocation, Rule, license_of
from licensing.allocation.holdings import Holding
from licensing.allocation.license_names import CURRENT
from licensing.figures.shares import spread, spread_in_turn
from licensing.history.reading import State, Use
from licensing.mirror.models import License, VirtualAccount

Owner = tuple[int, int]  # customer and cluster, 0 for none
NOBODY: Owner = (0, 0)


@dataclass(slots=True)
class Cell:
    pool: int
    license: str  # as licensing.allocation.engine.license_of tells licenses apart
    customer: int
    cluster: int
    used: int = 0
    covered_by_own: int = 0
    covered_by_higher: int = 0
    covered_by_dual_parenting: int = 0
    lent: int = 0
    short_by_cisco: int = 0
    short_with_borrowing: int = 0


@dataclass(frozen=True, slots=True)
class PoolFigures:
    """One license of one virtual account, as a whole.

    `used_by_cisco` is what Cisco counts as in use, `unexplained_use` the part of it that neither product instances nor
    borrowing explain. `reserved_short` is what reservations lack; requests lack the rest of `short_with_borrowing`.
    """

    pool: int
    license: str
    quantity: int
    used_by_cisco: int
    unexplained_use: int
    covered: Mapping[Rule, int]
    lent: int
    short_by_cisco: int
    short_with_borrowing: int
    reserved_short: int

    @property
    def short_requests(self) -> int:
        return self.short_with_borrowing - self.reserved_short


def holding_of(pool: VirtualAccount, states: Iterable[State], uses: Iterable[Use]) -> Holding:
    """Return what a virtual account held and was asked for, as the allocation engine takes it."""
    demand: dict[str, int] = defaultdict(int)
    for use in uses:
        demand[use.license_name] += use.quantity
    return Holding(pool, tuple(map(_license, states)), dict(demand))


def pool_figures(holding: Holding) -> list[PoolFigures]:
    """Return the figures of each license that a virtual account holds, or that is used in it."""
    rows: dict[str, list[License]] = defaultdict(list)
    for row in holding.licenses:
        rows[license_of(row.name, CURRENT)].append(row)
    unexplained = _by_license(holding.unexplained)
    allocation = holding.allocation
    covered, lent = _covered(allocation), _lent(allocation)
    short, reserved_short = _by_license(allocation.short), _by_license(allocation.reserved_short)
    named = {license_of(name, CURRENT) for name in holding.demand}
    return [
        PoolFigures(
            pool=holding.pool.pk,
            license=tag,
            quantity=sum(max(row.quantity, 0) for row in rows[tag]),
            used_by_cisco=sum(row.in_use for row in rows[tag]),
            unexplained_use=unexplained[tag],
            covered={rule: covered[tag, rule] for rule in Rule},
            lent=lent[tag],
            short_by_cisco=sum(row.short_by_cisco for row in rows[tag]),
            short_with_borrowing=short[tag] + reserved_short[tag],
            reserved_short=reserved_short[tag],
        )
        for tag in dict.fromkeys([*rows, *sorted(named)])
    ]


def split(figures: PoolFigures, used: Mapping[Owner, int], owned: Mapping[int, int]) -> Iterator[Cell]:
    """Split one license of a pool among its owners. `owned`: by customer, 0 for what belongs to no customer."""
    asked = dict(used)
    if figures.unexplained_use:
        asked[NOBODY] = asked.get(NOBODY, 0) + figures.unexplained_use
    excess = _excess(asked, owned)
    left, beyond = dict(asked), dict(excess)
    short = _take(figures.short_requests, left, beyond)
    higher = _take(figures.covered[Rule.HIERARCHY], left, beyond)
    dual = _take(figures.covered[Rule.DUAL_PARENTING], left, beyond)
    rest = {owner: quantity - excess[owner] for owner, quantity in asked.items()}
    by_cisco = _with_remainder(figures.short_by_cisco, _by_customer_in_turn(figures.short_by_cisco, excess, rest))
    lent = _lenders(figures.lent, asked, owned)
    short = _with_remainder(figures.short_with_borrowing, short)
    for owner in dict.fromkeys([*asked, *short, *by_cisco, *lent]):
        yield Cell(
            figures.pool,
            figures.license,
            *owner,
            used=used.get(owner, 0),
            covered_by_own=left.get(owner, 0),
            covered_by_higher=higher.get(owner, 0),
            covered_by_dual_parenting=dual.get(owner, 0),
            lent=lent.get(owner, 0),
            short_by_cisco=by_cisco.get(owner, 0),
            short_with_borrowing=short.get(owner, 0),
        )


def _take(total: int, left: dict[Owner, int], beyond: dict[Owner, int]) -> dict[Owner, int]:
    """Share `total` out by the excess that is left, then by all that is left, and take the parts off both."""
    if not total:
        return {}
    parts = _by_customer_in_turn(total, beyond, {owner: size - beyond[owner] for owner, size in left.items()})
    for owner, part in parts.items():
        left[owner] -= part
        beyond[owner] = max(beyond[owner] - part, 0)
    return parts


def _by_customer_in_turn(total: int, *rooms: Mapping[Owner, int]) -> dict[Owner, int]:
    """Share `total` out among customers, and each customer's part among its clusters.

    So it does not matter to a customer into how many clusters it divides its use.
    """
    shared: dict[Owner, int] = {}
    for room in rooms:
        by_customer: dict[int, dict[Owner, int]] = defaultdict(dict)
        for owner, size in room.items():
            by_customer[owner[0]][owner] = size
        parts = spread(total, {customer: sum(sizes.values()) for customer, sizes in by_customer.items()})
        for customer, part in parts.items():
            for owner, piece in spread(part, by_customer[customer]).items():
                shared[owner] = shared.get(owner, 0) + piece
        total -= sum(parts.values())
    return shared


def _excess(asked: Mapping[Owner, int], owned: Mapping[int, int]) -> dict[Owner, int]:
    """Return what each owner asks for beyond what its customer owns here."""
    by_customer: dict[int, dict[Owner, int]] = defaultdict(dict)
    for owner, quantity in asked.items():
        by_customer[owner[0]][owner] = quantity
    excess: dict[Owner, int] = {}
    for customer, room in by_customer.items():
        beyond = max(sum(room.values()) - owned.get(customer, 0), 0)
        excess.update(spread(beyond, room))
    return excess


def _lenders(lent: int, asked: Mapping[Owner, int], owned: Mapping[int, int]) -> dict[Owner, int]:
    """Share out what is lent among the customers who own more than they use, then by what they own."""
    if not lent:
        return {}
    needs: dict[int, int] = defaultdict(int)
    for (customer, _), quantity in asked.items():
        needs[customer] += quantity
    spare = {customer: max(quantity - needs[customer], 0) for customer, quantity in owned.items()}
    rest = {customer: quantity - spare[customer] for customer, quantity in owned.items()}
    parts = spread_in_turn(lent, spare, rest)
    return _with_remainder(lent, {(customer, 0): part for customer, part in parts.items() if part})


def _with_remainder(total: int, parts: dict[Owner, int]) -> dict[Owner, int]:
    """Add to nobody's part what the parts leave over."""
    left = total - sum(parts.values())
    return {**parts, NOBODY: parts.get(NOBODY, 0) + left} if left else parts


def _covered(allocation: Allocation) -> dict[tuple[str, Rule], int]:
    found: dict[tuple[str, Rule], int] = defaultdict(int)
    for grant in allocation.grants:
        found[license_of(grant.requested, CURRENT), grant.rule] += grant.quantity
    for name, quantity in allocation.reserved.items():  # granted too, and no part of the use
        tag = license_of(name, CURRENT)
        found[tag, Rule.OWN] -= quantity - allocation.reserved_short.get(name, 0)
    return found


def _lent(allocation: Allocation) -> dict[str, int]:
    found: dict[str, int] = defaultdict(int)
    for grant in allocation.grants:
        if grant.rule != Rule.OWN:
            found[license_of(grant.granted, CURRENT)] += grant.quantity
    return found


def _by_license(quantities: Mapping[str, int]) -> dict[str, int]:
    """Add up the spellings of each license."""
    found: dict[str, int] = defaultdict(int)
    for name, quantity in quantities.items():
        found[license_of(name, CURRENT)] += quantity
    return found


def _license(state: State) -> License:
    return License(
        pk=state.license,
        virtual_account_id=state.virtual_account,
        name=state.license_name,
        quantity=state.quantity,
        in_use=state.in_use,
        available=state.available,
        reserved=state.reserved,
        status=state.status,
        substitutions=state.substitutions,
    )
