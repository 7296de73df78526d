"""Tell on which days licenses were to run out: the replay asks licensing.mirror.forecast for each day."""

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from typing import Any

from django.db import connection

from licensing.mirror.forecast import FEWEST, SHORTEST, project, window_start

# Ordinals as Python counts them.
ORDINAL = "(sample.day - DATE '0001-01-01' + 1)"

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
