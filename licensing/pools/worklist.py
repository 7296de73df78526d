"""Find what people should look at, with the reason: one SELECT per reason over the mirror, always fresh.

Nothing is stored: an item is there while its reason is. Accounts that are paused and rows that are gone give none. The
SELECTs return facts, as JSON; licensing.pools.worklist_words words them.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.utils import timezone

from licensing.accounts.models import SmartAccount
from licensing.alerts.silence import SILENT_DAYS
from licensing.orders.undelivered import undelivered
from licensing.pools.worklist_words import Reason, word

__all__ = ["Item", "Items", "Reason", "counts"]
DEPOSIT_DAYS = 90  # for so long an arrival in the wrong pool is called a deposit
# Ids of different reasons do not meet: the reason's number, then the row's id.
ID_BITS = 48
ORDERS = 1 << (ID_BITS - 1)  # so that an order and a license with one number are two items


@dataclass(frozen=True, slots=True)
class Item:
    """`subject_type`: license, product_instance or order, row `subject_id`. `licenses`: how many are concerned.
    `way`: how it is settled where that is not its reason's usual way, with the row `way_id`."""

    id: int
    reason: str
    subject_type: str
    subject_id: int
    subject: str
    virtual_account: int
    virtual_account_name: str
    smart_account: int
    way: str
    way_id: int | None
    licenses: int
    text: str
    next_step: str
    as_of: datetime | None

    @property
    def pk(self) -> int:
        return self.id


# What the selects stand on. Parameters: %(now)s, %(deposits_since)s and %(undelivered)s.
BASE = f"""
silence AS (SELECT %(now)s - make_interval(days => {SILENT_DAYS}::integer) AS before),
pool AS (
    SELECT pool.id, pool.name, pool.purpose, pool.is_default, pool.smart_account_id, account.last_synced_at,
        operational.id AS operational_id, operational.name AS operational_name
    FROM mirror_virtualaccount pool
    JOIN accounts_smartaccount account ON account.id = pool.smart_account_id AND account.paused_at IS NULL
    LEFT JOIN mirror_virtualaccount operational ON operational.smart_account_id = pool.smart_account_id
        AND operational.purpose = 'operational' AND operational.gone_at IS NULL
    WHERE pool.gone_at IS NULL
)
"""
USUAL_WAY = "'', NULL::bigint"
LICENSE = f"'license', license.id, license.name, pool.id, pool.name, pool.smart_account_id, {USUAL_WAY}"
ROW_OF_INSTANCE = """
'product_instance', instance.id,
coalesce(nullif(instance.host_name, ''), nullif(instance.name, ''), instance.serial), pool.id, pool.name,
pool.smart_account_id
"""
INSTANCE = f"{ROW_OF_INSTANCE}, {USUAL_WAY}, usage.number"
INSTANCES = """
mirror_productinstance instance
JOIN pool ON pool.id = instance.virtual_account_id
CROSS JOIN LATERAL (
    SELECT coalesce(sum(quantity), 0) AS number FROM mirror_instanceusage WHERE product_instance_id = instance.id
) usage
"""

