"""The open alerts about a customer, as a section that its page includes."""

from typing import Any

from django import template

from licensing.alerts.subjects import about_customer
from licensing.fleet.models import Customer

register = template.Library()
SHOWN = 10


@register.inclusion_tag("alerts/about/customer.html")
def alerts_about_customer(customer: Customer) -> dict[str, Any]:
    """Show the most urgent open alerts about a customer, and how many more there are."""
    rows = list(about_customer(customer.pk)[: SHOWN + 1])
    return {"customer": customer, "alerts": rows[:SHOWN], "more": len(rows) > SHOWN}
