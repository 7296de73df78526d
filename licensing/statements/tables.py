"""The tables of statements, schedules and batches."""

from datetime import date
from typing import Any

import django_tables2 as tables
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString

from kit.tables import NumberColumn, PortalTable, StateColumn, TitleColumn, WhenColumn
from kit.wording import shorten
from licensing.statements.models import Statement
from licensing.statements.wording import span


class StatementTable(PortalTable):
    sparse = ("corrects",)
    number = TitleColumn("statement", verbose_name="Statement")
    customer_name = tables.Column(verbose_name="Customer")
    period_end = tables.Column(verbose_name="Period")
    period_start = tables.Column(visible=False)
    issued_at = WhenColumn(verbose_name="Issued")
    issued_by_name = tables.Column(verbose_name="Issued by")
    corrects = tables.Column(verbose_name="Corrects", order_by=("corrects__number", "pk"))
    sha256 = tables.Column(visible=False)

    class Meta:
        order_by = "-issued_at"

    def render_number(self, value: str, record: Statement, column: TitleColumn) -> SafeString:
        shown = column.render(value, record)
        later = getattr(record, "corrected_by", None)
        return format_html('{}<span class="sub">Corrected by {}</span>', shown, later.number) if later else shown

    def value_number(self, value: str) -> str:
        return value

    def render_customer_name(self, value: str, record: Statement) -> SafeString | str:
        if record.customer_id is None:
            return value
        return format_html('<a href="{}">{}</a>', reverse("customer", args=[record.customer_id]), value)

    def value_customer_name(self, value: str) -> str:
        return value

    def render_period_end(self, record: Statement) -> str:
        return span(record.period_start, record.period_end)

    def value_period_end(self, record: Statement) -> Any:
        return record.period_end

    def value_period_start(self, record: Statement) -> Any:
        return record.period_start

    def render_corrects(self, value: Statement) -> SafeString:
        return format_html('<a href="{}">{}</a>', reverse("statement", args=[value.pk]), value.number)

    def value_corrects(self, value: Statement) -> str:
        return value.number


class BatchTable(PortalTable):
    sparse = ("finished_at", "tag")
    id = TitleColumn("statement-batch", verbose_name="Batch")
    state = StateColumn()
    period_end = tables.Column(verbose_name="Period")
    tag = tables.Column(verbose_name="Customers with tag")
    total = NumberColumn(verbose_name="Customers")
    issued = NumberColumn(verbose_name="Issued")
    failed = NumberColumn(verbose_name="Failed")
    created_at = WhenColumn(verbose_name="Started")
    created_by_name = tables.Column(verbose_name="Started by")
    finished_at = WhenColumn(verbose_name="Finished")

    class Meta:
        order_by = "-created_at"

    def render_id(self, record: Any, column: TitleColumn) -> SafeString:
        return column.render(str(record), record)

    def value_id(self, record: Any) -> str:
        return str(record)

    def render_period_end(self, record: Any) -> str:
        return span(record.period_start, record.period_end)

    def value_period_end(self, record: Any) -> str:
        return span(record.period_start, record.period_end)


class ScheduleTable(PortalTable):
    sparse = ("problem",)
    customer = TitleColumn("statement-schedule", order_by=("customer__name", "pk"))
    state = StateColumn(orderable=False)
    day_of_month = NumberColumn(verbose_name="Day of month")
    recipients = tables.Column(orderable=False)
    last_period = tables.Column(verbose_name="Last month issued")
    problem = tables.Column()

    class Meta:
        order_by = "customer"

    def render_recipients(self, value: list[str]) -> str:
        return shorten(value)

    def value_recipients(self, value: list[str]) -> str:
        return ", ".join(value)

    def render_last_period(self, value: date) -> str:
        return date_format(value, "F Y")

    def value_last_period(self, value: date) -> date:
        return value
