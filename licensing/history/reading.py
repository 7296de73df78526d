"""Read who used what, what was held and what Cisco listed: now from the mirror, or at a moment from the history.

Each row says the same in both cases. A day is a UTC day, as the daily samples have it, and stands for its end.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.db import connection
from django.utils import timezone

from licensing.history.models import Recording, Series
from licensing.history.present import STATE, SUPPLY, USE


@dataclass(frozen=True, slots=True)
class Use:
    """What the instances of one cluster use of one license in one virtual account. `cluster` 0: none is matched."""

    virtual_account: int
    license_name: str
    cluster: int
    customer: int
    cluster_name: str
    customer_name: str
    quantity: int


@dataclass(frozen=True, slots=True)
class Supply:
    """What one virtual account holds of one license by one subscription and order; both "" where no line names one."""

    virtual_account: int
    license_name: str
    subscription_id: str
    order_number: str
    quantity: int


@dataclass(frozen=True, slots=True)
class State:
    """What Cisco listed of one license of one virtual account."""

    license: int
    virtual_account: int
    license_name: str
    quantity: int
    in_use: int
    available: int
    reserved: int
    status: str
    substitutions: list[dict[str, Any]]


RECORDED = """
SELECT series.virtual_account_id, series.license_name, series.cluster, series.customer, series.subscription_id,
    series.order_number, coalesce(cluster.name, series.cluster_name) AS cluster_name,
    coalesce(customer.name, series.customer_name) AS customer_name, interval.quantity
FROM history_interval interval JOIN history_series series ON series.id = interval.series_id
LEFT JOIN fleet_cluster cluster ON cluster.id = series.cluster
LEFT JOIN fleet_customer customer ON customer.id = series.customer
WHERE interval.valid @> %(at)s::timestamptz AND series.kind = %(kind)s AND series.virtual_account_id = ANY(%(pools)s)
"""
RECORDED_STATES = """
SELECT state.license_id, state.quantity, state.in_use, state.available, state.reserved, state.status,
    state.substitutions
FROM history_licensestate state WHERE state.valid @> %(at)s::timestamptz
"""
WITH_POOL = """
SELECT found.license_id, license.virtual_account_id, license.name, found.quantity, found.in_use, found.available,
    found.reserved, found.status, found.substitutions
FROM ({found}) found JOIN mirror_license license ON license.id = found.license_id
WHERE license.virtual_account_id = ANY(%(pools)s)
"""


def end_of(day: date) -> datetime:
    """Return the last moment of a UTC day, at which the figures of that day are read."""
    return datetime.combine(day + timedelta(days=1), time.min, UTC) - timedelta(microseconds=1)


def use(pools: Iterable[int], at: datetime | None = None) -> list[Use]:
    """Return who uses what in these virtual accounts. One statement."""
    rows = _select(
        "virtual_account_id, license_name, cluster, customer, cluster_name, customer_name, quantity",
        USE if at is None else RECORDED,
        pools,
        at,
        Series.Kind.USE,
    )
    return [Use(*row) for row in rows]


def supply(
    pools: Iterable[int],
    at: datetime | None = None,
    *,
    whole: Iterable[int] | None = None,
    purchases: Iterable[str] = (),
) -> list[Supply]:
    """Return what was bought into these virtual accounts. One statement.

    With `whole`, only some of it: all of those virtual accounts, and of the others what names one of the `purchases`,
    by its subscription or its order number.
    """
    wanted = ""
    if whole is not None:
        wanted = """ WHERE virtual_account_id = ANY(%(whole)s)
            OR subscription_id = ANY(%(purchases)s) OR order_number = ANY(%(purchases)s)"""
    rows = _select(
        "virtual_account_id, license_name, subscription_id, order_number, quantity",
        SUPPLY if at is None else RECORDED,
        pools,
        at,
        Series.Kind.SUPPLY,
        wanted,
        {"whole": list(whole or ()), "purchases": list(purchases)},
    )
    return [Supply(*row) for row in rows]


def states(pools: Iterable[int], at: datetime | None = None) -> list[State]:
    """Return what Cisco lists of the licenses in these virtual accounts. One statement."""
    statement = WITH_POOL.format(found=STATE if at is None else RECORDED_STATES)
    rows = _run(statement, {"pools": list(pools), "at": at})
    return [State(*(*row[:-1], _parsed(row[-1]))) for row in rows]


def recorded_from() -> dict[int, datetime]:
    """Return, by smart account, the moment from which on its figures are recorded."""
    return dict(Recording.objects.values_list("smart_account", "since"))


def _select(
    columns: str,
    source: str,
    pools: Iterable[int],
    at: datetime | None,
    kind: str,
    wanted: str = "",
    parameters: dict[str, Any] | None = None,
) -> list[Any]:
    given = {"pools": list(pools), "at": at, "today": timezone.localdate(), "kind": str(kind), **(parameters or {})}
    return _run(f"SELECT {columns} FROM ({source}) found{wanted}", given)


def _run(statement: str, given: dict[str, Any]) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(statement, given)
        return list(cursor.fetchall())


def _parsed(value: Any) -> list[dict[str, Any]]:
    """Return the JSON of a cursor, which Django leaves as text, as a list."""
    return list(json.loads(value) if isinstance(value, str) else value or [])
