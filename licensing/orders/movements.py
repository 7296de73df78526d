"""Recognise what a sync saw arrive, leave and move, and note it as Movements.

A sync's differences are those of the history's supply at its moment, so movements and figures count the same quantities
of the same purchases. What leaves one virtual account and arrives in another one, under the same purchase, moved. A
listing that was read during a move may show one half of it: a half without its other half is kept as a deposit or a
withdrawal, and becomes a move when the next sync, within a day, shows the same quantity at the other end. A transfer
that the portal has verified at Cisco is expected, so that each half is known as a move as soon as it is seen.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from licensing.accounts.models import SmartAccount
from licensing.allocation.engine import license_of
from licensing.allocation.license_names import CURRENT
from licensing.mirror.models import License, SyncRun
from licensing.orders.models import ExpectedMove, Movement

Kind = Movement.Kind
PAIRED_WITHIN = timedelta(days=1)
BATCH = 2_000

# The first sync of an account, and of a virtual account that another sync added, finds everything new.
DIFFERENCES = """
SELECT license.id, series.virtual_account_id, series.license_name, series.subscription_id, series.order_number,
    sum(CASE WHEN lower(interval.valid) = %(now)s THEN interval.quantity ELSE -interval.quantity END)::integer,
    EXISTS (SELECT FROM history_recording WHERE smart_account_id = %(account)s AND since = %(now)s) OR EXISTS (
        SELECT FROM mirror_change seen
        WHERE seen.object_type = 'virtual_account' AND seen.object_id = series.virtual_account_id
            AND seen.kind = 'created' AND seen.sync_run_id = %(run)s
    )
FROM mirror_virtualaccount pool
JOIN history_series series ON series.virtual_account_id = pool.id AND series.kind = 'supply'
JOIN history_interval interval ON interval.series_id = series.id
    AND (lower(interval.valid) = %(now)s OR upper(interval.valid) = %(now)s)
JOIN mirror_license license ON license.virtual_account_id = series.virtual_account_id
    AND license.name = series.license_name
WHERE pool.smart_account_id = %(account)s
GROUP BY license.id, series.id
HAVING sum(CASE WHEN lower(interval.valid) = %(now)s THEN interval.quantity ELSE -interval.quantity END) <> 0
ORDER BY license.id, series.id
"""


@transaction.atomic
def note_movements(account: int, run: int, now: datetime) -> None:
    """Note what this sync run of a smart account saw move. Call it after the history was recorded as of `now`.

    One statement where no supply differs. A run that was noted already is left alone.
    """
    found = _differences(account, run, now)
    if not found or Movement.objects.filter(sync_run=run).exists():
        return
    earlier = list(_halves(account, run, now))
    waiting = ExpectedMove.objects.filter(source__smart_account=account, at__gt=now - PAIRED_WITHIN)
    expected = list(waiting.order_by("at", "id"))
    split = recognise(found, earlier, expected)
    _save([*found, *split], earlier)
    _save_expected(account, expected)


@transaction.atomic
def expect_move(row: License, source: int, target: int, quantity: int, since: datetime) -> None:
    """Note that the portal moved `quantity` of a license at Cisco, from one virtual account to another one.

    Halves that a sync has seen since then, `since` being when the transfer was sent, become halves of this move.
    """
    account = row.virtual_account.smart_account_id
    SmartAccount.objects.select_for_update(no_key=True).filter(pk=account).first()  # no sync notes movements meanwhile
    expected = ExpectedMove(
        at=timezone.now(),
        license_name=row.name,
        source_id=source,
        target_id=target,
        leaving=quantity,
        arriving=quantity,
    )
    seen = list(Movement.objects.filter(at__gte=since, by_portal=False, virtual_account__in=(source, target)))
    split = _take_expected(seen, [expected])
    _save(split, seen)
    if expected.leaving or expected.arriving:
        expected.save()


def recognise(found: list[Movement], earlier: Sequence[Movement], expected: Iterable[ExpectedMove]) -> list[Movement]:
    """Turn what moved into moves, in place, and return the rows that were split off. Pure.

    `earlier` are halves that the previous sync has left over. They pair with equal quantities only.
    """
    rows = [*found, *earlier]
    split = _take_expected(rows, expected)
    groups: dict[tuple[str, str], list[Movement]] = defaultdict(list)
    for row in [*rows, *split]:
        if row.kind != Kind.MOVE:
            groups[_tag(row.license_name), row.key].append(row)
    fresh = {id(row) for row in found}
    for group in groups.values():
        split += _pair(group, equal=True)
        split += _pair([row for row in group if id(row) in fresh], equal=False)
    return split


def _differences(account: int, run: int, now: datetime) -> list[Movement]:
    with connection.cursor() as cursor:
        cursor.execute(DIFFERENCES, {"account": account, "run": run, "now": now})
        rows = cursor.fetchall()
    return [
        Movement(
            at=now,
            sync_run=run,
            license_id=license_,
            virtual_account_id=pool,
            license_name=name,
            subscription_id=subscription,
            order_number=order,
            quantity=quantity,
            kind=Kind.WITHDRAWAL if quantity < 0 else Kind.FIRST if is_first else Kind.DEPOSIT,
        )
        for license_, pool, name, subscription, order, quantity, is_first in rows
    ]


def _halves(account: int, run: int, now: datetime) -> Iterable[Movement]:
    """Return what the previous complete sync saw arrive or leave, if that was within a day."""
    done = SyncRun.objects.filter(smart_account=account, status=SyncRun.Status.SUCCEEDED).exclude(pk=run)
    previous = done.order_by("-pk").values("pk")[:1]
    rows = Movement.objects.filter(sync_run__in=previous, at__gt=now - PAIRED_WITHIN)
    return rows.filter(kind__in=(Kind.DEPOSIT, Kind.WITHDRAWAL)).order_by("id")


def _take_expected(rows: Sequence[Movement], expected: Iterable[ExpectedMove]) -> list[Movement]:
    """Turn halves of the portal's own transfers into moves. Purchases of which both halves are there come first."""
    split: list[Movement] = []
    for one in expected:
        tag = _tag(one.license_name)
        here = [row for row in [*rows, *split] if _tag(row.license_name) == tag and not row.by_portal]
        leaving = [row for row in here if row.quantity < 0 and _fits(row, one.source_id, one.target_id)]
        arriving = [row for row in here if row.quantity > 0 and _fits(row, one.target_id, one.source_id)]
        both = {row.key for row in leaving} & {row.key for row in arriving}
        for row in sorted(leaving, key=lambda row: row.key not in both):
            if taken := min(-row.quantity, one.leaving):
                one.leaving -= taken
                split += _move(row, taken, one.target_id, by_portal=True)
        for row in sorted(arriving, key=lambda row: row.key not in both):
            if taken := min(row.quantity, one.arriving):
                one.arriving -= taken
                split += _move(row, taken, one.source_id, by_portal=True)
    return split


