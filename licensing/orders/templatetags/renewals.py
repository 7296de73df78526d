"""Terms and renewals of a customer, as a section that its page includes."""

from typing import Any

from django import template
from django.utils import timezone

from licensing.fleet.models import Customer
from licensing.orders import renewals

register = template.Library()
SHOWN = 8


@register.inclusion_tag("orders/renewals/customer.html")
def customer_renewals(customer: Customer) -> dict[str, Any]:
    """Show which terms end next, and which orders renew."""
    found = renewals.of_customer(customer.pk, timezone.localdate())
    return {"customer": customer, "renewals": found[:SHOWN], "more": len(found) - SHOWN}
