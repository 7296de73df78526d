"""Fill temporary tables, page by page with COPY, with the rows that the mirror does not know.

Each page is a statement of its own, so that no transaction is open while the next page is waited for. Temporary tables
are gone with their session: a killed worker leaves nothing behind. A table is made when its first row comes.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import msgspec
from django.db import connection, transaction
from django.db.utils import Error as DatabaseError

from licensing.cisco import formats, types
from licensing.cisco.listings import parse_row
from licensing.cisco.transport import digest
from licensing.mirror.sync import mirrors
from licensing.mirror.sync.mirrors import MIRRORS, Mirror

Row = tuple[Any, ...]
Unknown = tuple[int, bytes, str]  # fingerprint, row, and the pool where the row does not tell it
InvalidCounts = tuple[str, str, str]  # pool and key of a row, and how some of its numbers were taken
MAX_NAMED = 3
NUL = re.compile(rb"(?<!\\)((?:\\\\)*)\\u0000")
_by_name = msgspec.json.Encoder(order="sorted").encode


@dataclass(frozen=True, slots=True)
class Staging:
    """A staging table, and how its rows are made from Cisco's JSON object.

    The pool is given where that object does not name it.

    Text is cut to what the mirror's columns hold. The last column is the row's fingerprint.
    """

    mirror: Mirror
    columns: str
    row_of: Callable[[formats.Raw, str], Row]

    @property
    def table(self) -> str:
        return self.mirror.staged

    def make(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute(f"CREATE TEMPORARY TABLE IF NOT EXISTS {self.table} ({self.columns}, fingerprint bigint)")

    def empty(self) -> None:
        self.make()
        with connection.cursor() as cursor:
            cursor.execute(f"TRUNCATE {self.table}")

    def write(self, rows: Iterable[Unknown]) -> list[InvalidCounts]:
        """Copy the rows; PostgreSQL takes them in while the next ones are made.

        A row with invalid numbers gets no fingerprint, so that it is compared and reported each time.
        """
        row_of = self.row_of
        odd: list[InvalidCounts] = []
        statement, errors = f"COPY {self.table} FROM STDIN", connection.wrap_database_errors
        with (
            formats.collect_invalid_counts() as noted,
            transaction.atomic(),
            connection.cursor() as cursor,
            errors,
            cursor.copy(statement) as copy,
        ):
            for fingerprint, row, pool in rows:
                values = row_of(parse_row(_without_nul(row)), pool)
                copy.write_row((*values, None if noted else fingerprint))
                if noted:
                    odd.append((values[0], values[1], ", ".join(noted[:MAX_NAMED])))
                    noted.clear()
        return odd


def _virtual_account(raw: formats.Raw, _: str) -> Row:
    item = formats.virtual_account(raw)
    return item.name[:300], item.description, item.is_default, item.access_level[:30]


def _license(raw: formats.Raw, _: str) -> Row:
    item = formats.license_(raw)
    return (
        item.virtual_account[:300],
        item.name[:300],
        item.quantity,
        item.in_use,
        item.available,
        item.reserved,
        item.pending,
        item.status,
        item.billing_type[:30],
        _to_json(item.substitutions),
        *_lines(item.lines),
    )


def _lines(lines: Iterable[types.LicenseLine]) -> tuple[str, str]:
    """Return the lines as JSON, with a digest.

    They are sorted by content: Cisco's order says nothing, and must not look like a change.
    """
    return _with_digest(f"[{','.join(sorted(_to_json(_line(line)) for line in lines))}]")


def _line(line: types.LicenseLine) -> dict[str, object]:
    return {
        "type": line.type[:30],
        "quantity": line.quantity,
        "start": line.start,
        "end": line.end,
        "subscription_id": line.subscription_id[:100],
        "status": line.status[:30],
        "order_number": line.order_number[:100],
        "sku": line.sku[:100],
    }


def _product_instance(raw: formats.Raw, _: str) -> Row:
    values = formats.product_instance_values(raw)
    pool, name, host_name, udi_pid, serial, uuid, tag, kind, status, registered, contact, usage = values
    return (
        pool[:300],
        types.identity_of(udi_pid, serial, uuid, tag, name or host_name)[:600],
        name[:300],
        host_name[:300],
        udi_pid[:100],
        serial[:100],
        uuid[:100],
        tag[:300],
        kind[:100],
        status[:50],
        formats.moment_text(registered),
        formats.moment_text(contact),
        *_usage(usage),
    )


def _usage(usage: dict[str, int]) -> tuple[str, str]:
    """Return the usage as a JSON object in the order of the names, with a digest."""
    return _with_digest(_by_name({name[:300]: quantity for name, quantity in usage.items()}).decode())


def _registration_token(raw: formats.Raw, pool: str) -> Row:
    item = formats.registration_token(raw, pool)
    expires = item.expires_at.isoformat() if item.expires_at else None
    return pool[:300], digest(item.text), item.description[:500], expires, item.created_by[:254], item.export_controlled


VIRTUAL_ACCOUNTS = Staging(
    mirrors.VIRTUAL_ACCOUNTS,
    "name text, description text, is_default boolean, access_level text",
    _virtual_account,
)
LICENSES = Staging(
    mirrors.LICENSES,
    "virtual_account text, name text, quantity integer, in_use integer, available integer, reserved integer, "
    "pending integer, status text, billing_type text, substitutions jsonb, parts text, lines_digest text",
    _license,
)
PRODUCT_INSTANCES = Staging(
    mirrors.PRODUCT_INSTANCES,
    "virtual_account text, identity text, name text, host_name text, udi_pid text, serial text, uuid text, "
    "product_tag text, product_type text, status text, registered_at timestamptz, last_contact_at timestamptz, "
    "parts text, usage_digest text",
    _product_instance,
)
REGISTRATION_TOKENS = Staging(
    mirrors.REGISTRATION_TOKENS,
    "virtual_account text, digest text, description text, expires_at timestamptz, created_by text, "
    "export_controlled boolean",
    _registration_token,
)
ALL = (VIRTUAL_ACCOUNTS, LICENSES, PRODUCT_INSTANCES, REGISTRATION_TOKENS)


@contextmanager
def tables() -> Iterator[None]:
    """Keep the staging tables for the length of a sync, and drop them with those that the merge makes."""
    _drop()
    try:
        yield
    finally:
        try:
            _drop()
        except DatabaseError:
            connection.close()  # they end with the session


def _drop() -> None:
    """Drop the tables that exist. Looking for them first is faster than dropping what is not there."""
    names = [*(staging.table for staging in ALL), *(mirror.diff_table for mirror in MIRRORS)]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname FROM pg_class WHERE relnamespace = pg_my_temp_schema() AND relname = ANY(%s)", [names]
        )
        if found := [name for (name,) in cursor.fetchall()]:
            cursor.execute(f"DROP TABLE {', '.join(f'pg_temp.{name}' for name in found)}")


def _without_nul(row: bytes) -> bytes:
    """Remove NUL, which PostgreSQL's text cannot hold.

    In JSON it is an escape, unless the escape's backslash is escaped itself.
    """
    return NUL.sub(rb"\1", row) if b"\\u0000" in row else row


def _with_digest(parts: str) -> tuple[str, str]:
    return parts, digest(parts)


def _to_json(value: Any) -> str:
    return msgspec.json.encode(value).decode()
