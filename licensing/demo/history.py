"""The demo's past: half a year of samples, a deposit, and subscriptions that are mapped.

All of it is made up, from what the first sync has brought, and the same each time.
"""

import random
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from licensing.accounts.models import SmartAccount
from licensing.fleet.models import Customer
from licensing.mirror.models import Change, License, LicenseLine, Subscription, SyncRun, UsageSample

DAYS, DEPOSIT_DAYS = 170, 64  # how long ago it began, and how long ago a deposit came
SHARE = 0.12  # of today's quantity that the deposit brought
MODELS = ("named_user", "enterprise_agreement", "named_user")
NOT_MAPPED = 5  # one subscription in so many is left for people to map


@transaction.atomic
def write(account: SmartAccount) -> None:
    """After the first sync, which is dated back."""
    now = timezone.now()
    licenses = list(License.objects.filter(virtual_account__smart_account=account).select_related("virtual_account"))
    grown = [row for number, row in enumerate(licenses) if row.virtual_account.purpose != "general" and number % 3 == 0]
    _date_back(account, now - timedelta(days=DAYS))
    _deposit(account, grown, now - timedelta(days=DEPOSIT_DAYS))
    _run(account, now, unchanged=len(licenses))
    _samples(licenses, {row.pk for row in grown}, now)
    _map_subscriptions(account)


def _date_back(account: SmartAccount, then: datetime) -> None:
    runs = SyncRun.objects.filter(smart_account=account)
    Change.objects.filter(sync_run__in=runs).update(at=then)
    runs.update(queued_at=then, started_at=then, finished_at=then + timedelta(seconds=9), heartbeat_at=then)


def _deposit(account: SmartAccount, grown: list[License], then: datetime) -> None:
    run = _run(account, then, changed=len(grown))
    lines = LicenseLine.objects.filter(license__in=grown).order_by("license_id", "-position")
    came = {line.license_id: line for line in lines}
    Change.objects.bulk_create(
        Change(
            sync_run=run,
            at=then,
            kind=Change.Kind.CHANGED,
            object_type="license",
            object_id=row.pk,
            label=f"{row.name} in {row.virtual_account.name}",
            values=_values(row, came.get(row.pk)),
        )
        for row in grown
        if _arrivals(row)
    )


def _values(row: License, line: LicenseLine | None) -> dict[str, Any]:
    after = row.quantity
    arrived = {"quantity": _arrivals(row), "order_number": f"8{row.pk:06d}", "subscription_id": _of(line)}
    return {"quantity": [after - _arrivals(row), after], "lines": [[], [arrived]]}


def _of(line: LicenseLine | None) -> str:
    return line.subscription_id if line else ""


def _arrivals(row: License) -> int:
    return round(row.quantity * SHARE)


def _run(account: SmartAccount, then: datetime, **counts: int) -> SyncRun:
    return SyncRun.objects.create(
        smart_account=account,
        status=SyncRun.Status.SUCCEEDED,
        requested_by="schedule",
        queued_at=then,
        started_at=then,
        finished_at=then + timedelta(seconds=8),
        **counts,
    )


def _samples(licenses: list[License], grown: set[int], now: datetime) -> None:
    """Use that has grown to what it is, each license at its own pace and with its own unrest; today's is the sync's."""
    rows = []
    for row in licenses:
        dice = random.Random(row.name + row.virtual_account.name)  # noqa: S311 - the same past each time
        began = 1 - dice.choice((0.0, 0.03, 0.08, 0.16, 0.25))
        for ago in range(DAYS, 0, -1):
            share = began + (1 - began) * (DAYS - ago) / DAYS + dice.uniform(-0.008, 0.008)
            quantity = row.quantity - (_arrivals(row) if row.pk in grown and ago > DEPOSIT_DAYS else 0)
            in_use = min(round(row.in_use * share), row.in_use) if row.in_use else 0
            rows.append(
                UsageSample(
                    license=row,
                    day=(now - timedelta(days=ago)).date(),
                    quantity=quantity,
                    in_use=in_use,
                    available=quantity - in_use - row.reserved,
                    reserved=row.reserved,
                )
            )
    UsageSample.objects.bulk_create(rows, batch_size=2_000, ignore_conflicts=True)


def _map_subscriptions(account: SmartAccount) -> None:
    customers = list(Customer.objects.order_by("name"))
    rows = list(Subscription.objects.filter(smart_account=account).order_by("subscription_id"))
    for number, row in enumerate(rows):
        if customers and number % NOT_MAPPED:
            row.customer = customers[number % len(customers)]
            row.license_model = MODELS[number % len(MODELS)]
    Subscription.objects.bulk_update(rows, ["customer", "license_model"])