def _fits(row: Movement, pool: int, counterpart: int) -> bool:
    return row.virtual_account_id == pool and row.counterpart_id in {None, counterpart}


def _pair(group: list[Movement], *, equal: bool) -> list[Movement]:
    """Pair what left with what arrived elsewhere. `equal`: only where the quantities are equal."""
    split: list[Movement] = []
    for gone in [row for row in group if row.quantity < 0]:
        for came in [row for row in group if row.quantity > 0]:
            if Kind.MOVE in {gone.kind, came.kind} or gone.virtual_account_id == came.virtual_account_id:
                continue
            if equal and came.quantity != -gone.quantity:
                continue
            taken = min(-gone.quantity, came.quantity)
            source, target = gone.virtual_account_id, came.virtual_account_id
            split += [*_move(gone, taken, target), *_move(came, taken, source)]
    return split


def _move(row: Movement, quantity: int, counterpart: int, by_portal: bool = False) -> list[Movement]:
    """Turn `quantity` of a row into a move. Returns the move as a row of its own where the row is larger."""
    if quantity == abs(row.quantity):
        row.kind, row.counterpart_id, row.by_portal = Kind.MOVE, counterpart, by_portal
        return []
    sign = 1 if row.quantity > 0 else -1
    names = [field.attname for field in Movement._meta.concrete_fields if not field.primary_key]
    values: dict[str, Any] = {name: getattr(row, name) for name in names}
    row.quantity -= sign * quantity
    moved = {"quantity": sign * quantity, "kind": Kind.MOVE, "counterpart_id": counterpart, "by_portal": by_portal}
    return [Movement(**{**values, **moved})]


def _save(new: Iterable[Movement], earlier: Iterable[Movement]) -> None:
    Movement.objects.bulk_create([row for row in new if row.pk is None], batch_size=BATCH)
    Movement.objects.bulk_update(earlier, ["quantity", "kind", "counterpart", "by_portal"], batch_size=BATCH)


def _save_expected(account: int, expected: Iterable[ExpectedMove]) -> None:
    """Keep what is still to be seen. What no sync has shown for a day is expected no longer."""
    waiting = [one for one in expected if one.leaving or one.arriving]
    of_account = ExpectedMove.objects.filter(source__smart_account=account)
    of_account.exclude(pk__in=[one.pk for one in waiting]).delete()
    ExpectedMove.objects.bulk_update(waiting, ["leaving", "arriving"])


def _tag(name: str) -> str:
    return license_of(name, CURRENT)
