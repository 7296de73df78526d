"""The table of alerts."""

from datetime import datetime

import django_tables2 as tables
from django.db.models import F, QuerySet
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from kit.tables import (
    AgeColumn,
    EndColumn,
    LinkColumn,
    MomentColumn,
    NumberColumn,
    PortalTable,
    SinceColumn,
    TitleColumn,
    WhenColumn,
)
from kit.templatetags.components import badge, clock_start, days_left, since
from licensing.alerts.models import Alert, Overage


class AlertTable(PortalTable):
    sparse = ("due_at", "owner")
    severity = tables.Column(order_by=("rank", "pk"))
    subject = TitleColumn(
        "alert",
        below=lambda alert: alert.summary,
        verbose_name="Alert",
        order_by=("subject_name", "subject_place", "pk"),
    )
    kind = tables.Column()
    opened_at = SinceColumn(verbose_name="Open since")
    due_at = EndColumn(verbose_name="Due")
    owner = tables.Column(order_by=("owner__email", "pk"))
    state = tables.Column(empty_values=(), orderable=False)

    def render_severity(self, record: Alert) -> SafeString:
        return badge(record.severity)

    def value_severity(self, record: Alert) -> str:
        return record.severity

    def value_kind(self, record: Alert) -> str:
        return record.kind

    def order_due_at(self, rows: QuerySet[Alert], is_descending: bool) -> tuple[QuerySet[Alert], bool]:
        """Order by due date; alerts without one come last either way."""
        due = F("due_at").desc(nulls_last=True) if is_descending else F("due_at").asc(nulls_last=True)
        return rows.order_by(due, "pk"), True

    def render_state(self, record: Alert) -> SafeString:
        return badge(shown_state(record))

    def value_state(self, record: Alert) -> str:
        return record.state


def shown_state(alert: Alert) -> str:
    """Open, snoozed, acknowledged by somebody, or closed."""
    if alert.closed_at:
        return "closed"
    if alert.snoozed_until:
        return "snoozed"
    return "acknowledged" if alert.acknowledged_at else "open"


class OverageTable(PortalTable):
    sparse = ("ended_at", "days_left", "owner", "note")
    START = {(False, False): "recorded", (True, False): "before", (False, True): "corrected"}
    license = tables.Column(attrs={"td": {"class": "title"}}, order_by=("license__name", "pk"))
    virtual_account = LinkColumn(
        "virtual-account", accessor="license__virtual_account", order_by=("license__virtual_account__name", "pk")
    )
    in_use = NumberColumn(accessor="license__in_use")
    quantity = NumberColumn(accessor="license__quantity")
    since = SinceColumn()
    start = tables.Column(empty_values=(), orderable=False, visible=False)
    since_reason = tables.Column(orderable=False, visible=False)
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

    def render_since(self, record: Overage) -> SafeString:
        """Say how long ago it was, and below it the date, "before" where the start is not known."""
        return format_html('{} <span class="sub">{}</span>', since(record.since), clock_start(record))

    def value_since(self, record: Overage) -> datetime:
        return record.since

    def value_start(self, record: Overage) -> str:
        return self.START[record.starts_before, record.recorded_since is not None]

    def render_days_left(self, record: Overage) -> SafeString | str:
        return "" if record.ended_at else days_left(record)

    def value_days_left(self, record: Overage) -> int | str:
        return "" if record.ended_at else record.days_left


class PastAlertTable(PortalTable):
    """Alerts that were open at the end of a day, with what they said at their last event."""

    severity = tables.Column(order_by=("severity_then", "pk"))
    subject = TitleColumn(
        "alert",
        below=lambda alert: alert.summary,
        verbose_name="Alert",
        order_by=("subject_name", "subject_place", "pk"),
    )
    kind = tables.Column()
    opened_at = WhenColumn(verbose_name="Open since")
    as_of = MomentColumn()

    class Meta:
        order_by = "-opened_at"

    render_severity = AlertTable.render_severity
    value_severity = AlertTable.value_severity
    value_kind = AlertTable.value_kind


class PastOverageTable(PortalTable):
    """Clocks that ran at the end of a day, with what Cisco listed then."""

    license = tables.Column(attrs={"td": {"class": "title"}}, order_by=("license__name", "pk"))
    virtual_account = LinkColumn(
        "virtual-account", accessor="license__virtual_account", order_by=("license__virtual_account__name", "pk")
    )
    in_use = NumberColumn(accessor="in_use_then")
    quantity = NumberColumn(accessor="quantity_then")
    since = WhenColumn()
    days_left = tables.Column(order_by=("since", "pk"))
    as_of = MomentColumn()

    class Meta:
        order_by = "since"

    def render_license(self, record: Overage) -> SafeString:
        return format_html('<a href="{}">{}</a>', reverse("license", args=[record.license_id]), record.license)

    value_license = OverageTable.value_license
