"""Edit the price list in the admin."""

from typing import Any

from licensing.figures.models import Price
from licensing.figures.prices import saving
from people import audit
from people.admin_site import VerbAdmin, partner_site


class PriceAdmin(VerbAdmin):
    deletable = True
    fields = Price.OWN
    list_display = ("license_name", "currency", "amount", "valid_from")
    list_filter = ("currency",)
    search_fields = ("license_name", "license")

    def save_row(self, actor: audit.Actor, row: Price, before: dict[str, Any] | None, form: Any) -> None:
        saving.save_price(actor, row, before)

    def delete_row(self, actor: audit.Actor, row: Price) -> None:
        saving.delete_price(actor, row)


partner_site.register(Price, PriceAdmin)
