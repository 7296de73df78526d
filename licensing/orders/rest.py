"""Serve orders in REST: entered by people or programs, with what arrived of each line."""

from collections.abc import Mapping
from typing import Any

import django_filters
from rest_framework import serializers
from rest_framework.viewsets import ModelViewSet

from kit.rest.fields import Link, Strict
from kit.rest.filters import LinkFilter
from kit.rest.paging import PastCursor
from licensing.accounts.models import SmartAccount
from licensing.fleet.models import Customer
from licensing.mirror.models import VirtualAccount
from licensing.orders import saving
from licensing.orders.filters import OrdersPast
from licensing.orders.models import Order, OrderLine
from licensing.orders.saving import ENTERED, LineSpec
from licensing.orders.states import State, standings
from people import audit
from people.gate import Need


class OrderLineSerializer(Strict, serializers.ModelSerializer[OrderLine]):
    """A line of an order. `delivered` may be more than `quantity`: a surplus never counts for another order."""

    quantity = serializers.IntegerField(min_value=1, max_value=2**31 - 1)
    delivered = serializers.SerializerMethodField(help_text="How many licenses Cisco delivered. Moves do not count.")

    class Meta:
        model = OrderLine
        fields = ["license_name", "quantity", "delivered"]

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Require both members even in a PATCH, because lines are replaced together."""
        if missing := [name for name in ("license_name", "quantity") if name not in attrs]:
            raise serializers.ValidationError({name: ["This field is required."] for name in missing})
        return attrs

    def _fault(self, name: Any, data: Mapping[Any, Any]) -> str:
        """Let a program send the lines of a stored order back as it read them."""
        root = self.root
        stored = getattr(root, "instance", None) is not None
        return "" if name == "delivered" and stored else super()._fault(name, data)

    def get_delivered(self, line: OrderLine) -> int:
        return int(line.order.standing.delivered_of(line.license_name))  # type: ignore[attr-defined]


class OrderSerializer(Strict, serializers.ModelSerializer[Order]):
    smart_account = Link(SmartAccount, required=False, help_text="Left out: that of the virtual account.")
    customer = Link(Customer, allow_null=True, required=False)
    virtual_account = Link(
        VirtualAccount, allow_null=True, required=False, help_text="Where the licenses are expected to arrive."
    )
    state = serializers.ChoiceField(State.choices, read_only=True, source="standing.state")
    overdue_since = serializers.DateField(
        read_only=True,
        allow_null=True,
        source="standing.overdue_since",
        help_text="The first day on which a part was late. Null: nothing is missing, or it is not late.",
    )
    lines = OrderLineSerializer(many=True, allow_empty=False)

    class Meta:
        model = Order
        fields = ["id", *ENTERED, "state", "overdue_since", "lines"]
        validators: list[Any] = []  # the verb says it

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        pool = attrs.get("virtual_account")
        if self.instance is None and "smart_account" not in attrs:
            if pool is None:
                raise serializers.ValidationError({"smart_account": ["Enter a smart account or a virtual account."]})
            attrs["smart_account"] = pool.smart_account
        return attrs


class OrderFilters(OrdersPast):
    smart_account = LinkFilter()
    virtual_account = LinkFilter()
    customer = LinkFilter()
    number = django_filters.CharFilter()
    subscription_id = django_filters.CharFilter()
    state = django_filters.ChoiceFilter(choices=State.choices, method="in_state")

    def in_state(self, rows: Any, name: str, value: str) -> Any:
        return rows.filter(pk__in=[number for number, one in standings().items() if one.state == value])


class Orders(ModelViewSet[Order]):
    """What the partner bought at Cisco, and what Cisco delivered of it. Deleting an order changes nothing at Cisco.

    With `as_of`, orders are as they are entered today; `state` and `delivered` are those of the day.
    """

    queryset = Order.objects.prefetch_related("lines")
    serializer_class = OrderSerializer
    filterset_class = OrderFilters
    pagination_class = PastCursor
    write_need = Need.OPERATE

    def paginate_queryset(self, queryset: Any) -> Any:
        rows = super().paginate_queryset(queryset)
        return _with_standings(rows) if rows is not None else None

    def get_object(self) -> Order:
        return _with_standings([super().get_object()])[0]

    def perform_create(self, serializer: Any) -> None:
        self._save(serializer, Order(), None)

    def perform_update(self, serializer: Any) -> None:
        self._save(serializer, serializer.instance, audit.snapshot(serializer.instance))

    def _save(self, serializer: Any, order: Order, before: dict[str, Any] | None) -> None:
        values = dict(serializer.validated_data)
        lines = values.pop("lines", None)
        for name, value in values.items():
            setattr(order, name, value)
        specs = None if lines is None else [LineSpec(line["license_name"], line["quantity"]) for line in lines]
        saving.save_order(audit.actor_of(self.request), order, specs, before)
        serializer.instance = _with_standings([self.get_queryset().get(pk=order.pk)])[0]

    def perform_destroy(self, instance: Order) -> None:
        saving.delete_order(audit.actor_of(self.request), instance)


def _with_standings(rows: list[Order]) -> list[Order]:
    found = standings([row for row in rows if not hasattr(row, "standing")])
    for row in rows:
        if hasattr(row, "standing"):  # at a day in the past
            continue
        row.standing = found[row.pk]  # type: ignore[attr-defined]
    return rows
