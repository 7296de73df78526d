"""Celery entry points, and what callers need to start and plan them. The only module of licensing that schedules,
beside `assigning`.
"""

import random
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from celery import shared_task
from django.utils import timezone

from licensing import (
    access,
    accounts,
    alerts,
    assigning,
    auto_registration,
    connect,
    history,
    notify,
    queueing,
    sync,
    transfers,
)
from licensing.models import (
    AutoRegistration,
    ClusterAccess,
    LicenseServer,
    SmartAccount,
    SyncRun,
    TransferPlan,
)
from licensing.refusals import Refusal
from licensing.sync.fetching import OnProgress
from licensing.telling import tell
from people.audit import Actor
from tenants import schedule

BrokerUnavailable = queueing.BrokerUnavailable
_send = queueing.send
RETRY_FIRST = timedelta(minutes=15)
AUTO_REGISTRATION_EVERY = timedelta(minutes=15)
# A queued run that nobody has taken up for so long is sent again: its message may be lost. Twice is harmless.
QUEUED_LONG = timedelta(minutes=5)
# A running run beats every second, and at each page where those take longer.
SILENT = timedelta(seconds=30)
# How often a run is looked after while a worker is at it.
WATCH_EVERY = timedelta(minutes=1)
PASSING = (SyncRun.Reason.UNAVAILABLE, SyncRun.Reason.LOST)


@shared_task
def sync_smart_account(smart_account_id: int) -> None:
    """By schedule. After a lost worker the next try waits: what killed one must not kill them one after the other."""
    account = SmartAccount.objects.active().filter(pk=smart_account_id).first()
    if account is None:
        unplan_sync(smart_account_id)
    elif not _find_lost(account):
        run, _ = sync.request(account, "schedule")
        _settle(run_watched(run))


@shared_task
def run_sync(sync_run_id: int) -> None:
    """By a person. A message that comes twice finds its run begun and leaves it alone, or failed as lost."""
    run = SyncRun.objects.select_related("smart_account__license_server").filter(pk=sync_run_id).first()
    if run and run.unfinished:
        _settle(run_watched(run))


@shared_task
def watch_sync(sync_run_id: int) -> None:
    """Every minute while a worker is at it, and once after that worker has died."""
    run = SyncRun.objects.select_related("smart_account").filter(pk=sync_run_id).first()
    if run is None or not run.unfinished or _find_lost(run.smart_account):
        schedule.unplan("watch_sync", sync_run_id)


@shared_task
def evaluate_alerts() -> None:
    """Every 15 minutes; runs whose worker died are found here at the latest."""
    for run in sync.fail_lost():
        bring_forward(run.smart_account)
    for plan in transfers.fail_lost():
        _sync_soon(plan.smart_account, str(plan).lower())
    _send_again()
    alerts.evaluate()
    tell()


@shared_task
def register_automatically(option_id: int) -> None:
    """Every 15 minutes while it is switched on."""
    option = AutoRegistration.objects.select_related("smart_account__license_server").filter(pk=option_id).first()
    if option is None:
        schedule.unplan("auto_registration", option_id)
    else:
        auto_registration.run(option)


@shared_task
def check_connection(license_server_id: int) -> None:
    server = LicenseServer.objects.filter(pk=license_server_id).first()
    if server:
        connect.check(server)
        alerts.evaluate()
        tell()


@shared_task
def check_cluster_access(access_id: int) -> None:
    found = ClusterAccess.objects.select_related("cluster").filter(pk=access_id).first()
    if found:
        access.check(found)


@shared_task
def run_transfer_plan(plan_id: int) -> None:
    """A message that comes twice finds the plan begun or over: it is not executed twice."""
    rows = TransferPlan.objects.select_related("smart_account__license_server", "started_by")
    plan = rows.filter(pk=plan_id).first()
    if plan and plan.executing and not transfers.run(plan).executing:
        _sync_soon(plan.smart_account, str(plan).lower())


