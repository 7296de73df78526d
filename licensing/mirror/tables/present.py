"""Tables of mirrored rows. Each row shows how old its figures are."""

from datetime import datetime
from typing import Any

import django_tables2 as tables
from django.db.models import QuerySet
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from kit.tables import (
    AgeColumn,
    EndColumn,
    LinkColumn,
    NumberColumn,
    PortalTable,
    SinceColumn,
    StateColumn,
    TitleColumn,
    WhenColumn,
    nulls_last,
)
from kit.templatetags.components import badge, counted, days_left, duration_words, field_words, number, when
from licensing.mirror.changes import words
from licensing.mirror.models import (
    Change,
    InstanceUsage,
    License,
    ProductInstance,
    RegistrationToken,
    SyncRun,
    VirtualAccount,
)


class PurposeColumn(StateColumn):
    """Show the purpose as a badge. General is the rule and needs none."""

    def render(self, record: Any, bound_column: Any) -> SafeString:
        purpose = bound_column.accessor.resolve(record)
        return badge("" if purpose == VirtualAccount.Purpose.GENERAL else purpose)


class PoolColumn(LinkColumn):
    """Show a virtual account with its purpose below it."""

    def __init__(self, **options: Any) -> None:
        super().__init__("virtual-account", order_by=("virtual_account__name", "pk"), **options)

    def render(self, value: VirtualAccount) -> SafeString:
        link = super().render(value)
        if value.purpose == VirtualAccount.Purpose.GENERAL:
            return link
        return format_html('{} <span class="sub">{}</span>', link, badge(value.purpose))


class AvailableColumn(NumberColumn):
    def render(self, value: int) -> SafeString | str:
        return format_html('<span class="short">{}</span>', number(value)) if value < 0 else number(value)


class ShortCountColumn(NumberColumn):
    """Show how many licenses are short, and nothing where none is."""

    def render(self, value: int) -> SafeString | str:
        return format_html('<span class="short">{}</span>', number(value)) if value else ""


class VirtualAccountTable(PortalTable):
    sparse = ("short_count", "cost_center", "region", "owner")
    name = TitleColumn("virtual-account", below=lambda row: row.description)
    smart_account = LinkColumn("smart-account", order_by=("smart_account__name", "smart_account__domain", "pk"))
    purpose = PurposeColumn()
    license_mode = StateColumn()
    cost_center = tables.Column()
    region = tables.Column()
    owner = tables.Column(order_by=("owner__email", "pk"))
    license_count = NumberColumn(verbose_name="Licenses")
    short_count = ShortCountColumn(verbose_name="Short")
    instance_count = NumberColumn(verbose_name="Instances")
    as_of = AgeColumn(accessor="smart_account")

    class Meta:
        order_by = "name"


class LicenseTable(PortalTable):
    name = TitleColumn("license")
    virtual_account = PoolColumn()
    purpose = StateColumn(accessor="virtual_account__purpose", visible=False)
    status = StateColumn()
    time_left = tables.Column(empty_values=(), orderable=False, visible=False)
    quantity = NumberColumn()
    in_use = NumberColumn()
    available = AvailableColumn()
    reserved = NumberColumn(visible=False)
    ends = EndColumn(accessor="next_end", verbose_name="Next term")
    as_of = AgeColumn(accessor="virtual_account__smart_account")

    class Meta:
        order_by = "name"

    def render_status(self, record: License) -> SafeString:
        """Show the status, with the days left below it where a clock runs."""
        clocks = getattr(record, "clocks", [])
        left = format_html('<span class="sub">{}</span>', days_left(clocks[0])) if clocks else ""
        return format_html("{} {}", badge(record.status), left)

    def value_status(self, record: License) -> str:
        return record.status

    def value_time_left(self, record: Any) -> int | str:
        return record.clocks[0].days_left if record.clocks else ""

    def order_ends(self, rows: QuerySet[License], is_descending: bool) -> tuple[QuerySet[License], bool]:
        return nulls_last(rows, "next_end", is_descending)


def product_and_serial(row: ProductInstance) -> str:
    return " · ".join(word for word in (row.udi_pid, row.serial) if word)


class ProductInstanceTable(PortalTable):
    name = TitleColumn(
        "product-instance",
        below=product_and_serial,
        accessor="host_name",
        empty_values=(),
        order_by=("host_name", "name", "pk"),
    )
    product = tables.Column(accessor="udi_pid", visible=False)
    serial = tables.Column(visible=False)
    virtual_account = LinkColumn("virtual-account", order_by=("virtual_account__name", "pk"))
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


class UsedLicenseColumn(tables.Column):
    """Link the license of the pool, where the pool lists it."""

    def render(self, record: InstanceUsage) -> SafeString | str:
        if record.license is None:
            return record.license_name
        return format_html('<a href="{}">{}</a>', reverse("license", args=[record.license_id]), record.license)

    def value(self, record: InstanceUsage) -> str:
        return str(record.license or record.license_name)


class UsageTable(PortalTable):
    sparse = ("customer", "cluster")
    license = UsedLicenseColumn(accessor="license_name", verbose_name="License", attrs={"td": {"class": "title"}})
    quantity = NumberColumn(verbose_name="Uses")
    customer = LinkColumn(
        "customer",
        accessor="product_instance__cluster__customer",
        order_by=("product_instance__cluster__customer__name", "pk"),
    )
    cluster = LinkColumn(
        "cluster", accessor="product_instance__cluster", order_by=("product_instance__cluster__name", "pk")
    )
    product_instance = LinkColumn("product-instance", order_by=("product_instance__host_name", "pk"))
    virtual_account = LinkColumn(
        "virtual-account",
        accessor="product_instance__virtual_account",
        order_by=("product_instance__virtual_account__name", "pk"),
    )
    smart_account = tables.Column(accessor="product_instance__virtual_account__smart_account", visible=False)
    as_of = AgeColumn(accessor="product_instance__virtual_account__smart_account")

    class Meta:
        order_by = "-quantity"


