"""Decide when to try again after failures that may pass by themselves."""

import random
from datetime import timedelta

from django.utils import timezone

from licensing.accounts.models import SmartAccount
from licensing.mirror.models import SyncRun
from licensing.operations import schedules

RETRY_FIRST = timedelta(minutes=15)
PASSING = (SyncRun.Reason.UNAVAILABLE, SyncRun.Reason.LOST)


def bring_forward(account: SmartAccount) -> None:
    """Sync again in 15 minutes, then 30, 60 and so on, up to the account's interval."""
    failures = _count_failures(account)
    if failures:
        wait = min(RETRY_FIRST * 2 ** min(failures - 1, 12), account.sync_every)
        schedules.sync_earlier(account, timezone.now() + wait * random.uniform(1, 1.2))  # noqa: S311 - spreads load


def _count_failures(account: SmartAccount) -> int:
    """Return how many passing failures came since any other outcome; ten are as good as more."""
    reasons = list(account.sync_runs.finished().values_list("reason", flat=True)[:10])
    return next((place for place, reason in enumerate(reasons) if reason not in PASSING), len(reasons))
