"""Licenses and pools: what is short, what soon will be, and what is used where nothing should be."""

from licensing.alerts.findings.sql_text import Finding, border, counted, day, grouped, in_days, midnight
from licensing.alerts.models import ALLOWED, Kind
from licensing.mirror.forecast import WINDOW

LICENSE_IN_POOL = "concat(license.name, ' in ', pool.name)"
FIGURES = (("Owned", "license.quantity"), ("In use", "license.in_use"), ("Free", "license.available"))

# Cisco's `available` is shown and not recomputed (docs/cisco-api.md#available). A negative one is the shortage.
OUT_OF_COMPLIANCE = Finding(
    kind=Kind.OUT_OF_COMPLIANCE,
    about="license",
    id="license.id",
    subject=LICENSE_IN_POOL,
    summary=f"""concat(
        {grouped("license.in_use")}, ' in use, ', {grouped("license.quantity")}, ' owned in ', pool.label, ': ',
        CASE WHEN short.number > 0 THEN concat({grouped("short.number")}, ' short.')
            ELSE 'out of compliance by Cisco''s word.' END
    )""",
    next_step=f"""CASE
        WHEN spare.available IS NULL THEN concat(
            'No other pool of this account that serves products has any free. Order ',
            {counted("greatest(short.number, 1)", "license")},
            ' more, or remove product instances that use them.'
        )
        ELSE concat(
            'Move ', {counted("least(greatest(short.number, 1), spare.available)", "license")}, ' here from ',
            spare.pool_name, ', which has ', {grouped("spare.available")}, ' free.',
            CASE WHEN short.number > spare.available THEN ' Then look in other pools, or order more.' END
        )
    END""",
    figures=(*FIGURES, ("Short", "greatest(short.number, 0)")),
    source="""mirror_license license
        JOIN pool ON pool.id = license.virtual_account_id
        CROSS JOIN LATERAL (SELECT greatest(-license.available, license.in_use - license.quantity) AS number) short
        LEFT JOIN spare ON spare.smart_account_id = pool.smart_account_id AND spare.name = license.name""",
    where="license.status = 'out_of_compliance' AND license.gone_at IS NULL",
    account="pool.smart_account_id",
    pool="pool.id",
    license_name="license.name",
)

# What is out of compliance has an alert of its own kind; what nobody owns cannot run low.
FREE_BELOW = Finding(
    kind=Kind.FREE_BELOW,
    about="license",
    id="license.id",
    subject=LICENSE_IN_POOL,
    summary=f"""concat(
        {grouped("license.available")}, ' of ', {grouped("license.quantity")}, ' are free in ', pool.label,
        ': fewer than ', {grouped(border(Kind.FREE_BELOW))},
        CASE rule.unit WHEN 'licenses' THEN '' ELSE ' percent' END, '.'
    )""",
    next_step=f"""concat(
        'Move licenses here from another pool before they run out',
        CASE WHEN spare.available IS NOT NULL
            THEN concat(': ', spare.pool_name, ' has ', {grouped("spare.available")}, ' free.')
            ELSE ', or order more.' END
    )""",
    figures=(
        *FIGURES,
        ("Border", f"concat({border(Kind.FREE_BELOW)}, CASE rule.unit WHEN 'licenses' THEN '' ELSE ' %%' END)"),
    ),
    source="""mirror_license license
        JOIN pool ON pool.id = license.virtual_account_id AND pool.purpose <> 'ordered'
        LEFT JOIN spare ON spare.smart_account_id = pool.smart_account_id AND spare.name = license.name
            AND spare.pool_id <> pool.id""",
    where=f"""license.gone_at IS NULL AND license.quantity > 0 AND license.status <> 'out_of_compliance'
        AND CASE rule.unit WHEN 'licenses' THEN license.available < {border(Kind.FREE_BELOW)}
            ELSE license.available * 100::bigint < license.quantity * {border(Kind.FREE_BELOW)}::bigint END""",
    account="pool.smart_account_id",
    pool="pool.id",
    license_name="license.name",
)

