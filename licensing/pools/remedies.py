"""Find what ends a shortage: each remedy with its effect, computed by the allocation engine from the mirror.

Moves come with headroom (licensing.pools.transfers.headroom), and take from below a pool's own alert threshold only
what cannot be had otherwise.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from django.db.models import Prefetch

from kit.wording import choose, counted, shorten
from licensing.accounts.models import SmartAccount
from licensing.alerts.silence import silent_days
from licensing.allocation import holdings
from licensing.allocation.engine import Rule, license_of
from licensing.allocation.license_names import CURRENT
from licensing.mirror.models import InstanceUsage, License, ProductInstance
from licensing.pools import transfer_planner
from licensing.pools.transfer_planner import Move
from licensing.pools.transfers import effect
from licensing.pools.transfers.books import Books, Here, short_of
from licensing.pools.transfers.effect import Effect
from licensing.pools.transfers.headroom import with_headroom
from licensing.pools.transfers.planning import Wanted


class Kind(StrEnum):
    MOVE = "move"
    MOVE_ORDERED = "move_ordered"
    RECLAIM = "reclaim"
    BORROW = "borrow"
    ORDER = "order"


@dataclass(frozen=True)
class Remedy:
    """`quantity`: moved, reclaimed, borrowed or to order. `short_after`: of the license here, with this alone.

    `headroom`: what of the quantity is more than is missing.
    """

    kind: Kind
    quantity: int
    short_after: int
    text: str
    moves: tuple[Move, ...] = ()
    wanted: tuple[Wanted, ...] = ()  # the moves, as rows
    headroom: int = 0
    instances: tuple[ProductInstance, ...] = ()


@dataclass(frozen=True)
class Remedies:
    """`short`: by the engine, which may differ from Cisco's own figure (License.lacking)."""

    license: License
    short: int
    borrowing_fails: bool  # by its rules something would be lent, and Cisco says that it is short all the same
    options: tuple[Remedy, ...]
    also_short: tuple[str, ...]  # other virtual accounts of the smart account, by name
    books: Books

    def effect(self, option: Remedy) -> Effect:
        """Return what a remedy that moves licenses does to both sides and to the alerts. Two statements."""
        return effect.of(self.books, option.wanted)

    def option(self, kind: Kind) -> Remedy | None:
        return next((option for option in self.options if option.kind == kind), None)


def remedies_for(row: License) -> Remedies:
    """Return the remedies for a license in its virtual account. Eight statements, however large the account is."""
    books = Books(row.virtual_account.smart_account)
    here = books.of(row)
    short = here.short(books.pools[here.name])
    found = _moving(books, here, short) + _reclaiming(books, here, short) + _borrowing(here)
    order = (_ordering(short, found),) if short else ()
    return Remedies(row, short, here.bound, (*found, *order), books.short_but(here.name), books)


def wanted_for(row: License, from_ordered: bool = False) -> list[Wanted]:
    """Return the moves that end this shortage, or as much of it as moves can end, with headroom."""
    books = Books(row.virtual_account.smart_account)
    here = books.of(row)
    moves = transfer_planner.plan(books.with_this_shortage_alone(here), from_ordered).moves
    return books.wanted(with_headroom(books, moves, [here] if moves else [], from_ordered))


def wanted_for_account(account: SmartAccount, from_ordered: bool = False) -> list[Wanted]:
    """Return the moves that end all shortages of the smart account, or as much as moves can end, with headroom."""
    books = Books(account)
    moves = transfer_planner.plan(books.pools.values(), from_ordered).moves
    return books.wanted(with_headroom(books, moves, books.all_short() if moves else [], from_ordered))


def _moving(books: Books, here: Here, short: int) -> tuple[Remedy, ...]:
    """Return moves from pools that serve products, and from the ordered one too where that helps more."""
    found: list[Remedy] = []
    left = short
    pools = books.with_this_shortage_alone(here)
    for kind, from_ordered in ((Kind.MOVE, False), (Kind.MOVE_ORDERED, True)):
        if not left:
            break
        needed = transfer_planner.plan(pools, from_ordered).moves
        after = next(pool for pool in transfer_planner.applied(pools, needed) if pool.name == here.name)
        if needed and here.short(after) < left:
            left = here.short(after)
            moves = with_headroom(books, needed, [here], from_ordered)
            headroom = _quantity(moves) - _quantity(needed)
            text = _move_words(books, moves, kind, headroom)
            wanted = tuple(books.wanted(moves))
            found.append(Remedy(kind, _quantity(moves), left, text, moves, wanted, headroom))
    return tuple(found)


def _quantity(moves: Iterable[Move]) -> int:
    return sum(move.quantity for move in moves)


def _move_words(books: Books, moves: Sequence[Move], kind: Kind, headroom: int) -> str:
    free = counted(_quantity(moves), "free license")
    words = f"{free} {choose(_quantity(moves), 'comes', 'come')} from {_sources(moves)}, where nobody needs them."
    if headroom:
        words += f" {headroom:,} of them {choose(headroom, 'is', 'are')} headroom."
    if below := books.below_threshold(moves):
        words += f" {shorten(below, 3)} {choose(len(below), 'falls', 'fall')} below the threshold of an alert rule."
    if kind == Kind.MOVE_ORDERED:
        words += " The ordered pool is the record of what was bought: ask Cisco for its operational licenses first."
    return words


def _reclaiming(books: Books, here: Here, short: int) -> tuple[Remedy, ...]:
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


def _silent(here: Here, days: int) -> list[ProductInstance]:
    """Return the silent instances that use a license that would help, the largest users first."""
    names = [row.name for row in here.holding.licenses if license_of(row.name, CURRENT) in here.helpers]
    uses = InstanceUsage.objects.annotate(used_name=holdings.USED_NAME).filter(used_name__in=names, quantity__gt=0)
    silent = ProductInstance.objects.silent_for(days)
    rows = silent.filter(virtual_account=here.holding.pool).prefetch_related(Prefetch("usage", uses, to_attr="helping"))
    found = [row for row in rows if row.helping]
    return sorted(found, key=lambda row: (-sum(use.quantity for use in row.helping), row.pk))


def _borrowing(here: Here) -> tuple[Remedy, ...]:
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
    return (Remedy(Kind.BORROW, quantity, short_of(found, here.tag), text),)


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


def _sources(moves: Sequence[Move]) -> str:
    return shorten(list(dict.fromkeys(move.source for move in moves)), 3)
