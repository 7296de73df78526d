"""Positions: what each customer, cluster, virtual account or license holds, uses and owes (docs/figures.md).

This is the one definition of each figure. Pages, REST, files, alerts, the worklist and statements ask here, for now or
for any recorded moment.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from functools import cached_property

from licensing.allocation.engine import license_of
from licensing.allocation.holdings import Holding
from licensing.allocation.license_names import CURRENT
from licensing.figures import cells, facts
from licensing.figures.cells import Cell, Owner, PoolFigures
from licensing.figures.facts import Facts, Scope
from licensing.figures.true_forward import true_forward
from licensing.orders.delivery import Purchase

UNMATCHED = "Unmatched"


class By(StrEnum):
    CUSTOMER = "customer"
    CLUSTER = "cluster"
    VIRTUAL_ACCOUNT = "virtual_account"
    LICENSE = "license"


@dataclass(frozen=True, slots=True)
class Position:
    """The figures of one license for one customer, cluster or virtual account, or for all.

    `id` None: what belongs to no customer or cluster. A figure is None where it is not defined: a cluster owns and
    orders nothing, and a purchase belongs to no single virtual account.
    """

    by: By
    id: int | None
    name: str
    license: str  # as licensing.allocation.engine.license_of tells licenses apart
    license_name: str
    owned: int | None
    ordered: int | None
    delivered: int | None
    undelivered: int | None
    used: int
    covered_by_own: int
    covered_by_higher: int
    covered_by_dual_parenting: int
    lent: int
    short_by_cisco: int
    short_with_borrowing: int
    true_forward: int | None
    used_by_cisco: int | None
    unexplained_use: int | None
    as_of: datetime | None


SUMS = (
    "used",
    "covered_by_own",
    "covered_by_higher",
    "covered_by_dual_parenting",
    "lent",
    "short_by_cisco",
    "short_with_borrowing",
)
PURCHASED = ("ordered", "delivered", "undelivered")


class Books:
    """The figures of a scope, computed once and grouped as asked."""

    def __init__(self, found: Facts) -> None:
        self.facts = found
        self.as_of = found.as_of
        self._pool_figures: dict[int, list[PoolFigures]] = {}
        self._cells: dict[int, list[Cell]] = {}

    def positions(self, by: By) -> list[Position]:
        """Return one row for each owner and license, owners by name and the unmatched row last, licenses by rank."""
        if self.facts.scope.customer is not None:
            raise ValueError("Books of one customer do not know the figures of others: ask `of_customer`.")
        return {
            By.CUSTOMER: self._by_customer,
            By.CLUSTER: self._by_cluster,
            By.VIRTUAL_ACCOUNT: self._by_pool,
            By.LICENSE: self._by_license,
        }[by]

    def of_customer(self, customer: int | None) -> list[Position]:
        """Return the rows of one customer; None: what belongs to no customer."""
        return self._customer_rows(customer or 0)

    def clusters_of(self, customer: int | None) -> list[Position]:
        """Return the rows of a customer's clusters; None: what belongs to no customer, and so to no cluster."""
        cells_ = [cell for cell in self._cells_of(customer or 0) if cell.cluster or not customer]
        return self._cluster_rows(cells_)

    def of_customer_by(self, customer: int, by: By) -> list[Position]:
        """Return the rows of one customer, for each of its clusters, virtual accounts or licenses."""
        if by == By.CLUSTER:
            return self.clusters_of(customer)
        if by == By.VIRTUAL_ACCOUNT:
            return self._pools_of(customer)
        rows = self.of_customer(customer)
        if by == By.CUSTOMER:
            return rows
        return [replace(row, by=by, id=self._license_ids.get(row.license), name=row.license_name) for row in rows]

    def of_cluster(self, cluster: int) -> list[Position]:
        customer = next((use.customer for use in self.facts.use if use.cluster == cluster), 0)
        return self._cluster_rows(cell for cell in self._cells_of(customer) if cell.cluster == cluster)

    @cached_property
    def not_recorded(self) -> list[str]:
        """Return a sentence for each smart account that the history did not know yet at that moment."""
        return [
            f"{account} is not recorded before {first:%-d %b %Y}." if first else f"{account} was never recorded."
            for account, first in facts.not_recorded(self.facts)
        ]

    @cached_property
    def holdings(self) -> dict[int, Holding]:
        """Return what each virtual account held and was asked for, for the allocation engine."""
        states, uses = defaultdict(list), defaultdict(list)
        for state in self.facts.states:
            states[state.virtual_account].append(state)
        for use in self.facts.use:
            uses[use.virtual_account].append(use)
        return {pk: cells.holding_of(pool, states[pk], uses[pk]) for pk, pool in self.facts.pools.items()}

    def pool_figures(self, pool: int) -> list[PoolFigures]:
        """Return the figures of each license of one virtual account, as a whole."""
        if pool not in self._pool_figures:
            self._pool_figures[pool] = cells.pool_figures(self.holdings[pool])
        return self._pool_figures[pool]

    def _pool_cells(self, pool: int) -> list[Cell]:
        """Return the figures of each license of one virtual account, split among those who use it."""
        if pool not in self._cells:
            self._cells[pool] = [
                cell
                for figures in self.pool_figures(pool)
                for cell in cells.split(
                    figures, self._used.get((pool, figures.license), {}), self._owned.get((pool, figures.license), {})
                )
            ]
        return self._cells[pool]

    @property
    def cells(self) -> Iterator[Cell]:
        for pool in self.facts.pools:
            yield from self._pool_cells(pool)

    def _cells_of(self, customer: int) -> list[Cell]:
        """Return the cells of one customer. Only the virtual accounts in which it owns or uses something are split."""
        if not customer:
            return [cell for cell in self.cells if not cell.customer]
        pools = {use.virtual_account for use in self.facts.use if use.customer == customer}
        pools |= {pool for (pool, _), parts in self._owned.items() if customer in parts}
        return [cell for pool in pools for cell in self._pool_cells(pool) if cell.customer == customer]

    @cached_property
    def _used(self) -> dict[tuple[int, str], dict[Owner, int]]:
        """Return who uses what: (pool, license) -> owner -> quantity."""
        found: dict[tuple[int, str], dict[Owner, int]] = {}
        for use in self.facts.use:
            by_owner = found.setdefault((use.virtual_account, self._tag(use.license_name)), {})
            owner = (use.customer, use.cluster)
            by_owner[owner] = by_owner.get(owner, 0) + use.quantity
        return found

    @cached_property
    def _owned(self) -> dict[tuple[int, str], dict[int, int]]:
        """Return who owns what each serving pool holds: (pool, license) -> customer, 0 for none -> quantity."""
        found: dict[tuple[int, str], dict[int, int]] = {}
        for part in self.facts.supply:
            pool = self.facts.pools.get(part.virtual_account)
            if pool is None or pool.is_ordered:
                continue
            owner = self.owner_of(pool.smart_account_id, part.license_name, part.subscription_id, part.order_number)
            parts = found.setdefault((pool.pk, self._tag(part.license_name)), {})
            parts[owner] = parts.get(owner, 0) + part.quantity
        return found

    def owner_of(self, smart_account: int, license_name: str, subscription_id: str, order_number: str) -> int:
        """Return the customer that a purchase belongs to, 0 for none. A subscription decides before an order.

        An entered order decides whose the purchase of its licenses is; without one, the subscription does.
        """
        number = subscription_id or order_number
        if not number:
            return 0
        key = (smart_account, number, self._tag(license_name))
        if (owner := self._owners[bool(subscription_id)].get(key)) is not None:
            return owner
        known = self.facts.subscriptions.get((smart_account, subscription_id))
        return (known.customer if known else None) or 0

    @cached_property
    def _owners(self) -> dict[bool, dict[tuple[int, str, str], int]]:
        """Return the customers of entered orders: by subscription under True, by number under False.

        Of several orders with one subscription, the oldest one that names a customer decides.
        """
        found: dict[bool, dict[tuple[int, str, str], int]] = {True: {}, False: {}}
        for line in self.facts.lines:
            known = self.facts.subscriptions.get((line.smart_account, line.subscription_id))
            owner = line.customer or (known.customer if known else None)
            if owner is None:
                continue
            tag = self._tag(line.license_name)
            found[True].setdefault((line.smart_account, line.subscription_id, tag), owner)
            found[False].setdefault((line.smart_account, line.number, tag), owner)
        return found

    @cached_property
    def _by_customer(self) -> list[Position]:
        return self._customer_rows(None)

    def _customer_rows(self, only: int | None) -> list[Position]:
        """Return the rows of one customer, 0 for what belongs to none; None: of all."""
        rows = _Sums(cell_key=lambda cell: (cell.customer, cell.license))
        rows.add_cells(self.cells if only is None else self._cells_of(only))
        for (_, tag), parts in self._owned.items():
            for customer, quantity in parts.items() if only is None else [(only, parts.get(only, 0))]:
                rows.of(customer, tag)["owned"] += quantity
        for purchase in self.facts.purchases:
            if only is None or (purchase.customer or 0) == only:
                rows.add_purchase(purchase.customer or 0, purchase)
        beyond = self._true_forward(rows)
        names = self.facts.customers
        return self._rows(By.CUSTOMER, rows, names, lambda pk, tag: {"true_forward": beyond.get((pk, tag), 0)})

    @cached_property
    def _by_cluster(self) -> list[Position]:
        return self._cluster_rows(self.cells)

    def _cluster_rows(self, found: Iterable[Cell]) -> list[Position]:
        rows = _Sums(cell_key=lambda cell: (cell.cluster, cell.license))
        rows.add_cells(found)
        names = {use.cluster: use.cluster_name for use in self.facts.use if use.cluster}
        return self._rows(By.CLUSTER, rows, names, lambda *_: dict.fromkeys(("owned", *PURCHASED, "true_forward")))

    @cached_property
    def _by_pool(self) -> list[Position]:
        rows = _Sums(cell_key=lambda cell: (cell.pool, cell.license))
        rows.add_cells(self.cells)
        whole = {(pool, figures.license): figures for pool in self.facts.pools for figures in self.pool_figures(pool)}
        for (pool, tag), figures in whole.items():  # what is unused has a row too
            rows.of(pool, tag)["owned"] = 0 if self.facts.pools[pool].is_ordered else figures.quantity
        names = {pool.pk: pool.name for pool in self.facts.pools.values()}

        def known(pk: int, tag: str) -> dict[str, int | None]:
            figures = whole[pk, tag]
            return {
                **dict.fromkeys((*PURCHASED, "true_forward")),
                "used_by_cisco": figures.used_by_cisco,
                "unexplained_use": figures.unexplained_use,
            }

        return self._rows(By.VIRTUAL_ACCOUNT, rows, names, known)

    def _pools_of(self, customer: int) -> list[Position]:
        rows = _Sums(cell_key=lambda cell: (cell.pool, cell.license))
        rows.add_cells(self._cells_of(customer))
        for (pool, tag), parts in self._owned.items():
            if parts.get(customer):
                rows.of(pool, tag)["owned"] += parts[customer]
        names = {pool.pk: pool.name for pool in self.facts.pools.values()}
        return self._rows(By.VIRTUAL_ACCOUNT, rows, names, lambda *_: dict.fromkeys((*PURCHASED, "true_forward")))

    @cached_property
    def _by_license(self) -> list[Position]:
        rows = _Sums(cell_key=lambda cell: (0, cell.license))
        rows.add_cells(self.cells)
        for row in self._by_customer:
            into = rows.of(0, row.license)
            for name in ("owned", *PURCHASED, "true_forward"):
                into[name] += getattr(row, name) or 0
        for figures in (one for pool in self.facts.pools for one in self.pool_figures(pool)):
            into = rows.of(0, figures.license)
            into["used_by_cisco"] += figures.used_by_cisco
            into["unexplained_use"] += figures.unexplained_use
        return self._rows(By.LICENSE, rows, {}, rows.of)

    def _true_forward(self, rows: "_Sums") -> dict[tuple[int, str], int]:
        """Return what each customer uses beyond its purchases, (customer, license) -> quantity."""
        ordered: dict[int, dict[str, int]] = defaultdict(dict)
        used: dict[int, dict[str, int]] = defaultdict(dict)
        for (customer, tag), figures in rows.found.items():
            ordered[customer][tag], used[customer][tag] = figures["ordered"], figures["used"]
        return {
            (customer, tag): quantity
            for customer in used
            for tag, quantity in true_forward(ordered[customer], used[customer]).items()
        }

    def _rows(
        self,
        by: By,
        rows: "_Sums",
        names: Mapping[int, str],
        also: Callable[[int, str], Mapping[str, int | None]],
    ) -> list[Position]:
        limited = self.facts.scope.virtual_account is not None
        found = []
        for (pk, tag), figures in list(rows.found.items()):
            if not any(figures.values()):
                continue
            name = self.license_names[tag]
            values: dict[str, int | None] = {
                "owned": figures["owned"],
                **{part: figures[part] for part in (*PURCHASED, *SUMS)},
                "true_forward": None,
                "used_by_cisco": None,
                "unexplained_use": None,
                **{part: value for part, value in also(pk, tag).items() if part not in SUMS},
            }
            if limited:
                values.update(dict.fromkeys((*PURCHASED, "true_forward")))
            id_, title = (pk or None, names.get(pk, "") or UNMATCHED)
            if by == By.LICENSE:
                id_, title = self._license_ids.get(tag), name
            as_of = self._pool_as_of(pk) if by == By.VIRTUAL_ACCOUNT else self.as_of
            found.append(
                Position(by=by, id=id_, name=title, license=tag, license_name=name, as_of=as_of, **values)  # type: ignore[arg-type]
            )
        return sorted(found, key=_order)

    def _pool_as_of(self, pool: int) -> datetime | None:
        return self.facts.scope.at or self.facts.pools[pool].smart_account.last_synced_at

    @cached_property
    def license_names(self) -> dict[str, str]:
        """Return the name of each license that occurs: Cisco's, or the first of the spellings that are known here."""
        spelled: dict[str, set[str]] = defaultdict(set)
        for rows in (self.facts.states, self.facts.use, self.facts.purchases):
            for name in {row.license_name for row in rows}:
                spelled[self._tag(name)].add(name)
        return {
            tag: CURRENT.display_name(tag) if tag in CURRENT.names else min(names) for tag, names in spelled.items()
        }

    @cached_property
    def _license_ids(self) -> dict[str, int]:
        """Return the lowest id of the licenses that count together, by which pages link to one of them."""
        found: dict[str, int] = {}
        for state in self.facts.states:
            tag = self._tag(state.license_name)
            found[tag] = min(found.get(tag, state.license), state.license)
        return found

    @staticmethod
    def _tag(name: str) -> str:
        return license_of(name, CURRENT)


