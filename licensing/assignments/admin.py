"""Customers, clusters with their nodes, proxies, and who is assigned where."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from licensing.assignments import decisions
from licensing.assignments.models import Assignment
from people import audit
from people.admin_site import VerbAdmin, partner_site


class AssignmentAdmin(VerbAdmin):
    """Made and ended; never changed or deleted, for its history stays."""

    fields = ("cluster", "virtual_account")
    autocomplete_fields = ("cluster", "virtual_account")
    list_display = ("cluster", "virtual_account", "started_at", "started_by", "ended_at", "ended_by")
    list_filter = (("ended_at", admin.EmptyFieldListFilter),)
    list_select_related = ("cluster", "virtual_account")
    search_fields = ("cluster__name", "virtual_account__name")
    actions = ("end",)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_row(self, actor: audit.Actor, row: Assignment, before: dict[str, Any] | None, form: Any) -> None:
        row.pk = decisions.assign(actor, row.cluster, row.virtual_account).pk

    @admin.action(description="End", permissions=["view"])
    def end(self, request: HttpRequest, rows: QuerySet[Assignment]) -> None:
        self.act_on(request, rows, decisions.end, "Ended")


partner_site.register(Assignment, AssignmentAdmin)
