"""Subscriptions: found by sync, mapped by people."""

from typing import Any

from licensing.mirror.models import Subscription
from licensing.pools import subscriptions
from licensing.pools.models import TransferPlan, TransferStep
from people import audit
from people.admin_site import ShownAdmin, ShownInline, partner_site


class SubscriptionAdmin(ShownAdmin):
    own_fields = Subscription.OWN
    autocomplete_fields = ("customer",)
    list_display = ("subscription_id", "smart_account", "customer", "license_model", "first_seen_at")
    list_filter = ("license_model", "smart_account")
    list_select_related = ("smart_account", "customer")
    search_fields = ("subscription_id", "customer__name")

    def save_row(self, actor: audit.Actor, row: Subscription, before: dict[str, Any] | None, form: Any) -> None:
        subscriptions.map_to(actor, Subscription.objects.get(pk=row.pk), row.customer, row.license_model, row.note)


partner_site.register(Subscription, SubscriptionAdmin)


class TransferStepInline(ShownInline):
    model = TransferStep
    fk_name = "plan"
    fields = ("position", "license", "license_type", "source", "target", "quantity", "state", "cause")


class TransferPlanAdmin(ShownAdmin):
    list_display = ("__str__", "smart_account", "state", "created_by", "created_at", "approved_by", "finished_at")
    list_filter = ("state", "smart_account")
    list_select_related = ("smart_account", "created_by", "approved_by")
    search_fields = ("reason", "cause")
    inlines = (TransferStepInline,)


partner_site.register(TransferPlan, TransferPlanAdmin)
