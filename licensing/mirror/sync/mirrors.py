"""Describe which tables are mirrored, and build their SQL statements from that.

Parameters: account, run, now, started; missing: fingerprints that did not come again (see
licensing.mirror.sync.fingerprints).
"""

from dataclasses import dataclass, field
from functools import cached_property

# The pools of the account. Their rows are there when their children's turn comes.
POOL = "JOIN mirror_virtualaccount pool ON pool.smart_account_id = %(account)s AND"


@dataclass(frozen=True, eq=False)
class Mirror:
    """A mirrored table. `columns` are compared and written; `silent` ones are written, but are no Change.

    `parts`: (digest column, name in Change.values, old parts as JSON, statements that replace them). `skip` leaves out
    rows that people have touched since the run began: what is staged may be older than what they did. `insert_again`:
    what to do where another transaction has inserted the same key meanwhile.
    """

    object_type: str
    table: str
    staged: str
    key: str
    columns: tuple[str, ...]
    label: str
    silent: tuple[str, ...] = ()
    parent: str = "virtual_account_id"
    parts: tuple[str, str, str, tuple[str, ...]] | None = None
    skip: str = "false"
    extra_insert: dict[str, str] = field(default_factory=dict)
    insert_again: str = ""

    @property
    def diff_table(self) -> str:
        return f"diff_{self.object_type}"

    @property
    def compared(self) -> tuple[str, ...]:
        return self.columns + ((self.parts[0],) if self.parts else ())

    @property
    def written(self) -> tuple[str, ...]:
        return self.compared + self.silent

    @property
    def _staged_rows(self) -> str:
        """The staged rows, with the parent's id."""
        if self.parent == "smart_account_id":
            return f"SELECT %(account)s::bigint AS smart_account_id, staged.* FROM {self.staged} staged"
        join = f"{POOL} pool.name = staged.virtual_account"
        return f"SELECT pool.id AS virtual_account_id, staged.* FROM {self.staged} staged {join}"

    @property
    def _of_account(self) -> str:
        if self.parent == "smart_account_id":
            return f"{self.table} row WHERE smart_account_id = %(account)s"
        return f"{self.table} row {POOL} pool.id = row.virtual_account_id WHERE true"

    @property
    def fingerprints(self) -> str:
        """Select the fingerprints of the present rows, sorted and packed, and how many rows have none."""
        return f"""
            SELECT COALESCE(string_agg(int8send(row.fingerprint), '' ORDER BY row.fingerprint), ''),
                count(*) FILTER (WHERE row.fingerprint IS NULL)
            FROM {self._of_account} AND row.gone_at IS NULL"""

    @property
    def _in_question(self) -> str:
        """Select the mirror's rows without those that came again as they were."""
        return f"""
            SELECT row.* FROM {self._of_account}
            AND (row.gone_at IS NOT NULL OR row.fingerprint IS NULL OR row.fingerprint = ANY(%(missing)s::bigint[]))"""

    @cached_property
    def diff(self) -> str:
        """Create the table of rows that differ, each with its kind.

        `seen` says that only silent columns differ, or that the row had no fingerprint.
        """
        parts = f", m.{self.parts[0]} IS DISTINCT FROM s.{self.parts[0]} AS parts_differ, s.parts" if self.parts else ""
        return f"""
            CREATE TEMPORARY TABLE {self.diff_table} AS
            SELECT COALESCE(m.id, nextval('{self.table}_id_seq')) AS id,
                CASE
                    WHEN m.id IS NULL THEN 'created'
                    WHEN s.{self.key} IS NULL THEN 'gone'
                    WHEN m.gone_at IS NOT NULL THEN 'back'
                    WHEN ({_select("m", self.compared)}) IS DISTINCT FROM ({_select("s", self.compared)}) THEN 'changed'
                    ELSE 'seen'
                END AS kind,
                COALESCE(s.{self.parent}, m.{self.parent}) AS {self.parent},
                COALESCE(s.{self.key}, m.{self.key}) AS {self.key},
                {_select("s", self.written)}, s.fingerprint{parts}
            FROM ({self._staged_rows}) s
            FULL JOIN ({self._in_question}) m ON m.{self.parent} = s.{self.parent} AND m.{self.key} = s.{self.key}
            WHERE CASE
                WHEN m.id IS NULL THEN true
                WHEN {self.skip} THEN false
                WHEN s.{self.key} IS NULL THEN m.gone_at IS NULL
                ELSE m.gone_at IS NOT NULL
                    OR ({_select("m", self.written)}) IS DISTINCT FROM ({_select("s", self.written)})
                    OR (m.fingerprint IS NULL AND s.fingerprint IS NOT NULL)
            END"""

    @cached_property
    def apply(self) -> tuple[str, ...]:
        """The statements that apply the diff, in order: the Changes need the old values."""
        replace_parts = self.parts[3] if self.parts else ()
        return (self._record, self._insert, self._update, self._mark_gone, *replace_parts)

    @property
    def _record(self) -> str:
        pools = ""
        if self.parent == "virtual_account_id":
            pools = """
                LEFT JOIN mirror_virtualaccount pool ON pool.id = d.virtual_account_id
                LEFT JOIN mirror_virtualaccount old_pool ON old_pool.id = m.virtual_account_id"""
        return f"""
            INSERT INTO mirror_change (sync_run_id, at, kind, object_type, object_id, label, values)
            SELECT %(run)s, %(now)s, d.kind, '{self.object_type}', d.id, left({self.label}, 620),
                CASE WHEN d.kind IN ('changed', 'back') THEN ({self._differences}) ELSE '{{}}' END
            FROM {self.diff_table} d LEFT JOIN {self.table} m ON m.id = d.id{pools}
            WHERE d.kind <> 'seen'"""

    @property
    def _differences(self) -> str:
        """Select {column: [old, new]} of the columns that differ."""
        pairs = [f"('{name}', to_jsonb(m.{name}), to_jsonb(d.{name}))" for name in self.columns]
        if self.parent == "virtual_account_id":
            pairs.append("('virtual_account', to_jsonb(old_pool.name), to_jsonb(pool.name))")
        if self.parts:
            pairs.append(f"('{self.parts[1]}', {self.parts[2]}, d.parts::jsonb)")
        return f"""
            SELECT COALESCE(jsonb_object_agg(pair.name, jsonb_build_array(pair.old, pair.new)), '{{}}')
            FROM (VALUES {", ".join(pairs)}) pair (name, old, new) WHERE pair.old IS DISTINCT FROM pair.new"""

    @property
    def _insert(self) -> str:
        names = (self.parent, self.key, *self.written, "fingerprint")
        extra_names = "".join(f", {name}" for name in self.extra_insert)
        extra_values = "".join(f", {value}" for value in self.extra_insert.values())
        return f"""
            INSERT INTO {self.table} (id, {", ".join(names)}{extra_names})
            SELECT d.id, {_select("d", names)}{extra_values} FROM {self.diff_table} d WHERE d.kind = 'created'
            {self.insert_again}"""

    @property
    def _update(self) -> str:
        names = (self.parent, *self.written, "fingerprint")
        assignments = ", ".join(f"{name} = d.{name}" for name in names)
        return f"""
            UPDATE {self.table} row SET {assignments}, gone_at = NULL
            FROM {self.diff_table} d WHERE d.id = row.id AND d.kind IN ('changed', 'back', 'seen')"""

    @property
    def _mark_gone(self) -> str:
        return f"""
            UPDATE {self.table} row SET gone_at = %(now)s
            FROM {self.diff_table} d WHERE d.id = row.id AND d.kind = 'gone'"""


