"""Find clusters by name, application, assignment and status; the list of clusters and batches share it."""

import django_filters
from django.db.models import QuerySet

from kit.filters import ListFilter, by_link
from licensing.assignments.clusters.status import Status
from licensing.assignments.models import Assignment
from licensing.fleet.models import Cluster, Customer


class ClusterFilter(ListFilter):
    """Filter clusters for the list and for a new batch."""

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
        label="Reach",
        choices=[("true", "Managed on premise"), ("false", "Within reach")],
        empty_label="Any",
        method="by_reach",
    )
    customer = by_link(Customer.objects.all(), "Customer")

    class Meta:
        model = Cluster
        fields = ["q", "application", "assigned", "status", "managed_on_premise", "customer"]

    def by_reach(self, rows: QuerySet[Cluster], name: str, value: str) -> QuerySet[Cluster]:
        return rows.filter(managed_on_premise=value == "true")

    def by_assigned(self, rows: QuerySet[Cluster], name: str, value: str) -> QuerySet[Cluster]:
        current = Assignment.objects.current().values("cluster")
        return rows.filter(pk__in=current) if value == "yes" else rows.exclude(pk__in=current)
