"""A smart account's pools: what was ordered and delivered, what is owned and used, by license, license model, customer,
cluster and order (docs/domain.md#operational-licenses, docs/figures.md).

All figures are those of licensing.figures.positions; here they are only grouped. Which license model serves a product
is known to nobody, so models split what was bought and not what is used.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property

from licensing.accounts.models import SmartAccount
from licensing.allocation.engine import Grant, license_of
from licensing.allocation.license_names import CURRENT
from licensing.figures.positions import UNMATCHED, Books, By, Position, open_books
from licensing.fleet.models import Cluster, Customer
from licensing.mirror.models import LicenseLine, Subscription, VirtualAccount
from licensing.orders.delivery import Purchase
from licensing.orders.undelivered import label_of
from licensing.pools.subscriptions import Model, customer_of, model_of

ORDERED, OPERATIONAL = VirtualAccount.Purpose.ORDERED, VirtualAccount.Purpose.OPERATIONAL
NO_ORDER = "Without an order or subscription"


@dataclass(slots=True)
class Figures:
    """The figures of one license (docs/figures.md). Those that are None are not defined for the group."""

    license: str
    ordered: int | None = 0
    delivered: int | None = 0
    undelivered: int | None = 0
    owned: int | None = None
    used: int | None = None
    short_by_cisco: int | None = None
    short_with_borrowing: int | None = None
    true_forward: int | None = None

    @property
    def difference(self) -> int | None:
        """Return what is owned and not used; below 0 where more is used than owned."""
        return None if self.owned is None or self.used is None else self.owned - self.used


@dataclass(slots=True)
class Group:
    """A customer, a license model, a cluster or an order, and its figures license by license."""

    title: str
    row: Customer | Cluster | Subscription | None = None
    below: str = ""
    by_license: dict[str, Figures] = field(default_factory=dict)

    @property
    def figures(self) -> list[Figures]:
        order = {tag: place for place, tag in enumerate(CURRENT.names)}
        return [
            self.by_license[tag]
            for tag in sorted(self.by_license, key=lambda tag: (CURRENT.rank(tag), order.get(tag, len(order)), tag))
        ]

    def add(self, purchase: Purchase) -> None:
        one = self.by_license.setdefault(purchase.license, Figures(purchase.license_name))
        one.ordered = (one.ordered or 0) + purchase.ordered
        one.delivered = (one.delivered or 0) + purchase.delivered
        one.undelivered = (one.undelivered or 0) + purchase.undelivered


@dataclass(frozen=True, slots=True)
class Row:
    """One license of the account, and how its serving virtual accounts stand."""

    figures: Figures
    served_by: tuple[Grant, ...]  # what covers the requests for it, its own first
    lent: int
    left: int


@dataclass(frozen=True, slots=True)
class Ending:
    """The purchase lines of one subscription, or of none, that end on one day."""

    day: date
    subscription_id: str
    customer: Customer | None
    lines: tuple[LicenseLine, ...]


@dataclass(frozen=True)
class Pools:
    """Everything about one account's pools, read once in a fixed number of statements."""

    account: SmartAccount
    ordered: VirtualAccount | None
    operational: VirtualAccount | None
    books: Books
    lines: Sequence[LicenseLine]
    subscriptions: Mapping[str, Subscription]
    clusters: Mapping[int, Cluster]
    customers: Mapping[int, Customer]

    @property
    def short_by_cisco(self) -> int:
        return sum(row.short_by_cisco for row in self.books.positions(By.LICENSE))

    @property
    def short_with_borrowing(self) -> int:
        return sum(row.short_with_borrowing for row in self.books.positions(By.LICENSE))

    @property
    def misplaced(self) -> int:
        """Return what is used in the ordered pool, which serves no applications (docs/domain.md#A4)."""
        rows = self.books.positions(By.VIRTUAL_ACCOUNT)
        return sum(row.used for row in rows if self.ordered and row.id == self.ordered.pk)

    @cached_property
    def by_license(self) -> list[Row]:
        served: dict[str, list[Grant]] = {}
        left: dict[str, int] = {}
        for held in self.books.holdings.values():
            if held.pool.is_ordered:
                continue
            for part in held.allocation.explain():
                tag = license_of(part.license, CURRENT)
                served.setdefault(tag, []).extend(part.served_by)
                left[tag] = left.get(tag, 0) + part.left
        return [
            Row(_figures(row), tuple(served.get(row.license, ())), row.lent, left.get(row.license, 0))
            for row in self.books.positions(By.LICENSE)
        ]

    @cached_property
    def by_model(self) -> list[Group]:
        """Return what each license model brought. Purchases without a known model come last."""
        groups = {value: Group(str(label)) for value, label in Model.choices if value}
        groups[Model.UNSET] = Group("License model not known")
        for one in self.books.facts.purchases:
            groups[self._model_of(one)].add(one)
        return [group for group in groups.values() if group.by_license]

    @cached_property
    def by_customer(self) -> list[Group]:
        """Customers by name, then what belongs to no customer."""
        rows = self.books.positions(By.CUSTOMER)
        return _grouped(rows, self.customers.get, lambda _: "")

    @cached_property
    def by_cluster(self) -> list[Group]:
        """Return what each cluster uses, the largest first. What matches no cluster comes last."""
        rows = [row for row in self.books.positions(By.CLUSTER) if row.used]
        groups = _grouped(rows, self.clusters.get, lambda pk: str(self.clusters[pk].customer))
        return sorted(groups, key=lambda group: (group.row is None, -_used(group), group.title))

    @cached_property
    def by_order(self) -> list[Group]:
        """Return what was ordered and delivered under each purchase. Those with something undelivered come first."""
        groups: dict[str, Group] = {}
        for one in self.books.facts.purchases:
            self._order_group(one, groups).add(one)
        unnamed = groups.pop("", None)
        waiting = {key for key, group in groups.items() if any(one.undelivered for one in group.figures)}
        named = [groups[key] for key in sorted(groups, key=lambda key: (key not in waiting, key))]
        return [*named, unnamed] if unnamed else named

    def endings(self, after: date) -> list[Ending]:
        """Terms that end on that day or later, the next one first, one entry per day and subscription."""
        found: dict[tuple[date, str], list[LicenseLine]] = {}
        for line in self.lines:
            if line.end and line.end >= after and not line.is_cancelled:
                found.setdefault((line.end, line.subscription_id), []).append(line)
        return [
            Ending(day, key, customer_of(lines[0], self.subscriptions), tuple(lines))
            for (day, key), lines in sorted(found.items())
        ]

    def _order_group(self, one: Purchase, groups: dict[str, Group]) -> Group:
        customer = self.customers.get(one.customer or 0)
        title = label_of(one)
        title = f"{title[:1].upper()}{title[1:]}" if title else NO_ORDER
        return groups.setdefault(
            one.key, Group(title, self.subscriptions.get(one.subscription_id), str(customer or ""))
        )

    def _model_of(self, one: Purchase) -> str:
        """Return the license model of a purchase: that of its subscription, or of the first line that is part of it."""
        if one.subscription_id:
            found = self.subscriptions.get(one.subscription_id)
            return found.license_model if found else Model.UNSET
        lines = (
            line
            for line in self.lines
            if not line.subscription_id
            and line.order_number == one.order_number
            and license_of(line.license.name, CURRENT) == one.license
        )
        return next((model_of(line, self.subscriptions) for line in lines), Model.UNSET)


