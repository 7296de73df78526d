"""The lock that makes an execution the only one of its smart account, and the executions whose worker has died.

Syncs have a lock of their own: they only read, and one that saw half of a plan is followed by another.
"""

from contextlib import AbstractContextManager

from django.db import connection
from django.utils import timezone

from kit.worker_lock import WorkerLock, keep_alive
from licensing.accounts.models import SmartAccount
from licensing.pools.models import TransferPlan, TransferStep

LOCK = WorkerLock("transfer", "pools_transferplan")
RUNNING_WITHOUT_LOCK = f"""
SELECT plan.id FROM pools_transferplan plan
WHERE plan.state = 'running' AND (%(account)s::bigint IS NULL OR plan.smart_account_id = %(account)s)
    AND {LOCK.unheld("plan.smart_account_id")}
"""
PATIENCE_SECONDS = 3.0
LOST_CAUSE = "The worker that executed this plan ended before the plan was complete."
LOST_NEXT_STEP = (
    "Execute it again: what Cisco has done is read back first, and nothing is sent twice. If this repeats, see why the "
    "worker ended."
)
LOST_STEP = "The worker ended before Cisco's answer was written down."


def only_one(account_id: int) -> AbstractContextManager[bool]:
    """Hold the account's lock. False: another execution holds it."""
    keep_alive()
    return LOCK.only_one(account_id, PATIENCE_SECONDS)


def fail_lost(account: SmartAccount | None = None) -> list[TransferPlan]:
    """Stop every running plan (of that account) whose worker has died, and return them."""
    with connection.cursor() as cursor:
        cursor.execute(RUNNING_WITHOUT_LOCK, {"account": account.pk if account else None})
        numbers = [number for (number,) in cursor.fetchall()]
    return [plan for plan in TransferPlan.objects.filter(pk__in=numbers) if stop_lost(plan)]


def stop_lost(plan: TransferPlan) -> bool:
    """Compare and swap to stopped; the step that was under way is unclear. False: it is not running any more."""
    stopped = TransferPlan.objects.filter(pk=plan.pk, state=TransferPlan.State.RUNNING).update(
        state=TransferPlan.State.STOPPED, finished_at=timezone.now(), cause=LOST_CAUSE, next_step=LOST_NEXT_STEP
    )
    if stopped:
        sending = plan.steps.filter(state=TransferStep.State.SENDING)
        sending.update(state=TransferStep.State.UNCLEAR, cause=LOST_STEP)
        plan.refresh_from_db()
    return bool(stopped)
