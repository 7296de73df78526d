"""What people do with a job: confirm a stage done by hand, or say that it failed; try again; cancel."""

from django.db import transaction
from django.utils import timezone

from kit.broker import send_on_commit
from kit.refusals import Refusal
from licensing.assignments.decisions import close
from licensing.assignments.jobs import records
from licensing.assignments.jobs.runner import record_mode
from licensing.assignments.models import AssignmentJob, AssignmentStage
from licensing.fleet import paths
from licensing.fleet.models import Cluster
from people import audit
from people.audit import Actor

State, Stage = AssignmentJob.State, AssignmentStage.State
LICENSE_MODE, TRANSPORT = AssignmentStage.Kind.LICENSE_MODE, AssignmentStage.Kind.TRANSPORT
REGISTRATION = AssignmentStage.Kind.REGISTRATION
ADVANCE_BATCH = "licensing.assignments.tasks.advance_batch"
AWAITED = "Confirmed. The next sync shows whether Cisco agrees."


@transaction.atomic
def confirm(actor: Actor, job: AssignmentJob, stage_kind: str) -> AssignmentJob:
    """The person has done what the run sheet of this stage says. Registration then waits for a sync that shows it."""
    stage = _by_hand(job, stage_kind)
    awaited = stage.kind == REGISTRATION
    stage.confirmed_by = actor.label
    stage.state = Stage.RUNNING if awaited else Stage.DONE
    stage.cause = AWAITED if awaited else _how_it_is_now(job, stage.kind)
    stage.finished_at = None if awaited else timezone.now()
    stage.save(update_fields=["confirmed_by", "state", "cause", "finished_at"])
    records.move(job, [State.BY_HAND], State.VERIFYING if awaited else State.WAITING)
    if stage.kind == LICENSE_MODE and job.kind != AssignmentJob.Kind.UNASSIGN:
        record_mode(job.cluster, job.virtual_account)
    audit.record(actor, "confirmed", job, changes={"stage": ["", stage.kind]})
    job.refresh_from_db()
    if job.state == State.WAITING:
        send_on_commit(records.CARRY_OUT, job.pk)
    elif job.batch_id:
        send_on_commit(ADVANCE_BATCH, job.batch_id)
    return job


@transaction.atomic
def report_failure(actor: Actor, job: AssignmentJob, stage_kind: str, cause: str) -> AssignmentJob:
    """The person could not do it; `cause` says why, in their words."""
    if not cause.strip():
        raise Refusal("It is not said what went wrong.", "Say it in a sentence: the next one reads it.", "cause")
    stage = _by_hand(job, stage_kind)
    stage.state, stage.cause, stage.finished_at = Stage.FAILED, cause.strip(), timezone.now()
    stage.next_step = "Settle it, then try again: it goes on at this stage."
    stage.save(update_fields=["state", "cause", "next_step", "finished_at"])
    records.move(job, [State.BY_HAND], State.FAILED)
    audit.record(actor, "reported failure", job, changes={"stage": ["", stage.kind], "cause": ["", stage.cause]})
    job.refresh_from_db()
    return job


@transaction.atomic
def retry(actor: Actor, job: AssignmentJob) -> AssignmentJob:
    """From the stage that failed; what was done before stays done."""
    held = _held(job)
    if held.state != State.FAILED:
        raise Refusal(f"“{job}” has not failed.", "Reload its page.")
    held.stages.filter(state=Stage.FAILED).update(state=Stage.WAITING)
    records.move(held, [State.FAILED], State.WAITING)
    audit.record(actor, "tried again", held)
    send_on_commit(records.CARRY_OUT, job.pk)
    job.refresh_from_db()
    return job


@transaction.atomic
def cancel(actor: Actor, job: AssignmentJob) -> AssignmentJob:
    """Give the job up. What it has done on the cluster stays, and so does the assignment: end that one to undo it."""
    held = _held(job)
    if not held.open:
        raise Refusal(f"“{job}” is over.", "Reload its page.")
    if held.state == State.RUNNING:
        raise Refusal(f"“{job}” is changing the cluster right now.", "Wait until its page says what came of it.")
    close(actor, held, f"Cancelled by {actor.label}.")
    job.refresh_from_db()
    return job


def _how_it_is_now(job: AssignmentJob, stage_kind: str) -> str:
    """Of the transport: a later job sees by it that nothing has changed since."""
    return paths.transport_of(job.cluster).why if stage_kind == TRANSPORT else ""


def _held(job: AssignmentJob) -> AssignmentJob:
    """The cluster before the job, as all decisions lock them: in another order two would wait for each other."""
    Cluster.objects.select_for_update(no_key=True).filter(pk=job.cluster_id).first()
    held = AssignmentJob.objects.select_for_update().filter(pk=job.pk).first()
    if held is None:
        raise Refusal("This job went away with its cluster.", "Go to the list of jobs.")
    return held


def _by_hand(job: AssignmentJob, stage_kind: str) -> AssignmentStage:
    """The stage that waits for a person, if it is the one they were looking at."""
    held = _held(job)
    stage = held.stages.filter(state=Stage.BY_HAND).first() if held.state == State.BY_HAND else None
    if stage is None or stage.kind != stage_kind:
        raise Refusal("This step does not wait for anybody any more.", "Reload the page of the job.")
    return stage
