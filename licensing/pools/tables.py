"""The subscription mapper: each subscription, to whom it belongs, what it holds, and when it ends."""

from typing import Any

import django_tables2 as tables
from django.db.models import QuerySet
from django.utils.html import format_html
from django.utils.safestring import SafeString

from kit.tables import (
    AgeColumn,
    EndColumn,
    LinkColumn,
    NumberColumn,
    PortalTable,
    StateColumn,
    TitleColumn,
    WhenColumn,
    nulls_last,
)
from licensing.fleet.models import Customer
from licensing.mirror.models import Subscription

PARTNER = "the partner"


class SubscriptionTable(PortalTable):
    name = TitleColumn("subscription", accessor="subscription_id", verbose_name="Subscription")
    smart_account = LinkColumn("smart-account", order_by=("smart_account__name", "smart_account__domain", "pk"))
    customer = LinkColumn("customer", order_by=("customer__name", "pk"), empty_values=())
    license_model = tables.Column(empty_values=())
    ordered = NumberColumn(verbose_name="Ordered")
    operational = NumberColumn(verbose_name="Operational")
    elsewhere = NumberColumn(verbose_name="Elsewhere")
    ends = EndColumn(accessor="next_end", verbose_name="Next end")
    as_of = AgeColumn(accessor="smart_account")

    class Meta:
        order_by = "ends"

    def render_customer(self, value: Customer | None, record: Subscription, column: LinkColumn) -> SafeString:
        if value:
            return column.render(value)
        own = record.license_model == Subscription.LicenseModel.PERPETUAL
        return format_html('<span class="muted">{}</span>', PARTNER if own else "not mapped")

    def value_customer(self, value: Customer | None) -> str:
        return str(value or "")

    def render_license_model(self, value: str, record: Subscription) -> SafeString | str:
        """`value` is in words already, for none too."""
        return value if record.license_model else format_html('<span class="muted">{}</span>', "not set")

    def value_license_model(self, value: str) -> str:
        return value

    def order_ends(self, rows: QuerySet[Any], is_descending: bool) -> tuple[QuerySet[Any], bool]:
        return nulls_last(rows, "next_end", is_descending)


class TransferPlanTable(PortalTable):
    sparse = ("finished_at",)
    id = TitleColumn("transfer-plan", below=lambda plan: plan.reason, verbose_name="Plan")
    smart_account = LinkColumn("smart-account", order_by=("smart_account__name", "smart_account__domain", "pk"))
    state = StateColumn()
    step_count = NumberColumn(verbose_name="Steps")
    moved = NumberColumn(verbose_name="Licenses")
    created_by = tables.Column(order_by=("created_by__email", "pk"))
    created_at = WhenColumn(verbose_name="Made")
    finished_at = WhenColumn(verbose_name="Ended")
    reason = tables.Column(visible=False)
    cause = tables.Column(visible=False)

    class Meta:
        order_by = "-created_at"

    def render_id(self, record: Any, column: TitleColumn) -> SafeString:
        return column.render(str(record), record)

    def value_id(self, record: Any) -> str:
        return str(record)
