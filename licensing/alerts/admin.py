"""Alerts and their rules."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from licensing.alerts import handling, overages, rules
from licensing.alerts.models import Alert, AlertEvent, AlertRule, Overage
from people import audit
from people.admin_site import ShownAdmin, ShownInline, VerbAdmin, partner_site


class EventInline(ShownInline):
    model = AlertEvent
    fields = ("at", "kind", "severity", "by", "text")
    readonly_fields = ("text",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[AlertEvent]:
        """Read the alerts too, since their kinds word the events."""
        rows: QuerySet[AlertEvent] = super().get_queryset(request)
        return rows.select_related("alert")


# Columns of an alert that its words say.
WORDED = {"subject_name", "subject_place", "facts"}


class AlertAdmin(ShownAdmin):
    list_display = ("subject", "kind", "severity", "opened_at", "due_at", "acknowledged_at", "closed_at")
    list_filter = (("closed_at", admin.EmptyFieldListFilter), "kind", "severity")
    search_fields = ("subject_name", "subject_place", "license_name")
    list_select_related = ("rule", "owner")
    actions = ("acknowledge",)
    inlines = (EventInline,)

    @admin.display(description="Subject", ordering="subject_name")
    def subject(self, alert: Alert) -> str:
        return alert.subject

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        """Its words in place of the facts that they are made of."""
        columns = super().get_fields(request, obj)
        return ["subject", "summary", "next_step", *(name for name in columns if name not in WORDED)]

    @admin.action(description="Acknowledge")
    def acknowledge(self, request: HttpRequest, rows: QuerySet[Alert]) -> None:
        self.act_on(request, rows, handling.acknowledge, "Acknowledged")


RULE_FIELDS = ("name", "kind", "enabled")


LIMIT_FIELDS = ("threshold", "unit", "lead_days", "rise_at_days")


REACTION_FIELDS = ("severity", "escalate_after_hours", "owner")


class AlertRuleAdmin(VerbAdmin):
    """Through the same verbs as pages and REST; the kind of a stored rule stays."""

    list_display = ("__str__", "kind", "enabled", "threshold", "severity", "owner")
    list_filter = ("kind", "enabled", "severity")
    list_select_related = ("owner",)
    deletable = True
    fields = (*RULE_FIELDS, *LIMIT_FIELDS, *REACTION_FIELDS, *AlertRule.SCOPES)

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


partner_site.register(Alert, AlertAdmin)


partner_site.register(AlertRule, AlertRuleAdmin)


class OverageAdmin(ShownAdmin):
    own_fields = ("since", "since_reason", "owner", "note")
    list_display = ("license", "since", "ended_at", "owner")
    list_select_related = ("license", "owner")
    search_fields = ("license__name", "note")

    def save_row(self, actor: audit.Actor, row: Overage, before: object, form: Any) -> None:
        stored = overages.take_care(actor, Overage.objects.get(pk=row.pk), row.owner, row.note)
        if {"since", "since_reason"} & {*form.changed_data}:
            since = row.since if "since" in form.changed_data else stored.since
            overages.correct_start(actor, stored, since, row.since_reason)


partner_site.register(Overage, OverageAdmin)
