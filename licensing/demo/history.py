"""Write the demo's past: half a year of samples, a deposit, and mapped subscriptions.

All of it is made up from the data of the first sync, and the same each time.
"""

import random
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from licensing.accounts.models import SmartAccount
from licensing.fleet.models import Customer
from licensing.history import reading
from licensing.mirror.models import Change, License, LicenseLine, Subscription, SyncRun, UsageSample
from licensing.orders.models import Movement

DAYS, DEPOSIT_DAYS = 170, 64  # age of the first sample, and of the deposit
SHARE = 0.12  # of today's quantity, added by the deposit
MODELS = ("named_user", "enterprise_agreement", "named_user")
NOT_MAPPED = 5  # one in this many subscriptions is left for people to map


@transaction.atomic
def write(account: SmartAccount) -> None:
    """Write the history of an account after its first sync, which is dated back."""
    now = timezone.now()
    licenses = list(License.objects.filter(virtual_account__smart_account=account).select_related("virtual_account"))
    grown = [row for number, row in enumerate(licenses) if row.virtual_account.purpose != "general" and number % 3 == 0]
    _date_back(account, now - timedelta(days=DAYS))
    first = SyncRun.objects.filter(smart_account=account).order_by("pk").first()
    deposit = _add_deposit(account, grown, now - timedelta(days=DEPOSIT_DAYS))
    _write_movements(account, {row.pk for row in grown}, first, deposit)
    _add_run(account, now, unchanged=len(licenses))
    _add_samples(licenses, {row.pk for row in grown}, now)
    _map_subscriptions(account)


def _date_back(account: SmartAccount, then: datetime) -> None:
    runs = SyncRun.objects.filter(smart_account=account)
    Change.objects.filter(sync_run__in=runs).update(at=then)
    runs.update(queued_at=then, started_at=then, finished_at=then + timedelta(seconds=9), heartbeat_at=then)


def _add_deposit(account: SmartAccount, grown: list[License], then: datetime) -> SyncRun:
    run = _add_run(account, then, changed=len(grown))
    lines = LicenseLine.objects.filter(license__in=grown).order_by("license_id", "-position")
    newest = {line.license_id: line for line in lines}
    Change.objects.bulk_create(
        Change(
            sync_run=run,
            at=then,
            kind=Change.Kind.CHANGED,
            object_type="license",
            object_id=row.pk,
            label=f"{row.name} in {row.virtual_account.name}",
            values=_change_values(row, newest.get(row.pk)),
        )
        for row in grown
        if _deposit_quantity(row)
    )
    return run


def _write_movements(account: SmartAccount, grown: set[int], first: SyncRun | None, deposit: SyncRun) -> None:
    """Write what the first sync found, and the deposit, as movements."""
    licenses = {
        (row.virtual_account_id, row.name): row
        for row in License.objects.filter(virtual_account__smart_account=account)
    }
    Movement.objects.filter(license__in=licenses.values()).delete()
    rows: list[Movement] = []
    came: set[int] = set()
    for part in sorted(reading.supply({pool for pool, _ in licenses}), key=lambda part: -part.quantity):
        row = licenses[part.virtual_account, part.license_name]
        new = min(_deposit_quantity(row), part.quantity) if row.pk in grown and row.pk not in came else 0
        came.add(row.pk)
        for run, quantity, kind in ((first, part.quantity - new, "first"), (deposit, new, "deposit")):
            if run and quantity:
                rows.append(_movement(row, part, run, quantity, kind))
    Movement.objects.bulk_create(rows, batch_size=2_000)


def _movement(row: License, part: reading.Supply, run: SyncRun, quantity: int, kind: str) -> Movement:
    return Movement(
        at=run.queued_at,
        sync_run=run.pk,
        license=row,
        license_name=row.name,
        virtual_account_id=part.virtual_account,
        subscription_id=part.subscription_id,
        order_number=part.order_number,
        quantity=quantity,
        kind=kind,
    )


def _change_values(row: License, line: LicenseLine | None) -> dict[str, Any]:
    after = row.quantity
    arrived = {
        "quantity": _deposit_quantity(row),
        "order_number": f"8{row.pk:06d}",
        "subscription_id": _subscription_id(line),
    }
    return {"quantity": [after - _deposit_quantity(row), after], "lines": [[], [arrived]]}


def _subscription_id(line: LicenseLine | None) -> str:
    return line.subscription_id if line else ""


def _deposit_quantity(row: License) -> int:
    """Return the quantity that the deposit added to a license."""
    return round(row.quantity * SHARE)


def _add_run(account: SmartAccount, then: datetime, **counts: int) -> SyncRun:
    return SyncRun.objects.create(
        smart_account=account,
        status=SyncRun.Status.SUCCEEDED,
        requested_by="schedule",
        queued_at=then,
        started_at=then,
        finished_at=then + timedelta(seconds=8),
        **counts,
    )


def _add_samples(licenses: list[License], grown: set[int], now: datetime) -> None:
    """Add samples whose use grows to that of today, each license at its own pace. The sync adds today's sample."""
    rows = []
    for row in licenses:
        dice = random.Random(row.name + row.virtual_account.name)  # noqa: S311 - the same past each time
        began = 1 - dice.choice((0.0, 0.03, 0.08, 0.16, 0.25))
        for ago in range(DAYS, 0, -1):
            share = began + (1 - began) * (DAYS - ago) / DAYS + dice.uniform(-0.008, 0.008)
            quantity = row.quantity - (_deposit_quantity(row) if row.pk in grown and ago > DEPOSIT_DAYS else 0)
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
