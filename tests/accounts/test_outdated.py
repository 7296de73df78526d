"""When figures are outdated: pages, the check before an assignment, QuerySet and alert give one answer."""

import random
from datetime import timedelta

import pytest
from django.utils import timezone
from django_tenants.utils import tenant_context

from kit.ages import OUTDATED_INTERVALS
from kit.templatetags.components import freshness
from licensing.accounts.models import SmartAccount
from licensing.alerts.models import AlertRule
from licensing.assignments.checks import pool_cannot_serve
from licensing.pools.overview import accounts_with_latest_run, in_doubt
from tenants.models import Partner
from tests import factories as make
from tests.finding import found

KIND = "sync_too_old"
HOUR = timedelta(hours=1)


def fill_accounts(seed: int) -> set[int]:
    """Make accounts of all ages; return which are outdated, by hand."""
    chance, outdated = random.Random(seed), set()
    now = timezone.now()
    for number in range(8):
        every = chance.choice([HOUR, 6 * HOUR, 24 * HOUR])
        intervals = [None, 0.1, 1.9, 1.99, 2.01, 2.1, 3, 50][number]
        account = make.make_smart_account(sync_every=every, created_at=now - timedelta(days=200))
        last = None if intervals is None else now - every * intervals
        SmartAccount.objects.filter(pk=account.pk).update(last_synced_at=last)
        make.make_virtual_account(smart_account=account)
        if intervals is None or intervals > OUTDATED_INTERVALS:
            outdated.add(account.pk)
    return outdated


@pytest.mark.parametrize("seed", range(3))
def test_all_surfaces_call_the_same_figures_outdated(acme: Partner, globex: Partner, seed: int) -> None:
    with tenant_context(globex):
        fill_accounts(seed + 100)
    AlertRule.objects.filter(kind=KIND).update(threshold=None, enabled=True)
    outdated = fill_accounts(seed)
    accounts, now = list(SmartAccount.objects.prefetch_related("virtual_accounts")), timezone.now()

    shown = {
        "row": {account.pk for account in accounts if account.is_outdated()},
        "QuerySet": set(SmartAccount.objects.outdated().values_list("pk", flat=True)),
        "overview": {account.pk for account in in_doubt(accounts_with_latest_run())},
        "age on pages": {
            account.pk
            for account in accounts
            if not account.last_synced_at or freshness(account.last_synced_at, account.sync_every) == "stale"
        },
        "check": {
            account.pk
            for account in accounts
            for pool in account.virtual_accounts.all()
            if "stale" in {reason.code for reason in pool_cannot_serve(pool, now)}
        },
        "alert": {alert.subject_id for alert in found(KIND)},
    }

    assert OUTDATED_INTERVALS == 2
    assert shown == dict.fromkeys(shown, outdated)
