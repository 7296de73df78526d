"""Decisions about where a cluster belongs: assign, reassign, end. Each writes the Assignment and the job together.

What is decided counts at once; the job brings the cluster there. A decision that comes while the one before has not
begun to change anything takes its place.
"""

from django.db import IntegrityError, transaction
from django.utils import timezone

from kit.refusals import Refusal
from licensing.assignments.checks import Step, refuse
from licensing.assignments.jobs import records
from licensing.assignments.models import Assignment, AssignmentBatch, AssignmentJob, AssignmentStage
from licensing.fleet.access import reach
from licensing.fleet.models import Cluster
from licensing.mirror import deletion
from licensing.mirror.models import ProductInstance, VirtualAccount
from people import audit
from people.audit import Actor

Kind = AssignmentJob.Kind


@transaction.atomic
def assign(
    actor: Actor,
    cluster: Cluster,
    virtual_account: VirtualAccount,
    *,
    override_reason: str = "",
    batch: AssignmentBatch | None = None,
) -> Assignment:
    """Raises NotAssignable with every reason against it. `override_reason`: why it goes on although licenses will be
    short. Of two at the same moment one waits, and then is refused like anybody who comes later.

    A cluster whose products stand in another virtual account, as Cisco sees it, leaves that one first.
    """
    cluster, pool = _lock_rows(cluster, virtual_account)
    refuse(cluster, pool, Step.ASSIGN, override_reason)
    _take_place_of_open_job(actor, cluster)
    return _decide(actor, "assigned", cluster, pool, _seen_elsewhere(cluster, pool), override_reason, batch)


@transaction.atomic
def reassign(
    actor: Actor,
    cluster: Cluster,
    virtual_account: VirtualAccount,
    *,
    override_reason: str = "",
    batch: AssignmentBatch | None = None,
) -> Assignment:
    """From the virtual account that it is assigned to, to another one: deregister there, then register here."""
    cluster, pool = _lock_rows(cluster, virtual_account)
    refuse(cluster, pool, Step.REASSIGN, override_reason)
    current = Assignment.objects.current().select_related("virtual_account").get(cluster=cluster)
    previous = _seen_elsewhere(cluster, pool) or (current.virtual_account if _may_be_registered(cluster) else None)
    _take_place_of_open_job(actor, cluster)
    _end_row(actor, current)
    return _decide(actor, "reassigned", cluster, pool, previous, override_reason, batch)


@transaction.atomic
def end(actor: Actor, assignment: Assignment, batch: AssignmentBatch | None = None) -> Assignment:
    """The cluster belongs nowhere from now on; where it is or may be registered, a job deregisters it.

    Raises Refusal when it has ended already, or a worker is changing the cluster right now.
    """
    current = Assignment.objects.current().filter(pk=assignment.pk)
    held = Cluster.objects.select_for_update(no_key=True).filter(pk=assignment.cluster_id).first()
    if held is None or not current.exists():
        raise Refusal(f"This assignment of {assignment.cluster} has ended already.", "Reload the list.")
    registered = _may_be_registered(held)
    _take_place_of_open_job(actor, held)
    _end_row(actor, assignment)
    if registered:
        records.make(actor, Kind.UNASSIGN, held, assignment.virtual_account, assignment=assignment, batch=batch)
    return assignment


def _decide(
    actor: Actor,
    action: str,
    cluster: Cluster,
    pool: VirtualAccount,
    previous: VirtualAccount | None,
    override_reason: str,
    batch: AssignmentBatch | None,
) -> Assignment:
    made = Assignment.objects.create(cluster=cluster, virtual_account=pool, started_by=actor.label)
    kind = Kind.REASSIGN if previous else Kind.ASSIGN
    try:
        with transaction.atomic():
            records.make(
                actor,
                kind,
                cluster,
                pool,
                assignment=made,
                previous=previous,
                batch=batch,
                override_reason=override_reason,
            )
    except IntegrityError:
        raise Refusal(f"Somebody else has just begun something with {cluster}.", "Reload its page.") from None
    audit.record(actor, action, made, changes=_audit_changes(previous, override_reason))
    return made


def _audit_changes(previous: VirtualAccount | None, override_reason: str) -> dict[str, list[str]]:
    changes = {"from": [str(previous), ""]} if previous else {}
    return changes | ({"override_reason": ["", override_reason.strip()]} if override_reason.strip() else {})


def _end_row(actor: Actor, assignment: Assignment) -> None:
    now = timezone.now()
    if not Assignment.objects.current().filter(pk=assignment.pk).update(ended_at=now, ended_by=actor.label):
        raise Refusal(f"This assignment of {assignment.cluster} has ended already.", "Reload the list.")
    assignment.refresh_from_db()
    audit.record(actor, "ended", assignment)


def _take_place_of_open_job(actor: Actor, cluster: Cluster) -> None:
    """A job that no worker is at gives way. By hand nothing happens on the cluster, so those always do."""
    job = AssignmentJob.objects.open().select_for_update().filter(cluster=cluster).first()
    if job is None:
        return
    if job.state == AssignmentJob.State.RUNNING and not reach.asks_people(reach.way_to(cluster)):
        raise Refusal(f"“{job}” is changing the cluster right now.", "Wait until the job's page says what came of it.")
    close(actor, job, f"{actor.label} decided otherwise.")


def close(actor: Actor, job: AssignmentJob, cause: str) -> None:
    """Cancel an open job. What it has done already on the cluster stays done."""
    records.move(job, AssignmentJob.OPEN, AssignmentJob.State.CANCELLED)
    job.stages.exclude(state__in=AssignmentStage.OVER).update(
        state=AssignmentStage.State.SKIPPED, cause=cause, next_step="", finished_at=timezone.now()
    )
    audit.record(actor, "cancelled", job, changes={"state": [job.state, AssignmentJob.State.CANCELLED]})


def _may_be_registered(cluster: Cluster) -> bool:
    """Cisco lists it, or a job has come as far as its registration: then its deregistration may be needed."""
    if ProductInstance.objects.present().filter(cluster=cluster).exists():
        return True
    last = AssignmentJob.objects.filter(cluster=cluster).exclude(kind=Kind.UNASSIGN).order_by("-id").first()
    if last is None:
        return False
    registration = last.stages.get(kind=AssignmentStage.Kind.REGISTRATION)
    return registration.state not in (AssignmentStage.State.WAITING, AssignmentStage.State.SKIPPED)


def _seen_elsewhere(cluster: Cluster, pool: VirtualAccount) -> VirtualAccount | None:
    """The one other virtual account in which Cisco lists its products."""
    rows = VirtualAccount.objects.filter(product_instances__cluster=cluster, product_instances__gone_at=None)
    return rows.exclude(pk=pool.pk).order_by("pk").first()


def _lock_rows(cluster: Cluster, pool: VirtualAccount) -> tuple[Cluster, VirtualAccount]:
    """Both as they are now: neither may be deleted, change its version or purpose, or go until we are done."""
    try:
        held = Cluster.objects.select_for_update(no_key=True).get(pk=cluster.pk)
        pools = VirtualAccount.objects.select_for_update(no_key=True, of=("self",))
        pool = pools.select_related("smart_account__license_server").get(pk=pool.pk)
    except (Cluster.DoesNotExist, VirtualAccount.DoesNotExist):
        raise Refusal("The cluster or the virtual account was deleted just now.", "Reload the list.") from None
    deletion.check_stays(pool)
    return held, pool
