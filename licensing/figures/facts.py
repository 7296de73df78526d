"""Read all that figures stand on, once: use, supply, Cisco's own figures and purchases of a set of virtual accounts."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from licensing.accounts.models import SmartAccount
from licensing.fleet.models import Customer
from licensing.history import reading
from licensing.history.reading import State, Use
from licensing.mirror.models import VirtualAccount
from licensing.orders import delivery
from licensing.orders.delivery import Known, OrderedLine, Purchase, Supplied


@dataclass(frozen=True, slots=True)
class Scope:
    """Which virtual accounts count, and when. All ids None: those of all smart accounts that are not paused.

    `at` None: now. Otherwise the moment, as the history recorded it. With `customer`, only what its figures need is
    read: the virtual accounts in which it uses or owns something, and its purchases.
    """

    smart_account: int | None = None
    virtual_account: int | None = None
    customer: int | None = None
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """`purchases` is empty where the scope is one virtual account: a purchase belongs to a whole smart account."""

    scope: Scope
    accounts: Sequence[SmartAccount]
    pools: dict[int, VirtualAccount]
    use: Sequence[Use]
    supply: Sequence[Supplied]
    states: Sequence[State]
    purchases: Sequence[Purchase]
    lines: Sequence[OrderedLine]
    subscriptions: Mapping[tuple[int, str], Known]
    customers: dict[int, str]

    @property
    def as_of(self) -> datetime | None:
        """Return the moment that the figures are from: the oldest sync of the accounts, or the moment in the past."""
        if self.scope.at:
            return self.scope.at
        moments = [account.last_synced_at for account in self.accounts if account.last_synced_at]
        return min(moments, default=None)


def read(scope: Scope) -> Facts:
    """Read the facts of a scope. The number of statements does not depend on the number of rows."""
    pools = VirtualAccount.objects.select_related("smart_account__license_server")
    if scope.at is None:
        pools = pools.present()
    if scope.virtual_account is not None:
        pools = pools.filter(pk=scope.virtual_account)
    elif scope.smart_account is not None:
        pools = pools.filter(smart_account=scope.smart_account)
    else:
        pools = pools.filter(smart_account__paused_at=None)
    found = {pool.pk: pool for pool in pools}
    accounts = {pool.smart_account_id: pool.smart_account for pool in found.values()}
    near = set(found) if scope.customer is None else _pools_of(scope.customer, scope.at) & set(found)
    use, bought = reading.use(near, scope.at), _bought(scope, accounts, near)
    customers = {row.customer: row.customer_name for row in use if row.customer}
    buyers = {customer for customer in (scope.customer, *(one.customer for one in bought.purchases)) if customer}
    customers |= dict(Customer.objects.filter(pk__in=buyers).values_list("pk", "name"))
    return Facts(
        scope=scope,
        accounts=list(accounts.values()),
        pools=found,
        use=use,
        supply=bought.supply,
        states=reading.states(near, scope.at),
        purchases=bought.purchases,
        lines=bought.lines,
        subscriptions=bought.subscriptions,
        customers=customers,
    )


@dataclass(frozen=True, slots=True)
class _Bought:
    supply: Sequence[Supplied]
    purchases: Sequence[Purchase]
    lines: Sequence[OrderedLine]
    subscriptions: Mapping[tuple[int, str], Known]


def _bought(scope: Scope, accounts: Iterable[int], near: Iterable[int]) -> _Bought:
    """Return what was bought into the virtual accounts, and the purchases that it belongs to."""
    if scope.virtual_account is not None:
        found = delivery.read(accounts, scope.at)
        supply = [row for row in found.supplies if row.virtual_account == scope.virtual_account]
        return _Bought(supply, [], found.lines, found.subscriptions)
    if scope.customer is not None:
        found, purchases = delivery.figures_of(scope.customer, accounts, near, scope.at)
    else:
        found = delivery.read(accounts, scope.at)
        purchases = delivery.settle(found.supplies, found.moves, found.lines, found.subscriptions)
    return _Bought(found.supplies, purchases, found.lines, found.subscriptions)


# The virtual accounts in which a customer uses something, or by whose purchase lines it owns something.
PRESENT_POOLS = """
SELECT instance.virtual_account_id FROM mirror_productinstance instance
JOIN fleet_cluster cluster ON cluster.id = instance.cluster_id
WHERE cluster.customer_id = %(customer)s AND instance.gone_at IS NULL
UNION
SELECT license.virtual_account_id
FROM mirror_licenseline line JOIN mirror_license license ON license.id = line.license_id
WHERE line.subscription_id IN (SELECT subscription_id FROM mirror_subscription WHERE customer_id = %(customer)s)
    OR line.order_number IN (SELECT number FROM orders_order WHERE customer_id = %(customer)s AND number <> '')
    OR line.subscription_id IN (
        SELECT subscription_id FROM orders_order WHERE customer_id = %(customer)s AND subscription_id <> ''
    )
"""
RECORDED_POOLS = """
SELECT virtual_account_id FROM history_series WHERE kind = 'use' AND customer = %(customer)s
UNION
SELECT virtual_account_id FROM history_series
WHERE kind = 'supply' AND (
    subscription_id IN (SELECT subscription_id FROM mirror_subscription WHERE customer_id = %(customer)s)
    OR order_number IN (SELECT number FROM orders_order WHERE customer_id = %(customer)s AND number <> '')
    OR subscription_id IN (
        SELECT subscription_id FROM orders_order WHERE customer_id = %(customer)s AND subscription_id <> ''
    )
)
"""


def _pools_of(customer: int, at: datetime | None) -> set[int]:
    with connection.cursor() as cursor:
        cursor.execute(PRESENT_POOLS if at is None else RECORDED_POOLS, {"customer": customer})
        return {pk for (pk,) in cursor.fetchall()}


def not_recorded(facts: Facts) -> list[tuple[SmartAccount, datetime | None]]:
    """Return the smart accounts that were not recorded at that moment, each with the beginning of its record."""
    if facts.scope.at is None:
        return []
    since = reading.recorded_from()
    found = [(account, since.get(account.pk)) for account in facts.accounts]
    return [(account, first) for account, first in found if first is None or first > facts.scope.at]
