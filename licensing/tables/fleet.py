"""Tables of customers, clusters and assignments."""

import django_tables2 as tables
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from licensing.models import Assignment, Cluster
from licensing.tables.base import (
    EndColumn,
    LinkColumn,
    NumberColumn,
    PortalTable,
    SinceColumn,
    StateColumn,
    TitleColumn,
)
from licensing.templatetags.components import tag_links

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


class AssignmentTable(PortalTable):
    sparse = ("state", "ended_at")
    cluster = TitleColumn(
        "assignment", below=lambda row: row.cluster.customer, order_by=("cluster__name", "pk"), verbose_name="Cluster"
    )
    virtual_account = LinkColumn("virtual-account", order_by=("virtual_account__name", "pk"))
    smart_account = LinkColumn(
        "smart-account",
        accessor="virtual_account__smart_account",
        order_by=("virtual_account__smart_account__name", "pk"),
    )
    state = StateColumn(orderable=False)
    started_at = SinceColumn(verbose_name="Since")
    started_by = tables.Column(verbose_name="By")
    ended_at = SinceColumn(verbose_name="Ended")


def current_pool(cluster: Cluster) -> Assignment | None:
    """Prefetched by the view as `current`: at most one."""
    current: list[Assignment] = getattr(cluster, "current", [])
    return current[0] if current else None
