"""Pause, resume and remove smart accounts."""

from django.db import transaction
from django.db.models import ProtectedError, QuerySet
from django.utils import timezone

from kit.refusals import Refusal
from kit.wording import shorten
from licensing.accounts.models import SmartAccount
from licensing.accounts.schedules import plan_sync, unplan_sync
from licensing.alerts import evaluation
from licensing.alerts.models import Overage
from licensing.assignments.models import Assignment
from licensing.assignments.pool_settings import refuse_while_assigned
from licensing.history.models import Interval, LicenseState, Series
from licensing.mirror.models import (
    InstanceUsage,
    License,
    LicenseForecast,
    LicenseLine,
    ProductInstance,
    UsageSample,
    VirtualAccount,
)
from licensing.mirror.sync import runs
from licensing.operations import removal
from licensing.orders.models import ExpectedMove, Movement
from licensing.pools.models import TransferPlan
from people import audit
from people.audit import Actor


@transaction.atomic
def pause(actor: Actor, account: SmartAccount) -> None:
    """Stop syncs and alerts of an account. A sync that is running ends by itself."""
    if account.paused_at:
        raise Refusal(f"{account} is paused already.", "Resume it when its numbers matter again.")
    audit.change(actor, "paused", account, paused_at=timezone.now())
    unplan_sync(account.pk)
    evaluation.evaluate()


@transaction.atomic
def resume(actor: Actor, account: SmartAccount) -> None:
    if not account.paused_at:
        raise Refusal(f"{account} is not paused.")
    audit.change(actor, "resumed", account, paused_at=None)
    plan_sync(account, soon=True)


def remove(actor: Actor, account: SmartAccount) -> None:
    """Remove an account and everything mirrored from it, with the history of its ended assignments.

    Nothing changes at Cisco. A run whose worker has died does not stand in the way.
    """
    runs.fail_lost(account)
    _remove(actor, account)


@transaction.atomic
def _remove(actor: Actor, account: SmartAccount) -> None:
    number = account.pk
    # A sync that merges at this moment holds it: its rows are there or not, before we look.
    SmartAccount.objects.select_for_update().filter(pk=account.pk).first()
    pools = VirtualAccount.objects.filter(smart_account=account)
    guard = removal.guard_smart_account(account)
    refuse_while_assigned(f"{account} cannot be removed", pools, guard=guard)
    guard.check(f"{account} cannot be removed: an assignment job or a batch is not over.")
    if account.sync_runs.unfinished().exists():
        raise Refusal(f"{account} is being synced.", "Wait until the sync is over, then remove it.")
    if account.transfer_plans.executing().exists():
        raise Refusal(f"A transfer plan of {account} is being executed.", "Wait until it is over, then remove it.")
    audit.record(actor, "removed", account, changes={"pools": [pools.count(), 0]})
    Assignment.objects.filter(virtual_account__in=pools).delete()
    _delete_mirror(pools)
    try:
        account.delete()
    except ProtectedError as error:
        raise Refusal(
            f"{account} is in use by {shorten(list(error.protected_objects))}.", "Remove those first."
        ) from None
    unplan_sync(number)
    evaluation.evaluate()


def _delete_mirror(pools: QuerySet[VirtualAccount]) -> None:
    """Set-wise, children first: an account may hold 100,000 product instances."""
    TransferPlan.objects.filter(smart_account__virtual_accounts__in=pools).delete()
    for rows in (
        InstanceUsage.objects.filter(product_instance__virtual_account__in=pools),
        ProductInstance.objects.filter(virtual_account__in=pools),
        LicenseForecast.objects.filter(license__virtual_account__in=pools),
        UsageSample.objects.filter(license__virtual_account__in=pools),
        Overage.objects.filter(license__virtual_account__in=pools),
        ExpectedMove.objects.filter(source__in=pools),
        Movement.objects.filter(virtual_account__in=pools),
        LicenseState.objects.filter(license__virtual_account__in=pools),
        Interval.objects.filter(series__virtual_account__in=pools),
        Series.objects.filter(virtual_account__in=pools),
        LicenseLine.objects.filter(license__virtual_account__in=pools),
        License.objects.filter(virtual_account__in=pools),
    ):
        rows._raw_delete(rows.db)  # type: ignore[attr-defined]
