"""Tables of mirrored rows at a day in the past. They show what was recorded, and no age: the page names the day."""

from typing import Any

import django_tables2 as tables
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from kit.tables import LinkColumn, MomentColumn, NumberColumn, PortalTable, StateColumn, TitleColumn, WhenColumn
from kit.templatetags.components import number
from licensing.mirror.models import ProductInstance
from licensing.mirror.tables.present import (
    AvailableColumn,
    ProductInstanceTable,
    RegistrationTokenTable,
    ShortCountColumn,
    UsedLicenseColumn,
    product_and_serial,
)


class PastVirtualAccountTable(PortalTable):
    sparse = ("short_count",)
    name = TitleColumn("virtual-account", below=lambda row: row.description)
    smart_account = LinkColumn("smart-account", order_by=("smart_account__name", "smart_account__domain", "pk"))
    license_count = NumberColumn(verbose_name="Licenses", orderable=False)
    short_count = ShortCountColumn(verbose_name="Short", orderable=False)
    instance_count = NumberColumn(verbose_name="Instances", orderable=False)
    as_of = MomentColumn()

    class Meta:
        order_by = "name"


class PastLicenseTable(PortalTable):
    name = TitleColumn("license")
    virtual_account = LinkColumn("virtual-account", order_by=("virtual_account__name", "pk"))
    status = StateColumn(order_by=("state_at__status", "pk"))
    quantity = NumberColumn(order_by=("state_at__quantity", "pk"))
    in_use = NumberColumn(order_by=("state_at__in_use", "pk"))
    available = AvailableColumn(order_by=("state_at__available", "pk"))
    reserved = NumberColumn(visible=False, order_by=("state_at__reserved", "pk"))
    as_of = MomentColumn()

    class Meta:
        order_by = "name"


class PastProductInstanceTable(PortalTable):
    name = TitleColumn(
        "product-instance",
        below=product_and_serial,
        accessor="host_name",
        empty_values=(),
        order_by=("host_name_then", "name_then", "pk"),
    )
    product = tables.Column(accessor="udi_pid", visible=False, orderable=False)
    serial = tables.Column(visible=False, orderable=False)
    virtual_account = LinkColumn("virtual-account", order_by=("pool_name_then", "pk"))
    status = StateColumn(order_by=("status_then", "pk"))
    uses = tables.Column(empty_values=(), orderable=False)
    as_of = MomentColumn()

    class Meta:
        order_by = "name"

    render_name = ProductInstanceTable.render_name
    value_name = ProductInstanceTable.value_name

    def render_uses(self, record: ProductInstance) -> str:
        return ", ".join(f"{number(use.quantity)} × {use.license_name}" for use in record.usage.all() if use.quantity)

    value_uses = render_uses


class ConsumerColumn(tables.Column):
    """Name a cluster or customer of the past, with a link to its page where it still exists."""

    def __init__(self, route: str, **options: Any) -> None:
        super().__init__(**options)
        self.route = route

    def render(self, value: Any, record: Any) -> SafeString | str:
        if getattr(record, f"{self.route}_now") is None:
            return str(value)
        return format_html('<a href="{}">{}</a>', reverse(self.route, args=[value.pk]), value)

    def value(self, value: Any) -> str:
        return str(value)


class PastUsageTable(PortalTable):
    """Who used what on a day, by cluster: which of its products did is not recorded."""

    sparse = ("customer", "cluster")
    license = UsedLicenseColumn(
        accessor="license_name",
        verbose_name="License",
        attrs={"td": {"class": "title"}},
        order_by=("series__license_name", "pk"),
    )
    quantity = NumberColumn(verbose_name="Uses")
    customer = ConsumerColumn(
        "customer", accessor="product_instance__cluster__customer", order_by=("series__customer_name", "pk")
    )
    cluster = ConsumerColumn("cluster", accessor="product_instance__cluster", order_by=("series__cluster_name", "pk"))
    virtual_account = LinkColumn(
        "virtual-account",
        accessor="product_instance__virtual_account",
        order_by=("series__virtual_account__name", "pk"),
    )
    smart_account = tables.Column(
        accessor="product_instance__virtual_account__smart_account", visible=False, orderable=False
    )
    as_of = MomentColumn()

    class Meta:
        order_by = "-quantity"


class PastRegistrationTokenTable(PortalTable):
    description = TitleColumn("registration-token", accessor="pk", orderable=False, verbose_name="Registration token")
    virtual_account = LinkColumn("virtual-account", order_by=("virtual_account__name", "pk"))
    expires_at = WhenColumn(verbose_name="Ends", orderable=False)
    export_controlled = tables.Column(verbose_name="Export control", orderable=False)
    created_by = tables.Column(verbose_name="Made by", orderable=False)
    as_of = MomentColumn()

    class Meta:
        order_by = "virtual_account"

    render_description = RegistrationTokenTable.render_description
    value_description = RegistrationTokenTable.value_description
    render_export_controlled = RegistrationTokenTable.render_export_controlled
    value_export_controlled = RegistrationTokenTable.value_export_controlled
