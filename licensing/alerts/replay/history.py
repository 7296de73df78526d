"""Read the past of each kind: one SELECT over what is kept, or a sentence why nothing is.

Columns: subject_name, subject_place, opened_at, closed_at, smart_account_id, virtual_account_id, cluster_id,
license_name. Parameters are those of findings, and %(threshold)s, %(unit)s and %(since)s.
"""

from dataclasses import dataclass

from kit.ages import outdated_after
from licensing.alerts.findings.clocks import ENDS
from licensing.alerts.findings.sql_text import midnight
from licensing.alerts.models import Kind
from licensing.fleet.models import EVALUATION


@dataclass(frozen=True, slots=True)
class History:
    covered: str
    why: str
    sql: str = ""


NOTHING = History("none", "The portal keeps no history for this kind of rule.")
DAILY = (
    "The portal keeps figures once a day: changes within a day are not counted, and alerts begin and end with the day."
)

# Runs of days on which `bad` holds, per license. A day without a sample belongs to the one before it.
SPELLS = """
    SELECT spell.name AS subject_name, spell.place AS subject_place, {opened} AS opened_at, {closed} AS closed_at,
        spell.smart_account_id, spell.virtual_account_id, NULL::bigint AS cluster_id, spell.license_name
    FROM (
        SELECT mark.thing, mark.bad, min(mark.day) AS first_day,
            nullif(max(coalesce(mark.next_day, 'infinity')), 'infinity') AS next_day,
            max(mark.name) AS name, max(mark.place) AS place, max(mark.smart_account_id) AS smart_account_id,
            max(mark.virtual_account_id) AS virtual_account_id, max(mark.license_name) AS license_name
        FROM (
            SELECT known.*, lead(known.day) OVER (PARTITION BY known.thing ORDER BY known.day) AS next_day,
                row_number() OVER (PARTITION BY known.thing ORDER BY known.day)
                - row_number() OVER (PARTITION BY known.thing, known.bad ORDER BY known.day) AS spell
            FROM ({days}) known
        ) mark
        WHERE mark.bad
        GROUP BY mark.thing, mark.bad, mark.spell
    ) spell
"""


def spells(days: str) -> str:
    """Return SQL for the spells of `days`: thing, day, bad, name, place, smart_account_id, virtual_account_id and
    license_name, one row per thing and day."""
    return SPELLS.format(opened=midnight("spell.first_day"), closed=midnight("spell.next_day"), days=days)


def sampled(bad: str, columns: str = "sample.*", where: str = "true") -> str:
    return spells(f"""
        SELECT license.id AS thing, sample.day, {bad} AS bad, license.name, pool.name AS place,
            pool.smart_account_id, pool.id AS virtual_account_id, license.name AS license_name
        FROM (SELECT {columns} FROM mirror_usagesample sample) sample
        JOIN mirror_license license ON license.id = sample.license_id
        JOIN pool ON pool.id = license.virtual_account_id
        WHERE {where}""")


ORDERED = spells("""
    SELECT pool.id AS thing, sample.day, sum(sample.in_use) > 0 AS bad, pool.name, '' AS place, pool.smart_account_id,
        pool.id AS virtual_account_id, '' AS license_name
    FROM mirror_usagesample sample
    JOIN mirror_license license ON license.id = sample.license_id
    JOIN pool ON pool.id = license.virtual_account_id AND pool.purpose = 'ordered'
    GROUP BY pool.id, pool.name, pool.smart_account_id, sample.day""")

FREE_BELOW = sampled(
    """sample.quantity > 0 AND sample.available >= 0 AND CASE %(unit)s
        WHEN 'licenses' THEN sample.available < %(threshold)s
        ELSE sample.available * 100::bigint < sample.quantity * %(threshold)s::bigint END""",
    where="pool.purpose <> 'ordered'",
)
# licensing.alerts.replay.forecasts asks licensing.mirror.forecast for each day.
EXHAUSTION = sampled(
    "sample.runs_out",
    """sample.*, (sample.license_id, sample.day) IN (
        SELECT license_id, day FROM jsonb_to_recordset(%(forecasts)s::jsonb) AS fired(license_id bigint, day date)
    ) AS runs_out""",
    where="pool.purpose <> 'ordered'",
)

TERMS = """
    SELECT license.name AS subject_name, pool.name AS subject_place, {opened} AS opened_at, {closed} AS closed_at,
        pool.smart_account_id, pool.id AS virtual_account_id, NULL::bigint AS cluster_id, license.name AS license_name
    FROM (
        SELECT license_id, "end" FROM mirror_licenseline
        WHERE "end" IS NOT NULL AND quantity > 0 AND status NOT ILIKE 'cancel%%' GROUP BY license_id, "end"
    ) line
    JOIN mirror_license license ON license.id = line.license_id AND license.gone_at IS NULL
    JOIN pool ON pool.id = license.virtual_account_id
"""
DAY_AFTER = midnight('(line."end" + 1)')
TERM_ENDING = TERMS.format(opened=midnight('(line."end" - %(threshold)s::integer)'), closed=DAY_AFTER)
TERM_ENDED = TERMS.format(opened=DAY_AFTER, closed="NULL::timestamptz")

