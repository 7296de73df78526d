"""Add, change and delete prices. Pages, REST, files and the admin site call these verbs."""

from datetime import date
from typing import Any

from django.db import transaction
from django.db.models import OuterRef, QuerySet, Subquery

from kit.refusals import check_row
from licensing.allocation.engine import license_of
from licensing.allocation.license_names import CURRENT
from licensing.figures.models import Price
from licensing.mirror.models import License
from people import audit
from people.audit import Actor


@transaction.atomic
def save_price(actor: Actor, price: Price, before: dict[str, Any] | None = None) -> Price:
    """Save a price. `before` is audit.snapshot of the stored row, None for a new one. Raise Refusal."""
    price.currency = price.currency.strip().upper()
    check_row(price, whole="valid_from")
    price.save()
    audit.record(actor, "changed" if before else "added", price, before=before)
    return price


@transaction.atomic
def delete_price(actor: Actor, price: Price) -> None:
    audit.record(actor, "deleted", price, changes={})
    price.delete()


def valid_on(rows: QuerySet[Price], day: date) -> QuerySet[Price]:
    """Keep the prices that are valid on a day: of each license and currency, the latest that has begun."""
    begun = Price.objects.filter(license=OuterRef("license"), currency=OuterRef("currency"), valid_from__lte=day)
    return rows.filter(valid_from=Subquery(begun.order_by("-valid_from").values("valid_from")[:1]))


def license_names() -> list[str]:
    """Return one name for each license that Cisco lists, to suggest."""
    names: dict[str, str] = {}
    for name in License.objects.present().order_by("name").values_list("name", flat=True).distinct():
        names.setdefault(license_of(name, CURRENT), name)
    return sorted(names.values(), key=lambda name: (CURRENT.rank(license_of(name, CURRENT)), name))
