"""Tables of transfer plans and of the out-of-compliance clocks."""

from typing import Any

import django_tables2 as tables
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from licensing.models import Overage
from licensing.tables.base import (
    LinkColumn,
    NumberColumn,
    PortalTable,
    SinceColumn,
    StateColumn,
    TitleColumn,
    WhenColumn,
)
from licensing.tables.mirror import AgeColumn
from licensing.templatetags.components import days_left


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


class OverageTable(PortalTable):
    sparse = ("ended_at", "days_left", "owner", "note")
    license = tables.Column(attrs={"td": {"class": "title"}}, order_by=("license__name", "pk"))
    virtual_account = LinkColumn(
        "virtual-account", accessor="license__virtual_account", order_by=("license__virtual_account__name", "pk")
    )
    in_use = NumberColumn(accessor="license__in_use")
    quantity = NumberColumn(accessor="license__quantity")
    since = SinceColumn()
    ended_at = WhenColumn(verbose_name="Ended")
    days_left = tables.Column(empty_values=(), order_by=("since", "pk"))
    owner = tables.Column(order_by=("owner__email", "pk"))
    note = tables.Column(orderable=False)
    as_of = AgeColumn(accessor="license__virtual_account__smart_account")

    class Meta:
        order_by = "since"

    def render_license(self, record: Overage) -> SafeString:
        route = "license" if record.ended_at else "license-remedies"
        return format_html('<a href="{}">{}</a>', reverse(route, args=[record.license_id]), record.license)

    def value_license(self, record: Overage) -> str:
        return str(record.license)

    def render_days_left(self, record: Overage) -> SafeString | str:
        return "" if record.ended_at else days_left(record)

    def value_days_left(self, record: Overage) -> int | str:
        return "" if record.ended_at else record.days_left
