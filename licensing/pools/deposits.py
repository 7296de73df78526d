"""List what Cisco deposited in a smart account's pools and took out, as syncs recorded it (docs/domain.md#A7)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from licensing.mirror.models import Change, License, VirtualAccount

SHOWN = 20  # entries
READ = 2_000  # changes looked through


@dataclass(frozen=True, slots=True)
class Movement:
    """`quantity` below 0: taken out. `orders`: what the lines that came name."""

    license: License
    quantity: int
    orders: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Deposit:
    """Licenses that one sync saw arrive in, or leave, one pool. `first`: the pool was new then."""

    at: datetime
    sync_run: int
    pool: VirtualAccount
    movements: tuple[Movement, ...]
    first: bool


def timeline(pools: Iterable[VirtualAccount]) -> list[Deposit]:
    """The newest first, at most SHOWN of them. Three statements."""
    pools = list(pools)
    licenses = {row.pk: row for row in License.objects.filter(virtual_account__in=pools)}
    changes = Change.objects.filter(object_type="license", object_id__in=licenses).order_by("-at", "-id")[:READ]
    found: dict[tuple[int, int], list[tuple[Change, Movement]]] = {}
    quantities = {pk: row.quantity for pk, row in licenses.items()}  # as they were right after the change at hand
    for change in changes:
        row = licenses[change.object_id]
        moved, quantities[row.pk] = _moved(change, quantities[row.pk])
        if moved:
            movement = Movement(row, moved, _named(change) if moved > 0 else ())
            found.setdefault((change.sync_run_id, row.virtual_account_id), []).append((change, movement))
    by_pk, firsts = {pool.pk: pool for pool in pools}, _first_seen(pools)
    return [_deposit(by_pk[pool], moves, (run, pool) in firsts) for (run, pool), moves in list(found.items())[:SHOWN]]


def _first_seen(pools: Iterable[VirtualAccount]) -> set[tuple[int, int]]:
    """Sync run and virtual account: what a pool held when a sync saw it for the first time did not arrive then."""
    seen = Change.objects.filter(object_type="virtual_account", kind=Change.Kind.CREATED)
    rows = seen.filter(object_id__in=[pool.pk for pool in pools]).order_by()
    return set(rows.values_list("sync_run", "object_id"))


def _deposit(pool: VirtualAccount, moves: Sequence[tuple[Change, Movement]], first: bool) -> Deposit:
    change = moves[0][0]
    movements = sorted((movement for _, movement in moves), key=lambda one: (-one.quantity, one.license.name))
    return Deposit(change.at, change.sync_run_id, pool, tuple(movements), first)


def _moved(change: Change, after: int) -> tuple[int, int]:
    """Return what a change brought, and the quantity before it.

    A Change holds only what differs, so the history is walked back from today's quantity.
    """
    if change.kind == Change.Kind.CREATED:
        return after, 0
    if change.kind == Change.Kind.GONE:
        return -after, after
    before = change.values.get("quantity", (after, after))[0] or 0
    return (after if change.kind == Change.Kind.BACK else after - before), before


def _named(change: Change) -> tuple[str, ...]:
    """Orders and subscriptions of lines that were not there before."""
    old, new = change.values.get("lines", ([], []))
    known = [_without_status(line) for line in old or []]
    came = [line for line in new or [] if _without_status(line) not in known]
    names = [
        word
        for line in came
        for word in (line.get("order_number") and f"order {line['order_number']}", line.get("subscription_id"))
        if word
    ]
    return tuple(dict.fromkeys(names))


def _without_status(line: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in line.items() if name != "status"}
