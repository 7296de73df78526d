"""Filters of the lists of customers and of transports."""

from typing import Any

import django_filters
from django import forms
from django.db.models import QuerySet

from kit.filters import ListFilter, by_link
from licensing.accounts.models import LicenseServer
from licensing.fleet import paths
from licensing.fleet.models import Cluster, Customer
from licensing.fleet.transport import MODE_WORDS, RULE_WORDS


class CustomerFilter(ListFilter):
    searched = ("name", "note", "tags")
    placeholder = "Search name, tag or note"
    tag = django_filters.CharFilter(label="Tag", widget=forms.HiddenInput, method="by_tag")

    class Meta:
        model = Customer
        fields = ["q", "tag"]

    def by_tag(self, rows: QuerySet[Customer], name: str, value: str) -> QuerySet[Customer]:
        return rows.filter(tags__contains=[value.lower()])


class TransportFilter(ListFilter):
    searched = ("name", "customer__name", "license_server__name")
    placeholder = "Search cluster, customer or On-Prem server"
    application = django_filters.ChoiceFilter(choices=Cluster.Application.choices, empty_label="Any")
    mode = django_filters.ChoiceFilter(
        label="Transport",
        empty_label="Any",
        choices=[(mode.value, word) for mode, word in MODE_WORDS.items()],
        method="filter_together",
    )
    rule = django_filters.ChoiceFilter(
        label="Rule",
        empty_label="Any",
        choices=[(rule.value, word) for rule, word in RULE_WORDS.items()],
        method="filter_together",
    )
    changes = django_filters.ChoiceFilter(
        label="If the proxy moved",
        empty_label="Any",
        method="filter_together",
        choices=[("yes", "Something changes"), ("no", "Nothing changes")],
    )
    customer = by_link(Customer.objects.all(), "Customer")
    license_server = by_link(LicenseServer.objects.all(), "On-Prem server")

    class Meta:
        model = Cluster
        fields = ["q", "application", "mode", "rule", "changes", "customer", "license_server"]

    def filter_together(self, rows: QuerySet[Cluster], name: str, value: str) -> QuerySet[Cluster]:
        return rows  # see filter_queryset: one walk for all three

    def filter_queryset(self, queryset: QuerySet[Cluster]) -> QuerySet[Cluster]:
        rows: QuerySet[Cluster] = super().filter_queryset(queryset)
        wanted = {name: self.form.cleaned_data.get(name) for name in ("mode", "rule", "changes")}
        if not any(wanted.values()):
            return rows
        return rows.filter(pk__in=[cluster.pk for cluster in rows if _matches(cluster, wanted)])


def _matches(cluster: Cluster, wanted: dict[str, Any]) -> bool:
    now = paths.transport_of(cluster)
    changes = "yes" if paths.change_if_proxy_moved(cluster) else "no"
    found = {"mode": now.mode.value, "rule": now.rule.value, "changes": changes}
    return all(found[name] == value for name, value in wanted.items() if value)
