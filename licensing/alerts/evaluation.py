"""Open what should be open, close what should not, and keep the texts of the rest current: one set-wise statement."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from licensing.alerts import overages
from licensing.alerts.findings import BASE, FINDINGS

# Evaluations of one partner come one after the other. The table's oid differs from schema to schema.
LOCK = "SELECT pg_advisory_xact_lock(hashtextextended(concat('alerts ', 'licensing_alert'::regclass::oid), 0))"

# The parts see the table as it was before the statement, hence the sum of open alerts.
EVALUATE = f"""
WITH {BASE},
found (rule_id, kind, severity, subject_type, subject_id, subject, summary, next_step, due_at) AS (
    {" UNION ALL ".join(select for selects in FINDINGS.values() for select in selects)}
),
open_before AS (SELECT id, rule_id, subject_type, subject_id, severity FROM licensing_alert WHERE closed_at IS NULL),
closed AS (
    UPDATE licensing_alert SET closed_at = %(now)s
    WHERE id IN (
        SELECT open_before.id FROM open_before LEFT JOIN found USING (rule_id, subject_type, subject_id)
        WHERE found.rule_id IS NULL
    )
    RETURNING id, severity, summary
),
refreshed AS (
    UPDATE licensing_alert alert
    SET severity = found.severity, subject = left(found.subject, 400), summary = found.summary,
        next_step = found.next_step, due_at = found.due_at
    FROM found JOIN open_before USING (rule_id, subject_type, subject_id)
    WHERE alert.id = open_before.id
        AND (alert.severity, alert.subject, alert.summary, alert.next_step, alert.due_at)
        IS DISTINCT FROM (found.severity, left(found.subject, 400), found.summary, found.next_step, found.due_at)
    RETURNING alert.id, alert.severity, alert.summary, open_before.severity AS severity_before
),
opened AS (
    INSERT INTO licensing_alert
        (rule_id, kind, severity, subject_type, subject_id, subject, summary, next_step, due_at, opened_at,
        figures)
    SELECT found.rule_id, found.kind, found.severity, found.subject_type, found.subject_id, left(found.subject, 400),
        found.summary, found.next_step, found.due_at, %(now)s, '{{}}'
    FROM found LEFT JOIN open_before USING (rule_id, subject_type, subject_id)
    WHERE open_before.id IS NULL
    ON CONFLICT (rule_id, subject_type, subject_id) WHERE closed_at IS NULL DO NOTHING
    RETURNING id, severity, summary
),
told AS (
    INSERT INTO licensing_alertevent (alert_id, kind, at, by, text, severity)
    SELECT id, 'opened', %(now)s::timestamptz, '', summary, severity FROM opened
    UNION ALL SELECT id, 'closed', %(now)s, '', summary, severity FROM closed
    UNION ALL SELECT id, 'severity', %(now)s, '', summary, severity FROM refreshed WHERE severity <> severity_before
)
SELECT
    (SELECT count(*) FROM opened), (SELECT count(*) FROM closed),
    (SELECT count(*) FROM open_before) + (SELECT count(*) FROM opened) - (SELECT count(*) FROM closed)
"""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """How many alerts were opened and closed just now, and how many are open."""

    opened: int
    closed: int
    open: int


def evaluate(now: datetime | None = None) -> Evaluation:
    """Compare what the enabled rules find with what is open.

    A finding that is open keeps its row, its `opened_at` and its acknowledgement. One that is no longer found closes:
    it was mended, its rule was switched off, or its subject is gone or paused. When it is found again, a new row opens.
    """
    now = now or timezone.now()
    parameters: dict[str, Any] = {"now": now, "today": timezone.localdate(now), "zone": settings.TIME_ZONE}
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(LOCK)
        cursor.execute(overages.FOLLOW, parameters)
        cursor.execute(EVALUATE, parameters)
        opened, closed, still_open = cursor.fetchone()
    return Evaluation(opened, closed, still_open)
