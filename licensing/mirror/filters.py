"""Search and filter mirrored rows: licenses, virtual accounts, product instances, sync runs, tokens and usage."""

from datetime import date, timedelta
from typing import Any

import django_filters
from django import forms
from django.db.models import QuerySet
from django.utils import timezone

from kit.filters import ListFilter, MirrorFilter, by_choice, by_link
from kit.past import Past, PastFilter
from kit.templatetags.components import field_words
from licensing.accounts.models import SmartAccount
from licensing.alerts.silence import silent_days
from licensing.figures import past
from licensing.fleet.models import Cluster, Customer
from licensing.mirror.models import (
    Change,
    InstanceUsage,
    License,
    ProductInstance,
    RegistrationToken,
    SyncRun,
    VirtualAccount,
)
from licensing.mirror.sync.mirrors import MIRRORS

SOON = timedelta(days=7)
BY_RULES = "rule"
SILENT_DAYS = [
    (BY_RULES, "Longer than your alert rules allow"),
    ("7", "7 days and more"),
    ("30", "30 days and more"),
    ("90", "90 days and more"),
]


class VirtualAccountsPast(PastFilter):
    recorded = {"smart_account": "smart_account", "name": "name"}
    searched_past = ("name", "smart_account__name", "smart_account__domain")

    def find_past(self, day: date, queryset: QuerySet[Any]) -> Past | None:
        return past.virtual_accounts(day)


class LicensesPast(PastFilter):
    recorded = {
        "smart_account": "virtual_account__smart_account",
        "virtual_account": "virtual_account",
        "name": "name",
        "status": "state_at__status",
    }
    searched_past = ("name", "virtual_account__name")

    def find_past(self, day: date, queryset: QuerySet[Any]) -> Past | None:
        return past.licenses(day)


class ProductInstancesPast(PastFilter):
    recorded = {
        "smart_account": "virtual_account__smart_account",
        "virtual_account": "pool_then",
        "host_name": "host_name_then__iexact",
        "serial": "serial_then__iexact",
        "uuid": "uuid_then__iexact",
        "status": "status_then",
    }
    searched_past = ("host_name_then", "name_then", "serial_then", "uuid_then", "pool_name_then")

    def find_past(self, day: date, queryset: QuerySet[Any]) -> Past | None:
        return past.product_instances(day)


class UsagePast(PastFilter):
    recorded = {
        "smart_account": "series__virtual_account__smart_account",
        "virtual_account": "series__virtual_account",
        "customer": "series__customer",
        "cluster": "series__cluster",
        "license": "license_id",
    }
    searched_past = (
        "series__license_name",
        "series__virtual_account__name",
        "series__cluster_name",
        "series__customer_name",
    )

    def find_past(self, day: date, queryset: QuerySet[Any]) -> Past | None:
        return past.usage(day)


class RegistrationTokensPast(PastFilter):
    recorded = {"smart_account": "virtual_account__smart_account", "virtual_account": "virtual_account"}
    searched_past = ("virtual_account__name",)

    def find_past(self, day: date, queryset: QuerySet[Any]) -> Past | None:
        return past.registration_tokens(day)


class VirtualAccountFilter(VirtualAccountsPast, MirrorFilter):
    searched = ("name", "description", "cost_center", "region", "smart_account__name", "smart_account__domain")
    placeholder = "Search name, cost center, region"

    smart_account = by_choice(SmartAccount.objects.all(), "Smart account")
    purpose = django_filters.ChoiceFilter(label="Purpose", empty_label="Any", choices=VirtualAccount.Purpose.choices)
    license_mode = django_filters.ChoiceFilter(
        label="License mode", empty_label="Any", choices=VirtualAccount.LicenseMode.choices[1:]
    )
    cost_center = django_filters.CharFilter(label="Cost center", lookup_expr="iexact", widget=forms.HiddenInput)
    region = django_filters.CharFilter(label="Region", lookup_expr="iexact", widget=forms.HiddenInput)

    class Meta:
        model = VirtualAccount
        fields = ("q", "smart_account", "purpose", "license_mode", "show", "as_of", "cost_center", "region")


class LicenseFilter(LicensesPast, MirrorFilter):
    searched = ("name", "virtual_account__name")
    placeholder = "Search licenses and virtual accounts"

    smart_account = by_choice(SmartAccount.objects.all(), "Smart account", field_name="virtual_account__smart_account")
    purpose = django_filters.ChoiceFilter(
        field_name="virtual_account__purpose", label="Pool", empty_label="Any", choices=VirtualAccount.Purpose.choices
    )
    status = django_filters.ChoiceFilter(label="Status", empty_label="Any", choices=License.Status.choices)
    virtual_account = by_link(VirtualAccount.objects.all(), "Virtual account")

    class Meta:
        model = License
        fields = ("q", "smart_account", "purpose", "status", "show", "as_of", "virtual_account")


