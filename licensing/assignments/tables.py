"""Tables of assignment jobs and batches."""

import django_tables2 as tables
from django.utils.html import format_html
from django.utils.safestring import SafeString

from kit.tables import (
    LinkColumn,
    MomentColumn,
    NumberColumn,
    PortalTable,
    SinceColumn,
    StateColumn,
    TitleColumn,
    WhenColumn,
)
from kit.templatetags.components import badge
from licensing.assignments.models import AssignmentBatch, AssignmentJob


class JobTable(PortalTable):
    cluster = TitleColumn(
        "assignment-job",
        below=lambda job: job.cluster.customer,
        order_by=("cluster__name", "pk"),
        verbose_name="Cluster",
    )
    kind = tables.Column(verbose_name="What")
    virtual_account = LinkColumn("virtual-account", order_by=("virtual_account__name", "pk"))
    state = StateColumn()
    stage = tables.Column(empty_values=(), orderable=False, verbose_name="Stage")
    requested_at = SinceColumn(verbose_name="Asked for")
    requested_by = tables.Column(verbose_name="By")

    def render_stage(self, record: AssignmentJob) -> str:
        """The one that it stands at; prefetched."""
        stages = [stage for stage in record.stages.all() if stage.state not in stage.OVER]
        return stages[0].get_kind_display() if stages and record.open else ""

    def value_stage(self, record: AssignmentJob) -> str:
        return self.render_stage(record)


class BatchTable(PortalTable):
    name = TitleColumn("assignment-batch", verbose_name="Batch")
    kind = tables.Column(verbose_name="What")
    virtual_account = LinkColumn("virtual-account", order_by=("virtual_account__name", "pk"))
    cluster_count = NumberColumn(verbose_name="Clusters")
    window_start = WhenColumn(verbose_name="Window opens")
    state = tables.Column(verbose_name="State")

    def render_state(self, record: AssignmentBatch) -> SafeString:
        if waits_for_approval(record):
            return format_html("{} {}", badge(record.state), badge("approval"))
        return badge(record.state)

    def value_state(self, record: AssignmentBatch) -> str:
        return record.state


def waits_for_approval(batch: AssignmentBatch) -> bool:
    return batch.state == AssignmentBatch.State.PLANNED and batch.needs_approval and not batch.approved_by


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


class PastAssignmentTable(PortalTable):
    """Assignments that were current at the end of a day."""

    cluster = TitleColumn(
        "assignment", below=lambda row: row.cluster.customer, order_by=("cluster__name", "pk"), verbose_name="Cluster"
    )
    virtual_account = LinkColumn("virtual-account", order_by=("virtual_account__name", "pk"))
    smart_account = LinkColumn(
        "smart-account",
        accessor="virtual_account__smart_account",
        order_by=("virtual_account__smart_account__name", "pk"),
    )
    started_at = WhenColumn(verbose_name="Since")
    started_by = tables.Column(verbose_name="By")
    as_of = MomentColumn()