class SyncRunTable(PortalTable):
    smart_account = TitleColumn(
        "sync-run", below=lambda run: run.cause, order_by=("smart_account__name", "smart_account__domain", "pk")
    )
    status = StateColumn()
    queued_at = WhenColumn(verbose_name="Requested")
    requested_by = tables.Column(verbose_name="Triggered by")
    took = tables.Column(empty_values=(), orderable=False)
    outcome = tables.Column(empty_values=(), orderable=False, verbose_name="Changes")
    created = tables.Column(visible=False)
    changed = tables.Column(visible=False)
    gone = tables.Column(visible=False)
    back = tables.Column(visible=False)
    unchanged = tables.Column(visible=False)

    class Meta:
        order_by = "-queued_at"

    def render_took(self, record: SyncRun) -> str:
        return took(record)

    def value_took(self, record: SyncRun) -> int | None:
        seconds = seconds_of(record)
        return None if seconds is None else round(seconds)

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
    return ", ".join(said) or f"no changes; {counted(run.unchanged, 'row,rows')} checked"


def address_of(change: Change) -> str:
    """Return the address of the row that changed, or "" where it has no page."""
    try:
        return reverse(change.object_type.replace("_", "-"), args=[change.object_id])
    except NoReverseMatch:
        return ""


class ValuesColumn(tables.Column):
    """Word old and new values, a sentence each. A page shows the first parts of a list; a file has all of them."""

    def render(self, value: dict[str, Any]) -> SafeString:
        sentences = words.describe(value, words.PARTS_SHOWN)
        items = format_html_join("", "<li>{}</li>", ((sentence,) for sentence in sentences))
        return format_html('<ul class="plain-list">{}</ul>', items) if sentences else items

    def value(self, value: dict[str, Any]) -> str:
        return "; ".join(words.describe(value))


class ChangeTable(PortalTable):
    """The changes of one sync run, in the order in which they were recorded."""

    sparse = ("values",)
    label = tables.Column(verbose_name="Object", attrs={"td": {"class": "title"}})
    object_type = tables.Column(visible=False)
    kind = StateColumn(verbose_name="Change")
    values = ValuesColumn(orderable=False, verbose_name="Details")
    at = WhenColumn(visible=False, verbose_name="Found")

    def render_label(self, value: str, record: Change) -> SafeString:
        address = address_of(record)
        name = format_html('<a href="{}">{}</a>', address, value) if address else value
        return format_html('{}<span class="sub">{}</span>', name, field_words(record.object_type))

    def value_label(self, value: str) -> str:
        return value


class HistoryTable(PortalTable):
    """The changes of one object."""

    sparse = ("values",)
    at = WhenColumn(verbose_name="Found by the sync", attrs={"td": {"class": "title"}})
    kind = StateColumn(verbose_name="Change")
    values = ValuesColumn(orderable=False, verbose_name="Details")
    label = tables.Column(visible=False, verbose_name="Object")

    def render_at(self, value: datetime, record: Change) -> SafeString:
        return format_html('<a href="{}">{}</a>', reverse("sync-run", args=[record.sync_run_id]), when(value))

    def value_at(self, value: datetime) -> datetime:
        return value


class NetChangeTable(ChangeTable):
    """What differs between two moments: one row per object."""

    kind = StateColumn(accessor="net_kind", verbose_name="Change")
    values = ValuesColumn(accessor="net_values", orderable=False, verbose_name="Details")
    smart_account = LinkColumn(
        "smart-account",
        accessor="sync_run__smart_account",
        order_by=("sync_run__smart_account__name", "sync_run__smart_account__domain", "pk"),
    )
    at = WhenColumn(verbose_name="Last change")

    def countable(self) -> QuerySet[Change]:
        """Return the rows with the newest first: these are the last changes of their objects, which count."""
        return self.data.data.order_by("-id")  # type: ignore[no-any-return]

    def render_at(self, value: datetime, record: Change) -> SafeString:
        return format_html('<a href="{}">{}</a>', reverse("sync-run", args=[record.sync_run_id]), when(value))

    def value_at(self, value: datetime) -> datetime:
        return value


class RegistrationTokenTable(PortalTable):
    description = TitleColumn(
        "registration-token", accessor="pk", order_by=("description", "pk"), verbose_name="Registration token"
    )
    virtual_account = LinkColumn("virtual-account", order_by=("virtual_account__name", "pk"))
    expires_at = EndColumn(warn_days=7, verbose_name="Ends")
    export_controlled = tables.Column(verbose_name="Export control")
    created_by = tables.Column(verbose_name="Made by")
    as_of = AgeColumn(accessor="virtual_account__smart_account")

    def render_description(self, record: RegistrationToken) -> SafeString:
        return TitleColumn.render(self.columns["description"].column, str(record), record)

    def value_description(self, record: RegistrationToken) -> str:
        return str(record)

    def render_export_controlled(self, value: bool) -> SafeString | str:
        return badge("allowed") if value else "not allowed"

    def value_export_controlled(self, value: bool) -> bool:
        return value
