"""Tell real duplicates in a listing from rows that moved while it was read.

A listing that shifted between two pages lists a row twice and leaves another one out, so duplicates are believed only
when the next reading shows the same ones. Then nothing of them is lost: product instances stay apart, each with its
usage, by a number after their identity; licenses of one name in one pool are added up.
"""

from django.db import connection

from kit.wording import count_more
from licensing.cisco.formats import MOST
from licensing.mirror.models import TWIN_MARK
from licensing.mirror.sync.mirrors import Mirror

# The number of rows by (pool, key).
Duplicates = dict[tuple[str, str], int]

# The second part finds staged rows that share their key with a mirrored row that came again as it was.
FIND = """
SELECT virtual_account, {key}, count(*) FROM {staged} GROUP BY virtual_account, {key} HAVING count(*) > 1
UNION ALL
SELECT DISTINCT staged.virtual_account, staged.{key}, 0
FROM {staged} staged
JOIN mirror_virtualaccount pool ON pool.smart_account_id = %(account)s AND pool.name = staged.virtual_account
JOIN {table} row ON row.virtual_account_id = pool.id AND row.{key} = staged.{key}
WHERE row.gone_at IS NULL AND row.fingerprint IS NOT NULL AND row.fingerprint <> ALL(%(missing)s::bigint[])
"""

NUMBER_INSTANCES = f"""
UPDATE staged_product_instance staged SET identity = concat(left(staged.identity, 590), '{TWIN_MARK}', twin.place)
FROM (
    SELECT ctid, row_number() OVER (
        PARTITION BY virtual_account, identity ORDER BY registered_at, host_name, uuid, name, parts, fingerprint
    ) AS place
    FROM staged_product_instance
) twin
WHERE twin.ctid = staged.ctid AND twin.place > 1
"""

FIGURES = ("quantity", "in_use", "available", "reserved", "pending")
# The sum gets no fingerprint, because no row of Cisco's stands for it.
ADD_UP_LICENSES = f"""
WITH twin AS (
    SELECT virtual_account, name FROM staged_license GROUP BY virtual_account, name HAVING count(*) > 1
),
part AS (
    DELETE FROM staged_license staged USING twin
    WHERE staged.virtual_account = twin.virtual_account AND staged.name = twin.name
    RETURNING staged.*
)
INSERT INTO staged_license
SELECT added.*, encode(sha256(convert_to(added.parts, 'UTF8')), 'hex'), NULL FROM (
SELECT virtual_account, name, {", ".join(f"greatest(-{MOST}, least(sum({name}), {MOST}))" for name in FIGURES)},
    CASE WHEN bool_or(status = 'out_of_compliance') THEN 'out_of_compliance'
        WHEN bool_and(status = 'in_compliance') THEN 'in_compliance' ELSE 'unknown' END,
    COALESCE(left(string_agg(DISTINCT nullif(billing_type, ''), ', '), 30), ''),
    (SELECT COALESCE(jsonb_agg(each ORDER BY each), '[]')
        FROM part other, jsonb_array_elements(other.substitutions) each
        WHERE other.virtual_account = part.virtual_account AND other.name = part.name) AS substitutions,
    (SELECT COALESCE(jsonb_agg(each ORDER BY each::text), '[]')::text
        FROM part other, jsonb_array_elements(other.parts::jsonb) each
        WHERE other.virtual_account = part.virtual_account AND other.name = part.name) AS parts
FROM part GROUP BY virtual_account, name
) added
"""


def find(mirror: Mirror, account: int, missing: list[int]) -> Duplicates:
    """Return keys that several staged rows share, or a staged row and a row that came again as it was.

    The number is how many rows share the key; 0 says that the row has been seen only in part so far.
    """
    with connection.cursor() as cursor:
        statement = FIND.format(key=mirror.key, staged=mirror.staged, table=mirror.table)
        cursor.execute(statement, {"account": account, "missing": missing})
        return {(pool, key): number for pool, key, number in cursor.fetchall()}


def settle(mirror: Mirror, twins: Duplicates) -> int:
    """Number duplicate instances, or add up duplicate licenses. Returns how many rows fewer there are."""
    with connection.cursor() as cursor:
        cursor.execute(ADD_UP_LICENSES if mirror.object_type == "license" else NUMBER_INSTANCES)
    return sum(twins.values()) - len(twins) if mirror.object_type == "license" else 0


def remark(mirror: Mirror, twins: Duplicates) -> str:
    """Word for people what was done with the duplicates, with an example."""
    (pool, key), number = next(iter(sorted(twins.items())))
    others = and_more(len(twins))
    if mirror.object_type == "license":
        return f"Cisco lists {key} in {pool} {number} times; the portal adds them up{others}."
    return (
        f"Cisco lists {number} product instances as {readable(key)} in {pool}; the portal keeps them apart by a "
        f"number, each with its usage{others}."
    )


def readable(key: str) -> str:
    """Return the key of a license or a product instance in a form that people can read."""
    return key.strip("|").replace("|", " ") or "no identity"


def and_more(number: int) -> str:
    """Return a suffix that says how many more there are of `number`, one of which was named."""
    return f" (the same for {count_more(number, 1)})" if number > 1 else ""
