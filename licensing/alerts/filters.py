"""Filters of the list of alerts."""

from datetime import date
from typing import Any

import django_filters
from django.db.models import QuerySet

from kit.filters import ListFilter, by_choice, by_link
from kit.past import Past, PastFilter
from licensing.accounts.models import SmartAccount
from licensing.alerts import past
from licensing.alerts.models import Alert, AlertRule, Kind, Overage, Severity
from licensing.alerts.subjects import about_customer
from licensing.fleet.models import Customer
from licensing.mirror.models import License, VirtualAccount


class AlertsPast(PastFilter):
    recorded = {
        "kind": "kind",
        "severity": "severity_then",
        "rule": "rule",
        "smart_account": "smart_account",
        "virtual_account": "virtual_account",
        "cluster": "cluster",
        "subject_type": "subject_type",
        "subject_id": "subject_id",
    }
    searched_past = ("subject_name", "subject_place", "license_name")

    def find_past(self, day: date, queryset: QuerySet[Any]) -> Past | None:
        return past.alerts(day)


class OveragesPast(PastFilter):
    recorded = {
        "license": "license",
        "virtual_account": "license__virtual_account",
        "smart_account": "license__virtual_account__smart_account",
    }
    searched_past = ("license__name", "license__virtual_account__name")

    def find_past(self, day: date, queryset: QuerySet[Any]) -> Past | None:
        return past.overages(day)


class AlertFilter(AlertsPast, ListFilter):
    """Open ones, unless others are asked for."""

    # Words are made when they are read, so the search looks at the names that they are made of.
    searched = (
        "subject_name",
        "subject_place",
        "license_name",
        "virtual_account__name",
        "smart_account__name",
        "smart_account__domain",
        "cluster__name",
    )
    placeholder = "Search license, account, cluster or server"
    state = django_filters.ChoiceFilter(
        label="State",
        empty_label="Open",
        choices=[
            ("new", "Open, not acknowledged"),
            ("snoozed", "Snoozed"),
            ("closed", "Closed"),
            ("all", "Open and closed"),
        ],
        method="keep",
    )
    severity = django_filters.ChoiceFilter(choices=Severity.choices, empty_label="Any")
    kind = django_filters.ChoiceFilter(choices=Kind.choices, empty_label="Any")

    owner = django_filters.ChoiceFilter(
        label="Owner", empty_label="Anybody", choices=[("me", "Me"), ("nobody", "Nobody")], method="of_owner"
    )
    rule = by_link(AlertRule.objects.all(), "Rule")
    smart_account = by_link(SmartAccount.objects.all(), "Smart account")
    virtual_account = by_link(VirtualAccount.objects.all(), "Virtual account")
    customer = by_link(Customer.objects.all(), "Customer", method="of_customer")

    class Meta:
        model = Alert
        fields = [
            "q",
            "state",
            "severity",
            "kind",
            "owner",
            "as_of",
            "rule",
            "smart_account",
            "virtual_account",
            "customer",
        ]

    def of_owner(self, rows: QuerySet[Alert], name: str, value: str) -> QuerySet[Alert]:
        return rows.filter(owner=self.request.user.pk if value == "me" else None)

    def of_customer(self, rows: QuerySet[Alert], name: str, value: Customer) -> QuerySet[Alert]:
        return rows.filter(pk__in=about_customer(value.pk).order_by().values("pk"))

    def filter_queryset(self, queryset: QuerySet[Alert]) -> QuerySet[Alert]:
        rows: QuerySet[Alert] = super().filter_queryset(queryset)
        if self.past is not None:
            return rows
        state = self.form.cleaned_data.get("state")
        if state == "all":
            return rows
        if state == "closed":
            return rows.exclude(closed_at=None)
        rows = rows.filter(closed_at=None)
        if state == "snoozed":
            return rows.exclude(snoozed_until=None)
        return rows.filter(acknowledged_at=None, snoozed_until=None) if state == "new" else rows


class OverageFilter(OveragesPast, ListFilter):
    """Running ones, unless others are asked for."""

    searched = ("license__name", "license__virtual_account__name", "note", "owner__email", "owner__name")
    placeholder = "Search license, virtual account, owner, note"

    smart_account = by_choice(
        SmartAccount.objects.all(), "Smart account", field_name="license__virtual_account__smart_account"
    )
    state = django_filters.ChoiceFilter(
        label="State",
        empty_label="Running",
        method="keep",
        choices=[("unowned", "Running, nobody's"), ("ended", "Ended"), ("all", "All")],
    )
    license = by_link(License.objects.all(), "License")

    class Meta:
        model = Overage
        fields = ("q", "smart_account", "state", "as_of", "license")

    def filter_queryset(self, queryset: QuerySet[Overage]) -> QuerySet[Overage]:
        rows: QuerySet[Overage] = super().filter_queryset(queryset)
        if self.past is not None:
            return rows
        state = self.form.cleaned_data.get("state")
        if state == "all":
            return rows
        if state == "ended":
            return rows.exclude(ended_at=None)
        return rows.filter(ended_at=None, owner=None) if state == "unowned" else rows.filter(ended_at=None)
