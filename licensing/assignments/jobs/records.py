"""The life of an AssignmentJob: made with its four stages, moved by compare and swap, held by one worker at a time.

A worker holds the job's lock, so a job that is running without one has lost its worker; whoever takes it up goes on at
the stage that was under way.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from kit.broker import send_on_commit
from kit.worker_lock import WorkerLock
from licensing.assignments.models import Assignment, AssignmentBatch, AssignmentJob, AssignmentStage
from licensing.fleet.models import Cluster
from licensing.mirror.models import VirtualAccount
from people.audit import Actor

State, Stage = AssignmentJob.State, AssignmentStage.State
CARRY_OUT = "licensing.assignments.tasks.carry_out"
LOCK = WorkerLock("assignment", "assignments_assignmentjob")
WITHOUT_LOCK = f"""
SELECT job.id FROM assignments_assignmentjob job WHERE job.state = 'running' AND {LOCK.unheld("job.id")}
"""


class JobTaken(Exception):
    """The job is no longer ours: it was cancelled, or went away with its cluster."""


def make(
    actor: Actor,
    kind: str,
    cluster: Cluster,
    pool: VirtualAccount,
    *,
    assignment: Assignment | None = None,
    previous: VirtualAccount | None = None,
    batch: AssignmentBatch | None = None,
    override_reason: str = "",
) -> AssignmentJob:
    """Add a job with its stages, in the transaction of its decision; a worker takes it up once that is committed.

    The constraint lets one job per cluster be open.
    """
    job = AssignmentJob.objects.create(
        kind=kind,
        cluster=cluster,
        virtual_account=pool,
        assignment=assignment,
        previous=previous,
        batch=batch,
        override_reason=override_reason.strip(),
        requested_by=actor.label,
    )
    AssignmentStage.objects.bulk_create(
        AssignmentStage(job=job, position=place, kind=kind) for place, kind in enumerate(AssignmentStage.Kind, 1)
    )
    send_on_commit(CARRY_OUT, job.pk)
    return job


def only_one(job: AssignmentJob) -> AbstractContextManager[bool]:
    """Hold the job's lock. False: another worker is at it."""
    return LOCK.only_one(job.pk)


def without_worker() -> list[int]:
    """Ids of jobs that are running, and whose worker has died."""
    with connection.cursor() as cursor:
        cursor.execute(WITHOUT_LOCK)
        return [number for (number,) in cursor.fetchall()]


def begin(job: AssignmentJob) -> bool:
    """Compare and swap to running. Under the job's lock: one that is running already has lost its worker."""
    return _move(job.pk, (State.WAITING, State.RUNNING), State.RUNNING)


@transaction.atomic
def start_stage(stage: AssignmentStage) -> None:
    hold(stage.job_id, State.RUNNING)
    stage.state, stage.cause, stage.next_step, stage.instructions = Stage.RUNNING, "", "", []
    stage.started_at = stage.started_at or timezone.now()
    stage.finished_at = None
    stage.save(update_fields=["state", "cause", "next_step", "instructions", "started_at", "finished_at"])


@transaction.atomic
def settle_stage(stage: AssignmentStage, state: str, job_state: str, **words: Any) -> None:
    """What came of the stage, and what the job does next; both or neither. Raises JobTaken."""
    hold(stage.job_id, State.RUNNING)
    for name, value in words.items():
        setattr(stage, name, value)
    stage.state = state
    stage.finished_at = timezone.now() if state in (Stage.DONE, Stage.SKIPPED, Stage.FAILED) else None
    stage.save(update_fields=["state", "finished_at", *words])
    _move(stage.job_id, (State.RUNNING,), job_state)


@transaction.atomic
def finish(job: AssignmentJob) -> None:
    if not _move(job.pk, (State.RUNNING,), State.DONE):
        raise JobTaken


def hold(job_id: int, *states: str) -> AssignmentJob:
    """The job's row, locked. Raises JobTaken unless it is in one of these states."""
    held = AssignmentJob.objects.select_for_update().filter(pk=job_id, state__in=states).first()
    if held is None:
        raise JobTaken
    return held


def move(job: AssignmentJob, come_from: Sequence[str], state: str) -> None:
    """Raises JobTaken when somebody was quicker."""
    if not _move(job.pk, come_from, state):
        raise JobTaken


def _move(job_id: int, come_from: Sequence[str], state: str) -> bool:
    now = timezone.now()
    over = now if state in (State.DONE, State.CANCELLED) else None
    rows = AssignmentJob.objects.filter(pk=job_id, state__in=come_from)
    return bool(rows.update(state=state, moved_at=now, finished_at=over))