# Runs of failed syncs, from the end of the first to the end of the next that came whole (or failed otherwise).
RUNS = """
    SELECT max(mark.label) AS subject_name, '' AS subject_place, min(mark.finished_at) AS opened_at,
        nullif(max(coalesce(mark.next_at, 'infinity')), 'infinity') AS closed_at, mark.id AS smart_account_id,
        NULL::bigint AS virtual_account_id, NULL::bigint AS cluster_id, '' AS license_name
    FROM (
        SELECT known.*, lead(known.finished_at) OVER one AS next_at,
            row_number() OVER one - row_number() OVER alike AS spell
        FROM (
            SELECT account.id, account.label, run.id AS run, run.queued_at,
                coalesce(run.finished_at, run.queued_at) AS finished_at, {bad} AS bad
            FROM account JOIN mirror_syncrun run
                ON run.smart_account_id = account.id AND run.status IN ('succeeded', 'failed')
        ) known
        WINDOW one AS (PARTITION BY known.id ORDER BY known.queued_at, known.run),
            alike AS (PARTITION BY known.id, known.bad ORDER BY known.queued_at, known.run)
    ) mark
    WHERE mark.bad GROUP BY mark.id, mark.spell
"""

LIMIT = f"coalesce(make_interval(hours => %(threshold)s::integer), {outdated_after('account')})"
TOO_OLD = f"""
    SELECT account.label AS subject_name, '' AS subject_place, whole.finished_at + {LIMIT} AS opened_at,
        whole.next_at AS closed_at,
        account.id AS smart_account_id, NULL::bigint AS virtual_account_id, NULL::bigint AS cluster_id,
        '' AS license_name
    FROM account JOIN (
        SELECT smart_account_id, finished_at,
            lead(finished_at) OVER (PARTITION BY smart_account_id ORDER BY finished_at) AS next_at
        FROM mirror_syncrun WHERE status = 'succeeded' AND finished_at IS NOT NULL
    ) whole ON whole.smart_account_id = account.id
"""

SILENT = """
    SELECT coalesce(nullif(instance.host_name, ''), nullif(instance.name, ''), instance.serial) AS subject_name,
        '' AS subject_place,
        instance.last_contact_at + make_interval(days => %(threshold)s::integer) AS opened_at,
        instance.gone_at AS closed_at, pool.smart_account_id, pool.id AS virtual_account_id, instance.cluster_id,
        '' AS license_name
    FROM mirror_productinstance instance JOIN pool ON pool.id = instance.virtual_account_id
    WHERE instance.last_contact_at IS NOT NULL
"""

WRONG_POOL = """
    SELECT coalesce(nullif(instance.host_name, ''), nullif(instance.name, ''), instance.serial) AS subject_name,
        '' AS subject_place,
        greatest(assignment.started_at, instance.registered_at) AS opened_at,
        least(assignment.ended_at, instance.gone_at) AS closed_at, pool.smart_account_id,
        pool.id AS virtual_account_id, instance.cluster_id, '' AS license_name
    FROM mirror_productinstance instance
    JOIN pool ON pool.id = instance.virtual_account_id
    JOIN assignments_assignment assignment
        ON assignment.cluster_id = instance.cluster_id AND assignment.virtual_account_id <> pool.id
"""

TOKENS = f"""
    SELECT token.description AS subject_name, pool.name AS subject_place,
        greatest(token.created_at,
            {midnight("((token.expires_at AT TIME ZONE %(zone)s)::date - %(threshold)s::integer)")}) AS opened_at,
        least(token.expires_at, token.gone_at) AS closed_at, pool.smart_account_id, pool.id AS virtual_account_id,
        NULL::bigint AS cluster_id, '' AS license_name
    FROM mirror_registrationtoken token JOIN pool ON pool.id = token.virtual_account_id
    WHERE token.expires_at IS NOT NULL
"""

CERTIFICATES = f"""
    SELECT server.name AS subject_name, '' AS subject_place,
        {midnight("((server.certificate_not_after AT TIME ZONE %(zone)s)::date - %(threshold)s::integer)")}
            AS opened_at,
        NULL::timestamptz AS closed_at, NULL::bigint AS smart_account_id, NULL::bigint AS virtual_account_id,
        NULL::bigint AS cluster_id, '' AS license_name
    FROM accounts_licenseserver server WHERE server.certificate_not_after IS NOT NULL
"""

