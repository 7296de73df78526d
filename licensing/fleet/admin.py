"""Edit customers, clusters and the access to clusters in the admin."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.admin import StackedInline, TabularInline

from licensing.fleet import clusters, customers, proxies
from licensing.fleet.access import settings
from licensing.fleet.models import Cluster, ClusterAccess, Customer, Node, Proxy
from licensing.operations import removal
from people import audit
from people.admin_site import VerbAdmin, VerbForm, partner_site, secret_field


class ClusterAccessForm(VerbForm):
    new_password = secret_field("Password", help_text="Never shown. Empty: what is stored stays.")

    class Meta:
        model = ClusterAccess
        fields = ["cluster", *ClusterAccess.OWN]


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
        spec = settings.AccessSpec(
            row.method,
            row.url,
            row.username,
            form.cleaned_data["new_password"] or None,
            row.ca_certificate,
            row.verify_tls,
        )
        row.pk = settings.save(actor, row.cluster, spec).pk

    @admin.action(description="Test access", permissions=["view"])
    def test_access(self, request: HttpRequest, rows: QuerySet[ClusterAccess]) -> None:
        self.act_on(request, rows, lambda _, row: settings.start_check(row), "Tests started")


partner_site.register(ClusterAccess, ClusterAccessAdmin)


class NodeInline(TabularInline):
    model = Node
    fields = ("host_name", "role", "serial")
    extra = 0
    hide_title = True


class ProxyForm(forms.ModelForm):
    new_password = secret_field("Password", help_text="Never shown. Empty: what is stored stays.")

    class Meta:
        model = Proxy
        fields = ["host", "port", "username"]


class ProxyInline(StackedInline):
    model = Proxy
    form = ProxyForm
    extra = 0
    max_num = 1
    hide_title = True


class WithProxyAdmin(VerbAdmin):
    """An admin that saves parts with the verbs of their whole, not one by one."""

    deletable = True

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        formset.new_objects, formset.changed_objects, formset.deleted_objects = [], [], []
        if not formset.has_changed():
            return
        kept = [part for part in formset.forms if part.is_bound and not formset._should_delete_form(part)]
        values = [part.cleaned_data for part in kept if part.cleaned_data]
        self.save_parts(audit.actor_of(request), form.instance, formset.model, values)

    def save_parts(self, actor: audit.Actor, row: Any, model: type, values: list[dict[str, Any]]) -> None:
        if model is Proxy:
            proxies.set_proxy(actor, row, _proxy_spec(values[0]) if values else None)


class CustomerAdmin(WithProxyAdmin):
    fields = Customer.OWN
    list_display = ("name", "tags", "created_at")
    search_fields = ("name",)
    inlines = (ProxyInline,)
    goes_with_it = "Its note and its proxy. Its subscriptions then have no customer."

    def save_row(self, actor: audit.Actor, row: Customer, before: dict[str, Any] | None, form: Any) -> None:
        customers.save_customer(actor, row, before)

    def delete_row(self, actor: audit.Actor, row: Customer) -> None:
        removal.delete_customer(actor, row)


class ClusterAdmin(WithProxyAdmin):
    fields = Cluster.OWN
    autocomplete_fields = ("customer",)
    list_display = ("name", "customer", "application", "version", "deployment")
    list_filter = ("application", "deployment", "mixed_mode", "managed_on_premise")
    list_select_related = ("customer",)
    search_fields = ("name", "customer__name", "nodes__host_name")
    inlines = (NodeInline, ProxyInline)
    goes_with_it = "Its nodes, its proxy and the history of its ended assignments."

    def save_row(self, actor: audit.Actor, row: Cluster, before: dict[str, Any] | None, form: Any) -> None:
        clusters.save_cluster(actor, row, before=before)

    def save_parts(self, actor: audit.Actor, row: Any, model: type, values: list[dict[str, Any]]) -> None:
        if model is Node:
            nodes = [clusters.NodeSpec(value["host_name"], value["role"], value["serial"]) for value in values]
            clusters.save_cluster(actor, row, nodes, before=audit.snapshot(row))
        else:
            super().save_parts(actor, row, model, values)

    def delete_row(self, actor: audit.Actor, row: Cluster) -> None:
        removal.delete_cluster(actor, row)


def _proxy_spec(values: dict[str, Any]) -> proxies.ProxySpec:
    return proxies.ProxySpec(values["host"], values["port"], values["username"], values["new_password"] or None)


partner_site.register(Customer, CustomerAdmin)


partner_site.register(Cluster, ClusterAdmin)
