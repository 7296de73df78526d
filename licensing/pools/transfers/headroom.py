"""Add headroom to moves: more than is missing, so that the next user does not make the license short again.

The target then has free what the smart account's setting asks for (a percentage of what is in use, at least one), and
what closes its own alert on free licenses. A source gives no more for it than leaves its requests served and its own
alert closed. With the setting at 0, exactly what is missing moves.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from math import ceil

from licensing.allocation.engine import allocate, license_of
from licensing.allocation.license_names import CURRENT
from licensing.pools.transfer_planner import Move, Pool, applied
from licensing.pools.transfers.books import Books, Here


def with_headroom(
    books: Books, moves: Sequence[Move], targets: Iterable[Here], from_ordered: bool = False
) -> tuple[Move, ...]:
    """Return the moves with what each target wants besides, as far as other pools can spare it."""
    found = list(moves)
    for here in targets:
        after = {pool.name: pool for pool in applied(books.pools.values(), found)}
        missing = _wanted(books, here, after[here.name])
        for pool, name, spare in _sources(here, after.values(), found, from_ordered):
            if quantity := min(spare, missing):
                missing -= quantity
                _add(found, Move(name, pool, here.name, quantity))
    return tuple(found)


def _wanted(books: Books, here: Here, after: Pool) -> int:
    """Return how many more the target wants of its own license. None where the moves leave it short."""
    if not books.account.transfer_headroom or here.short(after):
        return 0
    free = _total(allocate(after.supply, after.demand, after.reserved).left, here.tag)
    in_use = _total(after.demand, here.tag) + _total(after.reserved, here.tag)
    wanted = max(ceil(in_use * books.account.transfer_headroom / 100), 1) - free
    for row in here.holding.licenses:
        arrived = after.supply.get(row.name, 0) - row.quantity
        if license_of(row.name, CURRENT) == here.tag and row.available + arrived >= 0:
            rules = books.rules_on_free(row)
            wanted = max(
                wanted, *(rule.fewest_to_get(row.quantity + arrived, row.available + arrived) for rule in rules), 0
            )
    return max(wanted, 0)


def _sources(
    here: Here, pools: Iterable[Pool], moves: Sequence[Move], from_ordered: bool
) -> Iterator[tuple[str, str, int]]:
    """Yield pool, license and how many it can spare: pools that give already first, then the large ones."""
    giving = {(move.source, move.license) for move in moves if move.target == here.name}
    found = [
        (pool.name, name, spare)
        for pool in pools
        if pool.name != here.name and (from_ordered or not pool.ordered)
        for name, spare in _spare(pool, here.tag)
    ]
    yield from sorted(found, key=lambda one: (one[:2] not in giving, -one[2], one))


def _spare(pool: Pool, tag: str) -> Iterator[tuple[str, int]]:
    left = allocate(pool.supply, pool.demand, pool.reserved).left
    for name, quantity in pool.supply.items():
        if license_of(name, CURRENT) == tag:
            stays = max(pool.immovable.get(name, 0), pool.reserve.get(name, 0))
            yield name, max(min(left[name], quantity - stays), 0)


def _add(moves: list[Move], more: Move) -> None:
    """Enlarge the move of the same license between the same pools, unless it waits for what others bring."""
    waits = any(move.target == more.source for move in moves)
    for place, move in enumerate(moves):
        if not waits and (move.license, move.source, move.target) == (more.license, more.source, more.target):
            moves[place] = replace(move, quantity=move.quantity + more.quantity)
            return
    moves.append(more)


def _total(quantities: Mapping[str, int], tag: str) -> int:
    return sum(quantity for name, quantity in quantities.items() if license_of(name, CURRENT) == tag)
