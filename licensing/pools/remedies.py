"""Find what ends a shortage: each remedy with its effect, computed by the allocation engine from the mirror.

Cisco's word decides whether something is short. Where Cisco reports a license out of compliance although by its rules a
higher one would serve it, borrowing does not happen there (docs/domain.md#no-borrowing): the license's
requests then count as bound to it, apart from what Cisco itself reports as substituted.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from django.db.models import Prefetch

from kit.wording import choose, counted, shorten
from licensing.accounts.models import SmartAccount
from licensing.alerts.silence import silent_days
from licensing.allocation import holdings
from licensing.allocation.engine import Allocation, Rule, allocate, license_of, servers
from licensing.allocation.holdings import Holding
from licensing.allocation.license_names import CURRENT
from licensing.mirror.models import InstanceUsage, License, ProductInstance, VirtualAccount
from licensing.pools import transfer_planner
from licensing.pools.transfer_planner import Move, Pool
from licensing.pools.transfers.movable import movable_by_type
from licensing.pools.transfers.planning import Wanted


class Kind(StrEnum):
    MOVE = "move"
    MOVE_ORDERED = "move_ordered"
    RECLAIM = "reclaim"
    BORROW = "borrow"
    ORDER = "order"


@dataclass(frozen=True)
class Remedy:
    """`quantity`: moved, reclaimed, borrowed or to order. `short_after`: of the license here, with this alone."""

    kind: Kind
    quantity: int
    short_after: int
    text: str
    moves: tuple[Move, ...] = ()
    instances: tuple[ProductInstance, ...] = ()


@dataclass(frozen=True)
class Remedies:
    """`short`: by the engine, which may differ from Cisco's own figure (License.lacking)."""

    license: License
    short: int
    borrowing_fails: bool  # by its rules something would be lent, and Cisco says that it is short all the same
    options: tuple[Remedy, ...]
    also_short: tuple[str, ...]  # other virtual accounts of the smart account, by name

    def option(self, kind: Kind) -> Remedy | None:
        return next((option for option in self.options if option.kind == kind), None)


def remedies_for(row: License) -> Remedies:
    """Return the remedies for a license in its virtual account. Seven statements, however large the account is."""
    books = _Books(row.virtual_account.smart_account)
    here = books.of(row)
    short = here.short(books.pools[here.name])
    found = _moving(books, here, short) + _reclaiming(books, here, short) + _borrowing(here)
    order = (_ordering(short, found),) if short else ()
    return Remedies(row, short, here.bound, (*found, *order), books.short_but(here.name))


def wanted_for(row: License, from_ordered: bool = False) -> list[Wanted]:
    """The moves that end this shortage, or as much of it as moves can end."""
    books = _Books(row.virtual_account.smart_account)
    here = books.of(row)
    return books.wanted(transfer_planner.plan(books.with_this_shortage_alone(here), from_ordered).moves)


def wanted_for_account(account: SmartAccount, from_ordered: bool = False) -> list[Wanted]:
    """The moves that end all shortages of the smart account, or as much of them as moves can end."""
    books = _Books(account)
    return books.wanted(transfer_planner.plan(books.pools.values(), from_ordered).moves)


@dataclass(frozen=True)
class _Here:
    """The license that is short, in its virtual account."""

    holding: Holding
    tag: str
    bound: bool

    @property
    def name(self) -> str:
        return self.holding.pool.name

    def short(self, pool: Pool) -> int:
        return _short_of(allocate(pool.supply, pool.demand, pool.reserved), self.tag)

    def with_demand(self, pool: Pool, asked: Mapping[str, int]) -> Pool:
        return _bound(self.holding, asked, pool)

    @property
    def helpers(self) -> tuple[str, ...]:
        """The licenses that serve it here."""
        return (self.tag,) if self.bound else servers(self.tag)


