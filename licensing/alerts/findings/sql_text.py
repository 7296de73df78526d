"""SQL for the words of alerts, and the shape of one finding.

Parameters of every statement: %(now)s, %(today)s (the date where the portal stands), %(zone)s (that zone's name) and
%(account)s (the one smart account that is looked at, or null for all). Times in texts are UTC, the zone of Django's
database sessions.
"""

from dataclasses import dataclass

from licensing.alerts.kinds import FACTS
from licensing.alerts.models import Kind

COLUMNS = (
    "rule_id", "severity", "subject_type", "subject_id", "subject", "summary", "next_step", "due_at", "figures",
    "smart_account_id", "virtual_account_id", "cluster_id", "license_name",
)  # fmt: skip


def grouped(number: str) -> str:
    """SQL for a number with its thousands apart, as pages write it: `2,394`."""
    return f"to_char({number}, 'FM999,999,999,990')"


def counted(number: str, noun: str) -> str:
    """SQL for `1 license`, `2 licenses`."""
    return f"concat({grouped(number)}, ' {noun}', CASE WHEN {number} = 1 THEN '' ELSE 's' END)"


def day(moment: str) -> str:
    """SQL for a date as pages write it: `1 Mar 2026`."""
    return f"to_char({moment}, 'FMDD Mon YYYY')"


def minute(moment: str) -> str:
    return f"to_char({moment}, 'FMDD Mon YYYY HH24:MI \"UTC\"')"


def midnight(date: str) -> str:
    """SQL for the moment at which a day begins where the portal stands."""
    return f"{date}::timestamp AT TIME ZONE %(zone)s"


def in_days(date: str) -> str:
    """SQL for ` today`, ` tomorrow`, ` in 5 days`, ` 5 days ago`."""
    left = f"({date} - %(today)s::date)"
    return (
        f"CASE WHEN {left} < -1 THEN concat(-{left}, ' days ago') WHEN {left} = -1 THEN 'yesterday' "
        f"WHEN {left} = 0 THEN 'today' WHEN {left} = 1 THEN 'tomorrow' ELSE concat('in ', {left}, ' days') END"
    )


def border(kind: Kind) -> str:
    """SQL for the rule's threshold, the usual one where it is empty."""
    return f"coalesce(rule.threshold, {FACTS[kind].usual})"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What one kind finds, as SQL: expressions over `rule` and the tables of `source`, one row per finding.

    `source` begins with a table and goes on with JOINs. `figures`: pairs of a word and the value beside it.
    Where it belongs (account, pool, cluster, license_name) is what scopes ask for; null where it has no such place.
    """

    kind: Kind
    about: str
    id: str
    subject: str
    summary: str
    next_step: str
    source: str
    where: str = "true"
    severity: str = "rule.severity"
    due_at: str = "NULL::timestamptz"
    figures: tuple[tuple[str, str], ...] = ()
    account: str = "NULL::bigint"
    pool: str = "NULL::bigint"
    cluster: str = "NULL::bigint"
    license_name: str = "''"

    def select(self) -> str:
        pairs = ", ".join(f"'{word.replace(chr(39), chr(39) * 2)}', {value}" for word, value in self.figures)
        return f"""
            SELECT rule.id AS rule_id, {self.severity} AS severity,
                '{self.about}' AS subject_type, {self.id} AS subject_id,
                left({self.subject}, 400) AS subject, {self.summary} AS summary, {self.next_step} AS next_step,
                {self.due_at} AS due_at, jsonb_build_object({pairs}) AS figures,
                {self.account} AS smart_account_id, {self.pool} AS virtual_account_id, {self.cluster} AS cluster_id,
                {self.license_name} AS license_name
            FROM rule CROSS JOIN {self.source}
            WHERE rule.kind = '{self.kind}' AND ({self.where})"""
