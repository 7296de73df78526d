"""Transfers and overages, shown: plans are made, approved and executed on their pages."""

from licensing import alerts
from licensing.models import Overage, TransferPlan, TransferStep
from people import audit
from people.admin_site import ShownAdmin, ShownInline, partner_site


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


class OverageAdmin(ShownAdmin):
    own_fields = ("owner", "note")
    list_display = ("license", "since", "ended_at", "owner")
    list_select_related = ("license", "owner")
    search_fields = ("license__name", "note")

    def save_row(self, actor: audit.Actor, row: Overage, before: object, form: object) -> None:
        owner, note = row.owner, row.note
        alerts.take_care(actor, Overage.objects.get(pk=row.pk), owner, note)


partner_site.register(TransferPlan, TransferPlanAdmin)
partner_site.register(Overage, OverageAdmin)
