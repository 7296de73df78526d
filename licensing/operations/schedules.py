"""Plan what is done regularly for syncs."""

from datetime import datetime, timedelta

from django.utils import timezone

from licensing.accounts.models import SmartAccount
from tenants import schedule

# How often a run is looked after while a worker is at it.
WATCH_EVERY = timedelta(minutes=1)


def watch_sync(run_id: int) -> None:
    schedule.plan("watch_sync", WATCH_EVERY, run_id, timezone.now() + WATCH_EVERY)


def unwatch_sync(run_id: int) -> None:
    schedule.unplan("watch_sync", run_id)


def sync_earlier(account: SmartAccount, again: datetime) -> None:
    """Run the next sync of the account at that time, if it is planned later."""
    planned = schedule.next_run_at("sync", account.pk)
    if planned is not None and again < planned:
        schedule.plan("sync", account.sync_every, account.pk, again)
