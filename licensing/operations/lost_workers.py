"""Find what a worker left behind that has died, and go on with it."""

from collections.abc import Iterable
from datetime import timedelta

from django.utils import timezone

from kit.broker import send
from licensing.accounts.models import SmartAccount
from licensing.alerts import evaluation
from licensing.assignments import tasks as assignment_tasks
from licensing.channels.tasks import tell
from licensing.mirror.models import SyncRun
from licensing.mirror.sync import runs
from licensing.operations import retries, syncing
from licensing.pools.models import TransferPlan
from licensing.pools.transfers import lock, planning

# A running run beats every second, and at each page where those take longer.
SILENT = timedelta(seconds=30)


def fail_lost_among(shown: Iterable[SyncRun]) -> bool:
    """Fail the runs to be shown whose worker has died, for no worker may be left that would.

    Returns True where there was one: read them again. The database is asked only where a run has been silent for a
    while: a slow page is silent too, and holds its lock.
    """
    silent = timezone.now() - SILENT
    running = (run for run in shown if run.status == SyncRun.Status.RUNNING)
    if not any(run.heartbeat_at and run.heartbeat_at < silent for run in running):
        return False
    return bool(fail_lost_syncs())


def look_for_lost() -> None:
    """Do what `fail_lost_among` does, for pages of many accounts."""
    fail_lost_among(SyncRun.objects.filter(status=SyncRun.Status.RUNNING))


def fail_lost_syncs(account: SmartAccount | None = None) -> list[SyncRun]:
    """Fail the runs (of that account) whose worker has died, plan the next attempt, evaluate alerts and notify."""
    lost = runs.fail_lost(account)
    for run in lost:
        retries.bring_forward(run.smart_account)
        evaluation.evaluate(smart_account_id=run.smart_account_id)
    if lost:
        tell()
    return lost


def recover_all() -> None:
    """Find lost syncs and transfer plans, and send again what waits for a message that may be lost."""
    for run in runs.fail_lost():
        retries.bring_forward(run.smart_account)
    for plan in lock.fail_lost():
        syncing.sync_soon(plan.smart_account, str(plan).lower())
    long_ago = timezone.now() - syncing.QUEUED_LONG
    forgotten = SyncRun.objects.filter(status=SyncRun.Status.QUEUED, queued_at__lt=long_ago)
    for number in forgotten.values_list("pk", flat=True):
        send(syncing.RUN_SYNC, number)
    plans = TransferPlan.objects.filter(state=TransferPlan.State.QUEUED, queued_at__lt=long_ago)
    for number in plans.values_list("pk", flat=True):
        send(planning.RUN_PLAN, number)
    assignment_tasks.send_again(long_ago)
