"""Product instances, registration tokens and clusters: what is silent, in the wrong place, or runs out."""

from datetime import timedelta

from licensing.alerts.findings.sql_text import Finding, midnight, threshold
from licensing.alerts.models import Kind
from licensing.assignments.models import PEOPLE_LIMIT, WORKER_LIMIT
from licensing.fleet.models import EVALUATION


def _span(limit: timedelta) -> str:
    return f"make_interval(secs => {int(limit.total_seconds())})"


# ClusterQuerySet.in_evaluation, as SQL.
EVALUATION_ENDS = f"(cluster.installed_on + {EVALUATION.days})"
POOL = (("pool", "pool.name"), ("account", "pool.account_name"))
INSTANCE_NAME = "coalesce(nullif(instance.host_name, ''), nullif(instance.name, ''), instance.serial)"

INSTANCE_SILENT = Finding(
    kind=Kind.INSTANCE_SILENT,
    about="product_instance",
    id="instance.id",
    name=INSTANCE_NAME,
    facts=(*POOL, ("last_contact", "instance.last_contact_at"), ("licenses_held", "usage.number")),
    # Most instances are not silent by any rule: one pass leaves them out, before rules, pools and usage are looked at.
    source=f"""(
            SELECT * FROM mirror_productinstance
            WHERE gone_at IS NULL AND last_contact_at < %(now)s::timestamptz - make_interval(days => (
                SELECT min({threshold(Kind.INSTANCE_SILENT)}) FROM rule WHERE rule.kind = '{Kind.INSTANCE_SILENT}'
            )) OFFSET 0
        ) instance
        JOIN pool ON pool.id = instance.virtual_account_id
        CROSS JOIN LATERAL (
            SELECT coalesce(sum(quantity), 0) AS number FROM mirror_instanceusage
            WHERE product_instance_id = instance.id
        ) usage""",
    where=f"""instance.last_contact_at
        < %(now)s::timestamptz - make_interval(days => {threshold(Kind.INSTANCE_SILENT)})""",
    account="pool.smart_account_id",
    pool="pool.id",
    cluster="instance.cluster_id",
)

# A token of another virtual account was used. The product uses licenses there (docs/domain.md#P3).
WRONG_POOL = Finding(
    kind=Kind.WRONG_POOL,
    about="product_instance",
    id="instance.id",
    name=INSTANCE_NAME,
    facts=(
        *POOL,
        ("cluster", "cluster.name"),
        ("customer", "customer.name"),
        ("meant_pool", "meant.name"),
        ("meant_account", "coalesce(nullif(meant_account.name, ''), meant_account.domain)"),
        ("assigned_since", "assignment.started_at"),
    ),
    source="""mirror_productinstance instance
        JOIN pool ON pool.id = instance.virtual_account_id
        JOIN fleet_cluster cluster ON cluster.id = instance.cluster_id
        JOIN fleet_customer customer ON customer.id = cluster.customer_id
        JOIN assignments_assignment assignment ON assignment.cluster_id = cluster.id AND assignment.ended_at IS NULL
        JOIN mirror_virtualaccount meant ON meant.id = assignment.virtual_account_id
        JOIN accounts_smartaccount meant_account ON meant_account.id = meant.smart_account_id""",
    where="instance.gone_at IS NULL AND assignment.virtual_account_id <> instance.virtual_account_id",
    account="pool.smart_account_id",
    pool="pool.id",
    cluster="cluster.id",
)

# An expired token harms nobody who has registered: what is past its end is no finding any more.
TOKEN_EXPIRING = Finding(
    kind=Kind.TOKEN_EXPIRING,
    about="registration_token",
    id="token.id",
    name="token.description",
    place="pool.name",
    due_at="token.expires_at",
    facts=(*POOL, ("expires", "token.expires_at")),
    source="""mirror_registrationtoken token
        JOIN pool ON pool.id = token.virtual_account_id""",
    where=f"""token.gone_at IS NULL AND token.expires_at > %(now)s::timestamptz
        AND (token.expires_at AT TIME ZONE %(zone)s)::date <= %(today)s::date + {threshold(Kind.TOKEN_EXPIRING)}""",
    account="pool.smart_account_id",
    pool="pool.id",
)

# Cisco tells neither limit nor uses: both are the partner's own (RegistrationToken).
TOKEN_USED_UP = Finding(
    kind=Kind.TOKEN_USED_UP,
    about="registration_token",
    id="token.id",
    name="token.description",
    place="pool.name",
    facts=(*POOL, ("uses", "token.uses"), ("uses_allowed", "token.uses_allowed"), ("expires", "token.expires_at")),
    source="""mirror_registrationtoken token
        JOIN pool ON pool.id = token.virtual_account_id""",
    where="""token.gone_at IS NULL AND token.uses >= token.uses_allowed
        AND coalesce(token.expires_at > %(now)s::timestamptz, true)""",
    account="pool.smart_account_id",
    pool="pool.id",
)

# AssignmentJobQuerySet.failed_or_stuck, as SQL. A job that is tried again or given up closes its alert.
ASSIGNMENT_FAILED = Finding(
    kind=Kind.ASSIGNMENT_FAILED,
    about="cluster",
    id="cluster.id",
    name="cluster.name",
    place="customer.name",
    facts=(
        ("job", "job.kind"),
        ("target_pool", "target.name"),
        ("state", "job.state"),
        ("stage", "stage.kind"),
        ("cause", "stage.cause"),
        ("next_step", "stage.next_step"),
        ("requested_at", "job.requested_at"),
        ("requested_by", "job.requested_by"),
        ("moved_at", "job.moved_at"),
    ),
    source="""assignments_assignmentjob job
        JOIN fleet_cluster cluster ON cluster.id = job.cluster_id
        JOIN fleet_customer customer ON customer.id = cluster.customer_id
        JOIN mirror_virtualaccount target ON target.id = job.virtual_account_id
        LEFT JOIN LATERAL (
            SELECT kind, cause, next_step FROM assignments_assignmentstage
            WHERE job_id = job.id AND state IN ('failed', 'running', 'by_hand') ORDER BY position LIMIT 1
        ) stage ON true""",
    where=f"""job.finished_at IS NULL AND (
        job.state = 'failed'
        OR (job.state IN ('waiting', 'running') AND job.moved_at < %(now)s::timestamptz - {_span(WORKER_LIMIT)})
        OR (job.state IN ('by_hand', 'verifying') AND job.moved_at < %(now)s::timestamptz - {_span(PEOPLE_LIMIT)})
    )""",
    cluster="cluster.id",
)

EVALUATION_ENDING = Finding(
    kind=Kind.EVALUATION_ENDING,
    about="cluster",
    id="cluster.id",
    name="cluster.name",
    place="customer.name",
    facts=(("installed", "cluster.installed_on"), ("ends", EVALUATION_ENDS)),
    due_at=midnight(EVALUATION_ENDS),
    source="""fleet_cluster cluster
        JOIN fleet_customer customer ON customer.id = cluster.customer_id""",
    where=f"""{EVALUATION_ENDS} <= %(today)s::date + {threshold(Kind.EVALUATION_ENDING)} AND NOT EXISTS (
        SELECT FROM mirror_productinstance instance
        WHERE instance.cluster_id = cluster.id AND instance.gone_at IS NULL
    )""",
    cluster="cluster.id",
)

ALL = (INSTANCE_SILENT, WRONG_POOL, TOKEN_EXPIRING, TOKEN_USED_UP, ASSIGNMENT_FAILED, EVALUATION_ENDING)
