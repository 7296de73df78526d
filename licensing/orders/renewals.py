"""List when a customer's terms end and its orders renew."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date

from licensing.mirror.models import LicenseLine, Subscription
from licensing.orders.models import Order


@dataclass(frozen=True, slots=True)
class Renewal:
    """What ends or renews on one day. `licenses`: how many, by name. `order`: the entered order that says so."""

    day: date
    title: str
    subscription: int | None
    order: int | None
    licenses: dict[str, int]


def of_customer(customer: int, today: date) -> list[Renewal]:
    """Return the ends of terms and the renewals from that day on, the next one first. Three statements.

    A term counts where it stands in a serving virtual account; the ordered one only records the same purchase.
    """
    known = {row.subscription_id: row.pk for row in Subscription.objects.filter(customer=customer)}
    lines = LicenseLine.objects.present().not_cancelled().filter(subscription_id__in=known, end__gte=today)
    ends: dict[tuple[date, str], dict[str, int]] = defaultdict(dict)
    for line in lines.exclude(license__virtual_account__purpose="ordered").select_related("license"):
        if line.end and line.quantity > 0:
            licenses = ends[line.end, line.subscription_id]
            licenses[line.license.name] = licenses.get(line.license.name, 0) + line.quantity
    found = [Renewal(day, key, known[key], None, licenses) for (day, key), licenses in ends.items()]
    orders = Order.objects.filter(customer=customer, renewal_on__gte=today)
    found += [
        Renewal(order.renewal_on, str(order), known.get(order.subscription_id), order.pk, {})
        for order in orders
        if order.renewal_on
    ]
    return sorted(found, key=lambda one: (one.day, one.title))