ORDERED_CONSUMPTION = Finding(
    kind=Kind.ORDERED_CONSUMPTION,
    about="virtual_account",
    id="used.id",
    subject="used.name",
    # The three licenses of which most is used are named.
    summary=f"""concat(
        {counted("used.in_use", "license")}, ' in use in the ordered pool ', used.label, ': ',
        array_to_string(used.names[1:3], ', '),
        CASE WHEN cardinality(used.names) > 3 THEN concat(' and ', cardinality(used.names) - 3, ' more') END, '.'
    )""",
    next_step="""concat(
        'The ordered pool holds what was bought and serves no product. Register these product instances in ',
        coalesce(operational.name, 'an operational pool (none is marked yet)'), ' instead.'
    )""",
    figures=(("In use", "used.in_use"), ("License names", "cardinality(used.names)")),
    source=f"""(
            SELECT pool.id, pool.name, pool.label, pool.smart_account_id, sum(license.in_use) AS in_use,
                array_agg(concat(license.name, ' (', {grouped("license.in_use")}, ')')
                    ORDER BY license.in_use DESC, license.name) AS names
            FROM pool JOIN mirror_license license
                ON license.virtual_account_id = pool.id AND license.in_use > 0 AND license.gone_at IS NULL
            WHERE pool.purpose = 'ordered'
            GROUP BY pool.id, pool.name, pool.label, pool.smart_account_id
        ) used
        LEFT JOIN pool operational
            ON operational.smart_account_id = used.smart_account_id AND operational.purpose = 'operational'""",
    account="used.smart_account_id",
    pool="used.id",
)

# OFFSET 0 keeps the order: few lines end in the time, and each finds its license by its key. A planner that does not
# know yet how many licenses a first sync has brought would look all those lines through for every license.
LINES = """
    SELECT place.*, sum(line.quantity) AS number, min(line."end") AS first_end, max(line."end") AS last_end,
        string_agg(DISTINCT nullif(line.subscription_id, ''), ', ') AS subscriptions
    FROM mirror_licenseline line CROSS JOIN LATERAL (
        SELECT license.id, license.name, pool.name AS pool_name, pool.label, pool.smart_account_id, pool.id AS pool_id
        FROM mirror_license license JOIN pool ON pool.id = license.virtual_account_id
        WHERE license.id = line.license_id AND license.gone_at IS NULL OFFSET 0
    ) place
    WHERE line.quantity > 0 AND line.status NOT ILIKE 'cancel%%' AND {when}
    GROUP BY place.id, place.name, place.pool_name, place.label, place.smart_account_id, place.pool_id
"""
SUBSCRIPTIONS = "CASE WHEN term.subscriptions <> '' THEN concat(' Subscription ', term.subscriptions, '.') END"
IN_POOL = "concat(term.name, ' in ', term.pool_name)"

# One finding per license, for its lines are replaced by syncs. A term lasts to the end of its last day.
TERM_ENDING = Finding(
    kind=Kind.TERM_ENDING,
    about="license",
    id="term.id",
    subject=IN_POOL,
    summary=f"""concat(
        'The term of ', {counted("term.number", "license")}, ' in ', term.label, ' ends ',
        CASE WHEN term.first_end = term.last_end THEN concat('on ', {day("term.first_end")}, ', ')
            ELSE concat('between ', {day("term.first_end")}, ' and ', {day("term.last_end")}, ', the first ') END,
        {in_days("term.first_end")}, '.',
        {SUBSCRIPTIONS}
    )""",
    next_step="'Renew it before then, or move the products that use it to other licenses.'",
    due_at=midnight("term.first_end"),
    figures=(("Licenses", "term.number"), ("First end", "term.first_end"), ("Last end", "term.last_end"),
             ("Subscriptions", "coalesce(term.subscriptions, '')")),
    source="LATERAL ("
    + LINES.format(
        when=f'line."end" >= %(today)s::date AND line."end" <= %(today)s::date + {border(Kind.TERM_ENDING)}'
    )
    + ") term",
    account="term.smart_account_id",
    pool="term.pool_id",
    license_name="term.name",
)  # fmt: skip

TERM_ENDED = Finding(
    kind=Kind.TERM_ENDED,
    about="license",
    id="term.id",
    subject=IN_POOL,
    summary=f"""concat(
        'The term of ', {counted("term.number", "license")}, ' in ', term.label, ' ended',
        CASE WHEN term.first_end < term.last_end THEN ', the first' END, ' on ', {day("term.first_end")}, '.',
        {SUBSCRIPTIONS}
    )""",
    next_step="'Renew it, or move the products that use it to other licenses.'",
    due_at=midnight("term.first_end"),
    figures=(("Licenses", "term.number"), ("First end", "term.first_end"), ("Last end", "term.last_end"),
             ("Subscriptions", "coalesce(term.subscriptions, '')")),
    source="(" + LINES.format(when='line."end" < %(today)s::date') + ") term",
    account="term.smart_account_id",
    pool="term.pool_id",
    license_name="term.name",
)  # fmt: skip