class _Sums:
    """Figures added up by owner and license."""

    def __init__(self, cell_key: Callable[[Cell], tuple[int, str]]) -> None:
        self.found: dict[tuple[int, str], dict[str, int]] = {}
        self._key = cell_key

    def of(self, pk: int, tag: str) -> dict[str, int]:
        if (pk, tag) not in self.found:
            self.found[pk, tag] = defaultdict(int)
        return self.found[pk, tag]

    def add_cells(self, rows: Iterable[Cell]) -> None:
        for cell in rows:
            into = self.of(*self._key(cell))
            for name in SUMS:
                into[name] += getattr(cell, name)

    def add_purchase(self, owner: int, purchase: Purchase) -> None:
        into = self.of(owner, purchase.license)
        for name in PURCHASED:
            into[name] += getattr(purchase, name)


def open_books(
    at: datetime | None = None,
    *,
    smart_account: int | None = None,
    virtual_account: int | None = None,
    customer: int | None = None,
) -> Books:
    """Read the figures of a scope, now or at a recorded moment. A fixed number of statements.

    Books of one `customer` know its figures alone.
    """
    return Books(facts.read(Scope(smart_account, virtual_account, customer, at)))


def _order(row: Position) -> tuple[bool, str, int | None, int, str]:
    """Sort owners by name, then licenses by their rank. What belongs to nobody comes last."""
    nobody = row.id is None and row.by != By.LICENSE
    name = "" if row.by == By.LICENSE else row.name.casefold()
    return nobody, name, 0 if row.by == By.LICENSE else row.id or 0, CURRENT.rank(row.license), row.license_name
