"""Decide which license serves which request, and by which rule. Pure: no database, no clock, no network.

The order follows Cisco's published rules (docs/domain.md#allocation):

1. `own`: every request from its own license, before anything is lent. Reservations come first: they are bound.
2. `hierarchy`, Enterprise: highest request first, each from the nearest higher license of its family.
3. `dual_parenting`: Enterprise requests, highest first, by the HCS license that Table 1 maps them to, then by the ones
   above it in the HCS family (Foundation before Standard; Unity Basic before Unity Standard in the same way).
4. `hierarchy`, HCS: an HCS request by a higher HCS license.

HCS requests never take Enterprise licenses. Reserved demand takes its own license only (docs/domain.md#hcs-requests).

Why one pass through these phases, never looking back, covers as much as any assignment could: whatever serves a
license X also serves everything that X serves. So a unit kept for its own request can be swapped with whatever else
would have served that request, and nothing is lost (1). A higher request has a part of the choices of a lower one,
among Enterprise and among HCS licenses alike, so serving the highest first takes nothing from others that they
could not replace, and which of its choices it takes does not matter to those below (2, 3). An HCS license that is
short itself has nothing to lend, so 3 and 4 compete for the top of a family alone, where one unit serves one
request: their order decides who is short, not how many. This is also why Unity Standard must serve
CUC_BasicMessaging: without it, keeping Unity Basic for its own request would lose coverage. The tests compare
random cases with a maximum flow.

Two spellings of one license (`(12.x)`, `(14.x)`) are two stocks, or two requests, of the same license; the stock
that is spelled like the request serves it first. Names that no rule knows serve themselves alone.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from licensing.allocation.license_names import CURRENT, Rules, Side


class Rule(StrEnum):
    OWN = "own"
    HIERARCHY = "hierarchy"
    DUAL_PARENTING = "dual_parenting"


_BORROWING = (
    (Side.ENTERPRISE, Rule.HIERARCHY),
    (Side.ENTERPRISE, Rule.DUAL_PARENTING),
    (Side.HCS, Rule.HIERARCHY),
)


@dataclass(frozen=True)
class Grant:
    """A grant says that `quantity` units of `granted` serve requests for `requested`; names stay as given."""

    requested: str
    granted: str
    quantity: int
    rule: Rule


@dataclass(frozen=True)
class Explanation:
    """An explanation holds the figures of one license, all its spellings together."""

    license: str  # the tag name where we know the license, else the name as it was given
    owned: int
    requested: int  # without what is reserved
    reserved: int
    served_by: tuple[Grant, ...]  # covers of its requests, its own first
    lent_to: tuple[Grant, ...]  # its units that serve requests for other licenses
    left: int
    short: int  # reserved and other demand

    @property
    def needed(self) -> int:
        return self.requested + self.reserved

    @property
    def borrowed(self) -> int:
        return sum(grant.quantity for grant in self.served_by if grant.rule != Rule.OWN)

    @property
    def lent(self) -> int:
        return sum(grant.quantity for grant in self.lent_to)


@dataclass(frozen=True)
class Allocation:
    """An allocation is the engine's answer.

    `left` names every supplied license, `short` and `reserved_short` only what is missing.
    """

    supply: Mapping[str, int]
    demand: Mapping[str, int]
    reserved: Mapping[str, int]
    grants: tuple[Grant, ...]  # one per (requested, granted), in the order in which they were made
    left: Mapping[str, int]
    short: Mapping[str, int]
    reserved_short: Mapping[str, int]
    rules: Rules = field(repr=False)

    @property
    def covered(self) -> bool:
        return not self.short and not self.reserved_short

    def explain(self) -> tuple[Explanation, ...]:
        """Return one explanation per license, families first from higher to lower, then the others by name."""
        spellings: dict[str, list[str]] = {}
        for name in dict.fromkeys([*self.supply, *self.demand, *self.reserved]):
            spellings.setdefault(license_of(name, self.rules), []).append(name)
        order = sorted(spellings, key=lambda tag: (self.rules.rank(tag), tag))
        return tuple(self._explanation(tag, frozenset(spellings[tag])) for tag in order)

    def _explanation(self, tag: str, names: frozenset[str]) -> Explanation:
        known = self.rules.find(tag) is not None
        return Explanation(
            license=tag if known else min(names),
            owned=_sum(self.supply, names),
            requested=_sum(self.demand, names),
            reserved=_sum(self.reserved, names),
            served_by=tuple(grant for grant in self.grants if grant.requested in names),
            lent_to=tuple(grant for grant in self.grants if grant.granted in names and grant.rule != Rule.OWN),
            left=_sum(self.left, names),
            short=_sum(self.short, names) + _sum(self.reserved_short, names),
        )


def allocate(
    supply: Mapping[str, int],
    demand: Mapping[str, int],
    reserved: Mapping[str, int] | None = None,
    rules: Rules = CURRENT,
) -> Allocation:
    """Serve demand from supply. Quantities are whole and not negative.

    `reserved` is demand on top of `demand` that cannot borrow.
    """
    reserved = reserved or {}
    for quantities in (supply, demand, reserved):
        _refuse_negative(quantities)
    stock = _Stock(supply, rules)
    reserved_short = stock.serve_own(reserved)
    short = stock.serve_own(demand)
    for side, rule in _BORROWING:
        stock.lend(short, side, rule)
    return Allocation(
        dict(supply),
        dict(demand),
        dict(reserved),
        stock.grants(),
        stock.left,
        _positive(short),
        _positive(reserved_short),
        rules,
    )


def totals(requests: Iterable[tuple[str, int]]) -> dict[str, int]:
    """Add up the requests of many instances to the demand per license."""
    demand: dict[str, int] = {}
    for name, quantity in requests:
        demand[name] = demand.get(name, 0) + quantity
    return demand


def lenders(tag: str, side: Side, rule: Rule, rules: Rules) -> tuple[str, ...]:
    """Return the licenses that may serve a request for this one by this rule, in the order in which they are asked."""
    family = rules.family_of(tag)
    if family is None or family.side != side:
        return ()
    return rules.higher(tag) if rule == Rule.HIERARCHY else rules.parents(tag)


def servers(name: str, rules: Rules = CURRENT) -> tuple[str, ...]:
    """Return all licenses that may serve a request for this one: itself, then by the rules in their order."""
    tag = license_of(name, rules)
    return (tag, *(lender for side, rule in _BORROWING for lender in lenders(tag, side, rule, rules)))


class _Stock:
    """The stock keeps what is left while requests are served, and the grants made so far."""

    def __init__(self, supply: Mapping[str, int], rules: Rules) -> None:
        self.left = dict(supply)
        self._rules = rules
        self._made: dict[tuple[str, str], tuple[int, Rule]] = {}
        self._spellings: dict[str, list[str]] = {}
        for name in supply:
            self._spellings.setdefault(license_of(name, rules), []).append(name)

    def serve_own(self, wanted: Mapping[str, int]) -> dict[str, int]:
        """Serve requests from their own license, the spelling of the request first. Returns what is still missing."""
        missing = {name: quantity - self._take(name, name, quantity, Rule.OWN) for name, quantity in wanted.items()}
        for name in missing:
            self._serve(missing, name, license_of(name, self._rules), Rule.OWN)
        return missing

    def lend(self, missing: dict[str, int], side: Side, rule: Rule) -> None:
        """Serve what is still missing on one side by one rule, highest request first, and take it off `missing`."""
        open_requests = [(name, license_of(name, self._rules)) for name, quantity in missing.items() if quantity]
        open_requests.sort(key=lambda request: self._rules.rank(request[1]))
        for name, tag in open_requests:
            for lender in lenders(tag, side, rule, self._rules):
                self._serve(missing, name, lender, rule)

    def grants(self) -> tuple[Grant, ...]:
        return tuple(
            Grant(requested, granted, quantity, rule) for (requested, granted), (quantity, rule) in self._made.items()
        )

    def _serve(self, missing: dict[str, int], name: str, tag: str, rule: Rule) -> None:
        for spelling in self._spellings.get(tag, ()):
            missing[name] -= self._take(name, spelling, missing[name], rule)

    def _take(self, requested: str, granted: str, quantity: int, rule: Rule) -> int:
        taken = min(quantity, self.left.get(granted, 0))
        if taken:
            self.left[granted] -= taken
            before, _ = self._made.get((requested, granted), (0, rule))
            self._made[requested, granted] = before + taken, rule
        return taken


def license_of(name: str, rules: Rules) -> str:
    """Return what tells licenses apart: the tag name, or the compared form of a name that we do not know."""
    return rules.compared[name]


def _refuse_negative(quantities: Mapping[str, int]) -> None:
    for name, quantity in quantities.items():
        if quantity < 0:
            raise ValueError(f"The quantity of {name!r} is {quantity}: it cannot be negative.")


def _sum(quantities: Mapping[str, int], names: frozenset[str]) -> int:
    return sum(quantities.get(name, 0) for name in names)


def _positive(quantities: Mapping[str, int]) -> dict[str, int]:
    return {name: quantity for name, quantity in quantities.items() if quantity > 0}
