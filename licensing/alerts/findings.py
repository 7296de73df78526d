"""What should be open now: for each kind of rule one SELECT over the mirror, and never a loop over rows.

Each gives: rule_id, kind, severity, subject_type, subject_id, subject, summary, next_step, due_at. Findings follow what
is mirrored, so a failed sync neither opens nor closes what a complete one has found. Rows that are gone, and accounts
that are paused, are watched by no rule: their alerts close, because nothing is known of them until they come back.

Parameters: %(now)s, %(today)s (the date where the portal stands) and %(zone)s (that zone's name). Times in texts are
UTC, the zone of Django's database sessions.
"""

from licensing.models.alerts import Kind


def counted(number: str, noun: str) -> str:
    """SQL for `1 license`, `2 licenses`."""
    return f"concat({number}, ' {noun}', CASE WHEN {number} = 1 THEN '' ELSE 's' END)"


def day(moment: str) -> str:
    """SQL for a date as pages write it: `1 Mar 2026`."""
    return f"to_char({moment}, 'FMDD Mon YYYY')"


def minute(moment: str) -> str:
    return f"to_char({moment}, 'FMDD Mon YYYY HH24:MI \"UTC\"')"


# What several findings stand on. A short license's spare is the same license in another pool of the same account; what
# is in the ordered pool serves no product (domain row A4).
BASE = """
rule AS (SELECT id, kind, severity, threshold FROM licensing_alertrule WHERE enabled),
account AS (
    SELECT id, coalesce(nullif(name, ''), domain) AS label, client_id, last_synced_at, created_at
    FROM licensing_smartaccount WHERE paused_at IS NULL
),
pool AS (
    SELECT pool.id, pool.name, pool.purpose, pool.smart_account_id, concat(pool.name, ' of ', account.label) AS label
    FROM licensing_virtualaccount pool JOIN account ON account.id = pool.smart_account_id
    WHERE pool.gone_at IS NULL
),
spare AS (
    SELECT DISTINCT ON (pool.smart_account_id, license.name)
        pool.smart_account_id, license.name, license.available, pool.name AS pool_name
    FROM licensing_license license JOIN pool ON pool.id = license.virtual_account_id
    WHERE license.gone_at IS NULL AND license.available > 0 AND license.status <> 'out_of_compliance'
        AND pool.purpose <> 'ordered'
    ORDER BY pool.smart_account_id, license.name, license.available DESC, license.id
),
latest AS (
    SELECT account.id, account.label, account.last_synced_at, run.status, run.reason, run.cause, run.next_step
    FROM account CROSS JOIN LATERAL (
        SELECT * FROM licensing_syncrun run
        WHERE run.smart_account_id = account.id AND run.status IN ('succeeded', 'failed')
        ORDER BY run.queued_at DESC, run.id DESC LIMIT 1
    ) run
)
"""

# Cisco's `available` is shown and not recomputed (cssm-api.md §4.5); where it is negative it is the shortage.
OUT_OF_COMPLIANCE = f"""
SELECT rule.id, rule.kind, rule.severity, 'license', license.id, concat(license.name, ' in ', pool.name),
    concat(
        license.in_use, ' in use, ', license.quantity, ' owned in ', pool.label, ': ',
        CASE WHEN short.number > 0 THEN concat(short.number, ' short.') ELSE 'out of compliance by Cisco''s word.' END
    ),
    CASE
        WHEN spare.available IS NULL THEN concat(
            'No other pool of this account that serves products has any free. Order ',
            {counted("greatest(short.number, 1)", "license")},
            ' more, or remove product instances that use them.'
        )
        ELSE concat(
            'Move ', {counted("least(greatest(short.number, 1), spare.available)", "license")}, ' here from ',
            spare.pool_name, ', which has ', spare.available, ' free.',
            CASE WHEN short.number > spare.available THEN ' Then look in other pools, or order more.' END
        )
    END,
    NULL::timestamptz
FROM rule
JOIN licensing_license license ON license.status = 'out_of_compliance' AND license.gone_at IS NULL
JOIN pool ON pool.id = license.virtual_account_id
CROSS JOIN LATERAL (SELECT greatest(-license.available, license.in_use - license.quantity) AS number) short
LEFT JOIN spare ON spare.smart_account_id = pool.smart_account_id AND spare.name = license.name
WHERE rule.kind = 'out_of_compliance'
"""

