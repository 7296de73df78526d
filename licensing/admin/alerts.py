"""Alerts and their rules."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from licensing import alerts
from licensing.alerts import rules
from licensing.models import Alert, AlertEvent, AlertRule, CssmAlert, SavedFilter
from people import audit
from people.admin_site import ShownAdmin, ShownInline, VerbAdmin, partner_site


class EventInline(ShownInline):
    model = AlertEvent
    fields = ("at", "kind", "severity", "by", "text")


class AlertAdmin(ShownAdmin):
    list_display = ("subject", "kind", "severity", "opened_at", "due_at", "acknowledged_at", "closed_at")
    list_filter = (("closed_at", admin.EmptyFieldListFilter), "kind", "severity")
    search_fields = ("subject", "summary")
    list_select_related = ("rule", "owner")
    actions = ("acknowledge",)
    inlines = (EventInline,)

    @admin.action(description="Acknowledge")
    def acknowledge(self, request: HttpRequest, rows: QuerySet[Alert]) -> None:
        self.act_on(request, rows, alerts.acknowledge, "Acknowledged")


class AlertRuleAdmin(VerbAdmin):
    """Through the same verbs as pages and REST; the kind of a stored rule stays."""

    list_display = ("__str__", "kind", "enabled", "threshold", "severity", "owner")
    list_filter = ("kind", "enabled", "severity")
    list_select_related = ("owner",)
    deletable = True
    fields = (
        "name", "kind", "enabled", "threshold", "unit", "lead_days", "rise_at_days", "severity", "escalate_after_hours",
        "owner", *AlertRule.SCOPES,
    )  # fmt: skip

    def get_readonly_fields(self, request: HttpRequest, obj: AlertRule | None = None) -> tuple[str, ...]:
        return ("kind",) if obj else ()

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, change=change, **kwargs)
        form.base_fields["name"].required = False  # the verb names it for its kind
        return form

    def save_row(self, actor: audit.Actor, row: AlertRule, before: dict[str, Any] | None, form: Any) -> None:
        rules.save(actor, row, before)

    def delete_row(self, actor: audit.Actor, row: AlertRule) -> None:
        rules.delete(actor, row)


class CssmAlertAdmin(ShownAdmin):
    list_display = ("type", "severity", "source", "virtual_account", "smart_account", "seen_at")
    list_filter = ("severity", "smart_account")
    list_select_related = ("smart_account",)
    search_fields = ("type", "source", "message")


class SavedFilterAdmin(ShownAdmin):
    list_display = ("name", "user", "page")
    list_select_related = ("user",)
    search_fields = ("name", "user__email")


partner_site.register(Alert, AlertAdmin)
partner_site.register(AlertRule, AlertRuleAdmin)
partner_site.register(CssmAlert, CssmAlertAdmin)
partner_site.register(SavedFilter, SavedFilterAdmin)
