"""Save customers."""

from typing import Any

from django.db import transaction

from licensing.fleet.models import Customer
from licensing.fleet.saving import save_row
from people import audit
from people.audit import Actor


def save_customer(actor: Actor, customer: Customer, before: dict[str, Any] | None = None) -> Customer:
    """Save a customer. `before` is audit.snapshot of the stored row, None for a new one."""
    customer.tags = clean_tags(customer.tags)
    with transaction.atomic():
        save_row(customer, before)
        audit.record(actor, "changed" if before else "added", customer, before=before)
    return customer


def clean_tags(tags: list[str]) -> list[str]:
    """Return the tags in lower case, each once, in the given order.

    A comma separates two tags; empty ones are left out.
    """
    words = (" ".join(tag.lower().split()) for part in tags for tag in part.split(","))
    return list(dict.fromkeys(word for word in words if word))