class ProductInstanceFilter(ProductInstancesPast, MirrorFilter):
    searched = ("host_name", "name", "serial", "uuid", "virtual_account__name")
    placeholder = "Search host name, serial, UUID, virtual account"

    smart_account = by_choice(SmartAccount.objects.all(), "Smart account", field_name="virtual_account__smart_account")
    silent = django_filters.ChoiceFilter(
        label="Without contact", empty_label="Any", choices=SILENT_DAYS, method="keep_silent"
    )
    matched = django_filters.ChoiceFilter(
        label="Cluster", empty_label="Any", choices=[("yes", "Known"), ("no", "Not known")], method="keep_matched"
    )
    virtual_account = by_link(VirtualAccount.objects.all(), "Virtual account")
    license = by_link(License.objects.all(), "Uses license", field_name="usage__license")
    cluster = by_link(Cluster.objects.all(), "Of cluster")

    class Meta:
        model = ProductInstance
        fields = ("q", "smart_account", "silent", "matched", "show", "as_of", "virtual_account", "license", "cluster")

    def keep_silent(self, rows: Any, name: str, days: str) -> QuerySet[ProductInstance]:
        silent: QuerySet[ProductInstance] = rows.silent_for(silent_days() if days == BY_RULES else int(days))
        return silent

    def keep_matched(self, rows: QuerySet[ProductInstance], name: str, value: str) -> QuerySet[ProductInstance]:
        return rows.filter(cluster__isnull=value == "no")


class SyncRunFilter(ListFilter):
    searched = ("smart_account__name", "smart_account__domain", "requested_by", "cause")
    placeholder = "Search smart account, cause, requester"

    smart_account = by_choice(SmartAccount.objects.all(), "Smart account")
    status = django_filters.ChoiceFilter(label="Status", empty_label="Any", choices=SyncRun.Status.choices)

    class Meta:
        model = SyncRun
        fields = ("q", "smart_account", "status")


class UsageFilter(UsagePast, ListFilter):
    searched = (
        "license_name",
        "license__name",
        "product_instance__host_name",
        "product_instance__virtual_account__name",
        "product_instance__cluster__name",
        "product_instance__cluster__customer__name",
    )
    placeholder = "Search license, host name, cluster, customer, pool"

    smart_account = by_choice(
        SmartAccount.objects.all(), "Smart account", field_name="product_instance__virtual_account__smart_account"
    )
    customer = django_filters.ModelChoiceFilter(
        field_name="product_instance__cluster__customer",
        queryset=Customer.objects.order_by("name"),
        label="Customer",
        empty_label="Any",
    )
    virtual_account = by_link(
        VirtualAccount.objects.all(), "Virtual account", field_name="product_instance__virtual_account"
    )

    class Meta:
        model = InstanceUsage
        fields = ("q", "smart_account", "customer", "as_of", "virtual_account")


OBJECT_TYPES = [(mirror.object_type, field_words(mirror.object_type)) for mirror in MIRRORS]


class ChangeFilter(ListFilter):
    searched = ("label",)
    placeholder = "Search changed objects"
    kind = django_filters.ChoiceFilter(label="Change", empty_label="Any", choices=Change.Kind.choices)
    object_type = django_filters.ChoiceFilter(label="Object type", empty_label="Any", choices=OBJECT_TYPES)

    class Meta:
        model = Change
        fields = ("q", "kind", "object_type")


class HistoryFilter(ChangeFilter):
    """Filter the changes of one object by its names and by kind."""

    placeholder = "Search former names"
    object_type = None

    class Meta:
        model = Change
        fields = ("q", "kind")


class NetChangeFilter(ChangeFilter):
    """Filter a comparison: its kinds are those of the whole span."""

    kind = django_filters.ChoiceFilter(
        label="Change", empty_label="Any", choices=Change.Kind.choices, field_name="net_kind"
    )


class RegistrationTokenFilter(RegistrationTokensPast, MirrorFilter):
    searched = ("description", "created_by", "virtual_account__name")
    placeholder = "Search description, creator, virtual account"
    ends = django_filters.ChoiceFilter(
        label="Ends", choices=[("soon", "Within 7 days"), ("ended", "Ended")], empty_label="Any time", method="by_end"
    )
    export_controlled = django_filters.ChoiceFilter(
        label="Export control",
        choices=[("true", "Allowed"), ("false", "Not allowed")],
        empty_label="Any",
        method="by_export",
    )
    virtual_account = by_link(VirtualAccount.objects.all(), "Virtual account")
    smart_account = by_link(SmartAccount.objects.all(), "Smart account", field_name="virtual_account__smart_account")

    class Meta:
        model = RegistrationToken
        fields = ["q", "ends", "export_controlled", "show", "as_of", "virtual_account", "smart_account"]

    def by_end(self, rows: QuerySet[RegistrationToken], name: str, value: str) -> QuerySet[RegistrationToken]:
        now = timezone.now()
        return (
            rows.filter(expires_at__lte=now)
            if value == "ended"
            else rows.filter(expires_at__gt=now, expires_at__lte=now + SOON)
        )

    def by_export(self, rows: QuerySet[RegistrationToken], name: str, value: str) -> QuerySet[RegistrationToken]:
        return rows.filter(export_controlled=value == "true")
