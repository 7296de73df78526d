"""The figures of customers at one moment, read once for any number of statements."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from licensing.history import reading
from licensing.history.reading import State, Supply, Use
from licensing.mirror.models import Subscription, VirtualAccount


@dataclass(frozen=True, slots=True)
class Figures:
    """What one customer held and used of one license."""

    license_name: str
    owned: int
    used: int
    covered: int
    short: int
    true_forward: int


@dataclass
class Held:
    """What was used and held at a moment, by customer."""

    pools: dict[int, VirtualAccount] = field(default_factory=dict)
    subscriptions: dict[tuple[int, str], Subscription] = field(default_factory=dict)
    use: dict[int, list[Use]] = field(default_factory=lambda: defaultdict(list))
    supply: dict[int, list[Supply]] = field(default_factory=lambda: defaultdict(list))
    states: list[State] = field(default_factory=list)

    def of_customer(self, customer: int) -> list[Figures]:
        owned: dict[str, int] = defaultdict(int)
        used: dict[str, int] = defaultdict(int)
        for part in self.supply[customer]:
            owned[part.license_name] += part.quantity
        for row in self.use[customer]:
            used[row.license_name] += row.quantity
        return [_figures(name, owned[name], used[name]) for name in sorted({*owned, *used})]


def _figures(name: str, owned: int, used: int) -> Figures:
    short = max(used - owned, 0)
    return Figures(name, owned, used, 0, short, short)


def read(at: datetime) -> Held:
    """Read what all customers used and held at that moment, in a fixed number of statements."""
    pools = VirtualAccount.objects.select_related("smart_account__license_server").in_bulk()
    subscriptions = Subscription.objects.all()
    held = Held(pools, {(row.smart_account_id, row.subscription_id): row for row in subscriptions})
    for use in reading.use(pools, at):
        held.use[use.customer].append(use)
    for part in reading.supply(pools, at):
        held.supply[_owner(held, part)].append(part)
    held.states = reading.states(pools, at)
    return held


def _owner(held: Held, part: Supply) -> int:
    """Return the customer that a purchase belongs to, 0 for the partner."""
    found = held.subscriptions.get((held.pools[part.virtual_account].smart_account_id, part.subscription_id))
    return found.customer_id or 0 if found else 0


def names(rows: Iterable[Use]) -> list[str]:
    return sorted({row.license_name for row in rows})
