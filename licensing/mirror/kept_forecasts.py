"""Keep the forecast of each license, and project again only those whose samples changed, or once a day."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from django.db import connection

from licensing.mirror.forecast import FEWEST, SHORTEST, STALE, project, window_start

# The oldest and the newest sample of the window show whether a forecast still stands on the same samples: a sync writes
# the newest one, and retention removes the oldest ones. Too few days store nothing, as after a first sync.
OUTDATED = f"""
WITH known AS (
    SELECT license.id, oldest.day AS first_day, newest.day AS last_day, newest.quantity, newest.in_use, newest.reserved
    FROM mirror_license license
    LEFT JOIN LATERAL (
        SELECT day, quantity, in_use, reserved FROM mirror_usagesample
        WHERE license_id = license.id AND day BETWEEN %(oldest)s AND %(today)s ORDER BY day DESC LIMIT 1
    ) newest ON true
    LEFT JOIN LATERAL (
        SELECT day FROM mirror_usagesample
        WHERE license_id = license.id AND day BETWEEN %(oldest)s AND %(today)s ORDER BY day LIMIT 1
    ) oldest ON true
    WHERE license.gone_at IS NULL AND (%(account)s::bigint IS NULL OR license.virtual_account_id IN (
        SELECT id FROM mirror_virtualaccount WHERE smart_account_id = %(account)s::bigint
    ))
),
outdated AS MATERIALIZED (
    SELECT known.* FROM known LEFT JOIN mirror_licenseforecast kept ON kept.license_id = known.id
    WHERE CASE
        WHEN known.last_day - known.first_day >= {SHORTEST} AND known.last_day >= %(today)s::date - {STALE}
        THEN (kept.day, kept.first_day, kept.last_day, kept.quantity, kept.in_use, kept.reserved)
            IS DISTINCT FROM
            (%(today)s::date, known.first_day, known.last_day, known.quantity, known.in_use, known.reserved)
        ELSE kept.pace IS NOT NULL
    END
)
SELECT outdated.id, outdated.first_day, outdated.last_day, outdated.quantity, outdated.in_use, outdated.reserved,
    trend.days, trend.in_use
FROM outdated CROSS JOIN LATERAL (
    SELECT array_agg(sample.day - DATE '0001-01-01' + 1 ORDER BY sample.day) AS days,
        array_agg(sample.in_use ORDER BY sample.day) AS in_use
    FROM mirror_usagesample sample
    WHERE sample.license_id = outdated.id AND sample.day BETWEEN %(oldest)s AND %(today)s
) trend
"""

# The samples of some licenses whose forecast is kept.
SAMPLES = """
SELECT kept.license_id, array_agg(sample.day - DATE '0001-01-01' + 1 ORDER BY sample.day),
    array_agg(sample.in_use ORDER BY sample.day)
FROM mirror_licenseforecast kept
JOIN mirror_usagesample sample ON sample.license_id = kept.license_id AND sample.day BETWEEN %(oldest)s AND %(today)s
WHERE kept.pace IS NOT NULL AND kept.license_id = ANY (%(licenses)s)
GROUP BY kept.license_id
"""

KEEP = """
INSERT INTO mirror_licenseforecast
    (license_id, first_day, last_day, quantity, in_use, reserved, samples, runs_out, pace, day)
SELECT kept.*, %s::date
FROM unnest(%s::bigint[], %s::date[], %s::date[], %s::integer[], %s::integer[], %s::integer[], %s::integer[],
    %s::date[], %s::float8[]) AS kept
ON CONFLICT (license_id) DO UPDATE
SET first_day = excluded.first_day, last_day = excluded.last_day, quantity = excluded.quantity,
    in_use = excluded.in_use, reserved = excluded.reserved, samples = excluded.samples, runs_out = excluded.runs_out,
    pace = excluded.pace, day = excluded.day
"""


def refresh(today: date, account: int | None = None) -> None:
    """Bring the kept forecasts of all licenses, or of one smart account, to the samples as they are. Two statements."""
    with connection.cursor() as cursor:
        cursor.execute(OUTDATED, {"today": today, "oldest": window_start(today), "account": account})
        if rows := [_projected(today, *row) for row in cursor.fetchall()]:
            cursor.execute(KEEP, [today, *(list(column) for column in zip(*rows, strict=True))])


def runs_out_with(today: date, rooms: Mapping[int, int]) -> dict[int, date | None]:
    """Return when each license would run out if so many were free today. Licenses without a forecast are left out."""
    parameters: dict[str, Any] = {"today": today, "oldest": window_start(today), "licenses": list(rooms)}
    with connection.cursor() as cursor:
        cursor.execute(SAMPLES, parameters)
        return {
            license_id: project(days, past, rooms[license_id], today)[0]
            for license_id, days, past in cursor.fetchall()
            if len(days) > 1
        }


def _projected(
    today: date,
    license_id: int,
    first_day: date | None,
    last_day: date | None,
    quantity: int | None,
    in_use: int | None,
    reserved: int | None,
    days: Sequence[int] | None,
    past: Sequence[int] | None,
) -> tuple[Any, ...]:
    """Return the row to keep. A forecast that `exhaustion` calls unknown has neither day nor pace."""
    runs_out, pace, count = None, None, len(days or ())
    known = days is not None and count >= FEWEST and days[-1] - days[0] >= SHORTEST
    if known and days and past and today.toordinal() - days[-1] <= STALE:
        room = (quantity or 0) - (reserved or 0) - (in_use or 0)
        runs_out, pace = project(days, past, room, today)
    return license_id, first_day, last_day, quantity, in_use, reserved, count, runs_out, pace
