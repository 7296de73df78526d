"""Say what a set of moves does: the figures of both sides before and after, and the alerts that open and close.

Nothing is written and nothing is asked of Cisco. The alerts are what the next evaluation says of the figures after
(licensing.alerts.replay.supposed). Whether Cisco then reports a license in compliance is judged as Cisco does: by what
is available, and where that is negative by what its rules lend.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from licensing.alerts.replay import supposed
from licensing.alerts.replay.supposed import AlertChange, Supposed
from licensing.allocation.engine import allocate, license_of
from licensing.allocation.license_names import CURRENT
from licensing.mirror.models import License, VirtualAccount
from licensing.pools.models import TransferPlan
from licensing.pools.transfer_planner import Move, Pool, applied
from licensing.pools.transfers.books import Books, short_of
from licensing.pools.transfers.planning import Wanted


@dataclass(frozen=True, slots=True)
class Amounts:
    """`short`: by the rules of allocation, with what they lend."""

    owned: int
    in_use: int
    free: int
    short: int


@dataclass(frozen=True, slots=True)
class Side:
    """One license in one virtual account."""

    virtual_account: VirtualAccount
    license: str
    before: Amounts
    after: Amounts


@dataclass(frozen=True, slots=True)
class Effect:
    sides: tuple[Side, ...]
    alerts: tuple[AlertChange, ...]

    @property
    def opening(self) -> list[AlertChange]:
        return [alert for alert in self.alerts if alert.opens]

    @property
    def closing(self) -> list[AlertChange]:
        return [alert for alert in self.alerts if not alert.opens]


def of_plan(plan: TransferPlan) -> Effect:
    """Return what the steps that are not verified yet would do."""
    steps = plan.steps.open().select_related("license__virtual_account", "target")
    return of(Books(plan.smart_account), [Wanted(step.license, step.target, step.quantity) for step in steps])


def of(books: Books, wanted: Sequence[Wanted]) -> Effect:
    """Return what moves would do. Moves of what is gone at Cisco are left out."""
    moves = [
        Move(part.license.name, part.license.virtual_account.name, part.target.name, part.quantity)
        for part in wanted
        if books.row(part.license.virtual_account.name, part.license.name) and part.target.name in books.pools
    ]
    found = list(_States(books, moves).changed())
    rows = [
        Supposed(
            state.row.pk if state.row else -place,
            state.side.virtual_account.pk,
            state.side.license,
            state.side.after.owned,
            state.side.after.in_use,
            state.row.reserved if state.row else 0,
            state.available,
            state.status,
        )
        for place, state in enumerate(found, start=1)
    ]
    return Effect(tuple(state.side for state in found), tuple(supposed.changes(books.account.pk, rows)))


@dataclass(frozen=True, slots=True)
class _State:
    side: Side
    row: License | None
    available: int  # Cisco's figure as it would be
    status: str


class _States:
    """The licenses of the pools that moves touch, before and after."""

    def __init__(self, books: Books, moves: Sequence[Move]) -> None:
        self._books, self._moves = books, moves
        self._after = {pool.name: pool for pool in applied(books.pools.values(), moves)}

    def changed(self) -> Iterator[_State]:
        """Yield what the moves change, in the order of the moves; what only borrows otherwise comes last."""
        named = [(pool, move.license) for move in self._moves for pool in (move.source, move.target)]
        touched = dict.fromkeys(pool for pool, _ in named)
        others = [(pool, row.name) for pool in touched for row in self._books.held[pool].licenses]
        for pool, name in dict.fromkeys([*named, *others]):
            state = self._state(pool, name)
            if (pool, name) in named or state.side.before.short != state.side.after.short:
                yield state

    def _state(self, pool: str, name: str) -> _State:
        row, tag = self._books.row(pool, name), license_of(name, CURRENT)
        before, after = self._books.pools[pool], self._after[pool]
        moved = after.supply.get(name, 0) - before.supply.get(name, 0)
        owned, in_use = (row.quantity, row.in_use) if row else (0, 0)
        available = row.available if row else 0
        short, still_short = _short(before, tag), _short(after, tag)
        side = Side(
            self._books.held[pool].pool,
            name,
            Amounts(owned, in_use, max(available, 0), short),
            Amounts(owned + moved, in_use, max(available + moved, 0), still_short),
        )
        return _State(side, row, available + moved, self._status(row, available + moved, still_short))

    def _status(self, row: License | None, available: int, short: int) -> str:
        if row and row.status == License.Status.UNKNOWN:
            return row.status
        covered = available >= 0 or not short
        return License.Status.IN_COMPLIANCE if covered else License.Status.OUT_OF_COMPLIANCE


def _short(pool: Pool, tag: str) -> int:
    """Return what a pool lacks. A plan that is no longer possible may take more than there is."""
    supply = {name: max(quantity, 0) for name, quantity in pool.supply.items()}
    return short_of(allocate(supply, pool.demand, pool.reserved), tag)
