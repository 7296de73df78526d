"""Open what should be open, close what should not, and keep the facts of the rest current: one set-wise statement."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from licensing.alerts.findings import clocks, on_prem
from licensing.alerts.findings.catalogue import BASE, CONCERNED, FOUND
from licensing.mirror import kept_forecasts

# What comes back within a week is the same story: the same row opens again, with its history and its owner.
REOPENS_WITHIN = timedelta(days=7)
# What opened so often within a day comes and goes: it stays open until it was not found for QUIET.
FLAPS, FLAPS_WITHIN, QUIET = 3, timedelta(days=1), timedelta(hours=2)

# Evaluations of one partner come one after the other. The table's oid differs from schema to schema. Compiling a
# statement that answers in milliseconds takes longer than it saves.
LOCK = """
SELECT pg_advisory_xact_lock(hashtextextended(concat('alerts ', 'alerts_alert'::regclass::oid), 0)),
    set_config('jit', 'off', true)
"""

LADDER = "ARRAY['info', 'minor', 'major', 'critical']"

# Each alert that is or was lately open, beside what is found now. With one account, alerts of others are left alone.
JUDGED = f"""
story AS (
    SELECT DISTINCT ON (rule_id, subject_type, subject_id)
        id, rule_id, subject_type, subject_id, closed_at, severity, lead, clear_since, acknowledged_at,
        coalesce(reopened_at, opened_at) AS since
    FROM alerts_alert
    WHERE (closed_at IS NULL OR closed_at > %(now)s::timestamptz - %(reopens_within)s::interval)
        AND (%(account)s::bigint IS NULL OR smart_account_id = %(account)s::bigint
            OR (smart_account_id IS NULL AND subject_type IN ('license_server', 'cluster')))
    ORDER BY rule_id, subject_type, subject_id, closed_at DESC NULLS FIRST, id DESC
),
judged AS (
    SELECT story.id, story.closed_at, story.severity AS severity_before, story.lead AS lead_before, found.*,
        ({LADDER})[least(4, array_position({LADDER}, found.severity) + found.risen + CASE
            WHEN story.closed_at IS NULL AND found.escalate_after_hours > 0 THEN greatest(0, floor(
                extract(epoch FROM least(story.acknowledged_at, %(now)s::timestamptz) - story.since)
                / 3600 / found.escalate_after_hours))::integer ELSE 0 END)] AS risen_to,
        CASE
            WHEN story.id IS NULL THEN 'open'
            WHEN story.closed_at IS NOT NULL THEN CASE WHEN found.rule_id IS NULL THEN 'rest' ELSE 'reopen' END
            WHEN found.rule_id IS NOT NULL THEN 'keep'
            WHEN coalesce(story.clear_since, %(now)s) > %(now)s::timestamptz - %(quiet)s::interval
                AND EXISTS (SELECT FROM rule WHERE rule.id = story.rule_id)
                AND (SELECT count(*) FROM alerts_alertevent event WHERE event.alert_id = story.id
                    AND event.kind IN ('opened', 'reopened')
                    AND event.at > %(now)s::timestamptz - %(flaps_within)s::interval) >= %(flaps)s THEN 'hold'
            ELSE 'close'
        END AS step
    FROM story FULL JOIN found USING (rule_id, subject_type, subject_id)
)
"""

FOLLOWED = (
    "severity",
    "subject_name",
    "subject_place",
    "facts",
    "due_at",
    "lead",
    "smart_account_id",
    "virtual_account_id",
    "cluster_id",
    "license_name",
)
NEW = {name: f"judged.{name}" for name in FOLLOWED} | {"severity": "judged.risen_to"}
# Its rule's, until somebody else takes it.
OWNER = "(SELECT rule.owner_id FROM rule WHERE rule.id = judged.rule_id)"

# The parts see the tables as they were before the statement, hence the sum of open alerts.
EVALUATE = f"""
WITH {BASE}, {CONCERNED}, {FOUND}, {JUDGED},
ended AS (
    UPDATE alerts_alert alert
    SET closed_at = CASE judged.step WHEN 'close' THEN %(now)s::timestamptz END,
        snoozed_until = CASE judged.step WHEN 'hold' THEN alert.snoozed_until END,
        clear_since = CASE judged.step WHEN 'hold' THEN %(now)s::timestamptz END
    FROM judged
    WHERE alert.id = judged.id AND (judged.step = 'close' OR (judged.step = 'hold' AND alert.clear_since IS NULL))
    RETURNING alert.id, alert.closed_at, alert.severity, alert.facts
),
refreshed AS (
    UPDATE alerts_alert alert
    SET {", ".join(f"{name} = {value}" for name, value in NEW.items())},
        closed_at = NULL, clear_since = NULL,
        reopened_at = CASE judged.step WHEN 'reopen' THEN %(now)s::timestamptz ELSE alert.reopened_at END,
        acknowledged_at = CASE judged.step WHEN 'reopen' THEN NULL ELSE alert.acknowledged_at END
    FROM judged
    WHERE alert.id = judged.id AND (judged.step = 'reopen' OR (judged.step = 'keep' AND (
        alert.clear_since IS NOT NULL
        OR ({", ".join(f"alert.{name}" for name in FOLLOWED)}) IS DISTINCT FROM ({", ".join(NEW.values())})
    )))
    RETURNING alert.id, judged.step, alert.severity, alert.facts, alert.lead, judged.severity_before,
        judged.lead_before
),
opened AS (
    INSERT INTO alerts_alert (rule_id, kind, subject_type, subject_id, {", ".join(FOLLOWED)}, opened_at, owner_id)
    SELECT judged.rule_id, judged.kind, judged.subject_type, judged.subject_id, {", ".join(NEW.values())}, %(now)s,
        {OWNER}
    FROM judged WHERE judged.step = 'open'
    ON CONFLICT (rule_id, subject_type, subject_id) WHERE closed_at IS NULL DO NOTHING
    RETURNING id, severity, facts
),
told AS (
    INSERT INTO alerts_alertevent (alert_id, kind, at, by, comment, facts, severity)
    SELECT id, 'opened', %(now)s::timestamptz, '', '', facts, severity FROM opened
    UNION ALL SELECT id, 'closed', %(now)s, '', '', facts, severity FROM ended WHERE closed_at IS NOT NULL
    UNION ALL SELECT id, CASE
            WHEN step = 'reopen' THEN 'reopened'
            WHEN severity <> severity_before THEN 'severity'
            ELSE 'lead' END, %(now)s, '', '', facts, severity
        FROM refreshed WHERE step = 'reopen' OR severity <> severity_before OR lead < lead_before
)
SELECT
    (SELECT count(*) FROM opened) + (SELECT count(*) FROM refreshed WHERE step = 'reopen'),
    (SELECT count(*) FROM ended WHERE closed_at IS NOT NULL),
    (SELECT count(*) FROM alerts_alert WHERE closed_at IS NULL)
