"""Search and filters of subscriptions."""

import django_filters
from django import forms
from django.db.models import Q, QuerySet
from django.utils import timezone

from kit.filters import ListFilter, by_choice, by_link
from licensing.accounts.models import SmartAccount
from licensing.fleet.models import Customer
from licensing.mirror.models import Subscription
from licensing.pools.models import TransferPlan
from licensing.pools.overview import last_day
from licensing.pools.worklist_words import Reason

UNSET = "unset"


class SubscriptionFilter(ListFilter):
    searched = ("subscription_id", "customer__name", "note")
    placeholder = "Search subscription or customer"

    smart_account = by_choice(SmartAccount.objects.all(), "Smart account")
    license_model = django_filters.ChoiceFilter(
        label="License model",
        empty_label="Any",
        method="of_model",
        choices=[(value or UNSET, label) for value, label in Subscription.LicenseModel.choices],
    )
    mapped = django_filters.ChoiceFilter(
        label="Customer", empty_label="Any", method="is_mapped", choices=[("no", "Not mapped"), ("yes", "Mapped")]
    )
    ends = django_filters.ChoiceFilter(
        label="Next end",
        empty_label="Any",
        method="ending",
        choices=[("ended", "Ended"), ("90", "Within 90 days"), ("365", "Within a year")],
    )
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


class TransferPlanFilter(ListFilter):
    searched = ("reason", "cause", "smart_account__name", "smart_account__domain")
    placeholder = "Search reason, cause, smart account"

    smart_account = by_choice(SmartAccount.objects.all(), "Smart account")
    state = django_filters.ChoiceFilter(label="State", empty_label="Any", choices=TransferPlan.State.choices)

    class Meta:
        model = TransferPlan
        fields = ("q", "smart_account", "state")


SEARCH_BOX = forms.TextInput(
    attrs={"type": "search", "data-search": "", "autocomplete": "off", "placeholder": "Search name, virtual account"}
)


class WorklistForm(forms.Form):
    q = forms.CharField(required=False, label="Search", widget=SEARCH_BOX, max_length=200)
    reason = forms.ChoiceField(required=False, choices=[("", "Any"), *Reason.choices])
    smart_account = forms.ModelChoiceField(
        required=False, queryset=SmartAccount.objects.all(), label="Smart account", empty_label="Any"
    )
