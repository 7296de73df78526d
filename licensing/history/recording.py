"""Record what has changed: close the intervals whose figure is another one now, and open the next ones.

Call `record` after everything that changes use, supply or the match of an instance with a cluster. It compares whole
states, so a call that was missed is made good by the next one; only the time of the change is then later.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from licensing.history.models import Series
from licensing.history.present import STATE, SUPPLY, USE

KEY = ", ".join(f"{name}_id" if name == "virtual_account" else name for name in Series.KEY)
NAMES = "cluster_name, customer_name"

# A figure that changed twice at the same moment has no time of its own in between: its row is written again.
RECORD = """
WITH present AS MATERIALIZED ({present}),
open AS MATERIALIZED (
    SELECT interval.id, interval.series_id, interval.quantity, lower(interval.valid) AS since
    FROM history_series series
    JOIN history_interval interval ON interval.series_id = series.id AND upper(interval.valid) IS NULL
    WHERE series.kind = %(kind)s AND series.virtual_account_id = ANY(%(pools)s)
),
known AS MATERIALIZED (
    SELECT series.id AS series_id, present.*
    FROM present LEFT JOIN (SELECT id, {key} FROM history_series WHERE kind = %(kind)s) series USING ({key})
),
made AS (
    INSERT INTO history_series (kind, {key}, {names})
    SELECT %(kind)s, {key}, {names} FROM known WHERE series_id IS NULL
    RETURNING id, {key}
),
wanted AS (
    SELECT series_id, quantity FROM known WHERE series_id IS NOT NULL
    UNION ALL
    SELECT made.id, present.quantity FROM made JOIN present USING ({key})
),
differing AS MATERIALIZED (
    SELECT open.id, open.since, wanted.series_id, wanted.quantity
    FROM wanted FULL JOIN open USING (series_id) WHERE wanted.quantity IS DISTINCT FROM open.quantity
),
closed AS (
    UPDATE history_interval interval SET valid = tstzrange(differing.since, %(now)s)
    FROM differing WHERE interval.id = differing.id AND differing.since < %(now)s
),
corrected AS (
    UPDATE history_interval interval SET quantity = differing.quantity
    FROM differing
    WHERE interval.id = differing.id AND differing.since >= %(now)s AND differing.quantity IS NOT NULL
),
removed AS (
    DELETE FROM history_interval interval USING differing
    WHERE interval.id = differing.id AND differing.since >= %(now)s AND differing.quantity IS NULL
)
INSERT INTO history_interval (series_id, valid, quantity)
SELECT series_id, tstzrange(%(now)s, NULL), quantity FROM differing
WHERE quantity IS NOT NULL AND (since IS NULL OR since < %(now)s)
"""

RECORD_STATES = f"""
WITH present AS MATERIALIZED ({STATE}),
open AS MATERIALIZED (
    SELECT state.*, lower(state.valid) AS since FROM history_licensestate state
    JOIN mirror_license license ON license.id = state.license_id
    WHERE upper(state.valid) IS NULL AND license.virtual_account_id = ANY(%(pools)s)
),
differing AS MATERIALIZED (
    SELECT open.id, open.since, present.*
    FROM present FULL JOIN open USING (license_id)
    WHERE (present.quantity, present.in_use, present.available, present.reserved, present.status, present.substitutions)
        IS DISTINCT FROM
        (open.quantity, open.in_use, open.available, open.reserved, open.status, open.substitutions)
),
closed AS (
    UPDATE history_licensestate state SET valid = tstzrange(differing.since, %(now)s)
    FROM differing WHERE state.id = differing.id AND differing.since < %(now)s
),
removed AS (
    DELETE FROM history_licensestate state USING differing
    WHERE state.id = differing.id AND differing.since >= %(now)s
)
INSERT INTO history_licensestate
    (license_id, valid, quantity, in_use, available, reserved, status, substitutions)
SELECT license_id, tstzrange(%(now)s, NULL), quantity, in_use, available, reserved, status, substitutions
FROM differing WHERE quantity IS NOT NULL
"""
# The lock keeps two recorders of one account apart; the merge of a sync takes it too, at its end.
POOLS = """
WITH locked AS (
    SELECT id FROM accounts_smartaccount WHERE last_synced_at IS NOT NULL AND {which} ORDER BY id FOR NO KEY UPDATE
),
begun AS (
    INSERT INTO history_recording (smart_account_id, since)
    SELECT id, %(now)s FROM locked WHERE id NOT IN (SELECT smart_account_id FROM history_recording)
)
SELECT coalesce(array_agg(pool.id), '{{}}')
FROM locked JOIN mirror_virtualaccount pool ON pool.smart_account_id = locked.id
"""


@transaction.atomic
def record(accounts: Iterable[int] | None = None, now: datetime | None = None) -> None:
    """Bring the history of these smart accounts, or of all, to what the mirror shows.

    Accounts that were never synced are left out. Four statements.
    """
    ids = None if accounts is None else list(accounts)
    moment = now or timezone.now()
    given: dict[str, Any] = {"now": moment, "today": timezone.localdate(moment)}
    with connection.cursor() as cursor:
        cursor.execute(POOLS.format(which="true" if ids is None else "id = ANY(%(ids)s)"), {"ids": ids, "now": moment})
        given["pools"] = cursor.fetchone()[0]
        if not given["pools"]:
            return
        for kind, present in ((Series.Kind.USE, USE), (Series.Kind.SUPPLY, SUPPLY)):
            statement = RECORD.format(present=present, key=KEY, names=NAMES)
            cursor.execute(statement, {**given, "kind": kind.value})
        cursor.execute(RECORD_STATES, given)
