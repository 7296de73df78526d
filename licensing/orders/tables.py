"""The tables of orders, and of what arrived and moved."""

from typing import Any

import django_tables2 as tables
from django.utils.html import format_html
from django.utils.safestring import SafeString

from kit.tables import (
    EndColumn,
    LinkColumn,
    MomentColumn,
    NumberColumn,
    PortalTable,
    StateColumn,
    TitleColumn,
    WhenColumn,
)
from kit.templatetags.components import badge, number
from licensing.orders.models import Movement, Order
from licensing.orders.states import Standing, State, standings


class OrderTable(PortalTable):
    sparse = ("renewal_on", "customer", "virtual_account")
    id = TitleColumn("order", below=lambda order: order.subscription_id if order.number else "", verbose_name="Order")
    subscription_id = tables.Column(visible=False, verbose_name="Subscription")
    smart_account = LinkColumn("smart-account", order_by=("smart_account__name", "smart_account__domain", "pk"))
    customer = LinkColumn("customer", order_by=("customer__name", "pk"))
    virtual_account = LinkColumn(
        "virtual-account", order_by=("virtual_account__name", "pk"), verbose_name="Expected in"
    )
    ordered_on = tables.DateColumn(format="j M Y", verbose_name="Ordered on")
    state = tables.Column(empty_values=(), orderable=False)
    ordered = NumberColumn(empty_values=(), orderable=False)
    delivered = NumberColumn(empty_values=(), orderable=False)
    undelivered = NumberColumn(empty_values=(), orderable=False)
    renewal_on = EndColumn(verbose_name="Renewal")
    contract = tables.Column(visible=False)

    class Meta:
        order_by = "-ordered_on"

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.standings: dict[int, Standing] = standings()

    def standing_of(self, order: Order) -> Standing:
        return self.standings[order.pk]

    def render_id(self, record: Order, column: TitleColumn) -> SafeString:
        return column.render(str(record), record)

    def value_id(self, record: Order) -> str:
        return record.number

    def value_ordered_on(self, record: Order) -> Any:
        return record.ordered_on

    def render_state(self, record: Order) -> SafeString:
        found = self.standing_of(record)
        if not found.overdue_since or found.state == State.OVERDUE:
            return badge(found.state)
        return format_html('{} <span class="sub">{}</span>', badge(found.state), "overdue")

    def value_state(self, record: Order) -> str:
        return self.standing_of(record).state.value

    def render_ordered(self, record: Order) -> str:
        return number(self.value_ordered(record))

    def value_ordered(self, record: Order) -> int:
        return self.standing_of(record).ordered

    def render_delivered(self, record: Order) -> str:
        return number(self.value_delivered(record))

    def value_delivered(self, record: Order) -> int:
        return self.standing_of(record).delivered

    def render_undelivered(self, record: Order) -> SafeString | str:
        missing = self.value_undelivered(record)
        return format_html('<span class="short">{}</span>', number(missing)) if missing else "0"

    def value_undelivered(self, record: Order) -> int:
        return self.standing_of(record).undelivered


class PastOrderTable(OrderTable):
    """Orders with what had arrived at the end of a day. Files name the moment."""

    as_of = MomentColumn()

    class Meta:
        order_by = "-ordered_on"

    def __init__(self, *args: Any, **options: Any) -> None:
        PortalTable.__init__(self, *args, **options)

    def standing_of(self, order: Order) -> Standing:
        found: Standing = order.standing  # type: ignore[attr-defined]
        return found


class MovementTable(PortalTable):
    sparse = ("subscription_id", "order_number", "route")
    license_name = tables.Column(attrs={"td": {"class": "title"}}, verbose_name="License")
    quantity = NumberColumn()
    kind = StateColumn()
    virtual_account = LinkColumn("virtual-account", order_by=("virtual_account__name", "pk"))
    route = tables.Column(empty_values=(), orderable=False, verbose_name="Move")
    subscription_id = tables.Column(verbose_name="Subscription")
    order_number = tables.Column(verbose_name="Order")
    at = WhenColumn(verbose_name="Seen")
    sync_run = tables.Column(verbose_name="Sync run")

    class Meta:
        order_by = "-at"

    def render_license_name(self, record: Movement) -> SafeString:
        return format_html('<a href="/licenses/{}/">{}</a>', record.license_id, record.license_name)

    def render_quantity(self, value: int) -> str:
        return f"{'+' if value > 0 else ''}{number(value)}"

    def render_route(self, record: Movement) -> str:
        return record.route[:1].upper() + record.route[1:]

    def value_route(self, record: Movement) -> str:
        return record.route

    def render_sync_run(self, value: int) -> SafeString:
        return format_html('<a href="/sync-runs/{}/">{}</a>', value, value)

    def value_sync_run(self, value: int) -> int:
        return value
