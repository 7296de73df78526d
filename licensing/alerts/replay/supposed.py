"""Say what the next evaluation would open and close if licenses stood otherwise: for before they are moved.

The findings and the judgement of evaluation itself are asked. Their SQL reads tables by name, so the rows as they would
be stand before it under the names of these tables.
"""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from django.db import connection
from django.utils import timezone

from licensing.alerts import wording
from licensing.alerts.evaluation import JUDGED, parameters_of
from licensing.alerts.findings.catalogue import CONCERNED, FINDINGS, IN_SCOPE, base, found
from licensing.alerts.findings.sql_text import threshold
from licensing.alerts.models import AlertRule, Kind
from licensing.mirror import kept_forecasts

# What moving licenses decides. Which terms move with them is for Cisco to choose, so nothing is said of terms.
KINDS = (Kind.OUT_OF_COMPLIANCE, Kind.FREE_BELOW, Kind.EXHAUSTION, Kind.OVERAGE)

SUPPOSED = """
supposed AS (
    SELECT item, (item->>'id')::bigint AS id, (item->>'runs_out')::date AS runs_out, item ? 'runs_out' AS is_projected
    FROM jsonb_array_elements(%(supposed)s::jsonb) item
),
mirror_license AS (
    SELECT license.* FROM mirror_license license
    JOIN mirror_virtualaccount pool ON pool.id = license.virtual_account_id
    WHERE pool.smart_account_id = %(account)s AND license.id NOT IN (SELECT id FROM supposed)
    UNION ALL
    SELECT changed.* FROM supposed
    JOIN mirror_license license ON license.id = supposed.id
    CROSS JOIN LATERAL jsonb_populate_record(license, supposed.item) changed
    UNION ALL
    SELECT arrived.* FROM supposed
    CROSS JOIN LATERAL jsonb_populate_record(NULL::mirror_license, supposed.item) arrived
    WHERE supposed.id < 0
),
mirror_licenseforecast AS (
    SELECT changed.* FROM mirror_licenseforecast kept
    LEFT JOIN supposed ON supposed.id = kept.license_id AND supposed.is_projected
    CROSS JOIN LATERAL jsonb_populate_record(kept, jsonb_build_object(
        'day', (%(now)s::timestamptz AT TIME ZONE 'UTC')::date,
        'quantity', coalesce((supposed.item->>'quantity')::integer, kept.quantity),
        'in_use', coalesce((supposed.item->>'in_use')::integer, kept.in_use),
        'reserved', coalesce((supposed.item->>'reserved')::integer, kept.reserved),
        'runs_out', CASE WHEN supposed.is_projected THEN supposed.runs_out ELSE kept.runs_out END
    )) changed
    WHERE kept.license_id IN (SELECT id FROM mirror_license)
),
alerts_overage AS (
    SELECT overage.* FROM alerts_overage overage
    JOIN mirror_license license ON license.id = overage.license_id AND license.status = 'out_of_compliance'
)
"""
RULES = base("SELECT * FROM alerts_alertrule WHERE enabled AND kind = ANY (%(kinds)s)")
FOUND = found(finding for kind in KINDS for finding in FINDINGS[kind])

CHANGES = f"""
WITH {SUPPOSED}, {RULES}, {CONCERNED}, {FOUND}, {JUDGED}
SELECT judged.step <> 'close' AS opens, rule.kind, coalesce(judged.risen_to, alert.severity), rule.name,
    coalesce(judged.subject_name, alert.subject_name), coalesce(judged.subject_place, alert.subject_place),
    coalesce(judged.facts, alert.facts)
FROM judged
LEFT JOIN alerts_alert alert ON alert.id = judged.id
JOIN rule ON rule.id = coalesce(judged.rule_id, alert.rule_id)
WHERE judged.step IN ('open', 'reopen', 'close')
ORDER BY 1 DESC, 2, 6, 5
"""

