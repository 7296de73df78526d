"""Plan the syncs of smart accounts."""

from datetime import datetime

from django.utils import timezone

from licensing.accounts.models import SmartAccount
from tenants import schedule


def next_sync_at(smart_account: SmartAccount) -> datetime | None:
    """Return when beat starts the next sync, None while the account is paused."""
    return schedule.next_run_at("sync", smart_account.pk)


def plan_sync(smart_account: SmartAccount, *, soon: bool = False) -> None:
    """Plan the syncs of an account. `soon`: the first at the next tick of beat, otherwise within the interval."""
    first_at = timezone.now() if soon else None
    schedule.plan("sync", smart_account.sync_every, smart_account.pk, first_at)


def unplan_sync(smart_account_id: int) -> None:
    schedule.unplan("sync", smart_account_id)
