"""Orders in the admin: their facts are changed here, their lines on the page. Movements are shown."""

from typing import Any

from licensing.orders import saving
from licensing.orders.models import Movement, Order, OrderLine
from people import audit
from people.admin_site import ShownAdmin, ShownInline, partner_site


class OrderLineInline(ShownInline):
    model = OrderLine
    fields = ("license_name", "quantity")


class OrderAdmin(ShownAdmin):
    own_fields = saving.ENTERED
    deletable = True
    goes_with_it = "Its lines. At Cisco nothing changes."
    autocomplete_fields = ("customer", "virtual_account")
    list_display = ("__str__", "subscription_id", "smart_account", "customer", "ordered_on", "renewal_on")
    list_filter = ("smart_account",)
    list_select_related = ("smart_account", "customer")
    search_fields = ("number", "subscription_id", "contract", "customer__name")
    inlines = (OrderLineInline,)

    def save_row(self, actor: audit.Actor, row: Order, before: dict[str, Any] | None, form: Any) -> None:
        saving.save_order(actor, row, before=before)

    def delete_row(self, actor: audit.Actor, row: Order) -> None:
        saving.delete_order(actor, row)


partner_site.register(Order, OrderAdmin)


class MovementAdmin(ShownAdmin):
    list_display = ("license_name", "quantity", "kind", "virtual_account", "counterpart", "by_portal", "at")
    list_filter = ("kind", "by_portal")
    list_select_related = ("virtual_account", "counterpart")
    search_fields = ("license_name", "subscription_id", "order_number")


partner_site.register(Movement, MovementAdmin)
