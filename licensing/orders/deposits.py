"""List what arrived in virtual accounts, left them and moved between them, as syncs saw it (docs/domain.md#A7)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from licensing.mirror.models import VirtualAccount
from licensing.orders.models import Movement

SHOWN = 20  # entries
READ = 1_000  # movements looked through


@dataclass(frozen=True, slots=True)
class Deposit:
    """What one sync saw arrive in, leave or move to and from one virtual account.

    `first`: a sync saw the virtual account for the first time then.
    """

    at: datetime
    sync_run: int
    pool: VirtualAccount
    movements: tuple[Movement, ...]
    first: bool


def timeline(pools: Iterable[VirtualAccount]) -> list[Deposit]:
    """Return the newest first, at most SHOWN of them. One statement."""
    by_pk = {pool.pk: pool for pool in pools}
    rows = Movement.objects.filter(virtual_account__in=by_pk).select_related("virtual_account", "counterpart")
    found: dict[tuple[int, int], list[Movement]] = {}
    for row in rows.order_by("-at", "-id")[:READ]:
        found.setdefault((row.sync_run, row.virtual_account_id), []).append(row)
    return [_deposit(by_pk[pool], moves) for (_, pool), moves in list(found.items())[:SHOWN]]


def _deposit(pool: VirtualAccount, rows: list[Movement]) -> Deposit:
    rows.sort(key=lambda row: (-row.quantity, row.license_name))
    return Deposit(rows[0].at, rows[0].sync_run, pool, tuple(rows), all(row.kind == row.Kind.FIRST for row in rows))
