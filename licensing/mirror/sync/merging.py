"""Merge the staged rows into the mirror in one transaction.

For each mirrored table in question, parents first: (1) a `diff` of staging against the mirror, holding only what
differs, with the ids that new rows will have; (2) a Change for each; (3) insert, update, mark gone; (4) the parts of
changed rows. Where the diff is empty, nothing else runs. Where every row of a listing came again as it was, not even
that: a sync without change reads no mirrored row but for its fingerprint, and writes none.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from licensing.mirror.models import SyncRun
from licensing.mirror.sync import runs
from licensing.mirror.sync.cssm_alerts import STORE as STORE_ALERTS
from licensing.mirror.sync.fetching import Fetched
from licensing.mirror.sync.mirrors import LICENSES, PRODUCT_INSTANCES, VIRTUAL_ACCOUNTS, Mirror


@dataclass(frozen=True, slots=True)
class Following:
    """What follows a merge, in its transaction.

    `match` matches the changed product instances with clusters; it takes a SELECT of their ids. `record` keeps the
    figures of the smart accounts with these ids in the history, as of the moment.
    """

    match: Callable[[str], object]
    record: Callable[[list[int], datetime], object]


COUNTED = ("created", "changed", "gone", "back")

# Cisco lists pools on which the caller has no listed role (docs/cisco-api.md#all-pools): they count as listed. So do
# pools of the mirror with rows that came again as they were.
UNLISTED_POOLS = """
INSERT INTO staged_virtual_account (name, description, is_default, access_level)
SELECT named.name, '', false, '' FROM (
    {of_staged_rows}
    SELECT pool.name FROM mirror_virtualaccount pool
    WHERE pool.smart_account_id = %(account)s AND pool.gone_at IS NULL
        AND (pool.fingerprint IS NULL OR pool.fingerprint = ANY(%(missing_pools)s::bigint[]))
        AND (
            EXISTS (SELECT 1 FROM mirror_license row WHERE row.virtual_account_id = pool.id
                AND row.gone_at IS NULL AND row.fingerprint IS NOT NULL
                AND row.fingerprint <> ALL(%(missing_licenses)s::bigint[]))
            OR EXISTS (SELECT 1 FROM mirror_productinstance row WHERE row.virtual_account_id = pool.id
                AND row.gone_at IS NULL AND row.fingerprint IS NOT NULL
                AND row.fingerprint <> ALL(%(missing_instances)s::bigint[]))
        )
) named
WHERE named.name NOT IN (
    SELECT name FROM staged_virtual_account
    UNION ALL
    SELECT name FROM mirror_virtualaccount WHERE smart_account_id = %(account)s AND gone_at IS NULL
        AND fingerprint IS NOT NULL AND fingerprint <> ALL(%(missing_pools)s::bigint[])
)
"""

# Any instance could have moved if one is gone now, or was gone before.
LEFT_BEHIND = """
SELECT 1 WHERE EXISTS (SELECT 1 FROM diff_product_instance WHERE kind = 'gone') OR EXISTS (
    SELECT 1 FROM mirror_productinstance row
    JOIN mirror_virtualaccount pool ON pool.id = row.virtual_account_id AND pool.smart_account_id = %(account)s
    WHERE row.gone_at IS NOT NULL
)
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
    FROM mirror_productinstance row
    JOIN mirror_virtualaccount pool ON pool.id = row.virtual_account_id AND pool.smart_account_id = %(account)s
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

# Names are compared ignoring case and repeated blanks where no license has exactly that name
# (docs/cisco-api.md#loose-words).
LINK_USAGE = r"""
UPDATE mirror_instanceusage usage SET license_id = license.id
FROM mirror_productinstance row, mirror_license license, mirror_virtualaccount pool
WHERE usage.license_id IS NULL AND row.id = usage.product_instance_id
    AND pool.id = row.virtual_account_id AND pool.smart_account_id = %(account)s
    AND license.virtual_account_id = row.virtual_account_id
    AND regexp_replace(lower(license.name), '\s+', ' ', 'g')
        = regexp_replace(lower(usage.license_name), '\s+', ' ', 'g')
"""

ACCOUNT = """
SELECT last_synced_at >= %(day)s::date::timestamptz,
    EXISTS (SELECT 1 FROM mirror_cssmalert WHERE smart_account_id = %(account)s)
FROM accounts_smartaccount WHERE id = %(account)s FOR KEY SHARE
"""

SAMPLES = """
INSERT INTO mirror_usagesample (license_id, day, quantity, in_use, available, reserved)
SELECT license.id, %(day)s, license.quantity, license.in_use, license.available, license.reserved
FROM mirror_license license JOIN mirror_virtualaccount pool ON pool.id = license.virtual_account_id
WHERE pool.smart_account_id = %(account)s AND license.gone_at IS NULL
ON CONFLICT (license_id, day) DO UPDATE
SET quantity = excluded.quantity, in_use = excluded.in_use, available = excluded.available, reserved = excluded.reserved
WHERE (mirror_usagesample.quantity, mirror_usagesample.in_use, mirror_usagesample.available,
    mirror_usagesample.reserved)
    IS DISTINCT FROM (excluded.quantity, excluded.in_use, excluded.available, excluded.reserved)
"""