# One finding per license, for its lines are replaced by syncs. A term lasts to the end of its last day; an ended one is
# one step more severe than the rule.
TERM_ENDING = f"""
SELECT term.rule_id, term.kind,
    CASE WHEN term.ended = 0 THEN term.severity
        ELSE CASE term.severity WHEN 'info' THEN 'minor' WHEN 'minor' THEN 'major' ELSE 'critical' END END,
    'license', term.license_id, concat(term.name, ' in ', term.pool_name),
    concat_ws(' ',
        CASE WHEN term.ended > 0 THEN concat(
            'The term of ', {counted("term.ended", "license")}, ' in ', term.pool_label, ' ended',
            CASE WHEN term.first_end < term.last_past THEN ', the first' END, ' on ', {day("term.first_end")}, '.'
        ) END,
        CASE WHEN term.coming > 0 THEN concat(
            'The term of ', {counted("term.coming", "license")}, ' in ', term.pool_label, ' ends ',
            CASE WHEN term.next_end = term.last_end THEN concat('on ', {day("term.next_end")})
                ELSE concat('between ', {day("term.next_end")}, ' and ', {day("term.last_end")}, ', the first') END,
            CASE term.next_end - %(today)s::date WHEN 0 THEN ', today.' WHEN 1 THEN ', tomorrow.'
                ELSE concat(' in ', term.next_end - %(today)s::date, ' days.') END
        ) END,
        CASE WHEN term.subscriptions <> '' THEN concat('Subscription ', term.subscriptions, '.') END
    ),
    CASE WHEN term.ended > 0 THEN 'Renew it, ' ELSE 'Renew it before then, ' END
        || 'or move the products that use it to other licenses.',
    term.first_end::timestamp AT TIME ZONE %(zone)s
FROM (
    SELECT rule.id AS rule_id, rule.kind, rule.severity, license.id AS license_id, license.name,
        pool.name AS pool_name, pool.label AS pool_label,
        coalesce(sum(line.quantity) FILTER (WHERE line."end" < %(today)s::date), 0) AS ended,
        coalesce(sum(line.quantity) FILTER (WHERE line."end" >= %(today)s::date), 0) AS coming,
        min(line."end") AS first_end,
        max(line."end") FILTER (WHERE line."end" < %(today)s::date) AS last_past,
        min(line."end") FILTER (WHERE line."end" >= %(today)s::date) AS next_end,
        max(line."end") FILTER (WHERE line."end" >= %(today)s::date) AS last_end,
        string_agg(DISTINCT nullif(line.subscription_id, ''), ', ') AS subscriptions
    FROM rule
    JOIN licensing_licenseline line
        ON line."end" <= %(today)s::date + coalesce(rule.threshold, 90) AND line.quantity > 0
        AND line.status NOT ILIKE 'cancel%%'
    JOIN licensing_license license ON license.id = line.license_id AND license.gone_at IS NULL
    JOIN pool ON pool.id = license.virtual_account_id
    WHERE rule.kind = 'term_ending'
    GROUP BY rule.id, rule.kind, rule.severity, license.id, license.name, pool.name, pool.label
) term
"""

INSTANCE_SILENT = f"""
SELECT rule.id, rule.kind, rule.severity, 'product_instance', instance.id,
    coalesce(nullif(instance.host_name, ''), nullif(instance.name, ''), instance.serial),
    concat(
        'No contact with Cisco since ', {day("instance.last_contact_at")}, ', for ',
        {counted("extract(day FROM %(now)s::timestamptz - instance.last_contact_at)", "day")}, '. It ',
        CASE WHEN usage.number > 0 THEN concat('holds ', {counted("usage.number", "license")}, ' in ')
            ELSE 'uses no license in ' END,
        pool.label, '.'
    ),
    'Check that it runs and reaches Cisco or its On-Prem server. If it is no longer there, remove it in Smart Software '
    'Manager: that frees its licenses.',
    NULL::timestamptz
FROM rule
JOIN licensing_productinstance instance
    ON instance.last_contact_at < %(now)s::timestamptz - make_interval(days => coalesce(rule.threshold, 30))
    AND instance.gone_at IS NULL
JOIN pool ON pool.id = instance.virtual_account_id
CROSS JOIN LATERAL (
    SELECT coalesce(sum(quantity), 0) AS number FROM licensing_instanceusage WHERE product_instance_id = instance.id
) usage
WHERE rule.kind = 'instance_silent'
"""

# One finding per pool; the three licenses of which most is used are named.
ORDERED_CONSUMPTION = f"""
SELECT used.rule_id, used.kind, used.severity, 'virtual_account', pool.id, pool.name,
    concat(
        {counted("used.in_use", "license")}, ' in use in the ordered pool ', pool.label, ': ',
        array_to_string(used.names[1:3], ', '),
        CASE WHEN cardinality(used.names) > 3 THEN concat(' and ', cardinality(used.names) - 3, ' more') END, '.'
    ),
    concat(
        'The ordered pool holds what was bought and serves no product. Register these product instances in ',
        coalesce(operational.name, 'an operational pool (none is marked yet)'), ' instead.'
    ),
    NULL::timestamptz
FROM (
    SELECT rule.id AS rule_id, rule.kind, rule.severity, pool.id AS pool_id, sum(license.in_use) AS in_use,
        array_agg(concat(license.name, ' (', license.in_use, ')') ORDER BY license.in_use DESC, license.name) AS names
    FROM rule
    JOIN pool ON pool.purpose = 'ordered'
    JOIN licensing_license license
        ON license.virtual_account_id = pool.id AND license.in_use > 0 AND license.gone_at IS NULL
    WHERE rule.kind = 'ordered_consumption'
    GROUP BY rule.id, rule.kind, rule.severity, pool.id
) used
JOIN pool ON pool.id = used.pool_id
LEFT JOIN pool operational
    ON operational.smart_account_id = pool.smart_account_id AND operational.purpose = 'operational'
"""

