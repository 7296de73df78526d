"""Search and filters of subscriptions."""

import django_filters
from django.db.models import Q, QuerySet
from django.utils import timezone

from licensing.filters.base import ListFilter, by_link, of_smart_account
from licensing.models import Customer, Subscription
from licensing.position import last_day

UNSET = "unset"


class SubscriptionFilter(ListFilter):
    searched = ("subscription_id", "customer__name", "note")
    placeholder = "Search subscription or customer"

    smart_account = of_smart_account()
    license_model = django_filters.ChoiceFilter(
        label="License model", empty_label="Any", method="of_model",
        choices=[(value or UNSET, label) for value, label in Subscription.LicenseModel.choices],
    )  # fmt: skip
    mapped = django_filters.ChoiceFilter(
        label="Customer", empty_label="Any", method="is_mapped", choices=[("no", "Not mapped"), ("yes", "Mapped")]
    )
    ends = django_filters.ChoiceFilter(
        label="Next end", empty_label="Any", method="ending",
        choices=[("ended", "Ended"), ("90", "Within 90 days"), ("365", "Within a year")],
    )  # fmt: skip
    customer = by_link(Customer.objects.all(), "Customer")

    class Meta:
        model = Subscription
        fields = ("q", "smart_account", "license_model", "mapped", "ends", "customer")

    def of_model(self, rows: QuerySet[Subscription], name: str, value: str) -> QuerySet[Subscription]:
        return rows.filter(license_model="" if value == UNSET else value)

    def is_mapped(self, rows: QuerySet[Subscription], name: str, value: str) -> QuerySet[Subscription]:
        which = Subscription.objects.mapped() if value == "yes" else Subscription.objects.unmapped()
        return rows.filter(pk__in=which.values("pk"))

    def ending(self, rows: QuerySet[Subscription], name: str, value: str) -> QuerySet[Subscription]:
        if value == "ended":
            return rows.filter(Q(next_end__lt=timezone.localdate()))
        return rows.filter(Q(next_end__lte=last_day(int(value))), Q(next_end__gte=timezone.localdate()))