def accounts_with_pools() -> list[SmartAccount]:
    """Smart accounts in which a virtual account has a purpose."""
    pools = VirtualAccount.objects.present().filter(purpose__in=(ORDERED, OPERATIONAL))
    return list(SmartAccount.objects.filter(pk__in=pools.values("smart_account")))


def of(account: SmartAccount) -> Pools:
    """Return an account's pools. A paused account shows its last figures."""
    books = open_books(smart_account=account.pk)
    purposes = {pool.purpose: pool for pool in books.facts.pools.values()}
    lines = LicenseLine.objects.present().filter(license__virtual_account__in=books.facts.pools)
    clusters = {use.cluster for use in books.facts.use}
    return Pools(
        account,
        purposes.get(ORDERED),
        purposes.get(OPERATIONAL),
        books,
        list(lines.select_related("license__virtual_account").order_by("license__name", "license_id", "position")),
        {row.subscription_id: row for row in account.subscriptions.select_related("customer")},
        {row.pk: row for row in Cluster.objects.filter(pk__in=clusters).select_related("customer")},
        Customer.objects.in_bulk(books.facts.customers),
    )


def lines_of(groups: Iterable[Group]) -> Iterator[tuple[Group, Figures]]:
    """Flat: for tables and files."""
    return ((group, figures) for group in groups for figures in group.figures)


def _figures(row: Position) -> Figures:
    return Figures(
        license=row.license_name,
        ordered=row.ordered,
        delivered=row.delivered,
        undelivered=row.undelivered,
        owned=row.owned,
        used=row.used,
        short_by_cisco=row.short_by_cisco,
        short_with_borrowing=row.short_with_borrowing,
        true_forward=row.true_forward,
    )


def _grouped(
    rows: Iterable[Position], find: Callable[[int], Customer | Cluster | None], below: Callable[[int], str]
) -> list[Group]:
    groups: dict[int | None, Group] = {}
    for row in rows:
        if row.id not in groups:
            groups[row.id] = Group(row.name, find(row.id), below(row.id)) if row.id else Group(UNMATCHED)
        groups[row.id].by_license[row.license] = _figures(row)
    return list(groups.values())


def _used(group: Group) -> int:
    return sum(one.used or 0 for one in group.by_license.values())