class _Books:
    """A smart account as the planner takes it. Names of pools are unique within it."""

    def __init__(self, account: SmartAccount) -> None:
        rows = VirtualAccount.objects.present().filter(smart_account=account).order_by("name")
        self.held: dict[str, Holding] = {held.pool.name: held for held in holdings.of(rows).values()}
        licenses = [row for holding in self.held.values() for row in holding.licenses]
        self._licenses = {
            (holding.pool.name, row.name): row for holding in self.held.values() for row in holding.licenses
        }
        self._movable = {pk: sum(kinds.values()) for pk, kinds in movable_by_type(licenses).items()}
        self.pools = {name: self._pool(holding) for name, holding in self.held.items()}

    def of(self, row: License) -> _Here:
        holding, tag = self.held[row.virtual_account.name], license_of(row.name, CURRENT)
        return _Here(holding, tag, tag in _bound_tags(holding))

    def with_this_shortage_alone(self, here: _Here) -> list[Pool]:
        """Everything else that is short asks only for what it has: the fewest moves for this one."""
        return [_trimmed(pool, here.tag if pool.name == here.name else "") for pool in self.pools.values()]

    def short_but(self, name: str) -> tuple[str, ...]:
        """The other pools that lack something; nothing is lacking in the ordered one."""
        others = (pool for pool in self.pools.values() if pool.name != name and not pool.ordered)
        return tuple(pool.name for pool in others if not allocate(pool.supply, pool.demand, pool.reserved).covered)

    def wanted(self, moves: Iterable[Move]) -> list[Wanted]:
        return [
            Wanted(self._licenses[move.source, move.license], self.held[move.target].pool, move.quantity)
            for move in moves
        ]

    def _pool(self, holding: Holding) -> Pool:
        stays = {row.name: max(row.quantity - self._movable[row.pk], 0) for row in holding.licenses}
        ordered = holding.pool.is_ordered
        pool = Pool(holding.pool.name, holding.supply, {}, holding.reserved, stays, ordered)
        return _bound(holding, holding.asked, pool)


def _bound_tags(holding: Holding) -> set[str]:
    """Return tags that Cisco reports out of compliance although the engine covers them."""
    short = {license_of(name, CURRENT) for name in (*holding.allocation.short, *holding.allocation.reserved_short)}
    told = {license_of(row.name, CURRENT) for row in holding.licenses if row.status == License.Status.OUT_OF_COMPLIANCE}
    return told - short


def _bound(holding: Holding, asked: Mapping[str, int], pool: Pool) -> Pool:
    """The pool with this demand; of bound licenses all of it but what Cisco substitutes counts as reserved."""
    tags = _bound_tags(holding)
    demand, reserved = dict(asked), dict(holding.reserved)
    substituted = {row.name: sum(part["quantity"] or 0 for part in row.substitutions) for row in holding.licenses}
    for name, quantity in asked.items():
        if license_of(name, CURRENT) in tags:
            demand[name] = min(substituted.get(name, 0), quantity)
            reserved[name] = reserved.get(name, 0) + quantity - demand[name]
    return replace(pool, demand=demand, reserved=reserved)


def _trimmed(pool: Pool, but: str) -> Pool:
    """Return the holding without other shortages, keeping that of the license `but`."""
    found = allocate(pool.supply, pool.demand, pool.reserved)

    def less(asked: Mapping[str, int], short: Mapping[str, int]) -> dict[str, int]:
        kept = {name: 0 if license_of(name, CURRENT) == but else number for name, number in short.items()}
        return {name: quantity - kept.get(name, 0) for name, quantity in asked.items()}

    return replace(pool, demand=less(pool.demand, found.short), reserved=less(pool.reserved, found.reserved_short))


