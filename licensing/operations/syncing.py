"""Run syncs and do what follows them: match clusters, settle assignment jobs, evaluate alerts, notify."""

from datetime import datetime, timedelta
from functools import partial

from django.db.models import Q
from django.utils import timezone

from kit.broker import BrokerUnavailable, send
from kit.refusals import Refusal
from licensing.accounts.models import SmartAccount
from licensing.accounts.schedules import plan_sync
from licensing.alerts import evaluation
from licensing.alerts.models import Alert
from licensing.assignments.batch_tokens import renew_tokens
from licensing.assignments.jobs import registration_check
from licensing.channels.tasks import tell
from licensing.fleet.matching import match_clusters
from licensing.history.recording import record
from licensing.mirror.models import SyncRun
from licensing.mirror.sync import running, runs
from licensing.mirror.sync.fetching import OnProgress
from licensing.mirror.sync.merging import Following
from licensing.operations import retries, schedules
from licensing.orders.movements import note_movements
from licensing.pools.models import TransferPlan

RUN_SYNC = "licensing.operations.tasks.run_sync"
# A run still queued after this long is sent again, because its message may be lost. Sending it twice is harmless.
QUEUED_LONG = timedelta(minutes=5)


def start_sync(smart_account: SmartAccount, requested_by: str) -> SyncRun:
    """Queue a sync, or return the unfinished one. Raises Refusal (paused) and BrokerUnavailable."""
    run, created = runs.request(smart_account, requested_by)
    if created:
        send(RUN_SYNC, run.pk, undo=run.delete)
    elif run.status == SyncRun.Status.QUEUED and run.queued_at < timezone.now() - QUEUED_LONG:
        send(RUN_SYNC, run.pk)
    return run


def sync_soon(account: SmartAccount, requested_by: str) -> None:
    """Start a sync as soon as possible; a paused account is left alone."""
    try:
        start_sync(account, requested_by)
    except Refusal:
        return  # paused: its figures are of no interest now
    except BrokerUnavailable:
        plan_sync(account, soon=True)


def run_sync(run: SyncRun, on_progress: OnProgress | None = None) -> SyncRun:
    """Mirror one smart account, then settle the jobs that waited for it and evaluate its alerts. Returns the run.

    Should this process die meanwhile, a worker finds that within two minutes.
    """
    schedules.watch_sync(run.pk)
    differs = running.run(run, Following(match_clusters, partial(_record, run.pk)), on_progress)
    run = SyncRun.objects.select_related("smart_account").filter(pk=run.pk).first() or run
    if run.unfinished:  # another worker holds it
        return run
    if run.status == SyncRun.Status.SUCCEEDED:
        differs = bool(registration_check.look(run)) or differs
    if differs or _may_close_alerts(run):
        evaluation.evaluate(smart_account_id=run.smart_account_id)
    schedules.unwatch_sync(run.pk)
    return run


def _record(run: int, accounts: list[int], now: datetime) -> None:
    """Keep the figures in the history, and note what moved."""
    record(accounts, now)
    for account in accounts:
        note_movements(account, run, now)


def follow(run: SyncRun) -> None:
    """Notify, plan the next attempt after a failure, renew tokens, and sync again after a transfer."""
    tell()
    if run.status == SyncRun.Status.FAILED and run.reason in retries.PASSING:
        retries.bring_forward(run.smart_account)
    if run.status != SyncRun.Status.SUCCEEDED:
        return
    renew_tokens(run.smart_account)
    moved = TransferPlan.objects.filter(smart_account=run.smart_account_id, finished_at__gt=run.queued_at)
    if moved.exists():
        sync_soon(run.smart_account, "transfer plan")  # it may have seen half of what moved


def _may_close_alerts(run: SyncRun) -> bool:
    """Return whether an alert is open that a complete sync may close.

    All else that such a sync leaves to find comes with time alone, and the evaluation every 15 minutes finds it.
    """
    account = run.smart_account
    subjects = Q(subject_type="smart_account", subject_id=account.pk)
    subjects |= Q(subject_type="license_server", subject_id=account.license_server_id)
    return Alert.objects.open().filter(subjects).exists()