def _select(alias: str, names: tuple[str, ...]) -> str:
    return ", ".join(f"{alias}.{name}" for name in names)


VIRTUAL_ACCOUNTS = Mirror(
    object_type="virtual_account",
    table="mirror_virtualaccount",
    staged="staged_virtual_account",
    parent="smart_account_id",
    key="name",
    columns=("description", "is_default", "access_level"),
    label="d.name",
)

LICENSES = Mirror(
    object_type="license",
    table="mirror_license",
    staged="staged_license",
    key="name",
    columns=("quantity", "in_use", "available", "reserved", "pending", "status", "billing_type", "substitutions"),
    label="concat(d.name, ' in ', pool.name)",
    parts=(
        "lines_digest",
        "lines",
        """(SELECT COALESCE(jsonb_agg(to_jsonb(line) - 'id' - 'license_id' - 'position' ORDER BY line.position), '[]')
            FROM mirror_licenseline line WHERE line.license_id = m.id)""",
        (
            """
            DELETE FROM mirror_licenseline line USING diff_license d
            WHERE line.license_id = d.id AND d.parts_differ AND d.kind IN ('changed', 'back')""",
            """
            INSERT INTO mirror_licenseline
                (license_id, position, type, quantity, start, "end", subscription_id, status, order_number, sku)
            SELECT d.id, line.place - 1, line.type, line.quantity, line.start, line."end", line.subscription_id,
                line.status, line.order_number, line.sku
            FROM diff_license d CROSS JOIN ROWS FROM (
                json_to_recordset(d.parts::json) AS (
                    type text, quantity integer, start date, "end" date, subscription_id text, status text,
                    order_number text, sku text
                )
            ) WITH ORDINALITY AS line (
                type, quantity, start, "end", subscription_id, status, order_number, sku, place
            )
            WHERE d.parts_differ AND d.kind IN ('created', 'changed', 'back')""",
        ),
    ),
)