# The rules on free licenses that watch each license of an account.
WATCHED = f"""
WITH {RULES}, {CONCERNED}
SELECT found.license_id, {threshold(Kind.FREE_BELOW)}, rule.unit
FROM (
    SELECT license.id AS license_id, license.name AS license_name, pool.id AS virtual_account_id,
        pool.smart_account_id, NULL::bigint AS cluster_id
    FROM mirror_license license JOIN pool ON pool.id = license.virtual_account_id AND pool.purpose <> 'ordered'
    WHERE license.gone_at IS NULL
) found CROSS JOIN rule
WHERE {IN_SCOPE}
"""


@dataclass(frozen=True, slots=True)
class Supposed:
    """A license as it would be. A negative `id`: the virtual account does not list it yet."""

    id: int
    virtual_account_id: int
    name: str
    quantity: int
    in_use: int
    reserved: int
    available: int
    status: str


@dataclass(frozen=True, slots=True)
class AlertChange:
    """An alert that would open (or open again), or close."""

    opens: bool
    kind: str
    severity: str
    rule: str
    subject: str
    place: str
    summary: str

    @property
    def title(self) -> str:
        return str(Kind(self.kind).label)


@dataclass(frozen=True, slots=True)
class FreeBelow:
    """The threshold of a rule on free licenses: the arithmetic of findings.pools.FREE_BELOW."""

    threshold: int
    in_licenses: bool

    def most_to_give(self, quantity: int, available: int) -> int:
        """Return how many can leave without opening the alert, 0 where it is open already."""
        if self.in_licenses:
            return max(available - self.threshold, 0)
        if available * 100 < quantity * self.threshold:
            return 0
        if self.threshold >= 100:
            return max(available, 0)
        return min((available * 100 - quantity * self.threshold) // (100 - self.threshold), max(available, 0))

    def fewest_to_get(self, quantity: int, available: int) -> int:
        """Return how many must arrive so that the alert is closed, 0 where none can or need to."""
        if self.in_licenses:
            return max(self.threshold - available, 0)
        if self.threshold >= 100:
            return 0
        return max(-((available * 100 - quantity * self.threshold) // (100 - self.threshold)), 0)


def changes(smart_account_id: int, rows: Iterable[Supposed], now: datetime | None = None) -> list[AlertChange]:
    """Return what the next evaluation of the smart account would change. Two statements; nothing is written."""
    now = now or timezone.now()
    rows = list(rows)
    rooms = {row.id: row.quantity - row.reserved - row.in_use for row in rows}
    runs_out = kept_forecasts.runs_out_with(now.astimezone(UTC).date(), rooms)
    parameters = {
        **parameters_of(now, smart_account_id),
        "kinds": [str(kind) for kind in KINDS],
        "supposed": json.dumps([_item(row, runs_out) for row in rows], default=str),
    }
    with connection.cursor() as cursor:
        cursor.execute(CHANGES, parameters)
        found = cursor.fetchall()
    return [
        AlertChange(opens, kind, severity, rule, subject, place, wording.words(kind, json.loads(facts), now).summary)
        for opens, kind, severity, rule, subject, place, facts in found
    ]


def free_below_rules(smart_account_id: int) -> dict[int, list[FreeBelow]]:
    """Return the enabled rules on free licenses by the licenses that they watch. One statement."""
    watched: dict[int, list[FreeBelow]] = {}
    parameters = {**parameters_of(timezone.now(), smart_account_id), "kinds": [str(Kind.FREE_BELOW)]}
    with connection.cursor() as cursor:
        cursor.execute(WATCHED, parameters)
        for license_id, number, unit in cursor.fetchall():
            watched.setdefault(license_id, []).append(FreeBelow(number, unit == AlertRule.Unit.LICENSES))
    return watched


def _item(row: Supposed, runs_out: dict[int, Any]) -> dict[str, Any]:
    projected = {"runs_out": runs_out[row.id]} if row.id in runs_out else {}
    return {**asdict(row), "gone_at": None, **projected}
