"""Alerts and their rules."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from licensing import alerts
from licensing.models import Alert, AlertRule
from people import audit
from people.admin_site import ShownAdmin, partner_site


class AlertAdmin(ShownAdmin):
    list_display = ("subject", "kind", "severity", "opened_at", "due_at", "acknowledged_at", "closed_at")
    list_filter = (("closed_at", admin.EmptyFieldListFilter), "kind", "severity")
    search_fields = ("subject", "summary")
    list_select_related = ("rule", "owner")
    actions = ("acknowledge",)

    @admin.action(description="Acknowledge")
    def acknowledge(self, request: HttpRequest, rows: QuerySet[Alert]) -> None:
        self.act_on(request, rows, alerts.acknowledge, "Acknowledged")


class AlertRuleAdmin(ShownAdmin):
    """One of each kind: switched on and off, never added or deleted."""

    own_fields = ("enabled", "threshold", "severity")
    list_display = ("__str__", "enabled", "threshold", "severity")

    def save_row(self, actor: audit.Actor, row: AlertRule, before: dict[str, Any] | None, form: Any) -> None:
        row.save()
        audit.record(actor, "changed", row, before=before)


partner_site.register(Alert, AlertAdmin)
partner_site.register(AlertRule, AlertRuleAdmin)
