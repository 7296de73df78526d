"""Save rows of the fleet."""

from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, models, transaction

from kit.refusals import Refusal
from licensing.fleet.models import Cluster, Customer, Proxy
from people import audit


def _save(row: Customer | Cluster | Proxy, before: dict[str, Any] | None, prefix: str = "") -> None:
    """Only what has changed is written: of two who change different columns, both win.

    Refusals name their field (`prefix` before it). Of two who take the same name at once, one gets the refusal that
    it would have got a moment later.
    """
    try:
        _check(row, prefix)
        with transaction.atomic():
            row.save(update_fields=_changed(row, before) if before else None)
    except IntegrityError:
        _check(row, prefix)
        raise


def _check(row: models.Model, prefix: str) -> None:
    try:
        row.full_clean()
    except ValidationError as error:
        field, messages = next(iter(error.message_dict.items()))
        name = {"__all__": "name" if isinstance(row, Cluster) else ""}.get(field, prefix + field)
        raise Refusal(" ".join(messages), "", name) from None


def _changed(row: models.Model, before: dict[str, Any]) -> list[str]:
    return [name for name, value in audit.snapshot(row).items() if before.get(name) != value]
