"""Replay a rule over the stored history: what it would have opened and closed, had it been on."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection
from django.utils import timezone

from licensing.alerts.findings.catalogue import CONCERNED, FINDINGS, IN_SCOPE, base
from licensing.alerts.kinds import threshold_of
from licensing.alerts.models import AlertRule, Kind
from licensing.alerts.replay.forecasts import fired
from licensing.alerts.replay.history import HISTORY, NOTHING
from licensing.alerts.wording import subject

SHOWN = 200
LONGEST = 730

# One row: the rule as it is asked about, stored or not. It takes the place of the stored rules.
ASKED = """
asked AS (
    SELECT 0::bigint AS id, %(kind)s::text AS kind, %(smart_accounts)s::bigint[] AS smart_accounts,
        %(virtual_accounts)s::bigint[] AS virtual_accounts, %(licenses)s::text[] AS licenses,
        %(customers)s::bigint[] AS customers, %(tags)s::text[] AS tags
)
"""
# `past` gives subject_name, subject_place, opened_at, closed_at (null or to come: it would be open now) and where it
# belongs.
REPLAY = """
WITH {asked}, {base}, {concerned}, past AS ({history})
SELECT found.subject_name, found.subject_place, found.opened_at,
    CASE WHEN found.closed_at <= %(now)s THEN found.closed_at END, count(*) OVER ()
FROM past found CROSS JOIN rule
WHERE coalesce(found.closed_at, %(now)s) > %(since)s AND found.opened_at <= %(now)s
    AND coalesce(found.closed_at, 'infinity') > found.opened_at AND {in_scope}
ORDER BY found.opened_at DESC, found.subject_name, found.subject_place LIMIT {shown}
"""


@dataclass(frozen=True, slots=True)
class Firing:
    """One alert that would have been. `closed_at` None: it would be open now."""

    subject: str
    opened_at: datetime
    closed_at: datetime | None
    lasted: timedelta

    @property
    def seconds(self) -> float:
        return self.lasted.total_seconds()


@dataclass(frozen=True, slots=True)
class Replay:
    """`covered`: "whole", "partly" or "none" of the history that this kind needs is kept; `why` says what is missing.

    `firings`: the newest SHOWN of `total`, from `since` to now; times are aware, those of samples begin with their day.
    """

    covered: str
    why: str
    since: datetime
    firings: list[Firing]
    total: int


def would_have_fired(rule: AlertRule, days: int = 90, now: datetime | None = None) -> Replay:
    """Over the last `days`, for a rule that need not be stored or on. Reads only; severity is left out of it."""
    now = now or timezone.now()
    since = now - timedelta(days=max(1, min(days, LONGEST)))
    history = HISTORY.get(rule.kind, NOTHING)
    if not history.sql:
        return Replay(history.covered, history.why, since, [], 0)
    statement = REPLAY.format(
        asked=ASKED,
        base=base("SELECT * FROM asked"),
        concerned=CONCERNED,
        history=history.sql,
        in_scope=IN_SCOPE,
        shown=SHOWN,
    )
    with connection.cursor() as cursor:
        cursor.execute(statement, _parameters(rule, since, now))
        rows = cursor.fetchall()
    about = FINDINGS[Kind(rule.kind)][0].about
    firings = [
        Firing(subject(about, name, place), opened, closed, (closed or now) - opened)
        for name, place, opened, closed, _ in rows
    ]
    return Replay(history.covered, history.why, since, firings, rows[0][-1] if rows else 0)


def _parameters(rule: AlertRule, since: datetime, now: datetime) -> dict[str, Any]:
    scopes = {name: list(getattr(rule, name)) for name in AlertRule.SCOPES}
    return {
        **scopes,
        "kind": rule.kind,
        "threshold": threshold_of(rule),
        "unit": rule.unit,
        "since": since,
        "now": now,
        "today": timezone.localdate(now),
        "zone": settings.TIME_ZONE,
        "account": None,
        "forecasts": fired(threshold_of(rule) or 0, since, now) if rule.kind == Kind.EXHAUSTION else "[]",
    }
