"""Subscriptions: found by sync, mapped by people."""

from typing import Any

from licensing import subscriptions
from licensing.models import Subscription
from people import audit
from people.admin_site import ShownAdmin, partner_site


class SubscriptionAdmin(ShownAdmin):
    own_fields = ("customer", "license_model", "note")
    autocomplete_fields = ("customer",)
    list_display = ("subscription_id", "smart_account", "customer", "license_model", "first_seen_at")
    list_filter = ("license_model", "smart_account")
    list_select_related = ("smart_account", "customer")
    search_fields = ("subscription_id", "customer__name")

    def save_row(self, actor: audit.Actor, row: Subscription, before: dict[str, Any] | None, form: Any) -> None:
        subscriptions.map_to(actor, Subscription.objects.get(pk=row.pk), row.customer, row.license_model, row.note)


partner_site.register(Subscription, SubscriptionAdmin)
