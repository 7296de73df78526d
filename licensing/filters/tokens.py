"""Filters of the list of registration tokens."""

from datetime import timedelta

import django_filters
from django.db.models import QuerySet
from django.utils import timezone

from licensing.filters.base import MirrorFilter, by_link
from licensing.models import RegistrationToken, SmartAccount, VirtualAccount

SOON = timedelta(days=7)


class RegistrationTokenFilter(MirrorFilter):
    searched = ("description", "created_by", "virtual_account__name")
    placeholder = "Search description, maker or virtual account"
    ends = django_filters.ChoiceFilter(
        label="Ends", choices=[("soon", "Within 7 days"), ("ended", "Ended")], empty_label="Any time", method="by_end"
    )
    export_controlled = django_filters.ChoiceFilter(
        label="Export control", choices=[("true", "Allowed"), ("false", "Not allowed")], empty_label="Any",
        method="by_export",
    )  # fmt: skip
    virtual_account = by_link(VirtualAccount.objects.all(), "Virtual account")
    smart_account = by_link(SmartAccount.objects.all(), "Smart account", field_name="virtual_account__smart_account")

    class Meta:
        model = RegistrationToken
        fields = ["q", "ends", "export_controlled", "show", "virtual_account", "smart_account"]

    def by_end(self, rows: QuerySet[RegistrationToken], name: str, value: str) -> QuerySet[RegistrationToken]:
        now = timezone.now()
        return (
            rows.filter(expires_at__lte=now)
            if value == "ended"
            else rows.filter(expires_at__gt=now, expires_at__lte=now + SOON)
        )

    def by_export(self, rows: QuerySet[RegistrationToken], name: str, value: str) -> QuerySet[RegistrationToken]:
        return rows.filter(export_controlled=value == "true")
