"""Celery tasks that span subjects: syncs, connection tests, transfers, the evaluation of alerts, retention."""

from typing import Any

from celery import shared_task

from licensing.accounts import clients
from licensing.accounts.models import LicenseServer, SmartAccount
from licensing.accounts.schedules import unplan_sync
from licensing.alerts import evaluation
from licensing.channels.delivery import retention as delivery_retention
from licensing.channels.tasks import tell
from licensing.mirror.models import SyncRun
from licensing.mirror.sync import runs
from licensing.operations import lost_workers, requests, retention, schedules, syncing
from licensing.pools.models import TransferPlan
from licensing.pools.transfers import executing


@shared_task
def sync_smart_account(smart_account_id: int) -> None:
    """Sync by schedule. After a lost worker the next try waits, or what killed one would kill one after the other."""
    account = SmartAccount.objects.active().filter(pk=smart_account_id).first()
    if account is None:
        unplan_sync(smart_account_id)
    elif not lost_workers.fail_lost_syncs(account):
        run, _ = runs.request(account, "schedule")
        syncing.follow(syncing.run_sync(run))


@shared_task
def run_sync(sync_run_id: int) -> None:
    """Sync because a person asked. A message that comes twice finds its run begun and leaves it alone."""
    run = SyncRun.objects.select_related("smart_account__license_server").filter(pk=sync_run_id).first()
    if run and run.unfinished:
        syncing.follow(syncing.run_sync(run))


@shared_task
def watch_sync(sync_run_id: int) -> None:
    """Look after a run every minute while a worker is at it, and once after that worker has died."""
    run = SyncRun.objects.select_related("smart_account").filter(pk=sync_run_id).first()
    if run is None or not run.unfinished or lost_workers.fail_lost_syncs(run.smart_account):
        schedules.unwatch_sync(sync_run_id)


@shared_task
def evaluate_alerts() -> None:
    """Evaluate alerts every 15 minutes; work whose worker died is found here at the latest."""
    lost_workers.recover_all()
    evaluation.evaluate()
    tell()


@shared_task
def check_connection(license_server_id: int) -> None:
    """Test the connection to a license server, then evaluate alerts."""
    server = LicenseServer.objects.filter(pk=license_server_id).first()
    if server:
        clients.check(server)
        evaluation.evaluate()
        tell()


@shared_task
def run_transfer_plan(plan_id: int) -> None:
    """Execute a transfer plan. A message that comes twice finds the plan begun or over."""
    rows = TransferPlan.objects.select_related("smart_account__license_server", "started_by")
    plan = rows.filter(pk=plan_id).first()
    if plan and plan.executing and not executing.run(plan).executing:
        syncing.sync_soon(plan.smart_account, str(plan).lower())


@shared_task
def carry_out_request(key: str, action: str, arguments: dict[str, Any]) -> None:
    """Carry out one request to Cisco. A message that comes twice finds its request over: nothing is sent twice."""
    requests.carry_out(key, action, arguments)


@shared_task
def prune() -> None:
    """Delete what is older than the settings say, every day."""
    retention.prune()
    delivery_retention.prune()
