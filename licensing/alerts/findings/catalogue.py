"""Find what should be open now: for each kind of rule one SELECT over the mirror, and never a loop over rows.

Findings follow what is mirrored, so a failed sync neither opens nor closes what a complete one has found. Rows that are
gone, and accounts that are paused, are watched by no rule: their alerts close, because nothing is known of them until
they come back.
"""

from collections.abc import Iterable

from licensing.alerts.findings import fleet, pools, servers
from licensing.alerts.findings.sql_text import COLUMNS, Finding
from licensing.alerts.models import Kind


def base(rules: str) -> str:
    """Return the WITH parts that all findings stand on. `rules`: a SELECT of the rules to watch by."""
    return f"rule AS ({rules}), {_MIRROR}"


# A short license's spare is the same license in another pool of the same account; what is in the ordered pool serves no
# product (docs/domain.md#A4).
_MIRROR = """
account AS (
    SELECT id, coalesce(nullif(name, ''), domain) AS label, client_id, license_server_id, sync_every, last_synced_at,
        created_at, credentials_expire_on
    FROM accounts_smartaccount WHERE paused_at IS NULL AND (%(account)s::bigint IS NULL OR id = %(account)s::bigint)
),
pool AS (
    SELECT pool.id, pool.name, pool.purpose, pool.smart_account_id, account.label AS account_name
    FROM mirror_virtualaccount pool JOIN account ON account.id = pool.smart_account_id
    WHERE pool.gone_at IS NULL
),
spare AS (
    SELECT DISTINCT ON (pool.smart_account_id, license.name)
        pool.smart_account_id, license.name, license.available, pool.id AS pool_id, pool.name AS pool_name
    FROM mirror_license license JOIN pool ON pool.id = license.virtual_account_id
    WHERE license.gone_at IS NULL AND license.available > 0 AND license.status <> 'out_of_compliance'
        AND pool.purpose <> 'ordered'
    ORDER BY pool.smart_account_id, license.name, license.available DESC, license.id
),
latest AS (
    SELECT account.id, account.label, account.last_synced_at, account.license_server_id, account.client_id,
        run.status, run.reason, run.cause, run.next_step, run.finished_at
    FROM account CROSS JOIN LATERAL (
        SELECT * FROM mirror_syncrun run
        WHERE run.smart_account_id = account.id AND run.status IN ('succeeded', 'failed')
        ORDER BY run.queued_at DESC, run.id DESC LIMIT 1
    ) run
)
"""

BASE = base("SELECT * FROM alerts_alertrule WHERE enabled")

ALL: tuple[Finding, ...] = (*pools.ALL, *fleet.ALL, *servers.ALL)
FINDINGS: dict[Kind, tuple[Finding, ...]] = {
    kind: tuple(finding for finding in ALL if finding.kind == kind) for kind in Kind
}

# Whom what is scoped to customers or tags concerns: their clusters, and the pools that these are in.
CONCERNED = """
concerned AS (
    SELECT rule.id AS rule_id, cluster.id AS cluster_id, place.virtual_account_id
    FROM rule
    JOIN fleet_customer customer
        ON (cardinality(rule.customers) = 0 OR customer.id = ANY (rule.customers))
        AND (cardinality(rule.tags) = 0 OR customer.tags::text[] && rule.tags::text[])
    JOIN fleet_cluster cluster ON cluster.customer_id = customer.id
    LEFT JOIN LATERAL (
        SELECT virtual_account_id FROM assignments_assignment
        WHERE cluster_id = cluster.id AND ended_at IS NULL
        UNION SELECT virtual_account_id FROM mirror_productinstance
        WHERE cluster_id = cluster.id AND gone_at IS NULL
    ) place ON true
    WHERE cardinality(rule.customers) > 0 OR cardinality(rule.tags) > 0
)
"""
# The one place where scopes are decided, of rules and (as `rule`) of channels. `found` is a finding, or its alert.
IN_ACCOUNTS = "(cardinality(rule.smart_accounts) = 0 OR found.smart_account_id = ANY (rule.smart_accounts))"
IN_PARTS = """
    (cardinality(rule.virtual_accounts) = 0 OR found.virtual_account_id = ANY (rule.virtual_accounts))
    AND (cardinality(rule.licenses) = 0 OR found.license_name = ANY (rule.licenses))
    AND (cardinality(rule.customers) + cardinality(rule.tags) = 0 OR EXISTS (
        SELECT FROM concerned WHERE concerned.rule_id = rule.id AND CASE
            WHEN found.cluster_id IS NULL THEN concerned.virtual_account_id = found.virtual_account_id
            ELSE concerned.cluster_id = found.cluster_id END
    ))
"""
IN_SCOPE = f"{IN_ACCOUNTS} AND {IN_PARTS}"


def found(findings: Iterable[Finding]) -> str:
    """Return the WITH parts of what these findings say within the scopes of their rules.

    `days_left` counts dates where the portal stands; `lead` is the lead time reached, `risen` the steps of severity.
    """
    every = " UNION ALL ".join(f"SELECT {', '.join(COLUMNS)} FROM ({finding.select()}) finding" for finding in findings)
    return f"""
every_finding AS (
    {every}
),
found AS (
    SELECT found.*, rule.kind, rule.escalate_after_hours,
        (SELECT min(days) FROM unnest(rule.lead_days) days WHERE days >= due.days_left) AS lead,
        (SELECT count(*) FROM unnest(rule.rise_at_days) days WHERE due.days_left <= days) AS risen
    FROM every_finding found
    JOIN rule ON rule.id = found.rule_id
    CROSS JOIN LATERAL (
        SELECT (found.due_at AT TIME ZONE %(zone)s)::date - %(today)s::date AS days_left
    ) due
    WHERE {IN_SCOPE}
)
"""


FOUND = found(ALL)
