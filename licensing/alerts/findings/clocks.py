"""Open and end out-of-compliance clocks, and find in SQL when each began and ends."""

from licensing.alerts.wording.clocks import ALLOWED

# When a clock ends, of a row `overage`. Clock.ends says the same of one that was read.
ENDS = f"(overage.since + make_interval(days => {ALLOWED.days}))"
# Whether its start is only known to lie before `since`: nobody has corrected it since.
AT_LATEST = "(overage.since_at_latest AND overage.recorded_since IS NULL)"

# Short by the figures of one day (UTC).
SHORT = "(sample.available < 0 OR sample.in_use > sample.quantity)"

# Opens what is out of compliance and has no open clock, ends what no longer is. Nothing is known of paused accounts, so
# their clocks go on. A clock that runs is not touched: what a person has corrected stays. Parameter: %(now)s.
#
# Where a new clock starts, the first of these that is known (nothing from before an earlier clock ended counts):
# 1. the sync that saw Cisco's status change from in compliance;
# 2. the first day (UTC) of the unbroken run of days that were short by their figures and reach to now. A day without
#    figures belongs to the one before it. If the license was first listed on that day: the sync that listed it;
# 3. the sync that first saw the status, or listed the license; otherwise now.
# Where that is the first day of which the account has any figures, the shortage is older: `since_at_latest`.
FOLLOW = f"""
WITH watched AS (
    SELECT license.id, pool.smart_account_id,
        license.status = 'out_of_compliance' AND license.gone_at IS NULL AND pool.gone_at IS NULL AS short
    FROM mirror_license license
    JOIN mirror_virtualaccount pool ON pool.id = license.virtual_account_id
    JOIN accounts_smartaccount account ON account.id = pool.smart_account_id AND account.paused_at IS NULL
    WHERE license.status = 'out_of_compliance'
        OR EXISTS (SELECT FROM alerts_overage open WHERE open.license_id = license.id AND open.ended_at IS NULL)
),
ended AS (
    UPDATE alerts_overage overage SET ended_at = %(now)s
    FROM watched WHERE watched.id = overage.license_id AND overage.ended_at IS NULL AND NOT watched.short
),
today AS (SELECT (%(now)s::timestamptz AT TIME ZONE 'UTC')::date AS day),
opening AS (
    SELECT watched.id, watched.smart_account_id, coalesce(earlier.ended_at, '-infinity') AS ended_at
    FROM watched CROSS JOIN LATERAL (
        SELECT max(ended_at) AS ended_at, count(*) FILTER (WHERE ended_at IS NULL) AS running
        FROM alerts_overage WHERE license_id = watched.id
    ) earlier
    WHERE watched.short AND earlier.running = 0
),
recorded AS (
    SELECT account.id AS smart_account_id, min(oldest.day) AS first_day
    FROM (SELECT DISTINCT smart_account_id AS id FROM opening) account
    JOIN mirror_virtualaccount pool ON pool.smart_account_id = account.id
    JOIN mirror_license license ON license.virtual_account_id = pool.id
    CROSS JOIN LATERAL (
        SELECT day FROM mirror_usagesample sample WHERE sample.license_id = license.id ORDER BY day LIMIT 1
    ) oldest
    GROUP BY account.id
),
seen AS (
    SELECT opening.id, change.at, (change.at AT TIME ZONE 'UTC')::date AS day, change.switched,
        change.kind = 'created' AND EXISTS (
            SELECT FROM mirror_syncrun earlier WHERE earlier.smart_account_id = opening.smart_account_id
                AND earlier.id < change.sync_run_id AND earlier.status = 'succeeded'
        ) AS arrived_later
    FROM opening CROSS JOIN LATERAL (
        SELECT change.at, change.kind, change.sync_run_id,
            coalesce(change.values -> 'status' ->> 0 = 'in_compliance', false) AS switched
        FROM mirror_change change
        WHERE change.object_type = 'license' AND change.object_id = opening.id
            AND (change.kind = 'created' OR change.values -> 'status' ->> 1 = 'out_of_compliance')
            AND change.at > opening.ended_at AND change.at <= %(now)s
        ORDER BY change.at DESC, change.id DESC LIMIT 1
    ) change
),
run AS (
    SELECT opening.id, min(sample.day) AS first_day
    FROM opening JOIN mirror_usagesample sample ON sample.license_id = opening.id
    CROSS JOIN today
    WHERE sample.day <= today.day AND sample.day > (opening.ended_at AT TIME ZONE 'UTC')::date
        AND sample.day > coalesce((
            SELECT max(sample.day) FROM mirror_usagesample sample
            WHERE sample.license_id = opening.id AND sample.day <= today.day AND NOT {SHORT}
        ), '-infinity')
    GROUP BY opening.id
)
INSERT INTO alerts_overage (license_id, since, since_at_latest, note)
SELECT opening.id,
    CASE
        WHEN seen.switched OR run.first_day IS NULL OR run.first_day = seen.day THEN coalesce(seen.at, %(now)s)
        WHEN run.first_day < today.day THEN run.first_day::timestamp AT TIME ZONE 'UTC'
        ELSE %(now)s
    END,
    coalesce(
        opening.ended_at = '-infinity' AND seen.switched IS NOT TRUE AND seen.arrived_later IS NOT TRUE
            AND coalesce(run.first_day, seen.day, today.day) <= recorded.first_day,
        false
    ),
    ''
FROM opening CROSS JOIN today
LEFT JOIN recorded USING (smart_account_id)
LEFT JOIN seen ON seen.id = opening.id
LEFT JOIN run ON run.id = opening.id
ON CONFLICT (license_id) WHERE ended_at IS NULL DO NOTHING
"""
