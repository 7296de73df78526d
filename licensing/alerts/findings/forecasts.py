"""Forecast which licenses run out, as findings and their replay take it: licensing.mirror.forecast projects, SQL chooses."""

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from typing import Any

from django.db import connection

from licensing.alerts.kinds import FACTS
from licensing.alerts.models import Kind
from licensing.mirror.forecast import FEWEST, SHORTEST, STALE, project, window_start

# Ordinals as Python counts them.
ORDINAL = "(sample.day - DATE '0001-01-01' + 1)"

# A license that cannot run out before the longest threshold of any rule is left out: `project` says how large a pace
# can be at most. The last sample may be STALE days old, hence as many days more.
CANDIDATES = f"""
WITH asked AS (
    SELECT max(coalesce(threshold, {FACTS[Kind.EXHAUSTION].usual})) AS days
    FROM alerts_alertrule WHERE enabled AND kind = '{Kind.EXHAUSTION}'
),
watched AS (
    SELECT license.id
    FROM mirror_license license JOIN mirror_virtualaccount pool ON pool.id = license.virtual_account_id
    WHERE license.gone_at IS NULL AND license.status <> 'out_of_compliance' AND pool.purpose <> 'ordered'
        AND (%(account)s::bigint IS NULL OR pool.smart_account_id = %(account)s::bigint)
        AND EXISTS (SELECT FROM asked WHERE days IS NOT NULL)
),
trend AS MATERIALIZED (
    SELECT sample.license_id, max(sample.day) AS last_day, array_agg({ORDINAL} ORDER BY sample.day) AS days,
        array_agg(sample.in_use ORDER BY sample.day) AS in_use,
        (max(sample.in_use) - min(sample.in_use)) / ((count(*) + 1) / 2)::float8 AS most
    FROM mirror_usagesample sample JOIN watched ON watched.id = sample.license_id
    WHERE sample.day >= %(oldest)s AND sample.day <= %(today)s
    GROUP BY sample.license_id
    HAVING count(*) >= {FEWEST} AND max(sample.day) - min(sample.day) >= {SHORTEST}
        AND max(sample.day) >= %(today)s::date - {STALE} AND max(sample.in_use) > min(sample.in_use)
)
SELECT trend.license_id, last.quantity - last.reserved - last.in_use, last.quantity, trend.days, trend.in_use
FROM asked CROSS JOIN trend
JOIN mirror_usagesample last ON last.license_id = trend.license_id AND last.day = trend.last_day
    AND last.quantity - last.reserved - last.in_use BETWEEN 0 AND trend.most * (asked.days + {STALE} + 1)
"""

# Every day of the licenses that are watched, oldest first.
PAST = f"""
SELECT sample.license_id, array_agg({ORDINAL} ORDER BY sample.day),
    array_agg(sample.in_use ORDER BY sample.day),
    array_agg(sample.quantity - sample.reserved - sample.in_use ORDER BY sample.day)
FROM mirror_usagesample sample
JOIN mirror_license license ON license.id = sample.license_id
JOIN mirror_virtualaccount pool ON pool.id = license.virtual_account_id AND pool.purpose <> 'ordered'
WHERE sample.day <= %(today)s
GROUP BY sample.license_id
HAVING max(sample.in_use) > min(sample.in_use)
"""


def found(now: datetime, account: int | None) -> str:
    """Return JSON, one entry per license that runs out, from samples of UTC days up to `now`. One query."""
    today = now.astimezone(UTC).date()
    parameters = {"today": today, "oldest": window_start(today), "account": account}
    return json.dumps([entry for row in _rows(CANDIDATES, parameters) if (entry := _forecast(today, *row))])


def fired(threshold: int, since: datetime, now: datetime) -> str:
    """Return JSON, one entry per license and day on which it was to run out within `threshold` days. One query."""
    first, today = since.astimezone(UTC).date().toordinal(), now.astimezone(UTC).date()
    return json.dumps(
        [
            {"license_id": license_id, "day": date.fromordinal(day).isoformat()}
            for license_id, days, in_use, rooms in _rows(PAST, {"today": today})
            for day in _days_fired(days, in_use, rooms, threshold, first)
        ]
    )


def _rows(statement: str, parameters: dict[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows


def _forecast(
    today: date, license_id: int, room: int, quantity: int, days: list[int], in_use: list[int]
) -> dict[str, Any] | None:
    runs_out, pace = project(days, in_use, room, today)
    if runs_out is None:
        return None
    return {
        "license_id": license_id,
        "room": room,
        "quantity": quantity,
        "runs_out": runs_out.isoformat(),
        "pace": pace,
        "days": len(days),
    }


def _days_fired(
    days: Sequence[int], in_use: Sequence[int], rooms: Sequence[int], threshold: int, first: int
) -> Iterator[int]:
    """Yield days from the newest back to `first`, and on to the day on which the oldest spell began."""
    widest = max(in_use) - min(in_use)
    oldest, fires = len(days), True
    for newest in range(len(days) - 1, -1, -1):
        # A day without a sample belongs to the one before it, so one day before `first` is always looked at.
        if not fires and days[newest + 1] < first:
            return
        start = window_start(date.fromordinal(days[newest])).toordinal()
        oldest = min(oldest, newest)
        while oldest > 0 and days[oldest - 1] >= start:
            oldest -= 1
        count = newest + 1 - oldest
        fires = (
            count >= FEWEST
            and days[newest] - days[oldest] >= SHORTEST
            and 0 <= rooms[newest] <= widest / ((count + 1) // 2) * threshold
            and _within(days[oldest : newest + 1], in_use[oldest : newest + 1], rooms[newest], threshold)
        )
        if fires:
            yield days[newest]


def _within(days: Sequence[int], in_use: Sequence[int], room: int, threshold: int) -> bool:
    runs_out, _ = project(days, in_use, room, date.fromordinal(days[-1]))
    return runs_out is not None and runs_out.toordinal() - days[-1] <= threshold