def _moving(books: _Books, here: _Here, short: int) -> tuple[Remedy, ...]:
    """Return moves from pools that serve products, and from the ordered one too where that helps more."""
    found: list[Remedy] = []
    left = short
    pools = books.with_this_shortage_alone(here)
    for kind, from_ordered in ((Kind.MOVE, False), (Kind.MOVE_ORDERED, True)):
        if not left:
            break
        moves = transfer_planner.plan(pools, from_ordered).moves
        after = next(pool for pool in transfer_planner.applied(pools, moves) if pool.name == here.name)
        if moves and here.short(after) < left:
            left = here.short(after)
            found.append(Remedy(kind, sum(move.quantity for move in moves), left, _move_words(moves, kind), moves))
    return tuple(found)


def _move_words(moves: Sequence[Move], kind: Kind) -> str:
    free = counted(sum(move.quantity for move in moves), "free license")
    words = f"{free} come from {_sources(moves)}. Nobody there needs them."
    if kind == Kind.MOVE_ORDERED:
        words += " The ordered pool is the record of what was bought: ask Cisco for its operational licenses first."
    return words


def _reclaiming(books: _Books, here: _Here, short: int) -> tuple[Remedy, ...]:
    days = silent_days()
    instances = _silent(here, days)
    asked = dict(here.holding.asked)
    freed = 0
    for instance in instances:
        for use in instance.helping:  # type: ignore[attr-defined]
            asked[use.used_name] = max(asked.get(use.used_name, 0) - use.quantity, 0)
            freed += use.quantity
    after = here.short(here.with_demand(books.pools[here.name], asked))
    if after >= short:
        return ()
    text = (
        f"{counted(len(instances), 'product instance')} had no contact with Cisco for {days} days and more, and still "
        f"{choose(len(instances), 'uses', 'use')} {counted(freed, 'license')} that would serve here. Remove what "
        "no longer exists: that frees its licenses."
    )
    return (Remedy(Kind.RECLAIM, freed, after, text, instances=tuple(instances)),)


def _silent(here: _Here, days: int) -> list[ProductInstance]:
    """Return the silent instances that use a license that would help, the largest users first."""
    names = [row.name for row in here.holding.licenses if license_of(row.name, CURRENT) in here.helpers]
    uses = InstanceUsage.objects.annotate(used_name=holdings.USED_NAME).filter(used_name__in=names, quantity__gt=0)
    silent = ProductInstance.objects.silent_for(days)
    rows = silent.filter(virtual_account=here.holding.pool).prefetch_related(Prefetch("usage", uses, to_attr="helping"))
    found = [row for row in rows if row.helping]
    return sorted(found, key=lambda row: (-sum(use.quantity for use in row.helping), row.pk))


def _borrowing(here: _Here) -> tuple[Remedy, ...]:
    """Return what the rules lend to it today, whether Cisco does so or not."""
    found = here.holding.allocation
    lent = [
        grant for grant in found.grants if grant.rule != Rule.OWN and license_of(grant.requested, CURRENT) == here.tag
    ]
    if not lent:
        return ()
    names = " and ".join(f"{grant.quantity:,} of {grant.granted}" for grant in lent)
    text = f"By Cisco's rules {names} serve it here; borrowed licenses are not free for others."
    if here.bound:
        text += " Cisco reports it as out of compliance all the same, so do not count on it: move or order."
    quantity = sum(grant.quantity for grant in lent)
    return (Remedy(Kind.BORROW, quantity, _short_of(found, here.tag), text),)


def _ordering(short: int, others: Sequence[Remedy]) -> Remedy:
    after_moves = min((option.short_after for option in others if option.kind == Kind.MOVE), default=short)
    text = f"{counted(short, 'license')} more and nothing is short here."
    if after_moves < short:
        text += (
            f" With the move, {counted(after_moves, 'license')} to order."
            if after_moves
            else " The move alone does it."
        )
    return Remedy(Kind.ORDER, short, 0, text)


def _short_of(found: Allocation, tag: str) -> int:
    short = (*found.short.items(), *found.reserved_short.items())
    return sum(quantity for name, quantity in short if license_of(name, CURRENT) == tag)


def _sources(moves: Sequence[Move]) -> str:
    return shorten(list(dict.fromkeys(move.source for move in moves)), 3)
