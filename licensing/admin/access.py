"""How clusters are reached."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from licensing import access, tasks
from licensing.models import ClusterAccess
from licensing.refusals import Refusal
from people import audit
from people.admin_site import VerbAdmin, VerbForm, partner_site, secret_field


class ClusterAccessForm(VerbForm):
    new_password = secret_field("Password", help_text="Never shown. Empty: what is stored stays.")

    class Meta:
        model = ClusterAccess
        fields = ["cluster", "method", "url", "username", "ca_certificate", "verify_tls"]


class ClusterAccessAdmin(VerbAdmin):
    form = ClusterAccessForm
    fields = (*ClusterAccessForm.Meta.fields, "new_password", "check_status", "check_message", "checked_at")
    readonly_fields = ("check_status", "check_message", "checked_at")
    autocomplete_fields = ("cluster",)
    list_display = ("cluster", "method", "url", "check_status", "checked_at", "verify_tls")
    list_filter = ("method", "check_status", "verify_tls")
    list_select_related = ("cluster",)
    search_fields = ("cluster__name", "url")
    actions = ("test_access",)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return (*self.readonly_fields, "cluster") if obj else self.readonly_fields

    def save_row(self, actor: audit.Actor, row: ClusterAccess, before: dict[str, Any] | None, form: Any) -> None:
        spec = access.AccessSpec(
            row.method, row.url, row.username, form.cleaned_data["new_password"] or None, row.ca_certificate,
            row.verify_tls,
        )  # fmt: skip
        row.pk = access.save(actor, row.cluster, spec).pk

    @admin.action(description="Test access", permissions=["view"])
    def test_access(self, request: HttpRequest, rows: QuerySet[ClusterAccess]) -> None:
        self.act_on(request, rows, lambda _, row: _queue(row), "Tests started")


def _queue(row: ClusterAccess) -> None:
    try:
        tasks.start_access_check(row)
    except tasks.BrokerUnavailable as error:
        raise Refusal(error.message, error.next_step) from None


partner_site.register(ClusterAccess, ClusterAccessAdmin)
