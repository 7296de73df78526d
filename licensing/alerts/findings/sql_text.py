"""SQL that the findings of all kinds share, and the shape of one finding."""

from dataclasses import dataclass

from licensing.alerts.kinds import FACTS
from licensing.alerts.models import Kind

COLUMNS = (
    "rule_id",
    "severity",
    "subject_type",
    "subject_id",
    "subject_name",
    "subject_place",
    "facts",
    "due_at",
    "smart_account_id",
    "virtual_account_id",
    "cluster_id",
    "license_name",
)


def midnight(date: str) -> str:
    """Return SQL for the moment at which a day begins where the portal stands."""
    return f"{date}::timestamp AT TIME ZONE %(zone)s"


def threshold(kind: Kind) -> str:
    """Return SQL for the rule's threshold, or the usual one where it is empty."""
    return f"coalesce(rule.threshold, {FACTS[kind].usual})"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """The findings of one kind, as SQL: expressions over `rule` and the tables of `source`, one row per finding.

    `source` begins with a table and goes on with JOINs. `name` and `place` say what it is about. `facts`: pairs of a
    code and its value, from which licensing.alerts.wording makes the words; what depends on the day alone (days left)
    is no fact. Where it belongs (account, pool, cluster, license_name) is what scopes ask for; null where it has no
    such place.
    """

    kind: Kind
    about: str
    id: str
    name: str
    place: str = "''"
    source: str
    where: str = "true"
    severity: str = "rule.severity"
    due_at: str = "NULL::timestamptz"
    facts: tuple[tuple[str, str], ...] = ()
    account: str = "NULL::bigint"
    pool: str = "NULL::bigint"
    cluster: str = "NULL::bigint"
    license_name: str = "''"

    def select(self) -> str:
        pairs = ", ".join(f"'{code}', {value}" for code, value in self.facts)
        return f"""
            SELECT rule.id AS rule_id, {self.severity} AS severity,
                '{self.about}' AS subject_type, {self.id} AS subject_id,
                left({self.name}, 400) AS subject_name, left({self.place}, 400) AS subject_place,
                jsonb_build_object({pairs}) AS facts, {self.due_at} AS due_at,
                {self.account} AS smart_account_id, {self.pool} AS virtual_account_id, {self.cluster} AS cluster_id,
                {self.license_name} AS license_name
            FROM rule CROSS JOIN {self.source}
            WHERE rule.kind = '{self.kind}' AND ({self.where})"""