# A subscription needs a row from the first line that names it, so that people can save decisions about it.
SUBSCRIPTIONS = """
INSERT INTO mirror_subscription (smart_account_id, subscription_id, first_seen_at)
SELECT DISTINCT pool.smart_account_id, line.subscription_id, %(now)s::timestamptz
FROM mirror_licenseline line JOIN mirror_license license ON license.id = line.license_id
JOIN mirror_virtualaccount pool ON pool.id = license.virtual_account_id
WHERE pool.smart_account_id = %(account)s AND line.subscription_id <> '' AND NOT EXISTS (
    SELECT 1 FROM mirror_subscription known
    WHERE known.smart_account_id = pool.smart_account_id AND known.subscription_id = line.subscription_id
)
"""


@transaction.atomic
def merge(run: SyncRun, fetched: Fetched, then: Following, cssm_alerts: str | None = None) -> bool:
    """Bring the mirror to what was listed, and finish the run. `cssm_alerts` is what cssm_alerts.fetch returned.

    Returns whether anything is different now.
    """
    merger = _Merger(run, fetched, timezone.now())
    sampled, alerted = merger.lock_account()
    if any(each.differs for each in fetched.listed.values()):
        for mirror, missing in merger.find_differing():
            merger.reconcile(mirror, missing)
        merger.connect(then.match)
    if merger.differing[LICENSES]:
        merger.execute(SUBSCRIPTIONS)
    if merger.differing[LICENSES] or not sampled:
        merger.execute(SAMPLES)
    told = alerted or cssm_alerts not in {None, "[]"}
    if told and cssm_alerts is not None:
        merger.execute(STORE_ALERTS, alerts=cssm_alerts)
    runs.succeed(run, merger.counts(), " ".join(fetched.remarks))
    if merger.differing.total() or not sampled:
        then.record([run.smart_account_id], merger.now)
    return bool(merger.differing.total()) or told or not sampled


class _Merger:
    def __init__(self, run: SyncRun, fetched: Fetched, now: datetime) -> None:
        self.fetched = fetched
        self.now = now
        self.rows = fetched.rows
        self.parameters: dict[str, Any] = {
            "account": run.smart_account_id,
            "run": run.pk,
            "now": now,
            "day": now.date(),
            "started": run.started_at,
        }
        self.kinds: Counter[str] = Counter()
        self.differing: Counter[Mirror] = Counter()

    def execute(self, statement: str, **parameters: Any) -> int:
        with connection.cursor() as cursor:
            cursor.execute(statement, {**self.parameters, **parameters})
            return int(cursor.rowcount)

    def lock_account(self) -> tuple[bool, bool]:
        """Lock the account against removal.

        Returns whether its last sync was today, with samples, and whether alerts of Cisco are stored for it.
        """
        with connection.cursor() as cursor:
            cursor.execute(ACCOUNT, self.parameters)
            sampled, alerted = cursor.fetchone() or (False, False)
        return bool(sampled), bool(alerted)

    def find_differing(self) -> Iterator[tuple[Mirror, list[int]]]:
        """Yield the tables to reconcile, parents first, with the fingerprints that were not listed again.

        Whatever differs may name a pool that is not listed.
        """
        listed = self.fetched.listed
        missing = {mirror: each.known.missing() for mirror, each in listed.items()}
        listed[VIRTUAL_ACCOUNTS].table.make()
        unlisted = self._add_unlisted_pools(missing)
        for mirror, each in listed.items():
            if each.differs or (unlisted and mirror is VIRTUAL_ACCOUNTS):
                each.table.make()
                yield mirror, missing[mirror]

    def connect(self, match: Callable[[str], object]) -> None:
        """Link usage with licenses, and product instances with clusters, where either changed."""
        if self.differing[PRODUCT_INSTANCES] or self.differing[LICENSES]:
            self.execute(LINK_USAGE)
        if self.differing[PRODUCT_INSTANCES]:
            match("SELECT id FROM diff_product_instance WHERE kind <> 'seen'")

    def counts(self) -> dict[str, int]:
        """Return the run's counts. A new last contact alone is no change."""
        counts = {kind: self.kinds[kind] for kind in COUNTED}
        seen_differently = counts["created"] + counts["changed"] + counts["back"]
        return {**counts, "unchanged": self.rows - seen_differently}

    def _add_unlisted_pools(self, missing: dict[Mirror, list[int]]) -> int:
        named = [self.fetched.listed[mirror] for mirror in (LICENSES, PRODUCT_INSTANCES)]
        parts = [f"SELECT virtual_account AS name FROM {each.table.table} UNION" for each in named if each.staged]
        unlisted = self.execute(
            UNLISTED_POOLS.format(of_staged_rows=" ".join(parts)),
            missing_pools=missing[VIRTUAL_ACCOUNTS],
            missing_licenses=missing[LICENSES],
            missing_instances=missing[PRODUCT_INSTANCES],
        )
        self.rows += unlisted
        return unlisted

    def reconcile(self, mirror: Mirror, missing: list[int]) -> None:
        """Bring one table to what was listed: find the rows that differ, record the changes, write."""
        self.differing[mirror] = self.execute(mirror.diff, missing=missing)
        if not self.differing[mirror]:
            return
        kinds = self._kinds(mirror)
        if mirror is PRODUCT_INSTANCES and kinds["created"] and self.execute(LEFT_BEHIND):
            self.execute(MOVES)
            kinds = self._kinds(mirror)
        self.kinds += kinds
        for statement in mirror.apply:
            self.execute(statement)

    def _kinds(self, mirror: Mirror) -> Counter[str]:
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT kind, count(*) FROM {mirror.diff_table} GROUP BY kind")
            return Counter(dict(cursor.fetchall()))
