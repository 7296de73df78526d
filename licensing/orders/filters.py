"""Search and filters of orders, and of what arrived and moved."""

from datetime import date
from typing import Any

import django_filters
from django import forms
from django.db.models import QuerySet

from kit.filters import ListFilter, by_choice, by_link
from kit.past import Past, PastFilter
from licensing.accounts.models import SmartAccount
from licensing.figures import past
from licensing.fleet.models import Customer
from licensing.mirror.models import License, VirtualAccount
from licensing.orders.models import Movement, Order
from licensing.orders.states import State, standings


class OrdersPast(PastFilter):
    """Orders are read as they are entered today. Their state is that of the day."""

    recorded = {
        "smart_account": "smart_account",
        "customer": "customer",
        "virtual_account": "virtual_account",
        "number": "number",
        "subscription_id": "subscription_id",
    }
    searched_past = ("number", "subscription_id", "contract", "customer__name")

    def find_past(self, day: date, queryset: QuerySet[Any]) -> Past | None:
        return past.orders(day)

    def _filter_past(self, rows: QuerySet[Any], name: str, value: Any) -> QuerySet[Any]:
        if name != "state" or self.past is None:
            return super()._filter_past(rows, name, value)
        found = standings(rows, self.past.at)
        return rows.filter(pk__in=[number for number, one in found.items() if one.state == value])


class OrderFilter(OrdersPast, ListFilter):
    searched = ("number", "subscription_id", "contract", "customer__name")
    placeholder = "Search order, subscription, customer"

    smart_account = by_choice(SmartAccount.objects.all(), "Smart account")
    state = django_filters.ChoiceFilter(label="State", empty_label="Any", choices=State.choices, method="in_state")
    customer = by_link(Customer.objects.all(), "Customer")
    virtual_account = by_link(VirtualAccount.objects.all(), "Expected virtual account")

    class Meta:
        model = Order
        fields = ("q", "smart_account", "state", "as_of", "customer", "virtual_account")

    def in_state(self, rows: QuerySet[Order], name: str, value: str) -> QuerySet[Order]:
        return rows.filter(pk__in=[number for number, one in standings().items() if one.state == value])


class MovementFilter(ListFilter):
    searched = ("license_name", "subscription_id", "order_number", "virtual_account__name")
    placeholder = "Search license, order, virtual account"

    smart_account = by_choice(SmartAccount.objects.all(), "Smart account", field_name="virtual_account__smart_account")
    kind = django_filters.ChoiceFilter(label="Kind", empty_label="Any", choices=Movement.Kind.choices)
    sync_run = django_filters.NumberFilter(label="Sync run", widget=forms.HiddenInput)
    license = by_link(License.objects.all(), "License")
    virtual_account = by_link(VirtualAccount.objects.all(), "Virtual account")

    class Meta:
        model = Movement
        fields: Any = ("q", "smart_account", "kind", "sync_run", "license", "virtual_account")