# The default pool serves products in some accounts; where none is registered and none is planned, nobody can use it.
SERVES_NOBODY = """
    NOT EXISTS (
        SELECT FROM mirror_productinstance here WHERE here.virtual_account_id = pool.id AND here.gone_at IS NULL
    )
    AND NOT EXISTS (
        SELECT FROM assignments_assignment held WHERE held.virtual_account_id = pool.id AND held.ended_at IS NULL
    )
"""
STRANDED = f"""
SELECT {LICENSE}, license.available,
    jsonb_build_object('free', license.available, 'pool', pool.name, 'operational', pool.operational_name),
    pool.last_synced_at
FROM mirror_license license
JOIN pool ON pool.id = license.virtual_account_id AND pool.is_default AND pool.purpose = 'general'
WHERE license.gone_at IS NULL AND license.available > 0 AND {SERVES_NOBODY}
"""
# What Cisco still owes, by license: licensing.orders.undelivered, whose rows come as JSON. What no virtual account has
# yet is shown at its order, in the pool where it will most likely arrive.
NOT_DEPOSITED = f"""
SELECT CASE WHEN license.id IS NULL THEN 'order' ELSE 'license' END, coalesce(license.id, missing."order"),
    missing.license_name, pool.id, pool.name, pool.smart_account_id, {USUAL_WAY}, missing.undelivered,
    jsonb_build_object(
        'ordered', missing.ordered, 'delivered', missing.delivered, 'undelivered', missing.undelivered,
        'purchases', missing.purchases, 'operational', pool.operational_name
    ),
    pool.last_synced_at
FROM jsonb_to_recordset(%(undelivered)s::jsonb) AS missing (
    smart_account bigint, virtual_account bigint, license_name text, "order" bigint, ordered integer, delivered integer,
    undelivered integer, purchases jsonb
)
LEFT JOIN mirror_license license ON license.virtual_account_id = missing.virtual_account
    AND license.name = missing.license_name
CROSS JOIN LATERAL (
    SELECT pool.* FROM pool WHERE pool.smart_account_id = missing.smart_account
        AND pool.id = coalesce(missing.virtual_account, pool.id)
    ORDER BY pool.purpose = 'operational' DESC, pool.is_default DESC, pool.id LIMIT 1
) pool
"""
# What is stranded in the default pool is said above. What moved there is where somebody wanted it, and so is what an
# order is expected in. The first sync of an account finds everything new: nothing of that arrived.
WRONG_DEPOSIT = f"""
SELECT {LICENSE}, license.available,
    jsonb_build_object(
        'free', license.available, 'pool', pool.name, 'operational', pool.operational_name, 'arrived_at', rise.at
    ),
    pool.last_synced_at
FROM mirror_license license
JOIN pool ON pool.id = license.virtual_account_id AND pool.purpose = 'general' AND pool.operational_id IS NOT NULL
    AND NOT (pool.is_default AND {SERVES_NOBODY})
CROSS JOIN LATERAL (
    SELECT arrived.at FROM orders_movement arrived
    WHERE arrived.license_id = license.id AND arrived.at >= %(deposits_since)s
        AND (arrived.kind = 'deposit' OR arrived.kind = 'first' AND arrived.at > (
            SELECT since FROM history_recording WHERE smart_account_id = pool.smart_account_id
        ))
        AND NOT EXISTS (
            SELECT FROM orders_order expected
            WHERE expected.virtual_account_id = pool.id AND (
                expected.subscription_id <> '' AND expected.subscription_id = arrived.subscription_id
                OR expected.number <> '' AND expected.number = arrived.order_number
            )
        )
    ORDER BY arrived.at DESC LIMIT 1
) rise
WHERE license.gone_at IS NULL AND license.available > 0 AND license.in_use = 0
"""
GHOST = f"""
SELECT {INSTANCE},
    jsonb_build_object('last_contact_at', instance.last_contact_at, 'used', usage.number),
    pool.last_synced_at
FROM {INSTANCES}
WHERE instance.gone_at IS NULL AND instance.last_contact_at < (SELECT before FROM silence) AND usage.number > 0
"""
# Cisco moves product instances within a smart account alone, and into nothing that is gone.
MISPLACED = f"""
SELECT {ROW_OF_INSTANCE}, planned.way,
    CASE planned.way WHEN 'register' THEN planned.id WHEN 'reassign' THEN cluster.id END, usage.number,
    jsonb_build_object(
        'way', planned.way, 'cluster', cluster.name, 'pool', pool.name, 'planned', planned.name,
        'planned_account', planned.account, 'used', usage.number
    ),
    pool.last_synced_at
FROM {INSTANCES}
JOIN fleet_cluster cluster ON cluster.id = instance.cluster_id
JOIN assignments_assignment assigned ON assigned.cluster_id = cluster.id AND assigned.ended_at IS NULL
    AND assigned.virtual_account_id <> instance.virtual_account_id
CROSS JOIN LATERAL (
    SELECT meant.id, meant.name,
        CASE WHEN meant.gone_at IS NOT NULL THEN 'reassign' WHEN account.id = pool.smart_account_id THEN ''
            ELSE 'register' END AS way,
        CASE WHEN account.id <> pool.smart_account_id THEN coalesce(nullif(account.name, ''), account.domain) END
            AS account
    FROM mirror_virtualaccount meant JOIN accounts_smartaccount account ON account.id = meant.smart_account_id
    WHERE meant.id = assigned.virtual_account_id
) planned
WHERE instance.gone_at IS NULL
"""
UNDECIDED = "instance.gone_at IS NULL AND instance.cluster_id IS NULL AND NOT instance.cluster_by_hand"
AMBIGUOUS = f"""
SELECT {INSTANCE},
    jsonb_build_object('candidates', instance.cluster_candidates),
    pool.last_synced_at
FROM {INSTANCES}
WHERE {UNDECIDED} AND instance.cluster_candidates > 1
"""
UNMATCHED = f"""
SELECT {INSTANCE},
    '{{}}'::jsonb,
    pool.last_synced_at
FROM {INSTANCES}
WHERE {UNDECIDED} AND instance.cluster_candidates = 0
"""
SELECTS = {
    Reason.STRANDED: STRANDED,
    Reason.NOT_DEPOSITED: NOT_DEPOSITED,
    Reason.WRONG_DEPOSIT: WRONG_DEPOSIT,
    Reason.GHOST: GHOST,
    Reason.MISPLACED: MISPLACED,
    Reason.AMBIGUOUS: AMBIGUOUS,
    Reason.UNMATCHED: UNMATCHED,
}
COLUMNS = (
    "number, subject_type, subject_id, subject, virtual_account, virtual_account_name, smart_account, way, way_id, "
    "licenses, facts, as_of"
)


