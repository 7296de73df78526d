"""Cisco's side: syncs, credentials, certificates, and what Cisco itself reports."""

from kit.ages import outdated_after
from licensing.alerts.findings.sql_text import Finding, border, counted, day, in_days, midnight, minute
from licensing.alerts.models import Kind
from licensing.fleet.transport import SYNC_ADVISED, SYNC_DEADLINE

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
    subject="latest.label",
    summary=f"""concat_ws(' ', 'The last sync failed.', nullif(latest.cause, ''),
        CASE WHEN latest.last_synced_at IS NULL THEN 'No sync has come whole yet.'
            ELSE concat('The figures are from ', {minute("latest.last_synced_at")}, '.') END)""",
    next_step="""coalesce(
        nullif(latest.next_step, ''), 'Start the sync again. If it keeps failing, ask who runs the portal.'
    )""",
    figures=(("Figures from", "latest.last_synced_at"), ("Failed", "latest.finished_at")),
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
    subject="account.label",
    summary=f"""concat(
        CASE WHEN account.last_synced_at IS NULL THEN 'Never synced completely since it was added on '
            ELSE 'No complete sync since ' END,
        {minute("coalesce(account.last_synced_at, account.created_at)")}, '; the limit is ',
        {counted(f"round(extract(epoch FROM {LIMIT}) / 3600)", "hour")}, '. The figures may be wrong by now.'
    )""",
    next_step="""'Start a sync of this smart account. If it fails, the sync run says why; if it never starts, ask who '
        'runs the portal.'""",
    figures=(
        ("Figures from", "account.last_synced_at"),
        ("Limit in hours", f"round(extract(epoch FROM {LIMIT}) / 3600)"),
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
    subject="latest.label",
    summary="concat_ws(' ', 'Cisco''s side refused the last sync.', nullif(latest.cause, ''))",
    next_step="""coalesce(
        nullif(latest.next_step, ''), 'Check client ID, client secret and their access, then sync again.'
    )""",
    figures=(("Figures from", "latest.last_synced_at"), ("Refused", "latest.finished_at")),
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
    subject="server.name",
    summary="concat_ws(' ', 'The connection test was refused.', nullif(server.check_message, ''))",
    next_step="""coalesce(
        nullif(server.check_next_step, ''), 'Check client ID and client secret, then test the connection again.'
    )""",
    figures=(("Tested", "server.checked_at"),),
    source="accounts_licenseserver server",
    where="""server.check_status = 'refused' AND NOT EXISTS (
        SELECT FROM accounts_smartaccount account WHERE account.license_server_id = server.id
            AND account.client_id = '' AND account.last_synced_at > server.checked_at
    )""",
)

EXPIRE = f"""concat(
    'The credentials end on ', {day("{row}.credentials_expire_on")}, ', ', {in_days("{row}.credentials_expire_on")},
    ', by the date that was entered for them. From the day after, syncs will be refused.'
)"""
EXPIRE_STEP = "'Make new credentials at Cisco''s side, enter them here, and enter their last day with them.'"
EXPIRE_SOON = f"{{row}}.credentials_expire_on <= %(today)s::date + {border(Kind.CREDENTIALS_EXPIRING)}"

CREDENTIALS_OF_ACCOUNT_EXPIRING = Finding(
    kind=Kind.CREDENTIALS_EXPIRING,
    about="smart_account",
    id="account.id",
    subject="account.label",
    summary=EXPIRE.replace("{row}", "account"),
    next_step=EXPIRE_STEP,
    due_at=midnight("account.credentials_expire_on"),
    figures=(("Last day", "account.credentials_expire_on"),),
    source="account",
    where=f"account.client_id <> '' AND {EXPIRE_SOON.replace('{row}', 'account')}",
    account="account.id",
)

CREDENTIALS_OF_SERVER_EXPIRING = Finding(
    kind=Kind.CREDENTIALS_EXPIRING,
    about="license_server",
    id="server.id",
    subject="server.name",
    summary=EXPIRE.replace("{row}", "server"),
    next_step=EXPIRE_STEP,
    due_at=midnight("server.credentials_expire_on"),
    figures=(("Last day", "server.credentials_expire_on"),),
    source="accounts_licenseserver server",
    where=EXPIRE_SOON.replace("{row}", "server"),
)

TLS_VERIFICATION_OFF = Finding(
    kind=Kind.TLS_VERIFICATION_OFF,
    about="license_server",
    id="server.id",
    subject="server.name",
    summary="""'The certificate of this license server is not verified: whoever stands between can read the '
        'credentials and change the figures.'""",
    next_step="""'Switch verification on. If an authority of your own has signed the server''s certificate, enter its '
        'CA certificate.'""",
    source="accounts_licenseserver server",
    where="NOT server.verify_tls",
)

