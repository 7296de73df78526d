"""Tables of what is mirrored. Each row says how old its numbers are."""

from datetime import date
from typing import Any

import django_tables2 as tables
from django.db.models import F, QuerySet
from django.utils.html import format_html
from django.utils.safestring import SafeString

from licensing.models import License, ProductInstance, SmartAccount, SyncRun, VirtualAccount
from licensing.tables.base import LinkColumn, NumberColumn, PortalTable, SinceColumn, StateColumn, TitleColumn
from licensing.templatetags.components import age, badge, counted, duration_words, ends, link_to, number, when

POOL = ("virtual_account__name", "pk")
# Left to its own, PostgreSQL would put what was never seen before what was seen just now.
NULLS = {True: "desc", False: "asc"}


class AgeColumn(tables.Column):
    """Time of the sync that the row's numbers come from; `accessor` leads to the SmartAccount."""

    def __init__(self, **options: Any) -> None:
        super().__init__(verbose_name="As of", orderable=False, **options)

    def render(self, value: SmartAccount) -> SafeString:
        return age(value.last_synced_at, value.sync_every, prefix="")

    def value(self, value: SmartAccount) -> str:
        return value.last_synced_at.isoformat() if value.last_synced_at else ""


class VirtualAccountTable(PortalTable):
    name = TitleColumn("virtual-account", below=lambda row: row.description)
    smart_account = LinkColumn("smart-account", order_by=("smart_account__name", "smart_account__domain", "pk"))
    purpose = StateColumn()
    license_mode = StateColumn()
    license_count = NumberColumn(verbose_name="Licenses")
    short_count = NumberColumn(verbose_name="Short")
    instance_count = NumberColumn(verbose_name="Instances")
    as_of = AgeColumn(accessor="smart_account")

    class Meta:
        order_by = "name"

    def render_purpose(self, value: str, record: VirtualAccount) -> SafeString:
        """General is the rule and needs no badge."""
        return badge("" if record.purpose == VirtualAccount.Purpose.GENERAL else record.purpose)

    def render_short_count(self, value: int) -> SafeString | str:
        return format_html('<span class="short">{}</span>', number(value)) if value else ""


class LicenseTable(PortalTable):
    name = TitleColumn("license")
    virtual_account = LinkColumn("virtual-account", order_by=POOL)
    purpose = tables.Column(accessor="virtual_account__purpose", visible=False)
    status = StateColumn()
    quantity = NumberColumn()
    in_use = NumberColumn()
    available = NumberColumn()
    reserved = NumberColumn(visible=False)
    ends = tables.Column(accessor="first_end", verbose_name="Next term")
    as_of = AgeColumn(accessor="virtual_account__smart_account")

    class Meta:
        order_by = "name"

    def render_virtual_account(self, value: VirtualAccount) -> SafeString:
        """With its purpose; general is the rule and needs no badge."""
        link = link_to(value, "virtual-account")
        if value.purpose == VirtualAccount.Purpose.GENERAL:
            return link
        return format_html('{} <span class="sub">{}</span>', link, badge(value.purpose))

    def render_available(self, value: int) -> SafeString | str:
        return format_html('<span class="short">{}</span>', number(value)) if value < 0 else number(value)

    def render_ends(self, value: date) -> SafeString:
        return ends(value)

    def value_ends(self, value: date) -> str:
        return value.isoformat()

    def order_ends(self, rows: QuerySet[License], is_descending: bool) -> tuple[QuerySet[License], bool]:
        return nulls_last(rows, "first_end", is_descending)


def product_and_serial(row: ProductInstance) -> str:
    return " · ".join(word for word in (row.udi_pid, row.serial) if word)


class ProductInstanceTable(PortalTable):
    name = TitleColumn(
        "product-instance", below=product_and_serial, accessor="host_name", empty_values=(),
        order_by=("host_name", "name", "pk"),
    )  # fmt: skip
    product = tables.Column(accessor="udi_pid", visible=False)
    serial = tables.Column(visible=False)
    virtual_account = LinkColumn("virtual-account", order_by=POOL)
    cluster = LinkColumn("cluster", order_by=("cluster__name", "pk"))
    status = StateColumn()
    last_contact_at = SinceColumn(verbose_name="Last contact")
    as_of = AgeColumn(accessor="virtual_account__smart_account")

    class Meta:
        order_by = "name"

    def render_name(self, record: ProductInstance, column: TitleColumn) -> SafeString:
        return column.render(str(record), record)

    def value_name(self, record: ProductInstance) -> str:
        return str(record)

    def order_last_contact_at(
        self, rows: QuerySet[ProductInstance], is_descending: bool
    ) -> tuple[QuerySet[ProductInstance], bool]:
        return nulls_last(rows, "last_contact_at", is_descending)


class SyncRunTable(PortalTable):
    smart_account = TitleColumn(
        "sync-run", below=lambda run: run.cause, order_by=("smart_account__name", "smart_account__domain", "pk")
    )
    status = StateColumn()
    queued_at = SinceColumn(verbose_name="Asked for")
    requested_by = tables.Column(verbose_name="By")
    took = tables.Column(empty_values=(), orderable=False)
    outcome = tables.Column(empty_values=(), orderable=False, verbose_name="What changed")
    created = tables.Column(visible=False)
    changed = tables.Column(visible=False)
    gone = tables.Column(visible=False)
    back = tables.Column(visible=False)
    unchanged = tables.Column(visible=False)

    class Meta:
        order_by = "-queued_at"

    def render_queued_at(self, value: Any) -> SafeString:
        return when(value)

    def render_took(self, record: SyncRun) -> str:
        return took(record)

    def value_took(self, record: SyncRun) -> str:
        seconds = seconds_of(record)
        return "" if seconds is None else f"{seconds:.0f}"

    def render_outcome(self, record: SyncRun) -> str:
        return outcome(record)

    def value_outcome(self, record: SyncRun) -> str:
        return outcome(record)


def seconds_of(run: SyncRun) -> float | None:
    return (run.finished_at - run.started_at).total_seconds() if run.started_at and run.finished_at else None


def took(run: SyncRun) -> str:
    seconds = seconds_of(run)
    if seconds is None:
        return ""
    if seconds < 1:
        return "under 1 s"
    return f"{seconds:.0f} s" if seconds < 90 else duration_words(seconds)


def outcome(run: SyncRun) -> str:
    """ "3 new, 1 gone"; nothing for runs that wrote nothing down."""
    if run.status != SyncRun.Status.SUCCEEDED:
        return ""
    words = (("created", "new"), ("changed", "changed"), ("gone", "gone"), ("back", "back"))
    said = [f"{count:,} {word}" for name, word in words if (count := run.counts[name])]
    return ", ".join(said) or f"nothing; {counted(run.unchanged, 'row,rows')} checked"


def nulls_last(rows: QuerySet[Any], column: str, is_descending: bool) -> tuple[QuerySet[Any], bool]:
    return rows.order_by(getattr(F(column), NULLS[is_descending])(nulls_last=True), "pk"), True
