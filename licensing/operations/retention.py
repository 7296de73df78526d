"""Keeping the history bounded."""

from datetime import date, timedelta

from django.conf import settings
from django.db import connection
from django.utils import timezone

from licensing.mirror.changes import records

# Small enough that no other work waits for the locks of one batch.
BATCH = 5_000
OLD_CHANGES = """
DELETE FROM mirror_change WHERE id IN (SELECT id FROM mirror_change WHERE at < %s ORDER BY at LIMIT %s)
"""
OLD_SAMPLES = """
DELETE FROM mirror_usagesample
WHERE id IN (SELECT id FROM mirror_usagesample WHERE day < %s ORDER BY day LIMIT %s)
"""


def prune() -> int:
    """Delete Changes and UsageSamples older than the settings say, batch by batch. Returns how many went."""
    now = timezone.now()
    changes = _in_batches(OLD_CHANGES, records.kept_since(now))
    samples = _in_batches(OLD_SAMPLES, (now - timedelta(days=settings.USAGE_SAMPLE_DAYS)).date())
    return changes + samples


def _in_batches(statement: str, before: date) -> int:
    gone = 0
    while True:
        with connection.cursor() as cursor:
            cursor.execute(statement, [before, BATCH])
            batch = int(cursor.rowcount)
        gone += batch
        if batch < BATCH:
            return gone
