"""Filters of the list of alerts."""

import django_filters
from django.db.models import QuerySet

from licensing.filters.base import ListFilter, by_link
from licensing.models import Alert, AlertRule, SmartAccount, VirtualAccount
from licensing.models.alerts import Kind, Severity


class AlertFilter(ListFilter):
    """Open ones, unless others are asked for."""

    searched = ("subject", "summary")
    placeholder = "Search subject or summary"
    state = django_filters.ChoiceFilter(
        label="State", empty_label="Open",
        choices=[
            ("new", "Open, not acknowledged"), ("snoozed", "Snoozed"), ("closed", "Closed"),
            ("all", "Open and closed"),
        ], method="keep",
    )  # fmt: skip
    severity = django_filters.ChoiceFilter(choices=Severity.choices, empty_label="Any")
    kind = django_filters.ChoiceFilter(choices=Kind.choices, empty_label="Any")

    owner = django_filters.ChoiceFilter(
        label="Owner", empty_label="Anybody", choices=[("me", "Me"), ("nobody", "Nobody")], method="of_owner"
    )
    rule = by_link(AlertRule.objects.all(), "Rule")
    smart_account = by_link(SmartAccount.objects.all(), "Smart account")
    virtual_account = by_link(VirtualAccount.objects.all(), "Virtual account")

    class Meta:
        model = Alert
        fields = ["q", "state", "severity", "kind", "owner", "rule", "smart_account", "virtual_account"]

    def of_owner(self, rows: QuerySet[Alert], name: str, value: str) -> QuerySet[Alert]:
        return rows.filter(owner=self.request.user.pk if value == "me" else None)

    def keep(self, rows: QuerySet[Alert], name: str, value: str) -> QuerySet[Alert]:
        return rows  # see filter_queryset: nothing set means something here

    def filter_queryset(self, queryset: QuerySet[Alert]) -> QuerySet[Alert]:
        rows: QuerySet[Alert] = super().filter_queryset(queryset)
        state = self.form.cleaned_data.get("state")
        if state == "all":
            return rows
        if state == "closed":
            return rows.exclude(closed_at=None)
        rows = rows.filter(closed_at=None)
        if state == "snoozed":
            return rows.exclude(snoozed_until=None)
        return rows.filter(acknowledged_at=None, snoozed_until=None) if state == "new" else rows