ASSIGNMENTS = """
    SELECT cluster.name AS subject_name, customer.name AS subject_place, job.moved_at AS opened_at,
        NULL::timestamptz AS closed_at, NULL::bigint AS smart_account_id, NULL::bigint AS virtual_account_id,
        cluster.id AS cluster_id, '' AS license_name
    FROM assignments_assignmentjob job
    JOIN fleet_cluster cluster ON cluster.id = job.cluster_id
    JOIN fleet_customer customer ON customer.id = cluster.customer_id
    WHERE job.state = 'failed'
"""

CISCO = """
    SELECT cisco.type AS subject_name, cisco.source AS subject_place,
        cisco.seen_at AS opened_at, NULL::timestamptz AS closed_at, account.id AS smart_account_id,
        pool.id AS virtual_account_id, NULL::bigint AS cluster_id, '' AS license_name
    FROM mirror_cssmalert cisco
    JOIN account ON account.id = cisco.smart_account_id
    LEFT JOIN pool ON pool.smart_account_id = account.id AND pool.name = cisco.virtual_account
"""

RENEWED = "Only current license lines are counted: renewed terms leave no history."
EVALUATIONS = f"""
    SELECT cluster.name AS subject_name, customer.name AS subject_place,
        {midnight(f"(cluster.installed_on + {EVALUATION.days} - %(threshold)s::integer)")} AS opened_at,
        (SELECT min(instance.registered_at) FROM mirror_productinstance instance
            WHERE instance.cluster_id = cluster.id) AS closed_at,
        NULL::bigint AS smart_account_id, NULL::bigint AS virtual_account_id, cluster.id AS cluster_id,
        '' AS license_name
    FROM fleet_cluster cluster JOIN fleet_customer customer ON customer.id = cluster.customer_id
    WHERE cluster.installed_on IS NOT NULL
"""

OVERAGES = f"""
    SELECT license.name AS subject_name, pool.name AS subject_place,
        {ENDS} - make_interval(days => %(threshold)s::integer) AS opened_at,
        overage.ended_at AS closed_at, pool.smart_account_id, pool.id AS virtual_account_id,
        NULL::bigint AS cluster_id, license.name AS license_name
    FROM alerts_overage overage
    JOIN mirror_license license ON license.id = overage.license_id
    JOIN pool ON pool.id = license.virtual_account_id
"""

HISTORY: dict[str, History] = {
    Kind.OUT_OF_COMPLIANCE: History(
        "partly",
        f"{DAILY} Cisco's daily status is not stored: days with a negative number of free licenses count.",
        sampled("sample.available < 0"),
    ),
    Kind.FREE_BELOW: History("whole", DAILY, FREE_BELOW),
    Kind.EXHAUSTION: History("whole", DAILY, EXHAUSTION),
    Kind.ORDERED_CONSUMPTION: History("whole", f"{DAILY} Pools are counted by their purpose today.", ORDERED),
    Kind.TERM_ENDING: History("partly", RENEWED, TERM_ENDING),
    Kind.TERM_ENDED: History("partly", RENEWED, TERM_ENDED),
    Kind.SYNC_FAILED: History("whole", "Based on the stored sync runs.", RUNS.format(bad="run.status = 'failed'")),
    Kind.CREDENTIALS_REFUSED: History(
        "partly",
        "Based on the stored sync runs. Earlier connection tests are not stored.",
        RUNS.format(bad="(run.status = 'failed' AND run.reason = 'refused')"),
    ),
    Kind.SYNC_TOO_OLD: History("whole", "Based on the stored sync runs.", TOO_OLD),
    Kind.INSTANCE_SILENT: History(
        "partly", "Only the last contact is stored: earlier silent periods are not counted.", SILENT
    ),
    Kind.WRONG_POOL: History(
        "partly", "Based on where product instances are registered today. Earlier moves are not counted.", WRONG_POOL
    ),
    Kind.TOKEN_EXPIRING: History("whole", "Based on all tokens that Cisco ever listed.", TOKENS),
    Kind.CERTIFICATE_EXPIRING: History("partly", "Only the current certificate is known.", CERTIFICATES),
    Kind.ASSIGNMENT_FAILED: History(
        "partly", "Only jobs that are failed today are counted: a retry removes the earlier failure.", ASSIGNMENTS
    ),
    Kind.EVALUATION_ENDING: History(
        "partly", "The first known registration ends an evaluation. Earlier registrations are not stored.", EVALUATIONS
    ),
    Kind.OVERAGE: History("whole", "Based on the time out of compliance that the portal has recorded.", OVERAGES),
    Kind.CSSM_ALERT: History("partly", "Alerts that Cisco no longer lists are not stored.", CISCO),
}
