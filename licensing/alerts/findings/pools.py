"""Licenses and pools: what is short, what soon will be, and what is used where nothing should be."""

from licensing.alerts.findings.clocks import AT_LATEST, ENDS
from licensing.alerts.findings.sql_text import Finding, midnight, threshold
from licensing.alerts.models import Kind
from licensing.mirror.forecast import WINDOW
from licensing.mirror.models import License

POOL = (("pool", "pool.name"), ("account", "pool.account_name"))
USE = (("owned", "license.quantity"), ("in_use", "license.in_use"), ("free", "license.available"))
# Null where no pool has any to spare.
SPARE = (("spare_pool", "spare.pool_name"), ("spare_free", "spare.available"))

# Cisco's `available` is shown and not recomputed (docs/cisco-api.md#available). A negative one is the shortage.
OUT_OF_COMPLIANCE = Finding(
    kind=Kind.OUT_OF_COMPLIANCE,
    about="license",
    id="license.id",
    name="license.name",
    place="pool.name",
    facts=(*POOL, *USE, ("short", License.SHORT_BY_CISCO), *SPARE),
    source="""mirror_license license
        JOIN pool ON pool.id = license.virtual_account_id
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
    name="license.name",
    place="pool.name",
    facts=(*POOL, *USE, ("threshold", threshold(Kind.FREE_BELOW)), ("unit", "rule.unit"), *SPARE),
    source="""mirror_license license
        JOIN pool ON pool.id = license.virtual_account_id AND pool.purpose <> 'ordered'
        LEFT JOIN spare ON spare.smart_account_id = pool.smart_account_id AND spare.name = license.name
            AND spare.pool_id <> pool.id""",
    where=f"""license.gone_at IS NULL AND license.quantity > 0 AND license.status <> 'out_of_compliance'
        AND CASE rule.unit WHEN 'licenses' THEN license.available < {threshold(Kind.FREE_BELOW)}
            ELSE license.available * 100::bigint < license.quantity * {threshold(Kind.FREE_BELOW)}::bigint END""",
    account="pool.smart_account_id",
    pool="pool.id",
    license_name="license.name",
)

ORDERED_CONSUMPTION = Finding(
    kind=Kind.ORDERED_CONSUMPTION,
    about="virtual_account",
    id="used.id",
    name="used.name",
    # The three licenses of which most is used are named.
    facts=(
        ("pool", "used.name"),
        ("account", "used.account_name"),
        ("in_use", "used.in_use"),
        ("license_names", "cardinality(used.licenses)"),
        ("most_used", "used.licenses[1:3]"),
        ("operational_pool", "operational.name"),
    ),
    source="""(
            SELECT pool.id, pool.name, pool.account_name, pool.smart_account_id, sum(license.in_use) AS in_use,
                array_agg(jsonb_build_array(license.name, license.in_use)
                    ORDER BY license.in_use DESC, license.name) AS licenses
            FROM pool JOIN mirror_license license
                ON license.virtual_account_id = pool.id AND license.in_use > 0 AND license.gone_at IS NULL
            WHERE pool.purpose = 'ordered'
            GROUP BY pool.id, pool.name, pool.account_name, pool.smart_account_id
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
        array_agg(DISTINCT line.subscription_id) FILTER (WHERE line.subscription_id <> '') AS subscriptions
    FROM mirror_licenseline line CROSS JOIN LATERAL (
        SELECT license.id, license.name, pool.name AS pool_name, pool.account_name, pool.smart_account_id,
            pool.id AS pool_id
        FROM mirror_license license JOIN pool ON pool.id = license.virtual_account_id
        WHERE license.id = line.license_id AND license.gone_at IS NULL OFFSET 0
    ) place
    WHERE line.quantity > 0 AND line.status NOT ILIKE 'cancel%%' AND {when}
    GROUP BY place.id, place.name, place.pool_name, place.account_name, place.smart_account_id, place.pool_id
"""
TERM = (
    ("pool", "term.pool_name"),
    ("account", "term.account_name"),
    ("licenses", "term.number"),
    ("first_end", "term.first_end"),
    ("last_end", "term.last_end"),
    ("subscriptions", "term.subscriptions"),
)

# One finding per license, for its lines are replaced by syncs. A term lasts to the end of its last day.
TERM_ENDING = Finding(
    kind=Kind.TERM_ENDING,
    about="license",
    id="term.id",
    name="term.name",
    place="term.pool_name",
    facts=TERM,
    due_at=midnight("term.first_end"),
    source="LATERAL ("
    + LINES.format(
        when=f'line."end" >= %(today)s::date AND line."end" <= %(today)s::date + {threshold(Kind.TERM_ENDING)}'
    )
    + ") term",
    account="term.smart_account_id",
    pool="term.pool_id",
    license_name="term.name",
)

TERM_ENDED = Finding(
    kind=Kind.TERM_ENDED,
    about="license",
    id="term.id",
    name="term.name",
    place="term.pool_name",
    facts=TERM,
    due_at=midnight("term.first_end"),
    source="(" + LINES.format(when='line."end" < %(today)s::date') + ") term",
    account="term.smart_account_id",
    pool="term.pool_id",
    license_name="term.name",
)

# licensing.mirror.forecast projects a license, licensing.mirror.kept_forecasts keeps it for one UTC day.
ROOM = "(trend.quantity - trend.reserved - trend.in_use)"
PACE = "trend.pace::numeric"
RUNS_OUT = "trend.runs_out"

EXHAUSTION = Finding(
    kind=Kind.EXHAUSTION,
    about="license",
    id="license.id",
    name="license.name",
    place="pool.name",
    facts=(
        *POOL,
        *USE,
        ("left", ROOM),
        ("owned_last", "trend.quantity"),
        ("window", str(WINDOW)),
        ("pace", f"round({PACE} * 30, 1)"),
        ("days_measured", "trend.samples"),
        ("runs_out", RUNS_OUT),
        *SPARE,
    ),
    due_at=midnight(RUNS_OUT),
    source="""mirror_licenseforecast trend
        JOIN mirror_license license ON license.id = trend.license_id AND license.gone_at IS NULL
        JOIN pool ON pool.id = license.virtual_account_id
        LEFT JOIN spare ON spare.smart_account_id = pool.smart_account_id AND spare.name = license.name
            AND spare.pool_id <> pool.id""",
    where=f"""trend.day = (%(now)s::timestamptz AT TIME ZONE 'UTC')::date AND {ROOM} >= 0
        AND license.status <> 'out_of_compliance' AND pool.purpose <> 'ordered'
        AND {RUNS_OUT} <= %(today)s::date + {threshold(Kind.EXHAUSTION)}""",
    account="pool.smart_account_id",
    pool="pool.id",
    license_name="license.name",
)

OVERAGE_DAY = f"({ENDS} AT TIME ZONE %(zone)s)::date"

OVERAGE = Finding(
    kind=Kind.OVERAGE,
    about="license",
    id="license.id",
    name="license.name",
    place="pool.name",
    facts=(
        *POOL,
        *USE,
        ("since", "overage.since"),
        ("since_at_latest", AT_LATEST),
        ("since_reason", "overage.since_reason"),
        ("has_owner", "overage.owner_id IS NOT NULL"),
        ("note", "overage.note"),
    ),
    due_at=ENDS,
    source="""alerts_overage overage
        JOIN mirror_license license ON license.id = overage.license_id AND license.gone_at IS NULL
        JOIN pool ON pool.id = license.virtual_account_id""",
    where=f"""overage.ended_at IS NULL AND {OVERAGE_DAY} <= %(today)s::date + {threshold(Kind.OVERAGE)}""",
    account="pool.smart_account_id",
    pool="pool.id",
    license_name="license.name",
)

ALL = (OUT_OF_COMPLIANCE, FREE_BELOW, EXHAUSTION, TERM_ENDING, TERM_ENDED, ORDERED_CONSUMPTION, OVERAGE)
