"""What customers have ordered: the commitment that growth is measured against.

The quantities are those of licensing.orders.delivery, and so those of every position. A purchase that belongs to no
customer is the partner's own, or not mapped yet.
"""

from collections.abc import Collection
from datetime import datetime

from licensing.accounts.models import SmartAccount
from licensing.figures.growth.recorded import NOBODY
from licensing.mirror.models import Subscription
from licensing.orders import delivery
from licensing.orders.delivery import Purchase
from licensing.orders.models import Order


def of(customers: Collection[int] | None, at: datetime | None) -> list[Purchase]:
    """Return the purchases of these customers, now or at a moment. `customers` None: all; NOBODY: of no customer.

    For some customers, only the smart accounts in which they bought anything are read. Six statements.
    """
    accounts = SmartAccount.objects.filter(paused_at=None)
    if customers is not None and NOBODY not in customers:
        wanted = {"customer__in": customers}
        bought = Subscription.objects.filter(**wanted).values("smart_account")
        ordered = Order.objects.filter(**wanted).values("smart_account")
        accounts = accounts.filter(pk__in=bought.union(ordered))
    found = delivery.figures(accounts.values_list("pk", flat=True), at)
    return [one for one in found if customers is None or (one.customer or NOBODY) in customers]
