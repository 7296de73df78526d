"""Guide a SyncRun from request to end, under the lock that makes it the only one of its account.

A run that is running holds its account's lock, so a run without a lock is one whose worker has died.
"""

from contextlib import AbstractContextManager

from django.db import connection
from django.utils import timezone

from kit.refusals import Refusal
from kit.worker_lock import WorkerLock, keep_alive
from licensing.accounts.models import SmartAccount
from licensing.mirror.models import SyncRun

LOCK = WorkerLock("sync", "mirror_syncrun")
RUNNING_WITHOUT_LOCK = f"""
SELECT run.id FROM mirror_syncrun run
WHERE run.status = 'running' AND (%(account)s::bigint IS NULL OR run.smart_account_id = %(account)s)
    AND {LOCK.unheld("run.smart_account_id")}
"""
# A run that has just recorded its end releases its lock within moments.
LOCK_PATIENCE_SECONDS = 5.0

LOST_CAUSE = "The worker stopped before this sync was complete."
LOST_NEXT_STEP = (
    "Nothing has changed, and the next sync starts automatically. If this happens again, check why the worker stopped: "
    "see its log, its memory and its restarts."
)


class RunTaken(Exception):
    """The run is no longer ours: its row was failed as lost, or went away with its account."""


def request(smart_account: SmartAccount, requested_by: str) -> tuple[SyncRun, bool]:
    """Return a new run, or the unfinished one if there is one. The second value tells whether it is new."""
    if smart_account.paused_at:
        raise Refusal(f"{smart_account} is paused.", "Resume it first.")
    fail_lost(smart_account)
    return SyncRun.objects.unfinished().get_or_create(
        smart_account=smart_account, defaults={"requested_by": requested_by, "status": SyncRun.Status.QUEUED}
    )


def fail_lost(smart_account: SmartAccount | None = None) -> list[SyncRun]:
    """Fail every running run (of that account) whose worker has died, and return them."""
    with connection.cursor() as cursor:
        cursor.execute(RUNNING_WITHOUT_LOCK, {"account": smart_account.pk if smart_account else None})
        lost = SyncRun.objects.select_related("smart_account").in_bulk([number for (number,) in cursor.fetchall()])
    return [run for run in lost.values() if fail(run, SyncRun.Reason.LOST, LOST_CAUSE, LOST_NEXT_STEP)]


def only_one(run: SyncRun) -> AbstractContextManager[bool]:
    """Hold the account's lock. Yields False when another worker holds it."""

    def still_queued() -> bool:
        run.refresh_from_db()
        return run.status == SyncRun.Status.QUEUED

    keep_alive()
    return LOCK.only_one(run.smart_account_id, LOCK_PATIENCE_SECONDS, still_queued)


def begin(run: SyncRun) -> bool:
    """Set a queued run to running by compare and swap. Call it under the account's lock."""
    now = timezone.now()
    begun = SyncRun.objects.filter(pk=run.pk, status=SyncRun.Status.QUEUED).update(
        status=SyncRun.Status.RUNNING, started_at=now, heartbeat_at=now, progress=progress("Signing in")
    )
    run.refresh_from_db()
    return bool(begun)


def beat(run: SyncRun, step: dict[str, object]) -> None:
    """Write the progress. Raises RunTaken when the run is no longer ours."""
    now = timezone.now()
    mine = SyncRun.objects.filter(pk=run.pk, status=SyncRun.Status.RUNNING)
    if not mine.update(heartbeat_at=now, progress=step):
        raise RunTaken


def succeed(run: SyncRun, counts: dict[str, int], remark: str = "") -> None:
    """Record success in the transaction of the merge.

    The run and the account's age change with the mirror, or not at all.
    """
    now = timezone.now()
    mine = SyncRun.objects.filter(pk=run.pk, status=SyncRun.Status.RUNNING)
    ended = {"finished_at": now, "heartbeat_at": now, "progress": {}, "remark": remark}
    if not mine.update(status=SyncRun.Status.SUCCEEDED, **ended, **counts):
        raise RunTaken
    SmartAccount.objects.filter(pk=run.smart_account_id).update(last_synced_at=now)


def fail(run: SyncRun, reason: str, cause: str, next_step: str) -> bool:
    """Set a run to failed by compare and swap. Returns False when it was already finished, or is gone."""
    now = timezone.now()
    mine = SyncRun.objects.filter(pk=run.pk, status__in=SyncRun.UNFINISHED)
    return bool(
        mine.update(
            status=SyncRun.Status.FAILED, finished_at=now, progress={}, reason=reason, cause=cause, next_step=next_step
        )
    )


def progress(step: str, done: int = 0, total: int | None = None) -> dict[str, object]:
    return {"step": step, "done": done, "total": total}
