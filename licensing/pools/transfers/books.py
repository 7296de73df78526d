"""Read a smart account as the planner takes it: what each virtual account has, needs, may give, and keeps in reserve.

Cisco's word decides whether something is short. Where Cisco reports a license out of compliance although by its rules a
higher one would serve it, borrowing does not happen there (docs/domain.md#no-borrowing): the license's
requests then count as bound to it, apart from what Cisco itself reports as substituted.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from licensing.accounts.models import SmartAccount
from licensing.alerts.replay import supposed
from licensing.alerts.replay.supposed import FreeBelow
from licensing.allocation import holdings
from licensing.allocation.engine import Allocation, allocate, license_of, servers
from licensing.allocation.holdings import Holding
from licensing.allocation.license_names import CURRENT
from licensing.mirror.models import License, VirtualAccount
from licensing.pools.transfer_planner import Move, Pool
from licensing.pools.transfers.movable import movable_by_type
from licensing.pools.transfers.planning import Wanted


@dataclass(frozen=True)
class Here:
    """Hold the license that is short, in its virtual account."""

    holding: Holding
    tag: str
    bound: bool

    @property
    def name(self) -> str:
        return self.holding.pool.name

    def short(self, pool: Pool) -> int:
        return short_of(allocate(pool.supply, pool.demand, pool.reserved), self.tag)

    def with_demand(self, pool: Pool, asked: Mapping[str, int]) -> Pool:
        return _bound(self.holding, asked, pool)

    @property
    def helpers(self) -> tuple[str, ...]:
        """The licenses that serve it here."""
        return (self.tag,) if self.bound else servers(self.tag)


class Books:
    """Hold a smart account as the planner takes it. Names of pools are unique within it."""

    def __init__(self, account: SmartAccount) -> None:
        self.account = account
        rows = VirtualAccount.objects.present().filter(smart_account=account).order_by("name")
        self.held: dict[str, Holding] = {held.pool.name: held for held in holdings.of(rows).values()}
        licenses = [row for holding in self.held.values() for row in holding.licenses]
        self._licenses = {
            (holding.pool.name, row.name): row for holding in self.held.values() for row in holding.licenses
        }
        self._movable = {pk: sum(kinds.values()) for pk, kinds in movable_by_type(licenses).items()}
        self._watched = supposed.free_below_rules(account.pk)
        self.pools = {name: self._pool(holding) for name, holding in self.held.items()}

    def of(self, row: License) -> Here:
        return self._here(self.held[row.virtual_account.name], license_of(row.name, CURRENT))

    def all_short(self) -> list[Here]:
        """Return every license that is short in a pool that serves products."""
        return [
            self._here(self.held[pool.name], tag)
            for pool in self.pools.values()
            if not pool.ordered
            for tag in dict.fromkeys(license_of(name, CURRENT) for name in short_names(pool))
        ]

    def _here(self, holding: Holding, tag: str) -> Here:
        return Here(holding, tag, tag in _bound_tags(holding))

    def with_this_shortage_alone(self, here: Here) -> list[Pool]:
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

    def row(self, pool: str, name: str) -> License | None:
        return self._licenses.get((pool, name))

    def below_threshold(self, moves: Iterable[Move]) -> list[str]:
        """Return the pools that moves take below the threshold of a rule on free licenses, by name."""
        taken: dict[tuple[str, str], int] = {}
        for move in moves:
            taken[move.source, move.license] = taken.get((move.source, move.license), 0) + move.quantity
        found = [
            pool
            for (pool, name), quantity in taken.items()
            if quantity > self.pools[pool].supply[name] - self.pools[pool].reserve[name]
        ]
        return list(dict.fromkeys(found))

    def rules_on_free(self, row: License) -> list[FreeBelow]:
        """Return the alert rules that watch how many of a license are free."""
        return self._watched.get(row.pk, [])

    def free_to_move(self, row: License) -> int:
        """Return how many may leave at most: what Cisco reports as free, and of a type that it moves."""
        return min(self._movable[row.pk], max(row.available, 0))

    def _most_to_give(self, row: License) -> int:
        """Return how many may leave without opening an alert on free licenses."""
        free = max(row.available, 0)
        return min((rule.most_to_give(row.quantity, free) for rule in self.rules_on_free(row)), default=row.quantity)

    def _pool(self, holding: Holding) -> Pool:
        pool = Pool(
            holding.pool.name,
            holding.supply,
            reserved=holding.reserved,
            immovable={row.name: max(row.quantity - self.free_to_move(row), 0) for row in holding.licenses},
            ordered=holding.pool.is_ordered,
            reserve={row.name: row.quantity - self._most_to_give(row) for row in holding.licenses},
        )
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


def short_of(found: Allocation, tag: str) -> int:
    short = (*found.short.items(), *found.reserved_short.items())
    return sum(quantity for name, quantity in short if license_of(name, CURRENT) == tag)


def short_names(pool: Pool) -> list[str]:
    found = allocate(pool.supply, pool.demand, pool.reserved)
    return [*found.short, *found.reserved_short]
