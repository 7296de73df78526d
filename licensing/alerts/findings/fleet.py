"""Product instances, registration tokens and clusters: what is silent, in the wrong place, or runs out."""

from datetime import timedelta

from licensing.alerts.findings.sql_text import Finding, border, counted, day, in_days, midnight, minute
from licensing.alerts.models import Kind
from licensing.assignments.models import PEOPLE_LIMIT, WORKER_LIMIT
from licensing.fleet.models import EVALUATION


def _span(limit: timedelta) -> str:
    return f"make_interval(secs => {int(limit.total_seconds())})"


# ClusterQuerySet.in_evaluation, as SQL.
EVALUATION_ENDS = f"(cluster.installed_on + {EVALUATION.days})"
INSTANCE_NAME = "coalesce(nullif(instance.host_name, ''), nullif(instance.name, ''), instance.serial)"

INSTANCE_SILENT = Finding(
    kind=Kind.INSTANCE_SILENT,
    about="product_instance",
    id="instance.id",
    subject=INSTANCE_NAME,
    summary=f"""concat(
        'No contact with Cisco since ', {day("instance.last_contact_at")}, ', for ',
        {counted("extract(day FROM %(now)s::timestamptz - instance.last_contact_at)", "day")}, '. It ',
        CASE WHEN usage.number > 0 THEN concat('holds ', {counted("usage.number", "license")}, ' in ')
            ELSE 'uses no license in ' END,
        pool.label, '.'
    )""",
    next_step="""'Check that it runs and reaches Cisco or its On-Prem server. If it is no longer there, remove it: '
        'that frees its licenses.'""",
    figures=(("Last contact", "instance.last_contact_at"), ("Licenses held", "usage.number")),
    # Most instances are not silent by any rule: one pass leaves them out, before rules, pools and usage are looked at.
    source=f"""(
            SELECT * FROM mirror_productinstance
            WHERE gone_at IS NULL AND last_contact_at < %(now)s::timestamptz - make_interval(days => (
                SELECT min({border(Kind.INSTANCE_SILENT)}) FROM rule WHERE rule.kind = '{Kind.INSTANCE_SILENT}'
            )) OFFSET 0
        ) instance
        JOIN pool ON pool.id = instance.virtual_account_id
        CROSS JOIN LATERAL (
            SELECT coalesce(sum(quantity), 0) AS number FROM mirror_instanceusage
            WHERE product_instance_id = instance.id
        ) usage""",
    where=f"""instance.last_contact_at
        < %(now)s::timestamptz - make_interval(days => {border(Kind.INSTANCE_SILENT)})""",
    account="pool.smart_account_id",
    pool="pool.id",
    cluster="instance.cluster_id",
)

# A token of another virtual account was used. The product uses licenses there (docs/domain.md#P3).
WRONG_POOL = Finding(
    kind=Kind.WRONG_POOL,
    about="product_instance",
    id="instance.id",
    subject=INSTANCE_NAME,
    summary="""concat(
        'Registered in ', pool.label, ', but its cluster ', cluster.name, ' of ', customer.name, ' is assigned to ',
        meant.name, ' of ', coalesce(nullif(meant_account.name, ''), meant_account.domain), '.'
    )""",
    next_step="""concat(
        'Register it again with a token of ', meant.name, ', or assign the cluster to ', pool.name,
        ' if that is where it belongs.'
    )""",
    figures=(("Registered in", "pool.label"), ("Assigned to", "meant.name"),
             ("Assigned since", "assignment.started_at")),
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
)  # fmt: skip

# An expired token harms nobody who has registered: what is past its end is no finding any more.
TOKEN_EXPIRING = Finding(
    kind=Kind.TOKEN_EXPIRING,
    about="registration_token",
    id="token.id",
    subject="concat(coalesce(nullif(token.description, ''), 'Token'), ' in ', pool.name)",
    summary=f"""concat(
        'This registration token of ', pool.label, ' expires on ', {day("token.expires_at AT TIME ZONE %(zone)s")},
        ', ', {in_days("(token.expires_at AT TIME ZONE %(zone)s)::date")}, '. Products that have not '
        'registered by then need another one.'
    )""",
    next_step="'Make a new token, if products are still to be registered with it.'",
    due_at="token.expires_at",
    figures=(("Expires", "token.expires_at"),),
    source="""mirror_registrationtoken token
        JOIN pool ON pool.id = token.virtual_account_id""",
    where=f"""token.gone_at IS NULL AND token.expires_at > %(now)s::timestamptz
        AND (token.expires_at AT TIME ZONE %(zone)s)::date <= %(today)s::date + {border(Kind.TOKEN_EXPIRING)}""",
    account="pool.smart_account_id",
    pool="pool.id",
)