# A run that is queued or running decides nothing: the last finished one does.
SYNC_FAILED = f"""
SELECT rule.id, rule.kind, rule.severity, 'smart_account', latest.id, latest.label,
    concat_ws(' ', 'The last sync failed.', nullif(latest.cause, ''),
        CASE WHEN latest.last_synced_at IS NULL THEN 'No sync has come whole yet.'
            ELSE concat('The figures are from ', {minute("latest.last_synced_at")}, '.') END),
    coalesce(nullif(latest.next_step, ''), 'Start the sync again. If it keeps failing, ask who runs the portal.'),
    NULL::timestamptz
FROM rule JOIN latest ON latest.status = 'failed'
WHERE rule.kind = 'sync_failed'
"""

SYNC_TOO_OLD = f"""
SELECT rule.id, rule.kind, rule.severity, 'smart_account', account.id, account.label,
    concat(
        CASE WHEN account.last_synced_at IS NULL THEN 'Never synced completely since it was added on '
            ELSE 'No complete sync since ' END,
        {minute("coalesce(account.last_synced_at, account.created_at)")}, '; the limit is ',
        coalesce(rule.threshold, 48), ' hours. The figures may be wrong by now.'
    ),
    'Start a sync of this smart account. If it fails, the sync run says why; if it never starts, ask who runs the '
    'portal.',
    NULL::timestamptz
FROM rule
JOIN account ON coalesce(account.last_synced_at, account.created_at)
    < %(now)s::timestamptz - make_interval(hours => coalesce(rule.threshold, 48))
WHERE rule.kind = 'sync_too_old'
"""

CREDENTIALS_REFUSED_AT_SYNC = """
SELECT rule.id, rule.kind, rule.severity, 'smart_account', latest.id, latest.label,
    concat_ws(' ', 'Cisco''s side refused the last sync.', nullif(latest.cause, '')),
    coalesce(nullif(latest.next_step, ''), 'Check client ID, client secret and their access, then sync again.'),
    NULL::timestamptz
FROM rule JOIN latest ON latest.status = 'failed' AND latest.reason = 'refused'
WHERE rule.kind = 'credentials_refused'
"""

# A later complete sync with the same credentials proves more than the test did.
CREDENTIALS_REFUSED_AT_CHECK = """
SELECT rule.id, rule.kind, rule.severity, 'license_server', server.id, server.name,
    concat_ws(' ', 'The connection test was refused.', nullif(server.check_message, '')),
    coalesce(nullif(server.check_next_step, ''), 'Check client ID and client secret, then test the connection again.'),
    NULL::timestamptz
FROM rule JOIN licensing_licenseserver server ON server.check_status = 'refused'
WHERE rule.kind = 'credentials_refused' AND NOT EXISTS (
    SELECT FROM licensing_smartaccount account WHERE account.license_server_id = server.id
        AND account.client_id = '' AND account.last_synced_at > server.checked_at
)
"""

TLS_VERIFICATION_OFF = """
SELECT rule.id, rule.kind, rule.severity, 'license_server', server.id, server.name,
    'The certificate of this license server is not verified: whoever stands between can read the credentials and '
    'change the figures.',
    'Switch verification on. If an authority of your own has signed the server''s certificate, enter its CA '
    'certificate.',
    NULL::timestamptz
FROM rule JOIN licensing_licenseserver server ON NOT server.verify_tls
WHERE rule.kind = 'tls_verification_off'
"""

FINDINGS: dict[Kind, tuple[str, ...]] = {
    Kind.OUT_OF_COMPLIANCE: (OUT_OF_COMPLIANCE,),
    Kind.TERM_ENDING: (TERM_ENDING,),
    Kind.INSTANCE_SILENT: (INSTANCE_SILENT,),
    Kind.ORDERED_CONSUMPTION: (ORDERED_CONSUMPTION,),
    Kind.SYNC_FAILED: (SYNC_FAILED,),
    Kind.SYNC_TOO_OLD: (SYNC_TOO_OLD,),
    Kind.CREDENTIALS_REFUSED: (CREDENTIALS_REFUSED_AT_SYNC, CREDENTIALS_REFUSED_AT_CHECK),
    Kind.TLS_VERIFICATION_OFF: (TLS_VERIFICATION_OFF,),
}
