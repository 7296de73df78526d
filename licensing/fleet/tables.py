"""Tables of customers, clusters and transports."""

import django_tables2 as tables
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from kit.tables import EndColumn, LinkColumn, NumberColumn, PortalTable, StateColumn, TitleColumn
from kit.templatetags.components import badge, tag_links
from licensing.assignments.models import Assignment
from licensing.fleet import paths
from licensing.fleet.models import Cluster
from licensing.fleet.transport import MODE_WORDS, RULE_WORDS

EVALUATION_WARN_DAYS = 30


class CustomerTable(PortalTable):
    sparse = ("tags", "note")
    name = TitleColumn("customer", verbose_name="Customer")
    cluster_count = NumberColumn(verbose_name="Clusters")
    assigned_count = NumberColumn(verbose_name="Assigned")
    tags = tables.Column(orderable=False)
    note = tables.Column(orderable=False)

    def render_tags(self, value: list[str]) -> SafeString:
        return tag_links(value)

    def value_tags(self, value: list[str]) -> str:
        return ", ".join(value)

    def render_note(self, value: str) -> str:
        return value if len(value) <= 120 else f"{value[:119]}…"

    def value_note(self, value: str) -> str:
        return value


class ClusterTable(PortalTable):
    sparse = ("evaluation_ends",)
    name = TitleColumn("cluster", below=lambda cluster: cluster.get_application_display(), verbose_name="Cluster")
    customer = LinkColumn("customer", order_by=("customer__name", "pk"))
    version = tables.Column()
    deployment = StateColumn()
    nodes_named = NumberColumn(verbose_name="Nodes")
    status = StateColumn(orderable=False)
    evaluation_ends = EndColumn(EVALUATION_WARN_DAYS, verbose_name="Evaluation")
    pool = tables.Column(empty_values=(), orderable=False, verbose_name="Virtual account")

    def render_pool(self, record: Cluster) -> SafeString | str:
        pool = current_pool(record)
        if pool is None:
            return format_html('<span class="muted">{}</span>', "not assigned")
        address = reverse("virtual-account", args=[pool.virtual_account_id])
        return format_html('<a href="{}">{}</a>', address, pool.virtual_account)

    def value_pool(self, record: Cluster) -> str:
        pool = current_pool(record)
        return str(pool.virtual_account) if pool else ""


def current_pool(cluster: Cluster) -> Assignment | None:
    """Return the current assignment, which the view has prefetched as `current`."""
    current: list[Assignment] = getattr(cluster, "current", [])
    return current[0] if current else None


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
        mode = paths.transport_of(record).mode
        return badge(mode, MODE_WORDS[mode])

    def value_mode(self, record: Cluster) -> str:
        return paths.transport_of(record).mode.value

    def render_rule(self, record: Cluster) -> SafeString:
        found = paths.transport_of(record)
        return format_html('{} <span class="sub">{}</span>', RULE_WORDS[found.rule], found.why)

    def value_rule(self, record: Cluster) -> str:
        return paths.transport_of(record).rule.value

    def render_registration_url(self, record: Cluster) -> SafeString | str:
        """Render the URL so that it can be broken. It would push the last column out of sight otherwise."""
        url = self.value_registration_url(record)
        return format_html('<span class="mono">{}</span>', url) if url else ""

    def value_registration_url(self, record: Cluster) -> str:
        return paths.transport_of(record).registration_url or ""

    def render_if_moved(self, record: Cluster) -> SafeString | str:
        change = paths.change_if_proxy_moved(record)
        return change or format_html('<span class="muted">{}</span>', NO_CHANGE)

    def value_if_moved(self, record: Cluster) -> str:
        return paths.change_if_proxy_moved(record) or NO_CHANGE
