"""Search and filter statements and batches."""

import django_filters
from django.db.models import QuerySet

from kit.filters import ListFilter, by_link
from licensing.fleet.models import Customer
from licensing.statements.models import Statement, StatementBatch, StatementSchedule


class StatementFilter(ListFilter):
    searched = ("number", "customer_name")
    placeholder = "Search number or customer"

    show = django_filters.ChoiceFilter(
        label="Rows", empty_label="All", choices=[("current", "Not corrected")], method="only_current"
    )
    customer = by_link(Customer.objects.all(), "Customer")

    class Meta:
        model = Statement
        fields = ("q", "show", "customer")

    def only_current(self, rows: QuerySet[Statement], name: str, value: str) -> QuerySet[Statement]:
        return rows.filter(corrected_by=None)


class BatchFilter(ListFilter):
    searched = ("tag", "created_by_name")
    placeholder = "Search tag or user"

    state = django_filters.ChoiceFilter(label="State", empty_label="Any", choices=StatementBatch.State.choices)

    class Meta:
        model = StatementBatch
        fields = ("q", "state")


class ScheduleFilter(ListFilter):
    searched = ("customer__name", "problem")
    placeholder = "Search customer"

    show = django_filters.ChoiceFilter(
        label="Rows", empty_label="All", choices=[("problem", "With a problem")], method="with_problem"
    )

    class Meta:
        model = StatementSchedule
        fields = ("q", "show")

    def with_problem(self, rows: QuerySet[StatementSchedule], name: str, value: str) -> QuerySet[StatementSchedule]:
        return rows.exclude(problem="")