@shared_task
def prune() -> None:
    """Daily."""
    history.prune()
    notify.prune()


def start_sync(smart_account: SmartAccount, requested_by: str) -> SyncRun:
    """Queue a sync, or return the unfinished one. Raises Refusal (paused) and BrokerUnavailable."""
    run, created = sync.request(smart_account, requested_by)
    if created:
        _send(run_sync, run.pk, undo=run.delete)
    elif run.status == SyncRun.Status.QUEUED and run.queued_at < timezone.now() - QUEUED_LONG:
        _send(run_sync, run.pk)
    return run


def start_check(license_server: LicenseServer) -> None:
    """Queue a connection test. Raises BrokerUnavailable."""
    before = license_server.check_status
    _set_check_status(license_server, LicenseServer.Check.RUNNING)
    _send(check_connection, license_server.pk, undo=lambda: _set_check_status(license_server, before))


def switch_on_auto_registration(
    actor: Actor, account: SmartAccount, *, on_upgrade: bool, may_restart: bool
) -> AutoRegistration:
    """auto_registration.switch_on, with its first pass at the next tick of beat."""
    made = auto_registration.switch_on(actor, account, on_upgrade=on_upgrade, may_restart=may_restart)
    schedule.plan("auto_registration", AUTO_REGISTRATION_EVERY, made.pk, timezone.now())
    return made


def switch_off_auto_registration(actor: Actor, option: AutoRegistration) -> None:
    number = option.pk
    auto_registration.switch_off(actor, option)
    schedule.unplan("auto_registration", number)


def start_access_check(row: ClusterAccess) -> None:
    """Queue a test of the access to a cluster. Raises BrokerUnavailable."""
    before = row.check_status
    _set_check_status(row, ClusterAccess.Check.RUNNING)
    _send(check_cluster_access, row.pk, undo=lambda: _set_check_status(row, before))


def start_transfer(actor: Actor, plan: TransferPlan) -> TransferPlan:
    """Queue its execution. Raises Refusal and BrokerUnavailable."""
    before = plan.state
    transfers.request(actor, plan)
    _send(run_transfer_plan, plan.pk, undo=lambda: transfers.take_back(plan, before))
    return plan


def run_watched(run: SyncRun, on_progress: OnProgress | None = None) -> SyncRun:
    """sync.run; should this process die in it, a worker misses it within two minutes."""
    schedule.plan("watch_sync", WATCH_EVERY, run.pk, timezone.now() + WATCH_EVERY)
    run = sync.run(run, on_progress)
    if not run.unfinished:
        schedule.unplan("watch_sync", run.pk)
    return run


def fail_lost_among(runs: Iterable[SyncRun]) -> bool:
    """Fail those of the runs to be shown whose worker has died, for no worker may be left that would. True where there
    was one: read them anew.

    The database is asked only where a run has been silent for a while: a slow page is silent too, and holds its lock.
    """
    silent = timezone.now() - SILENT
    if not any(run.status == SyncRun.Status.RUNNING and run.heartbeat_at and run.heartbeat_at < silent for run in runs):
        return False
    return bool(_find_lost())


def look_for_lost() -> None:
    """fail_lost_among, for pages of many accounts."""
    fail_lost_among(SyncRun.objects.filter(status=SyncRun.Status.RUNNING))


def next_sync_at(smart_account: SmartAccount) -> datetime | None:
    """When beat starts it next; None while it is paused."""
    return schedule.next_run_at("sync", smart_account.pk)


def plan_sync(smart_account: SmartAccount, *, soon: bool = False) -> None:
    """`soon`: first run at the next tick of beat; otherwise some time within the interval."""
    first_at = timezone.now() if soon else None
    schedule.plan("sync", smart_account.sync_every, smart_account.pk, first_at)


def unplan_sync(smart_account_id: int) -> None:
    schedule.unplan("sync", smart_account_id)


