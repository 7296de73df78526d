"""A smart account's two pools beside each other: what was ordered, what Cisco deposited for use, and what is consumed,
by license, license model, customer, cluster and order (docs/domain.md#operational-licenses). Reads only the mirror.

Spellings of one license count together. Consumption is that of the product instances in the operational pool; which
license model serves a product is known to nobody, so models split what is held and not what is used. An order is told
by its subscription, which Cisco's deposit names too, else by its number.

True forward is what consumption exceeds the order by, after the order's own licenses have served each other's requests
by the rules: Cisco bills that growth from the next anniversary on, and credits nothing for less.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import Any

from django.db.models import Sum

from licensing.accounts.models import SmartAccount
from licensing.allocation import holdings
from licensing.allocation.engine import Explanation, allocate, license_of
from licensing.allocation.holdings import Holding
from licensing.allocation.license_names import CURRENT
from licensing.fleet.models import Cluster, Customer
from licensing.mirror.models import InstanceUsage, LicenseLine, Subscription, VirtualAccount
from licensing.orders import delivery
from licensing.orders.delivery import Purchase
from licensing.orders.undelivered import label_of
from licensing.pools.subscriptions import Model, customer_of, model_of

ORDERED, OPERATIONAL = VirtualAccount.Purpose.ORDERED, VirtualAccount.Purpose.OPERATIONAL
PARTNER, UNMAPPED = "The partner (perpetual)", "Not mapped to a customer"
NO_ORDER = "Without an order or subscription"


@dataclass(slots=True)
class Figures:
    """Numbers of one license; `ordered` and `operational` are owned in the pool of that purpose."""

    license: str
    ordered: int = 0
    operational: int = 0
    consumed: int = 0
    true_forward: int | None = None  # None: no order to hold it against
    outstanding: int = 0  # undelivered, by licensing.orders.delivery

    @property
    def difference(self) -> int:
        """Deposited for use and not used; below 0: more is used than was deposited."""
        return self.operational - self.consumed


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

    def count_true_forward(self) -> None:
        ordered = {tag: one.ordered for tag, one in self.by_license.items()}
        beyond = allocate(ordered, {tag: one.consumed for tag, one in self.by_license.items()}).short
        for tag, one in self.by_license.items():
            one.true_forward = beyond.get(tag, 0)

    def of(self, name: str) -> Figures:
        tag = license_of(name, CURRENT)
        return self.by_license.setdefault(tag, Figures(CURRENT.display_name(tag) if CURRENT.find(name) else name))


@dataclass(frozen=True, slots=True)
class Row:
    """One license of the account: the two pools, and how the operational one stands."""

    figures: Figures
    explained: Explanation | None  # None: the operational pool neither has nor needs it


@dataclass(frozen=True, slots=True)
class Ending:
    """The purchase lines of one subscription, or of none, that end on one day."""

    day: date
    subscription_id: str
    customer: Customer | None
    lines: tuple[LicenseLine, ...]


@dataclass(frozen=True)
class Pools:
    """Both pools of one account, either of which may be missing. All is read once, in a fixed number of statements."""

    account: SmartAccount
    ordered: VirtualAccount | None
    operational: VirtualAccount | None
    held: Mapping[int, Holding]
    lines: Sequence[LicenseLine]
    subscriptions: Mapping[str, Subscription]
    consumed: Sequence[tuple[int | None, str, int]]  # cluster id, license name, quantity
    clusters: Mapping[int, Cluster]
    purchases: Sequence[Purchase]
    customers: Mapping[int, Customer]  # of the purchases

    @property
    def short(self) -> int:
        """Licenses that the operational pool lacks, with all that may be borrowed."""
        allocation = self.operational and self.held[self.operational.pk].allocation
        return sum([*allocation.short.values(), *allocation.reserved_short.values()]) if allocation else 0

    @property
    def misplaced(self) -> int:
        """Return what is used in the ordered pool, which serves no applications (docs/domain.md#A4)."""
        return sum(self.held[self.ordered.pk].demand.values()) if self.ordered else 0

    @cached_property
    def _counted(self) -> tuple[dict[int, int], dict[int, int]]:
        """Line id -> what of it is part of its license's quantity; license id -> what no line accounts for.

        Cisco may list lines beside that quantity, which are over, cancelled or yet to come: those that run count first.
        """
        left = {row.pk: max(row.quantity, 0) for held in self.held.values() for row in held.licenses}
        counted: dict[int, int] = {}
        for line in sorted(self.lines, key=lambda line: not line.is_running):
            counted[line.pk] = min(max(line.quantity, 0), left.get(line.license_id, 0))
            left[line.license_id] = left.get(line.license_id, 0) - counted[line.pk]
        return counted, left

    @cached_property
    def by_license(self) -> list[Row]:
        total = Group("")
        for pool in (self.ordered, self.operational):
            if pool:
                _add_supply(total, pool.purpose, self.held[pool.pk])
        _add_consumed(total, self.consumed)
        for one in self._undelivered:
            total.of(one.license_name).outstanding += one.undelivered
        if self.ordered:
            total.count_true_forward()
        stand = self.operational and {
            license_of(part.license, CURRENT): part for part in self.held[self.operational.pk].allocation.explain()
        }
        return [Row(figures, (stand or {}).get(license_of(figures.license, CURRENT))) for figures in total.figures]

    @cached_property
    def by_model(self) -> list[Group]:
        """Return what each license model brought. Lines without a known model come last."""
        groups = {value: Group(str(label)) for value, label in Model.choices if value}
        groups[Model.UNSET] = Group("License model not known")
        for line in self._lines_that_count:
            self._add_line(groups[model_of(line, self.subscriptions)], line)
        self._add_without_lines(groups[Model.UNSET])
        for one in self._undelivered:
            groups[self._model_of(one)].of(one.license_name).outstanding += one.undelivered
        return [group for group in groups.values() if group.by_license]

    @cached_property
    def by_customer(self) -> list[Group]:
        """Customers by name, then the partner's own, then what belongs to nobody yet."""
        groups: dict[int | str, Group] = {}
        for line in self._lines_that_count:
            self._add_line(self._group_of(line, groups), line)
        for cluster, name, quantity in self.consumed:
            customer = self.clusters[cluster].customer if cluster else None
            _customer_group(customer, groups).of(name).consumed += quantity
        self._add_without_lines(_customer_group(None, groups))
        for one in self._undelivered:
            self._buyer_group(one, groups).of(one.license_name).outstanding += one.undelivered
        for group in groups.values():
            if group.row and any(one.ordered for one in group.by_license.values()):
                group.count_true_forward()
        named = sorted((group for group in groups.values() if group.row), key=lambda group: group.title.casefold())
        return named + [groups[key] for key in (PARTNER, UNMAPPED) if key in groups and groups[key].by_license]

    @cached_property
    def by_cluster(self) -> list[Group]:
        """Return what each cluster consumes, the largest first. Product instances without a cluster come last."""
        groups: dict[int | None, Group] = {}
        for pk, name, quantity in self.consumed:
            cluster = self.clusters[pk] if pk else None
            if pk not in groups:
                groups[pk] = Group(
                    str(cluster or "No cluster is matched"), cluster, str(cluster.customer) if cluster else ""
                )
            groups[pk].of(name).consumed += quantity
        return sorted(groups.values(), key=lambda group: (group.row is None, -_consumed(group), group.title))

    @cached_property
    def by_order(self) -> list[Group]:
        """Return what was ordered and delivered under each purchase. Those with something undelivered come first."""
        groups: dict[str, Group] = {}
        for one in self.purchases:
            figures = self._order_group(one, groups).of(one.license_name)
            figures.ordered += one.ordered
            figures.operational += one.delivered
            figures.outstanding += one.undelivered
        unnamed = groups.pop("", None)
        waiting = {key for key, group in groups.items() if any(one.outstanding for one in group.figures)}
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

    @property
    def _lines_that_count(self) -> list[LicenseLine]:
        counted, _ = self._counted
        return [line for line in self.lines if counted[line.pk]]

    def _add_line(self, group: Group, line: LicenseLine) -> None:
        counted, _ = self._counted
        _add(group, line.license.virtual_account.purpose, line.license.name, counted[line.pk])

    def _group_of(self, line: LicenseLine, groups: dict[int | str, Group]) -> Group:
        customer = customer_of(line, self.subscriptions)
        own = customer is None and model_of(line, self.subscriptions) == Model.PERPETUAL
        return groups.setdefault(PARTNER, Group(PARTNER)) if own else _customer_group(customer, groups)

    @property
    def _undelivered(self) -> list[Purchase]:
        return [one for one in self.purchases if one.undelivered]

    def _order_group(self, one: Purchase, groups: dict[str, Group]) -> Group:
        customer = self.customers.get(one.customer or 0)
        title = label_of(one)
        title = f"{title[:1].upper()}{title[1:]}" if title else NO_ORDER
        return groups.setdefault(
            one.key, Group(title, self.subscriptions.get(one.subscription_id), str(customer or ""))
        )

    def _buyer_group(self, one: Purchase, groups: dict[int | str, Group]) -> Group:
        customer = self.customers.get(one.customer or 0)
        own = customer is None and self._model_of(one) == Model.PERPETUAL
        return groups.setdefault(PARTNER, Group(PARTNER)) if own else _customer_group(customer, groups)

    def _model_of(self, one: Purchase) -> str:
        """Return the license model of a purchase: that of its subscription, or of the first line that is part of it."""
        if one.subscription_id:
            found = self.subscriptions.get(one.subscription_id)
            return found.license_model if found else Model.UNSET
        lines = (line for line in self.lines if not line.subscription_id and line.order_number == one.order_number)
        return next((model_of(line, self.subscriptions) for line in lines), Model.UNSET)

    def _add_without_lines(self, group: Group) -> None:
        """Quantities that no purchase line accounts for."""
        _, left = self._counted
        for pool in filter(None, (self.ordered, self.operational)):
            for row in self.held[pool.pk].licenses:
                if left[row.pk]:
                    _add(group, pool.purpose, row.name, left[row.pk])


def accounts_with_pools() -> list[SmartAccount]:
    """Smart accounts in which a virtual account has a purpose."""
    pools = VirtualAccount.objects.present().filter(purpose__in=(ORDERED, OPERATIONAL))
    return list(SmartAccount.objects.filter(pk__in=pools.values("smart_account")))


def of(account: SmartAccount) -> Pools:
    found = {
        pool.purpose: pool for pool in account.virtual_accounts.present().filter(purpose__in=(ORDERED, OPERATIONAL))
    }
    operational = found.get(OPERATIONAL)
    lines = LicenseLine.objects.present().filter(license__virtual_account__in=found.values())
    consumed = _consumption(operational)
    purchases = delivery.figures([account.pk])
    buyers = {one.customer for one in purchases if one.customer}
    clusters = Cluster.objects.filter(pk__in={cluster for cluster, _, _ in consumed if cluster}).select_related(
        "customer"
    )
    return Pools(
        account,
        found.get(ORDERED),
        operational,
        holdings.of(found.values()),
        list(lines.select_related("license__virtual_account").order_by("license__name", "license_id", "position")),
        {row.subscription_id: row for row in account.subscriptions.select_related("customer")},
        consumed,
        {cluster.pk: cluster for cluster in clusters},
        purchases,
        Customer.objects.in_bulk(buyers),
    )


def _consumption(pool: VirtualAccount | None) -> list[tuple[int | None, str, int]]:
    uses = InstanceUsage.objects.filter(
        product_instance__virtual_account=pool, product_instance__gone_at=None, quantity__gt=0
    )
    rows: Any = (
        uses.order_by().values_list("product_instance__cluster", holdings.USED_NAME).annotate(total=Sum("quantity"))
    )
    return list(rows)


def _customer_group(customer: Customer | None, groups: dict[int | str, Group]) -> Group:
    if customer is None:
        return groups.setdefault(UNMAPPED, Group(UNMAPPED))
    return groups.setdefault(customer.pk, Group(str(customer), customer))


def _add_supply(group: Group, purpose: str, holding: Holding) -> None:
    for name, quantity in holding.supply.items():
        _add(group, purpose, name, quantity)


def _add(group: Group, purpose: str, name: str, quantity: int) -> None:
    figures = group.of(name)
    if purpose == ORDERED:
        figures.ordered += quantity
    else:
        figures.operational += quantity


def _add_consumed(group: Group, consumed: Iterable[tuple[int | None, str, int]]) -> None:
    for _, name, quantity in consumed:
        group.of(name).consumed += quantity


def _consumed(group: Group) -> int:
    return sum(figures.consumed for figures in group.by_license.values())


def lines_of(groups: Iterable[Group]) -> Iterator[tuple[Group, Figures]]:
    """Flat: for tables and files."""
    return ((group, figures) for group in groups for figures in group.figures)
