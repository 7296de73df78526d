"""Filters of the list of alerts."""

import django_filters
from django.db.models import QuerySet

from licensing.filters.base import ListFilter
from licensing.models import Alert
from licensing.models.alerts import Kind, Severity


class AlertFilter(ListFilter):
    """Open ones, unless others are asked for."""

    searched = ("subject", "summary")
    placeholder = "Search subject or summary"
    state = django_filters.ChoiceFilter(
        label="State", empty_label="Open",
        choices=[("new", "Open, not acknowledged"), ("closed", "Closed"), ("all", "Open and closed")], method="keep",
    )  # fmt: skip
    severity = django_filters.ChoiceFilter(choices=Severity.choices, empty_label="Any")
    kind = django_filters.ChoiceFilter(choices=Kind.choices, empty_label="Any")

    class Meta:
        model = Alert
        fields = ["q", "state", "severity", "kind"]

    def keep(self, rows: QuerySet[Alert], name: str, value: str) -> QuerySet[Alert]:
        return rows  # see filter_queryset: nothing set means something here

    def filter_queryset(self, queryset: QuerySet[Alert]) -> QuerySet[Alert]:
        rows: QuerySet[Alert] = super().filter_queryset(queryset)
        state = self.form.cleaned_data.get("state")
        if state == "all":
            return rows
        if state == "closed":
            return rows.exclude(closed_at=None)
        return rows.filter(closed_at=None, acknowledged_at=None) if state == "new" else rows.filter(closed_at=None)