def add_smart_account(actor: Actor, server: LicenseServer, domain: str, **fields: Any) -> SmartAccount:
    """accounts.add_smart_account, and its first sync at once."""
    account = accounts.add_smart_account(actor, server, domain, **fields)
    plan_sync(account, soon=True)
    return account


def save_smart_account(actor: Actor, account: SmartAccount, before: dict[str, Any]) -> SmartAccount:
    accounts.save_smart_account(actor, account, before)
    if not account.paused_at:
        plan_sync(account)
    return account


def pause(actor: Actor, account: SmartAccount) -> None:
    accounts.pause(actor, account)
    unplan_sync(account.pk)
    alerts.evaluate()


def resume(actor: Actor, account: SmartAccount) -> None:
    accounts.resume(actor, account)
    plan_sync(account, soon=True)


def remove(actor: Actor, account: SmartAccount) -> None:
    number = account.pk
    sync.fail_lost(account)
    accounts.remove(actor, account)
    unplan_sync(number)
    alerts.evaluate()


def bring_forward(account: SmartAccount) -> None:
    """After failures that may pass by themselves: again in 15 minutes, then 30, 60 ... up to the interval."""
    planned = schedule.next_run_at("sync", account.pk)
    failures = _failures_in_a_row(account)
    if planned is None or not failures:
        return
    wait = min(RETRY_FIRST * 2 ** min(failures - 1, 12), account.sync_every)
    again = timezone.now() + wait * random.uniform(1, 1.2)  # noqa: S311 - spreading load
    if again < planned:
        schedule.plan("sync", account.sync_every, account.pk, again)


def _failures_in_a_row(account: SmartAccount) -> int:
    """Passing failures since anything else was the outcome; ten are as good as more."""
    reasons = list(account.sync_runs.finished().values_list("reason", flat=True)[:10])
    return next((place for place, reason in enumerate(reasons) if reason not in PASSING), len(reasons))


def _find_lost(account: SmartAccount | None = None) -> list[SyncRun]:
    """Runs (of that account) whose worker has died: failed, tried again soon, and alerted."""
    lost = sync.fail_lost(account)
    for run in lost:
        bring_forward(run.smart_account)
        alerts.evaluate(smart_account_id=run.smart_account_id)
    if lost:
        tell()
    return lost


def _settle(run: SyncRun) -> None:
    tell()
    if run.status == SyncRun.Status.FAILED and run.reason in PASSING:
        bring_forward(run.smart_account)
    if run.status == SyncRun.Status.SUCCEEDED:
        assigning.renew_tokens(run.smart_account)
    moved = TransferPlan.objects.filter(smart_account=run.smart_account_id, finished_at__gt=run.queued_at)
    if run.status == SyncRun.Status.SUCCEEDED and moved.exists():
        _sync_soon(run.smart_account, "transfer plan")  # it may have seen half of what moved


def _sync_soon(account: SmartAccount, requested_by: str) -> None:
    try:
        start_sync(account, requested_by)
    except Refusal:
        return  # paused: its figures are of no interest now
    except BrokerUnavailable:
        plan_sync(account, soon=True)


def _send_again() -> None:
    """Syncs and assignment jobs whose message may be lost, and jobs whose worker has died."""
    long_ago = timezone.now() - QUEUED_LONG
    forgotten = SyncRun.objects.filter(status=SyncRun.Status.QUEUED, queued_at__lt=long_ago)
    for number in forgotten.values_list("pk", flat=True):
        _send(run_sync, number)
    plans = TransferPlan.objects.filter(state=TransferPlan.State.QUEUED, queued_at__lt=long_ago)
    for number in plans.values_list("pk", flat=True):
        _send(run_transfer_plan, number)
    assigning.send_again(long_ago)


def _set_check_status(row: LicenseServer | ClusterAccess, status: str) -> None:
    row.check_status = status
    row.save(update_fields=["check_status"])
