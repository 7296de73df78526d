"""One transaction from staging to the mirror.

For each mirrored table, parents first: (1) a `diff` of staging against the mirror, holding only what differs, with the
ids that new rows will have; (2) a Change for each; (3) insert, update, mark gone; (4) the parts of changed rows. Where
the diff is empty, nothing else runs: a sync without change reads each table once and writes no mirror row.
"""

from collections import Counter
from datetime import datetime
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from licensing import matching
from licensing.models import SyncRun
from licensing.sync import runs
from licensing.sync.cssm_alerts import STORE as STORE_ALERTS
from licensing.sync.mirrors import LICENSES, MIRRORS, PRODUCT_INSTANCES, Mirror

COUNTED = ("created", "changed", "gone", "back")

# "Including virtual accounts on which the caller has no listed role" (cssm-api.md §4.5): they count as listed.
UNLISTED_POOLS = """
INSERT INTO staged_virtual_account
SELECT DISTINCT virtual_account, '', false, '' FROM (
    SELECT virtual_account FROM staged_license UNION SELECT virtual_account FROM staged_product_instance
) named
WHERE virtual_account NOT IN (SELECT name FROM staged_virtual_account)
"""

# An instance that left one pool and appeared in another is one row that moved: its own columns stay with it.
MOVES = """
WITH arrived AS (
    SELECT id, identity, row_number() OVER (PARTITION BY identity ORDER BY id) AS place
    FROM diff_product_instance WHERE kind = 'created'
),
left_behind AS (
    SELECT row.id, row.identity, row.gone_at,
        row_number() OVER (PARTITION BY row.identity ORDER BY row.gone_at DESC NULLS FIRST, row.id) AS place
    FROM licensing_productinstance row
    JOIN licensing_virtualaccount pool ON pool.id = row.virtual_account_id AND pool.smart_account_id = %(account)s
    WHERE row.identity IN (SELECT identity FROM arrived)
        AND (row.gone_at IS NOT NULL OR row.id IN (SELECT id FROM diff_product_instance WHERE kind = 'gone'))
        AND NOT EXISTS (SELECT 1 FROM diff_product_instance WHERE id = row.id AND kind <> 'gone')
),
moved AS (
    SELECT arrived.id AS arrived_id, left_behind.id, left_behind.gone_at
    FROM arrived JOIN left_behind USING (identity, place)
),
dropped AS (
    DELETE FROM diff_product_instance WHERE kind = 'gone' AND id IN (SELECT id FROM moved)
)
UPDATE diff_product_instance diff
SET id = moved.id, kind = CASE WHEN moved.gone_at IS NULL THEN 'changed' ELSE 'back' END, parts_differ = true
FROM moved WHERE diff.id = moved.arrived_id
"""

# Names are compared ignoring case and repeated blanks (cssm-api.md §10.1) where no license has exactly that name.
LINK_USAGE = r"""
UPDATE licensing_instanceusage usage SET license_id = license.id
FROM licensing_productinstance row, licensing_license license, licensing_virtualaccount pool
WHERE usage.license_id IS NULL AND row.id = usage.product_instance_id
    AND pool.id = row.virtual_account_id AND pool.smart_account_id = %(account)s
    AND license.virtual_account_id = row.virtual_account_id
    AND regexp_replace(lower(license.name), '\s+', ' ', 'g')
        = regexp_replace(lower(usage.license_name), '\s+', ' ', 'g')
"""

SAMPLES = """
INSERT INTO licensing_usagesample (license_id, day, quantity, in_use, available, reserved)
SELECT license.id, %(day)s, license.quantity, license.in_use, license.available, license.reserved
FROM licensing_license license JOIN licensing_virtualaccount pool ON pool.id = license.virtual_account_id
WHERE pool.smart_account_id = %(account)s AND license.gone_at IS NULL
ON CONFLICT (license_id, day) DO UPDATE
SET quantity = excluded.quantity, in_use = excluded.in_use, available = excluded.available, reserved = excluded.reserved
WHERE (licensing_usagesample.quantity, licensing_usagesample.in_use, licensing_usagesample.available,
    licensing_usagesample.reserved)
    IS DISTINCT FROM (excluded.quantity, excluded.in_use, excluded.available, excluded.reserved)
"""


@transaction.atomic
def merge(run: SyncRun, rows: int, cssm_alerts: str | None = None) -> None:
    """Bring the mirror to the staged rows, and finish the run. `cssm_alerts`: what cssm_alerts.fetch gave."""
    merger = _Merger(run, timezone.now())
    merger.execute("SELECT 1 FROM licensing_smartaccount WHERE id = %(account)s FOR KEY SHARE")
    rows += merger.execute(UNLISTED_POOLS)
    found = {mirror: merger.reconcile(mirror) for mirror in MIRRORS}
    if found[PRODUCT_INSTANCES] or found[LICENSES]:
        merger.execute(LINK_USAGE)
    if found[PRODUCT_INSTANCES]:
        matching.match_clusters()
    merger.execute(SAMPLES)
    if cssm_alerts is not None:
        merger.execute(STORE_ALERTS, alerts=cssm_alerts)
    runs.succeed(run, merger.counts(rows))


class _Merger:
    def __init__(self, run: SyncRun, now: datetime) -> None:
        self.parameters: dict[str, Any] = {
            "account": run.smart_account_id,
            "run": run.pk,
            "now": now,
            "day": now.date(),
            "started": run.started_at,
        }
        self.kinds: Counter[str] = Counter()

    def execute(self, statement: str, **more: Any) -> int:
        with connection.cursor() as cursor:
            cursor.execute(statement, {**self.parameters, **more})
            return int(cursor.rowcount)

    def reconcile(self, mirror: Mirror) -> int:
        """How many rows differed."""
        differing = self.execute(mirror.diff)
        if differing:
            if mirror is PRODUCT_INSTANCES:
                self.execute(MOVES)
            self._count_kinds(mirror)
            for statement in mirror.apply:
                self.execute(statement)
        return differing

    def counts(self, rows: int) -> dict[str, int]:
        """A new last contact alone is no change."""
        counts = {kind: self.kinds[kind] for kind in COUNTED}
        seen_differently = counts["created"] + counts["changed"] + counts["back"]
        return {**counts, "unchanged": rows - seen_differently}

    def _count_kinds(self, mirror: Mirror) -> None:
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT kind, count(*) FROM {mirror.diff_table} GROUP BY kind")
            self.kinds.update(dict(cursor.fetchall()))
