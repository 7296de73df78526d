"""Save rows of the fleet."""

from typing import Any

from django.db import IntegrityError, models, transaction

from kit.refusals import check_row
from licensing.fleet.models import Cluster, Customer, Proxy
from people import audit


def save_row(row: Customer | Cluster | Proxy, before: dict[str, Any] | None, prefix: str = "") -> None:
    """Write only the columns that have changed, so that two people who change different columns both win.

    Refusals name their field (`prefix` before it). When two people take the same name at once, one gets the refusal
    that it would have got a moment later.
    """
    whole = "name" if isinstance(row, Cluster) else ""
    try:
        check_row(row, prefix=prefix, whole=whole)
        with transaction.atomic():
            row.save(update_fields=_changed(row, before) if before else None)
    except IntegrityError:
        check_row(row, prefix=prefix, whole=whole)
        raise


def _changed(row: models.Model, before: dict[str, Any]) -> list[str]:
    return [name for name, value in audit.snapshot(row).items() if before.get(name) != value]
