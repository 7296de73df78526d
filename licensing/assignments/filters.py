"""Filters of the lists of assignment jobs and batches."""

from datetime import date
from typing import Any

import django_filters
from django.db.models import QuerySet

from kit.filters import ListFilter, by_link
from kit.past import Past, PastFilter
from licensing.assignments.models import Assignment, AssignmentBatch, AssignmentJob
from licensing.figures import past
from licensing.fleet.models import Cluster, Customer
from licensing.mirror.models import VirtualAccount


class JobFilter(ListFilter):
    """Those that are not over, unless others are asked for."""

    searched = ("cluster__name", "cluster__customer__name", "virtual_account__name")
    placeholder = "Search cluster, customer or virtual account"
    show = django_filters.ChoiceFilter(
        label="Jobs",
        empty_label="Not over",
        choices=[("all", "All"), ("failed", "Failed"), ("waiting", "Waiting for somebody"), ("over", "Over")],
        method="keep",
    )
    virtual_account = by_link(VirtualAccount.objects.all(), "Virtual account")
    customer = by_link(Customer.objects.all(), "Customer", field_name="cluster__customer")
    cluster = by_link(Cluster.objects.all(), "Cluster")
    batch = by_link(AssignmentBatch.objects.all(), "Batch")

    class Meta:
        model = AssignmentJob
        fields = ["q", "show", "virtual_account", "customer", "cluster", "batch"]

    def filter_queryset(self, queryset: QuerySet[AssignmentJob]) -> QuerySet[AssignmentJob]:
        rows: QuerySet[AssignmentJob] = super().filter_queryset(queryset)
        show = self.form.cleaned_data.get("show")
        if show == "all":
            return rows
        if show == "over":
            return rows.exclude(finished_at=None)
        states = {"failed": [AssignmentJob.State.FAILED], "waiting": [AssignmentJob.State.BY_HAND]}
        return rows.filter(state__in=states.get(show, AssignmentJob.OPEN))


class BatchFilter(ListFilter):
    searched = ("name", "virtual_account__name")
    placeholder = "Search batch or virtual account"
    state = django_filters.ChoiceFilter(choices=AssignmentBatch.State.choices, empty_label="Any")
    virtual_account = by_link(VirtualAccount.objects.all(), "Virtual account")

    class Meta:
        model = AssignmentBatch
        fields = ["q", "state", "virtual_account"]


class AssignmentsPast(PastFilter):
    recorded = {"cluster": "cluster", "virtual_account": "virtual_account", "customer": "cluster__customer"}
    searched_past = ("cluster__name", "cluster__customer__name", "virtual_account__name")

    def find_past(self, day: date, queryset: QuerySet[Any]) -> Past | None:
        return past.assignments(day)


class AssignmentFilter(AssignmentsPast, ListFilter):
    """Current ones, unless the ended ones are asked for."""

    searched = ("cluster__name", "cluster__customer__name", "virtual_account__name")
    placeholder = "Search cluster, customer or virtual account"
    show = django_filters.ChoiceFilter(
        label="Assignments",
        empty_label="Current",
        choices=[("all", "Current and ended"), ("ended", "Ended")],
        method="keep",
    )
    virtual_account = by_link(VirtualAccount.objects.all(), "Virtual account")
    customer = by_link(Customer.objects.all(), "Customer", field_name="cluster__customer")
    cluster = by_link(Cluster.objects.all(), "Cluster")

    class Meta:
        model = Assignment
        fields = ["q", "show", "as_of", "virtual_account", "customer", "cluster"]

    def filter_queryset(self, queryset: QuerySet[Assignment]) -> QuerySet[Assignment]:
        rows: QuerySet[Assignment] = super().filter_queryset(queryset)
        if self.past is not None:
            return rows
        show = self.form.cleaned_data.get("show")
        if show == "all":
            return rows
        return rows.exclude(ended_at=None) if show == "ended" else rows.filter(ended_at=None)
