"""The transport matrix."""

import django_tables2 as tables
from django.utils.html import format_html
from django.utils.safestring import SafeString

from licensing import fleet
from licensing.models import Cluster
from licensing.tables.base import LinkColumn, PortalTable, TitleColumn
from licensing.templatetags.components import badge
from licensing.transport import MODE_WORDS, RULE_WORDS

NO_CHANGE = "nothing changes"


class TransportTable(PortalTable):
    sparse = ("registration_url",)
    name = TitleColumn("cluster", below=lambda cluster: cluster.get_application_display(), verbose_name="Cluster")
    customer = LinkColumn("customer", order_by=("customer__name", "pk"))
    mode = tables.Column(empty_values=(), orderable=False, verbose_name="Transport")
    rule = tables.Column(empty_values=(), orderable=False)
    registration_url = tables.Column(empty_values=(), orderable=False, verbose_name="Registration URL")
    if_moved = tables.Column(empty_values=(), orderable=False, verbose_name="If the proxy moved")

    def render_mode(self, record: Cluster) -> SafeString:
        mode = fleet.transport_of(record).mode
        return badge(mode, MODE_WORDS[mode])

    def value_mode(self, record: Cluster) -> str:
        return fleet.transport_of(record).mode.value

    def render_rule(self, record: Cluster) -> SafeString:
        found = fleet.transport_of(record)
        return format_html('{} <span class="sub">{}</span>', RULE_WORDS[found.rule], found.why)

    def value_rule(self, record: Cluster) -> str:
        return fleet.transport_of(record).rule.value

    def render_registration_url(self, record: Cluster) -> SafeString | str:
        """An address has no place to break a line at, and would push the last column out of sight."""
        url = self.value_registration_url(record)
        return format_html('<span class="mono">{}</span>', url) if url else ""

    def value_registration_url(self, record: Cluster) -> str:
        return fleet.transport_of(record).registration_url or ""

    def render_if_moved(self, record: Cluster) -> SafeString | str:
        change = fleet.change_if_proxy_moved(record)
        return change or format_html('<span class="muted">{}</span>', NO_CHANGE)

    def value_if_moved(self, record: Cluster) -> str:
        return fleet.change_if_proxy_moved(record) or NO_CHANGE