# licensing.mirror.forecast computes these for the licenses that licensing.alerts.findings.forecasts takes for candidates.
TREND = """jsonb_to_recordset(%(forecasts)s::jsonb)
        AS trend(license_id bigint, room integer, quantity integer, runs_out date, pace numeric, days integer)"""
ROOM = "trend.room"
RUNS_OUT = "trend.runs_out"

EXHAUSTION = Finding(
    kind=Kind.EXHAUSTION,
    about="license",
    id="license.id",
    subject=LICENSE_IN_POOL,
    summary=f"""concat(
        {grouped(ROOM)}, ' of ', {grouped("trend.quantity")}, ' are left in ', pool.label,
        '. At the pace of the last {WINDOW} days, ',
        round(trend.pace * 30, 1), ' more in use each month, more are in use than owned from ',
        {day(RUNS_OUT)}, ' on, ', {in_days(RUNS_OUT)}, '.'
    )""",
    next_step=f"""concat(
        'Order more in time',
        CASE WHEN spare.available IS NOT NULL
            THEN concat(', or move some here: ', spare.pool_name, ' has ', {grouped("spare.available")}, ' free.')
            ELSE '.' END
    )""",
    due_at=midnight(RUNS_OUT),
    figures=(*FIGURES, ("More each month", "round(trend.pace * 30, 1)"), ("Days measured", "trend.days")),
    source=f"""{TREND}
        JOIN mirror_license license ON license.id = trend.license_id
        JOIN pool ON pool.id = license.virtual_account_id
        LEFT JOIN spare ON spare.smart_account_id = pool.smart_account_id AND spare.name = license.name
            AND spare.pool_id <> pool.id""",
    where=f"""license.status <> 'out_of_compliance' AND {RUNS_OUT} <= %(today)s::date + {border(Kind.EXHAUSTION)}""",
    account="pool.smart_account_id",
    pool="pool.id",
    license_name="license.name",
)

# Cisco's own clock may have begun earlier: the portal's begins with the sync that first saw it.
ENDS = f"(overage.since + make_interval(days => {ALLOWED.days}))"
OVERAGE_DAY = f"({ENDS} AT TIME ZONE %(zone)s)::date"

OVERAGE = Finding(
    kind=Kind.OVERAGE,
    about="license",
    id="license.id",
    subject=LICENSE_IN_POOL,
    summary=f"""concat(
        'Out of compliance in ', pool.label, ' since ', {day("overage.since AT TIME ZONE %(zone)s")}, ': the ',
        '{ALLOWED.days} days ', CASE WHEN {ENDS} <= %(now)s::timestamptz THEN 'were over' ELSE 'are over' END, ' on ',
        {day(OVERAGE_DAY)}, ', ', {in_days(OVERAGE_DAY)}, '. Products then block new users and devices.'
    )""",
    next_step="""CASE WHEN overage.owner_id IS NULL THEN 'Name somebody who sees to it, and bring the license back '
            'into compliance: move some here, order more, or remove what uses them.'
        ELSE 'Ask its owner what is being done, and bring the license back into compliance.' END""",
    due_at=ENDS,
    figures=(*FIGURES, ("Out of compliance since", "overage.since"), ("Note", "overage.note")),
    source="""alerts_overage overage
        JOIN mirror_license license ON license.id = overage.license_id AND license.gone_at IS NULL
        JOIN pool ON pool.id = license.virtual_account_id""",
    where=f"""overage.ended_at IS NULL AND {OVERAGE_DAY} <= %(today)s::date + {border(Kind.OVERAGE)}""",
    account="pool.smart_account_id",
    pool="pool.id",
    license_name="license.name",
)

ALL = (OUT_OF_COMPLIANCE, FREE_BELOW, EXHAUSTION, TERM_ENDING, TERM_ENDED, ORDERED_CONSUMPTION, OVERAGE)
