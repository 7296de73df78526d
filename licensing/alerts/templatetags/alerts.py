"""The open alerts about a customer or a cluster, as a section that its page includes."""

from typing import Any

from django import template

from licensing.alerts.subjects import about_cluster, about_customer
from licensing.fleet.models import Cluster, Customer

register = template.Library()
SHOWN = 10


@register.inclusion_tag("alerts/about/customer.html")
def alerts_about_customer(customer: Customer) -> dict[str, Any]:
    """Show the most urgent open alerts about a customer, and how many more there are."""
    rows = list(about_customer(customer.pk)[: SHOWN + 1])
    return {"customer": customer, "alerts": rows[:SHOWN], "more": len(rows) > SHOWN, "noun": "customer"}


@register.inclusion_tag("alerts/about/customer.html")
def alerts_about_cluster(cluster: Cluster) -> dict[str, Any]:
    """Show the most urgent open alerts about a cluster, its product instances and the licenses that they use."""
    rows = list(about_cluster(cluster.pk)[: SHOWN + 1])
    return {"alerts": rows[:SHOWN], "more": False, "noun": "cluster"}