"""

# In a statement of its own: what wakes may change in the same evaluation.
WAKE = """
WITH woken AS (
    UPDATE alerts_alert SET snoozed_until = NULL
    WHERE snoozed_until <= %(now)s AND closed_at IS NULL RETURNING id, facts, severity
)
INSERT INTO alerts_alertevent (alert_id, kind, at, by, comment, facts, severity)
SELECT id, 'woken', %(now)s, '', '', facts, severity FROM woken
"""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The number of alerts that this evaluation opened (again) and closed, and of those that are open."""

    opened: int
    closed: int
    open: int


def lock() -> None:
    """Let no evaluation run until this transaction ends. Take it before locking rows that evaluations write."""
    with connection.cursor() as cursor:
        cursor.execute(LOCK)


def evaluate(now: datetime | None = None, smart_account_id: int | None = None) -> Evaluation:
    """Compare what the enabled rules find with what is open, and write an AlertEvent for each change.

    With a smart account, only what belongs to it, and what belongs to none, is looked at: for after its sync.

    A finding that is open keeps its row, its `opened_at` and its acknowledgement. One that is no longer found closes:
    it was mended, its rule was switched off, or its subject is gone or paused. Found again within REOPENS_WITHIN, the
    same row opens again, not acknowledged; later, a new one. One that has opened FLAPS times within a day stays open
    until it was not found for QUIET (`clear_since` says since when).
    """
    now = now or timezone.now()
    parameters = parameters_of(now, smart_account_id)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(LOCK)
        cursor.execute(clocks.FOLLOW, parameters)
        cursor.execute(WAKE, parameters)
        kept_forecasts.refresh(now.astimezone(UTC).date(), smart_account_id)
        cursor.execute(EVALUATE, {**parameters, "on_prem": on_prem.found()})
        opened, closed, open_before = cursor.fetchone()
    return Evaluation(opened, closed, open_before + opened - closed)


def parameters_of(now: datetime, smart_account_id: int | None) -> dict[str, Any]:
    """Return what the findings and JUDGED ask for."""
    return {
        "now": now,
        "today": timezone.localdate(now, timezone.get_default_timezone()),
        "zone": settings.TIME_ZONE,
        "account": smart_account_id,
        "reopens_within": REOPENS_WITHIN,
        "flaps": FLAPS,
        "flaps_within": FLAPS_WITHIN,
        "quiet": QUIET,
    }
