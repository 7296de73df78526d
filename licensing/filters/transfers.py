"""Filters of transfer plans and of the out-of-compliance clocks."""

import django_filters
from django.db.models import QuerySet

from licensing.filters.base import ListFilter, by_link, of_smart_account
from licensing.models import License, Overage, TransferPlan


class TransferPlanFilter(ListFilter):
    searched = ("reason", "cause", "smart_account__name", "smart_account__domain")
    placeholder = "Search reason, cause, smart account"

    smart_account = of_smart_account()
    state = django_filters.ChoiceFilter(label="State", empty_label="Any", choices=TransferPlan.State.choices)

    class Meta:
        model = TransferPlan
        fields = ("q", "smart_account", "state")


class OverageFilter(ListFilter):
    """Running ones, unless others are asked for."""

    searched = ("license__name", "license__virtual_account__name", "note", "owner__email", "owner__name")
    placeholder = "Search license, virtual account, owner, note"

    smart_account = of_smart_account("license__virtual_account__smart_account")
    state = django_filters.ChoiceFilter(
        label="State", empty_label="Running", method="keep",
        choices=[("unowned", "Running, nobody's"), ("ended", "Ended"), ("all", "All")],
    )  # fmt: skip
    license = by_link(License.objects.all(), "License")

    class Meta:
        model = Overage
        fields = ("q", "smart_account", "state", "license")

    def keep(self, rows: QuerySet[Overage], name: str, value: str) -> QuerySet[Overage]:
        return rows  # see filter_queryset: nothing set means something here

    def filter_queryset(self, queryset: QuerySet[Overage]) -> QuerySet[Overage]:
        rows: QuerySet[Overage] = super().filter_queryset(queryset)
        state = self.form.cleaned_data.get("state")
        if state == "all":
            return rows
        if state == "ended":
            return rows.exclude(ended_at=None)
        return rows.filter(ended_at=None, owner=None) if state == "unowned" else rows.filter(ended_at=None)
