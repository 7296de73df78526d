"""The figures of customers at one moment, read once for any number of statements (licensing.figures.positions)."""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property

from django.db.models import Max

from licensing.figures.positions import Books, By, Position, open_books
from licensing.history.reading import State, Supply, Use
from licensing.mirror.models import LicenseLine, Subscription
from licensing.orders.delivery import Supplied


@dataclass
class Held:
    """What was used and held at a moment, by customer; 0 is what belongs to none."""

    books: Books
    subscriptions: dict[tuple[int, str], Subscription]
    positions: dict[int, list[Position]] = field(default_factory=lambda: defaultdict(list))
    clusters: dict[int, list[Position]] = field(default_factory=lambda: defaultdict(list))
    use: dict[int, list[Use]] = field(default_factory=lambda: defaultdict(list))
    supply: dict[int, list[Supply | Supplied]] = field(default_factory=lambda: defaultdict(list))

    @cached_property
    def states(self) -> dict[tuple[int, str], State]:
        """Return what Cisco listed, by virtual account and license."""
        return {(row.virtual_account, row.license_name): row for row in self.books.facts.states}

    @cached_property
    def ends(self) -> dict[tuple[int, str, str], date]:
        """Return the last end of each purchase of a license, as Cisco lists its lines now.

        The key is the smart account, the subscription and the license.
        """
        rows = LicenseLine.objects.exclude(end=None).exclude(subscription_id="").order_by()
        key = ("license__virtual_account__smart_account", "subscription_id", "license__name")
        found = rows.values_list(*key).annotate(last=Max("end"))
        return {(account, number, name): last for account, number, name, last in found}


def read(at: datetime) -> Held:
    """Read what all customers used and held at that moment, in a fixed number of statements."""
    books = open_books(at)
    held = Held(books, {(row.smart_account_id, row.subscription_id): row for row in Subscription.objects.all()})
    customers = {}
    for use in books.facts.use:
        held.use[use.customer].append(use)
        customers[use.cluster] = use.customer
    for part in books.facts.supply:
        account = books.facts.pools[part.virtual_account].smart_account_id
        owner = books.owner_of(account, part.license_name, part.subscription_id, part.order_number)
        held.supply[owner].append(part)
    for row in books.positions(By.CUSTOMER):
        held.positions[row.id or 0].append(row)
    for row in books.positions(By.CLUSTER):
        if row.id and row.used:
            held.clusters[customers[row.id]].append(row)
    return held
