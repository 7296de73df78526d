"""Cisco's side: syncs, credentials, certificates, and what Cisco itself reports."""

from kit.ages import outdated_after
from licensing.alerts.findings.sql_text import Finding, midnight, threshold
from licensing.alerts.models import Kind
from licensing.fleet.transport import SYNC_DEADLINE

# One cause, one alert: where a rule for refused credentials watches the account, the others leave refusals to it. So
# does a refused connection test of the server whose credentials the account uses.
REFUSED_IS_WATCHED = """EXISTS (
    SELECT FROM rule watching WHERE watching.kind = 'credentials_refused' AND cardinality(watching.customers) = 0
        AND (cardinality(watching.smart_accounts) = 0 OR {account} = ANY (watching.smart_accounts))
)"""

# A run that is queued or running decides nothing: the last finished one does.
SYNC_FAILED = Finding(
    kind=Kind.SYNC_FAILED,
    about="smart_account",
    id="latest.id",
    name="latest.label",
    facts=(
        ("cause", "latest.cause"),
        ("next_step", "latest.next_step"),
        ("synced_at", "latest.last_synced_at"),
        ("failed_at", "latest.finished_at"),
    ),
    source="latest",
    where=f"""latest.status = 'failed'
        AND NOT (latest.reason = 'refused' AND {REFUSED_IS_WATCHED.format(account="latest.id")})""",
    account="latest.id",
)

LIMIT = (
    f"CASE WHEN rule.threshold IS NULL THEN {outdated_after('account')} ELSE make_interval(hours => rule.threshold) END"
)
SYNC_TOO_OLD = Finding(
    kind=Kind.SYNC_TOO_OLD,
    about="smart_account",
    id="account.id",
    name="account.label",
    facts=(
        ("synced_at", "account.last_synced_at"),
        ("added_at", "account.created_at"),
        ("limit_hours", f"round(extract(epoch FROM {LIMIT}) / 3600)"),
    ),
    source="account LEFT JOIN latest ON latest.id = account.id",
    where=f"""coalesce(account.last_synced_at, account.created_at) < %(now)s::timestamptz - {LIMIT}
        AND NOT (coalesce(latest.status = 'failed' AND latest.reason = 'refused', false)
            AND {REFUSED_IS_WATCHED.format(account="account.id")})""",
    account="account.id",
)

CREDENTIALS_REFUSED_AT_SYNC = Finding(
    kind=Kind.CREDENTIALS_REFUSED,
    about="smart_account",
    id="latest.id",
    name="latest.label",
    facts=(
        ("refused_at", "'sync'"),
        ("cause", "latest.cause"),
        ("next_step", "latest.next_step"),
        ("synced_at", "latest.last_synced_at"),
        ("finished_at", "latest.finished_at"),
    ),
    source="latest JOIN accounts_licenseserver server ON server.id = latest.license_server_id",
    where="""latest.status = 'failed' AND latest.reason = 'refused' AND NOT (
            latest.client_id = '' AND server.check_status = 'refused' AND cardinality(rule.smart_accounts) = 0
            AND server.checked_at >= coalesce(latest.last_synced_at, server.checked_at)
        )""",
    account="latest.id",
)

# A later complete sync with the same credentials proves more than the test did.
CREDENTIALS_REFUSED_AT_CHECK = Finding(
    kind=Kind.CREDENTIALS_REFUSED,
    about="license_server",
    id="server.id",
    name="server.name",
    facts=(
        ("refused_at", "'test'"),
        ("cause", "server.check_message"),
        ("next_step", "server.check_next_step"),
        ("finished_at", "server.checked_at"),
    ),
    source="accounts_licenseserver server",
    where="""server.check_status = 'refused' AND NOT EXISTS (
        SELECT FROM accounts_smartaccount account WHERE account.license_server_id = server.id
            AND account.client_id = '' AND account.last_synced_at > server.checked_at
    )""",
)

EXPIRE_SOON = f"{{row}}.credentials_expire_on <= %(today)s::date + {threshold(Kind.CREDENTIALS_EXPIRING)}"

CREDENTIALS_OF_ACCOUNT_EXPIRING = Finding(
    kind=Kind.CREDENTIALS_EXPIRING,
    about="smart_account",
    id="account.id",
    name="account.label",
    due_at=midnight("account.credentials_expire_on"),
    facts=(("last_day", "account.credentials_expire_on"),),
    source="account",
    where=f"account.client_id <> '' AND {EXPIRE_SOON.replace('{row}', 'account')}",
    account="account.id",
)

CREDENTIALS_OF_SERVER_EXPIRING = Finding(
    kind=Kind.CREDENTIALS_EXPIRING,
    about="license_server",
    id="server.id",
    name="server.name",
    due_at=midnight("server.credentials_expire_on"),
    facts=(("last_day", "server.credentials_expire_on"),),
    source="accounts_licenseserver server",
    where=EXPIRE_SOON.replace("{row}", "server"),
)

