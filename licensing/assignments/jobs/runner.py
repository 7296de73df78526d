"""Carrying a job out, stage by stage, from where it stands."""

import logging

from django.utils import timezone

from kit.refusals import Refusal
from kit.secrets import SecretUnreadable
from licensing.assignments.jobs import records, stages
from licensing.assignments.jobs.effects import changes_mode
from licensing.assignments.jobs.stages import Awaited, Outcome, Passed, Skipped, Work
from licensing.assignments.models import AssignmentJob, AssignmentStage
from licensing.cisco.errors import CssmError
from licensing.fleet.access import reach
from licensing.fleet.access.answers import ByHand, ReachError
from licensing.fleet.models import Cluster
from licensing.mirror.models import VirtualAccount
from people import audit
from people.audit import SYSTEM

log = logging.getLogger(__name__)
State, Stage = AssignmentJob.State, AssignmentStage.State
AGAIN = "Settle it, then try again: it goes on at this stage."
LATE = "Try again when it may go on: it begins at once then, outside of the window. Or end the assignment."


def run(job: AssignmentJob) -> AssignmentJob:
    """Go on at the first stage that is not over, until one needs a person, fails, or all are done.

    Takes up jobs that wait and those whose worker has died; leaves alone what another worker is at. The job as it is
    afterwards.
    """
    with records.only_one(job) as ours:
        if ours and records.begin(job):
            try:
                _go_on(job)
            except records.JobTaken:
                log.info("Assignment job %s was cancelled while a worker was at it.", job.pk)
    return AssignmentJob.objects.filter(pk=job.pk).first() or job


def lost() -> list[int]:
    """Ids of jobs whose worker has died: run them again."""
    return records.without_worker()


def _go_on(job: AssignmentJob) -> None:
    for stage in AssignmentStage.objects.filter(job=job).exclude(state__in=AssignmentStage.OVER):
        if not _do(stage):
            return
    records.finish(job)


def _do(stage: AssignmentStage) -> bool:
    """Whether the next stage may begin."""
    missed = _missed_window(stage)
    records.start_stage(stage)
    if missed:
        _fail(stage, missed, LATE)
        return False
    try:
        work = _work(stage.job_id)
        outcome = stages.act(stage.kind, work)
    except (Refusal, CssmError, ReachError) as error:
        _fail(stage, error.message, error.next_step or AGAIN)
    except SecretUnreadable as error:
        _fail(stage, str(error), "Enter that secret again, then try again.")
    except Exception:
        log.exception("Stage %s of assignment job %s failed", stage.kind, stage.job_id)
        _fail(stage, "The portal made an error.", "Report it: the log of the worker holds the details.")
    else:
        return _settle(stage, outcome, work)
    return False


def _missed_window(stage: AssignmentStage) -> str:
    """Nothing of a batch begins after its window: its worker, or the broker, may have been away until then. Who tries
    again has decided that it goes on now."""
    batch = stage.job.batch
    first = stage.kind == AssignmentStage.Kind.VERIFICATION and stage.started_at is None
    if batch is None or not first or timezone.now() < batch.window_end:
        return ""
    return f"The window of “{batch}” closed before a worker came to it, so nothing was begun."


def _settle(stage: AssignmentStage, outcome: Outcome, work: Work) -> bool:
    if isinstance(outcome, ByHand):
        records.settle_stage(stage, Stage.BY_HAND, State.BY_HAND, instructions=outcome.instructions)
        return False
    if isinstance(outcome, Awaited):
        records.settle_stage(stage, Stage.RUNNING, State.VERIFYING, cause=outcome.text)
        return False
    state = Stage.SKIPPED if isinstance(outcome, Skipped) else Stage.DONE
    records.settle_stage(stage, state, State.RUNNING, cause=outcome.text)
    if stage.kind == AssignmentStage.Kind.LICENSE_MODE and isinstance(outcome, Passed):
        record_mode(work.cluster, work.pool)
    return True


def record_mode(cluster: Cluster, pool: VirtualAccount) -> None:
    """The cluster now runs in the mode of its virtual account; Expressway has none to record."""
    if changes_mode(cluster, pool):
        audit.change(SYSTEM, "changed", cluster, deployment=pool.license_mode)


def _fail(stage: AssignmentStage, cause: str, next_step: str) -> None:
    records.settle_stage(stage, Stage.FAILED, State.FAILED, cause=cause, next_step=next_step)


def _work(job_id: int) -> Work:
    """As things are now, not as they were when the job began."""
    rows = AssignmentJob.objects.select_related("virtual_account__smart_account__license_server", "previous")
    job = rows.filter(pk=job_id).first()
    if job is None:
        raise records.JobTaken
    clusters = Cluster.objects.select_related("customer__proxy", "proxy", "license_server").prefetch_related("nodes")
    cluster = clusters.get(pk=job.cluster_id)
    return Work(job, cluster, job.virtual_account, reach.way_to(cluster))
