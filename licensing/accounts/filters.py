"""Filter the lists of license servers and smart accounts."""

import django_filters
from django.db.models import QuerySet

from kit.filters import ListFilter, by_link
from licensing.accounts.models import LicenseServer, SmartAccount


class LicenseServerFilter(ListFilter):
    searched = ("name", "api_base_url")
    placeholder = "Search name or address"
    kind = django_filters.ChoiceFilter(choices=LicenseServer.Kind.choices, empty_label="Any")

    class Meta:
        model = LicenseServer
        fields = ["q", "kind"]


class SmartAccountFilter(ListFilter):
    searched = ("name", "domain")
    placeholder = "Search name or domain"
    state = django_filters.ChoiceFilter(
        label="State", choices=[("active", "Active"), ("paused", "Paused")], empty_label="Any", method="by_state"
    )
    license_server = by_link(LicenseServer.objects.all(), "License server")

    class Meta:
        model = SmartAccount
        fields = ["q", "state", "license_server"]

    def by_state(self, rows: QuerySet[SmartAccount], name: str, value: str) -> QuerySet[SmartAccount]:
        return rows.exclude(paused_at=None) if value == "paused" else rows.filter(paused_at=None)