TLS_VERIFICATION_OFF = Finding(
    kind=Kind.TLS_VERIFICATION_OFF,
    about="license_server",
    id="server.id",
    name="server.name",
    source="accounts_licenseserver server",
    where="NOT server.verify_tls",
)

# On-Prem's interface died at others after a certificate had expired unnoticed (docs/domain.md#P16).
CERTIFICATE_EXPIRING = Finding(
    kind=Kind.CERTIFICATE_EXPIRING,
    about="license_server",
    id="server.id",
    name="server.name",
    due_at="server.certificate_not_after",
    facts=(("valid_until", "server.certificate_not_after"), ("server_kind", "server.kind")),
    source="accounts_licenseserver server",
    where=f"""(server.certificate_not_after AT TIME ZONE %(zone)s)::date
        <= %(today)s::date + {threshold(Kind.CERTIFICATE_EXPIRING)}""",
)

# What one of our own kinds says better, with figures and a remedy, is not said twice. A rule that is narrowed speaks
# for what it watches alone; Cisco's alert tells no license or customer, so a rule narrowed to these speaks for none.
# Cisco's severity where it names one, the rule's otherwise. Major and Minor are known (docs/cisco-api.md#alerts).
CSSM_ALERT = Finding(
    kind=Kind.CSSM_ALERT,
    about="cssm_alert",
    id="cisco.id",
    name="cisco.type",
    place="cisco.source",
    facts=(
        ("account", "account.label"),
        ("pool", "pool.name"),
        ("type", "cisco.type"),
        ("source", "cisco.source"),
        ("message", "cisco.message"),
        ("cisco_severity", "cisco.severity"),
    ),
    severity="CASE lower(cisco.severity) WHEN 'major' THEN 'major' WHEN 'minor' THEN 'minor' ELSE rule.severity END",
    source="""mirror_cssmalert cisco
        JOIN account ON account.id = cisco.smart_account_id
        LEFT JOIN pool ON pool.smart_account_id = account.id AND pool.name = cisco.virtual_account""",
    where="""NOT (cisco.type ILIKE 'insufficient%%' AND EXISTS (
        SELECT FROM rule watching WHERE watching.kind = 'out_of_compliance'
            AND (cardinality(watching.smart_accounts) = 0 OR account.id = ANY (watching.smart_accounts))
            AND (cardinality(watching.virtual_accounts) = 0 OR pool.id = ANY (watching.virtual_accounts))
            AND cardinality(watching.licenses) + cardinality(watching.customers) + cardinality(watching.tags) = 0
    ))""",
    account="account.id",
    pool="pool.id",
)

ON_PREM_SYNC = Finding(
    kind=Kind.ON_PREM_SYNC,
    about="license_server",
    id="server.id",
    name="server.name",
    due_at=f"server.last_cloud_sync_at + make_interval(days => {SYNC_DEADLINE.days})",
    facts=(("synced_at", "server.last_cloud_sync_at"), ("offline", "server.offline")),
    source="accounts_licenseserver server",
    where=f"""server.kind = 'on_prem'
        AND server.last_cloud_sync_at < %(now)s::timestamptz - make_interval(days => {threshold(Kind.ON_PREM_SYNC)})""",
)

# licensing.fleet.transport judges these warnings: one entry per server and kind (findings.on_prem).
WARNED = """jsonb_to_recordset(%(on_prem)s::jsonb)
        AS warned (server bigint, kind text, judged jsonb, has_expressways boolean, warnings jsonb)
        JOIN accounts_licenseserver server ON server.id = warned.server"""

ON_PREM_URL, ON_PREM_CAPACITY = (
    Finding(
        kind=kind,
        about="license_server",
        id="server.id",
        name="server.name",
        facts=(
            ("server", "warned.judged"),
            ("has_expressways", "warned.has_expressways"),
            ("warnings", "warned.warnings"),
        ),
        source=WARNED,
        where=f"warned.kind = '{kind}'",
    )
    for kind in (Kind.ON_PREM_URL, Kind.ON_PREM_CAPACITY)
)

ALL = (
    SYNC_FAILED,
    SYNC_TOO_OLD,
    CREDENTIALS_REFUSED_AT_SYNC,
    CREDENTIALS_REFUSED_AT_CHECK,
    CREDENTIALS_OF_ACCOUNT_EXPIRING,
    CREDENTIALS_OF_SERVER_EXPIRING,
    TLS_VERIFICATION_OFF,
    CERTIFICATE_EXPIRING,
    CSSM_ALERT,
    ON_PREM_SYNC,
    ON_PREM_URL,
    ON_PREM_CAPACITY,
)
