"""Read all that figures stand on, once: use, supply, Cisco's own figures and purchases of a set of virtual accounts."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from licensing.accounts.models import SmartAccount
from licensing.fleet.models import Customer
from licensing.history import reading
from licensing.history.reading import State, Supply, Use
from licensing.mirror.models import VirtualAccount
from licensing.orders import delivery
from licensing.orders.delivery import Purchase, Supplied


@dataclass(frozen=True, slots=True)
class Scope:
    """Which virtual accounts count, and when. Both ids None: those of all smart accounts that are not paused.

    `at` None: now. Otherwise the moment, as the history recorded it.
    """

    smart_account: int | None = None
    virtual_account: int | None = None
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """`purchases` is empty where the scope is one virtual account: a purchase belongs to a whole smart account."""

    scope: Scope
    accounts: Sequence[SmartAccount]
    pools: dict[int, VirtualAccount]
    use: Sequence[Use]
    supply: Sequence[Supply | Supplied]
    states: Sequence[State]
    purchases: Sequence[Purchase]
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
    use, supply, purchases = reading.use(found, scope.at), *_bought(scope, found, accounts)
    customers = {row.customer: row.customer_name for row in use if row.customer}
    customers |= dict(Customer.objects.filter(pk__in={one.customer for one in purchases}).values_list("pk", "name"))
    return Facts(
        scope=scope,
        accounts=list(accounts.values()),
        pools=found,
        use=use,
        supply=supply,
        states=reading.states(found, scope.at),
        purchases=purchases,
        customers=customers,
    )


def _bought(
    scope: Scope, pools: Iterable[int], accounts: Iterable[int]
) -> tuple[Sequence[Supply | Supplied], Sequence[Purchase]]:
    """Return what was bought into the virtual accounts, and the purchases that it belongs to."""
    if scope.virtual_account is not None:
        return reading.supply(pools, scope.at), []
    found = delivery.read(accounts, scope.at)
    purchases = delivery.settle(found.supplies, found.moves, found.lines, found.subscriptions)
    return found.supplies, purchases


def not_recorded(facts: Facts) -> list[tuple[SmartAccount, datetime | None]]:
    """Return the smart accounts that were not recorded at that moment, each with the beginning of its record."""
    if facts.scope.at is None:
        return []
    since = reading.recorded_from()
    found = [(account, since.get(account.pk)) for account in facts.accounts]
    return [(account, first) for account, first in found if first is None or first > facts.scope.at]