PRODUCT_INSTANCES = Mirror(
    object_type="product_instance",
    table="mirror_productinstance",
    staged="staged_product_instance",
    key="identity",
    columns=(
        "name",
        "host_name",
        "udi_pid",
        "serial",
        "uuid",
        "product_tag",
        "product_type",
        "status",
        "registered_at",
    ),
    silent=("last_contact_at",),
    label="""concat(COALESCE(NULLIF(d.host_name, ''), NULLIF(d.name, ''), NULLIF(m.host_name, ''), NULLIF(m.name, ''),
        d.serial, m.serial), ' in ', pool.name)""",
    parts=(
        "usage_digest",
        "usage",
        """(SELECT COALESCE(jsonb_object_agg(usage.license_name, usage.quantity), '{}')
            FROM mirror_instanceusage usage WHERE usage.product_instance_id = m.id)""",
        (
            """
            DELETE FROM mirror_instanceusage usage USING diff_product_instance d
            WHERE usage.product_instance_id = d.id AND d.parts_differ AND d.kind IN ('changed', 'back')""",
            """
            INSERT INTO mirror_instanceusage (product_instance_id, license_id, license_name, quantity)
            SELECT d.id, license.id, part.key, part.value::integer
            FROM diff_product_instance d CROSS JOIN LATERAL json_each_text(d.parts::json) part
            LEFT JOIN mirror_license license
                ON license.virtual_account_id = d.virtual_account_id AND license.name = part.key
            WHERE d.parts_differ AND d.kind IN ('created', 'changed', 'back')""",
        ),
    ),
)

REGISTRATION_TOKENS = Mirror(
    object_type="registration_token",
    table="mirror_registrationtoken",
    staged="staged_registration_token",
    key="digest",
    columns=("description", "expires_at", "created_by", "export_controlled"),
    label="concat(COALESCE(NULLIF(d.description, ''), NULLIF(m.description, ''), 'Token'), ' in ', pool.name)",
    # Made or revoked by the portal while the listings were read.
    skip="COALESCE(m.created_at >= %(started)s, false) OR COALESCE(m.gone_at >= %(started)s, false)",
    extra_insert={"created_at": "%(now)s"},
    insert_again="ON CONFLICT (virtual_account_id, digest) DO NOTHING",
)

MIRRORS = (VIRTUAL_ACCOUNTS, LICENSES, PRODUCT_INSTANCES, REGISTRATION_TOKENS)