@dataclass(frozen=True)
class Items:
    """The items that fit: slices and `len` ask the database. `reasons` empty: all; `after`, `before`: ids."""

    reasons: tuple[Reason, ...] = ()
    smart_account: int | None = None
    search: str = ""
    after: int | None = None
    before: int | None = None
    order: str = "number, licenses DESC, subject_id"
    facts: dict[str, str] = field(default_factory=dict, compare=False, repr=False)  # read once for all that is asked

    def filter(self, *, id__gt: int | None = None, id__lt: int | None = None) -> "Items":
        return replace(self, after=id__gt, before=id__lt)

    def order_by(self, column: str) -> "Items":
        """Order by id, up or down, for the cursor of REST."""
        return replace(self, order="id DESC" if column.startswith("-") else "id")

    def __getitem__(self, part: slice) -> list[Item]:
        begin, end = part.start or 0, part.stop
        rows = self._select(
            "*", f"ORDER BY {self.order} OFFSET %(begin)s LIMIT %(limit)s", begin=begin, limit=end - begin
        )
        return [_item(row) for row in rows]

    def count(self) -> int:
        return int(self._select("count(*)", "")[0][0])

    def __len__(self) -> int:
        return self.count()

    def _select(self, what: str, ending: str, **parameters: Any) -> Sequence[Sequence[Any]]:
        clauses = [
            clause
            for value, clause in (
                (self.smart_account, "smart_account = %(smart_account)s"),
                (self.after, "id > %(after)s"),
                (self.before, "id < %(before)s"),
                (self.search, "strpos(lower(concat(subject, ' ', virtual_account_name)), lower(%(search)s)) > 0"),
            )
            if value not in (None, "")
        ]
        found = f"SELECT {what} FROM item {'WHERE ' if clauses else ''}{' AND '.join(clauses)} {ending}"
        known = {"smart_account": self.smart_account, "after": self.after, "before": self.before, "search": self.search}
        return _run(self.reasons, found, {**known, **parameters}, self.facts)


def counts(items: Items | None = None) -> dict[Reason, int]:
    """Return how many items each reason has, without those that have none.

    Facts that `items` have read are not read again; their filters do not count here.
    """
    facts = items.facts if items else {}
    rows = _run((), "SELECT number, count(*) FROM item GROUP BY number ORDER BY number", {}, facts)
    reasons = list(Reason)
    return {reasons[number]: count for number, count in rows}


def _run(
    reasons: Iterable[Reason], found: str, parameters: dict[str, Any], facts: dict[str, str]
) -> Sequence[Sequence[Any]]:
    wanted = set(reasons) or set(Reason)
    parts = [
        f"SELECT {number} AS number, row.* FROM ({SELECTS[reason]}) row"
        for number, reason in enumerate(Reason)
        if reason in wanted
    ]
    union = " UNION ALL ".join(parts)
    statement = f"""
        WITH {BASE}, found ({COLUMNS}) AS ({union}),
        item AS (
            SELECT (number::bigint << {ID_BITS}) + CASE subject_type WHEN 'order' THEN {ORDERS} ELSE 0 END + subject_id
                AS id, found.*
            FROM found
        )
        {found}
    """
    now = timezone.now()
    given: dict[str, Any] = {
        "now": now,
        "deposits_since": now - timedelta(days=DEPOSIT_DAYS),
        "undelivered": _undelivered(facts) if Reason.NOT_DEPOSITED in wanted else "[]",
    }
    with connection.cursor() as cursor:
        cursor.execute(statement, {**parameters, **given})
        rows: Sequence[Sequence[Any]] = cursor.fetchall()
    return rows


def _undelivered(facts: dict[str, str]) -> str:
    if "undelivered" not in facts:
        active = SmartAccount.objects.filter(paused_at=None).order_by().values_list("pk", flat=True)
        facts["undelivered"] = json.dumps([asdict(row) for row in undelivered(active)])
    return facts["undelivered"]


def _item(row: Sequence[Any]) -> Item:
    id_, number, *place, licenses, facts, as_of = row
    reason = list(Reason)[number]
    words = word(reason, json.loads(facts))
    subject_type, subject_id, subject, pool, pool_name, account, way, way_id = place
    return Item(
        id=id_,
        reason=reason.value,
        subject_type=subject_type,
        subject_id=subject_id,
        subject=subject,
        virtual_account=pool,
        virtual_account_name=pool_name,
        smart_account=account,
        way=way,
        way_id=way_id,
        licenses=licenses,
        text=words.text,
        next_step=words.next_step,
        as_of=as_of,
    )
