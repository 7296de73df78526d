"""The table of alerts."""

import django_tables2 as tables
from django.db.models import F, QuerySet
from django.utils.safestring import SafeString

from licensing.models import Alert
from licensing.tables.base import EndColumn, PortalTable, SinceColumn, TitleColumn
from licensing.templatetags.components import badge


class AlertTable(PortalTable):
    sparse = ("due_at", "owner")
    severity = tables.Column(order_by=("rank", "pk"))
    subject = TitleColumn("alert", below=lambda alert: alert.summary, verbose_name="Alert")
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
        """What has no date comes last, whichever way."""
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
