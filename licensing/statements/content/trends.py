"""What a customer used and owned on each day of a period, from the intervals of the history."""

from bisect import bisect_left
from collections import defaultdict
from datetime import UTC, datetime, time, timedelta
from typing import Any

from django.db import connection

from licensing.history import reading
from licensing.statements.content.period import Period

# Each interval that touches the period, of the customer's use and of the supply by its subscriptions.
INTERVALS = """
SELECT series.kind, series.license_name, lower(interval.valid), upper(interval.valid), interval.quantity
FROM history_series series JOIN history_interval interval ON interval.series_id = series.id
WHERE interval.valid && tstzrange(%(start)s, %(end)s) AND (
    (series.kind = 'use' AND series.customer = %(customer)s)
    OR (series.kind = 'supply' AND series.subscription_id <> '' AND EXISTS (
        SELECT 1 FROM mirror_subscription subscription
        JOIN mirror_virtualaccount pool ON pool.smart_account_id = subscription.smart_account_id
        WHERE subscription.customer_id = %(customer)s AND subscription.subscription_id = series.subscription_id
            AND pool.id = series.virtual_account_id
    ))
)
"""

Days = list[int | None]


def by_day(customer: int, period: Period, recorded: datetime) -> dict[str, dict[str, Days]]:
    """Return, by license, what was used and owned at the end of each day; None before `recorded`.

    The last day of a period that is not over is read at its own moment.
    """
    days = [period.start + timedelta(days=place) for place in range((period.end - period.start).days + 1)]
    ends = [min(reading.end_of(day), period.at) for day in days]
    found: dict[str, dict[str, Days]] = defaultdict(
        lambda: {"use": _empty(ends, recorded), "supply": _empty(ends, recorded)}
    )
    for kind, name, first, last, quantity in _intervals(customer, period):
        line = found[name][kind]
        for place in range(_place(first, ends), _place(last, ends) if last else len(ends)):
            line[place] = (line[place] or 0) + quantity
    return dict(found)


def _empty(ends: list[datetime], recorded: datetime) -> Days:
    return [0 if end >= recorded else None for end in ends]


def _place(moment: datetime, ends: list[datetime]) -> int:
    """Return the place of the first day whose end is at or after the moment."""
    return bisect_left(ends, moment)


def _intervals(customer: int, period: Period) -> list[Any]:
    start = datetime.combine(period.start, time.min, UTC)
    given = {"customer": customer, "start": start, "end": period.at + timedelta(microseconds=1)}
    with connection.cursor() as cursor:
        cursor.execute(INTERVALS, given)
        return list(cursor.fetchall())
