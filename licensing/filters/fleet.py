"""Filters of the lists of customers, clusters and assignments."""

import django_filters
from django import forms
from django.db.models import QuerySet

from licensing.cluster_status import Status
from licensing.filters.base import ListFilter, by_link
from licensing.models import Assignment, Cluster, Customer, VirtualAccount


class CustomerFilter(ListFilter):
    searched = ("name", "note", "tags")
    placeholder = "Search name, tag or note"
    tag = django_filters.CharFilter(label="Tag", widget=forms.HiddenInput, method="by_tag")

    class Meta:
        model = Customer
        fields = ["q", "tag"]

    def by_tag(self, rows: QuerySet[Customer], name: str, value: str) -> QuerySet[Customer]:
        return rows.filter(tags__contains=[value.lower()])


class ClusterFilter(ListFilter):
    searched = ("name", "customer__name", "version")
    placeholder = "Search cluster, customer or version"
    application = django_filters.ChoiceFilter(choices=Cluster.Application.choices, empty_label="Any")
    assigned = django_filters.ChoiceFilter(
        label="Assignment",
        choices=[("yes", "Assigned"), ("no", "Not assigned")],
        empty_label="Any",
        method="by_assigned",
    )
    status = django_filters.ChoiceFilter(field_name="status", label="Status", choices=Status.choices, empty_label="Any")
    managed_on_premise = django_filters.ChoiceFilter(
        label="Reach", choices=[("true", "Managed on premise"), ("false", "Within reach")], empty_label="Any",
        method="by_reach",
    )  # fmt: skip
    customer = by_link(Customer.objects.all(), "Customer")

    class Meta:
        model = Cluster
        fields = ["q", "application", "assigned", "status", "managed_on_premise", "customer"]

    def by_reach(self, rows: QuerySet[Cluster], name: str, value: str) -> QuerySet[Cluster]:
        return rows.filter(managed_on_premise=value == "true")

    def by_assigned(self, rows: QuerySet[Cluster], name: str, value: str) -> QuerySet[Cluster]:
        current = Assignment.objects.current().values("cluster")
        return rows.filter(pk__in=current) if value == "yes" else rows.exclude(pk__in=current)


class AssignmentFilter(ListFilter):
    """Current ones, unless the ended ones are asked for."""

    searched = ("cluster__name", "cluster__customer__name", "virtual_account__name")
    placeholder = "Search cluster, customer or virtual account"
    show = django_filters.ChoiceFilter(
        label="Assignments", empty_label="Current", choices=[("all", "Current and ended"), ("ended", "Ended")],
        method="keep",
    )  # fmt: skip
    virtual_account = by_link(VirtualAccount.objects.all(), "Virtual account")
    customer = by_link(Customer.objects.all(), "Customer", field_name="cluster__customer")
    cluster = by_link(Cluster.objects.all(), "Cluster")

    class Meta:
        model = Assignment
        fields = ["q", "show", "virtual_account", "customer", "cluster"]

    def keep(self, rows: QuerySet[Assignment], name: str, value: str) -> QuerySet[Assignment]:
        return rows  # see filter_queryset: nothing set means something here

    def filter_queryset(self, queryset: QuerySet[Assignment]) -> QuerySet[Assignment]:
        rows: QuerySet[Assignment] = super().filter_queryset(queryset)
        show = self.form.cleaned_data.get("show")
        if show == "all":
            return rows
        return rows.exclude(ended_at=None) if show == "ended" else rows.filter(ended_at=None)
