"""Keeping what was told bounded."""

from datetime import timedelta

from django.conf import settings
from django.db import connection
from django.utils import timezone

BATCH = 5_000
OLD = "SELECT id FROM channels_delivery WHERE created_at < %s AND state <> 'waiting' ORDER BY created_at LIMIT %s"
STATEMENTS = (
    f"DELETE FROM channels_deliveryattempt WHERE delivery_id IN ({OLD})",
    f"DELETE FROM channels_delivery WHERE id IN ({OLD})",
)


def prune() -> int:
    """Delete deliveries older than PORTAL_DELIVERY_DAYS, batch by batch. Returns how many went."""
    before, gone = timezone.now() - timedelta(days=settings.DELIVERY_DAYS), 0
    while True:
        with connection.cursor() as cursor:
            for statement in STATEMENTS:
                cursor.execute(statement, [before, BATCH])
            batch = int(cursor.rowcount)
        gone += batch
        if batch < BATCH:
            return gone
