"""Customers, clusters with their nodes, proxies, and who is assigned where."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.admin import StackedInline, TabularInline

from licensing import assigning, fleet
from licensing.models import Assignment, Cluster, Customer, Node, Proxy
from people import audit
from people.admin_site import VerbAdmin, partner_site, secret_field


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
    """Parts are saved by the verbs of their whole, not one by one."""

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
            fleet.set_proxy(actor, row, _proxy_spec(values[0]) if values else None)


class CustomerAdmin(WithProxyAdmin):
    fields = ("name", "tags", "note")
    list_display = ("name", "tags", "created_at")
    search_fields = ("name",)
    inlines = (ProxyInline,)
    goes_with_it = "Its note and its proxy. Its subscriptions are mapped to nobody from then on."

    def save_row(self, actor: audit.Actor, row: Customer, before: dict[str, Any] | None, form: Any) -> None:
        fleet.save_customer(actor, row, before)

    def delete_row(self, actor: audit.Actor, row: Customer) -> None:
        fleet.delete_customer(actor, row)


class ClusterAdmin(WithProxyAdmin):
    fields = (
        "customer", "name", "application", "version", "deployment", "mixed_mode", "managed_on_premise", "installed_on",
        "license_server",
    )  # fmt: skip
    autocomplete_fields = ("customer",)
    list_display = ("name", "customer", "application", "version", "deployment")
    list_filter = ("application", "deployment", "mixed_mode", "managed_on_premise")
    list_select_related = ("customer",)
    search_fields = ("name", "customer__name", "nodes__host_name")
    inlines = (NodeInline, ProxyInline)
    goes_with_it = "Its nodes, its proxy and the history of its ended assignments."

    def save_row(self, actor: audit.Actor, row: Cluster, before: dict[str, Any] | None, form: Any) -> None:
        fleet.save_cluster(actor, row, before=before)

    def save_parts(self, actor: audit.Actor, row: Any, model: type, values: list[dict[str, Any]]) -> None:
        if model is Node:
            nodes = [fleet.NodeSpec(value["host_name"], value["role"], value["serial"]) for value in values]
            fleet.save_cluster(actor, row, nodes, before=audit.snapshot(row))
        else:
            super().save_parts(actor, row, model, values)

    def delete_row(self, actor: audit.Actor, row: Cluster) -> None:
        fleet.delete_cluster(actor, row)


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
        row.pk = assigning.assign(actor, row.cluster, row.virtual_account).pk

    @admin.action(description="End", permissions=["view"])
    def end(self, request: HttpRequest, rows: QuerySet[Assignment]) -> None:
        self.act_on(request, rows, assigning.end, "Ended")


def _proxy_spec(values: dict[str, Any]) -> fleet.ProxySpec:
    return fleet.ProxySpec(values["host"], values["port"], values["username"], values["new_password"] or None)


partner_site.register(Customer, CustomerAdmin)
partner_site.register(Cluster, ClusterAdmin)
partner_site.register(Assignment, AssignmentAdmin)