# Cisco tells neither limit nor uses: both are the partner's own (RegistrationToken).
TOKEN_USED_UP = Finding(
    kind=Kind.TOKEN_USED_UP,
    about="registration_token",
    id="token.id",
    subject="concat(coalesce(nullif(token.description, ''), 'Token'), ' in ', pool.name)",
    summary="""concat(
        'This registration token of ', pool.label, ' was used ', token.uses, ' of ', token.uses_allowed,
        ' times: nothing more registers with it.'
    )""",
    next_step="""'Make a new token, if products are still to be registered, and revoke this one. If CSSM shows fewer '
        'uses, correct the number on the token''s page.'""",
    figures=(("Uses", "token.uses"), ("Uses allowed", "token.uses_allowed"), ("Expires", "token.expires_at")),
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
    subject="concat(cluster.name, ' of ', customer.name)",
    summary=f"""concat(
        initcap(job.kind), CASE job.kind WHEN 'unassign' THEN ' from ' ELSE ' to ' END, target.name,
        CASE WHEN job.state = 'failed' THEN concat(' failed', coalesce(concat(' at the stage ', stage.word), ''), '. ',
                stage.cause)
            ELSE concat(' has not moved since ', {minute("job.moved_at")},
                CASE job.state WHEN 'by_hand' THEN ': somebody has to confirm what is done by hand.'
                    WHEN 'verifying' THEN ': no sync has seen it yet.' ELSE ': no worker goes on with it.' END) END
    )""",
    next_step="""coalesce(nullif(stage.next_step, ''),
        'Open the cluster''s assignment job: go on with it, try it again, or give it up.')""",
    figures=(("State", "job.state"), ("Stage", "stage.word"), ("Asked for", "job.requested_at"),
             ("By", "job.requested_by"), ("Last moved", "job.moved_at")),
    source="""assignments_assignmentjob job
        JOIN fleet_cluster cluster ON cluster.id = job.cluster_id
        JOIN fleet_customer customer ON customer.id = cluster.customer_id
        JOIN mirror_virtualaccount target ON target.id = job.virtual_account_id
        LEFT JOIN LATERAL (
            SELECT replace(kind, '_', ' ') AS word, cause, next_step FROM assignments_assignmentstage
            WHERE job_id = job.id AND state IN ('failed', 'running', 'by_hand') ORDER BY position LIMIT 1
        ) stage ON true""",
    where=f"""job.finished_at IS NULL AND (
        job.state = 'failed'
        OR (job.state IN ('waiting', 'running') AND job.moved_at < %(now)s::timestamptz - {_span(WORKER_LIMIT)})
        OR (job.state IN ('by_hand', 'verifying') AND job.moved_at < %(now)s::timestamptz - {_span(PEOPLE_LIMIT)})
    )""",
    cluster="cluster.id",
)  # fmt: skip

EVALUATION_ENDING = Finding(
    kind=Kind.EVALUATION_ENDING,
    about="cluster",
    id="cluster.id",
    subject="concat(cluster.name, ' of ', customer.name)",
    summary=f"""concat(
        'Installed on ', {day("cluster.installed_on")}, ' and not registered: its evaluation ',
        CASE WHEN {EVALUATION_ENDS} < %(today)s::date THEN 'ended' ELSE 'ends' END, ' on ', {day(EVALUATION_ENDS)},
        ', ', {in_days(EVALUATION_ENDS)}, '. Users and devices cannot be added after that.'
    )""",
    next_step="'Assign the cluster to a virtual account and register it.'",
    due_at=midnight(EVALUATION_ENDS),
    figures=(("Installed on", "cluster.installed_on"), ("Evaluation ends", EVALUATION_ENDS)),
    source="""fleet_cluster cluster
        JOIN fleet_customer customer ON customer.id = cluster.customer_id""",
    where=f"""{EVALUATION_ENDS} <= %(today)s::date + {border(Kind.EVALUATION_ENDING)} AND NOT EXISTS (
        SELECT FROM mirror_productinstance instance
        WHERE instance.cluster_id = cluster.id AND instance.gone_at IS NULL
    )""",
    cluster="cluster.id",
)

ALL = (INSTANCE_SILENT, WRONG_POOL, TOKEN_EXPIRING, TOKEN_USED_UP, ASSIGNMENT_FAILED, EVALUATION_ENDING)