# On-Prem's interface died at others after a certificate had expired unnoticed (docs/domain.md#P16).
CERTIFICATE_EXPIRING = Finding(
    kind=Kind.CERTIFICATE_EXPIRING,
    about="license_server",
    id="server.id",
    subject="server.name",
    summary=f"""concat(
        'The certificate that this server shows ', CASE WHEN server.certificate_not_after <= %(now)s::timestamptz
            THEN 'ended ' ELSE 'ends ' END,
        'on ', {minute("server.certificate_not_after")}, ', ',
        {in_days("(server.certificate_not_after AT TIME ZONE %(zone)s)::date")},
        '. Products and this portal stop trusting the server then.'
    )""",
    next_step="""CASE server.kind WHEN 'cloud' THEN 'Cisco renews it: test the connection again in some days. If it '
            'stays so, something between the portal and Cisco shows a certificate of its own.'
        ELSE 'Renew the certificate on the On-Prem server, and enter its CA certificate here if that changes '
            'too.' END""",
    due_at="server.certificate_not_after",
    figures=(("Valid until", "server.certificate_not_after"),),
    source="accounts_licenseserver server",
    where=f"""(server.certificate_not_after AT TIME ZONE %(zone)s)::date
        <= %(today)s::date + {border(Kind.CERTIFICATE_EXPIRING)}""",
)

# What one of our own kinds says better, with figures and a remedy, is not said twice. A rule that is narrowed speaks
# for what it watches alone; Cisco's alert tells no license or customer, so a rule narrowed to these speaks for none.
# Cisco's severity where it names one, the rule's otherwise. Major and Minor are known (docs/cisco-api.md#alerts).
CSSM_ALERT = Finding(
    kind=Kind.CSSM_ALERT,
    about="cssm_alert",
    id="cisco.id",
    subject="concat(cisco.type, CASE WHEN cisco.source <> '' THEN concat(': ', cisco.source) END)",
    summary="""concat(
        'Cisco reports for ', coalesce(pool.label, account.label), ': ',
        rtrim(coalesce(nullif(cisco.message, ''), cisco.type), '.'),
        CASE WHEN cisco.source <> '' AND cisco.message NOT ILIKE concat('%%', cisco.source, '%%')
            THEN concat(' (', cisco.source, ')') END, '.'
    )""",
    next_step="'Open Smart Software Manager (License Central) and settle it there. It closes with the next sync.'",
    severity="CASE lower(cisco.severity) WHEN 'major' THEN 'major' WHEN 'minor' THEN 'minor' ELSE rule.severity END",
    figures=(("Cisco's severity", "cisco.severity"), ("Type", "cisco.type"), ("Source", "cisco.source")),
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

SYNC_AGE = "(%(now)s::timestamptz - server.last_cloud_sync_at)"
ON_PREM_SYNC = Finding(
    kind=Kind.ON_PREM_SYNC,
    about="license_server",
    id="server.id",
    subject="server.name",
    summary=f"""concat(
        'Last synchronized with Cisco on ', {day("server.last_cloud_sync_at")}, ', ',
        {counted(f"extract(day FROM {SYNC_AGE})", "day")}, ' ago. Cisco advises at most {SYNC_ADVISED.days}, and ',
        'removes the server after {SYNC_DEADLINE.days}.'
    )""",
    next_step="""concat('Start a full synchronization on the server',
        CASE WHEN server.offline THEN ' by exchanging files' END, ', then enter its time here.')""",
    due_at=f"server.last_cloud_sync_at + make_interval(days => {SYNC_DEADLINE.days})",
    figures=(("Last synchronized", "server.last_cloud_sync_at"), ("Offline", "server.offline")),
    source="accounts_licenseserver server",
    where=f"""server.kind = 'on_prem'
        AND server.last_cloud_sync_at < %(now)s::timestamptz - make_interval(days => {border(Kind.ON_PREM_SYNC)})""",
)

# What licensing.fleet.transport warns of, judged there: {"server": id, "kind": kind of rule, "summary", "next_step"} each.
WARNED = """jsonb_to_recordset(%(on_prem)s::jsonb)
        AS warned (server bigint, kind text, summary text, next_step text)
        JOIN accounts_licenseserver server ON server.id = warned.server"""

ON_PREM_URL, ON_PREM_CAPACITY = (
    Finding(
        kind=kind,
        about="license_server",
        id="server.id",
        subject="server.name",
        summary="warned.summary",
        next_step="warned.next_step",
        figures=figures,
        source=WARNED,
        where=f"warned.kind = '{kind}'",
    )
    for kind, figures in (
        (Kind.ON_PREM_URL, (("Version", "server.version"), ("Registration URL", "server.registration_url"))),
        (Kind.ON_PREM_CAPACITY, (("Version", "server.version"), ("Limit entered", "server.instance_limit"))),
    )
)

ALL = (
    SYNC_FAILED, SYNC_TOO_OLD, CREDENTIALS_REFUSED_AT_SYNC, CREDENTIALS_REFUSED_AT_CHECK,
    CREDENTIALS_OF_ACCOUNT_EXPIRING, CREDENTIALS_OF_SERVER_EXPIRING, TLS_VERIFICATION_OFF, CERTIFICATE_EXPIRING,
    CSSM_ALERT, ON_PREM_SYNC, ON_PREM_URL, ON_PREM_CAPACITY,
)  # fmt: skip
