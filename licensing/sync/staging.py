"""Temporary tables of a sync's database session, filled page by page with COPY.

Each page is a statement of its own, so that no transaction is open while the next page is waited for. Temporary tables
are gone with their session: a killed worker leaves nothing behind.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from django.db import connection, transaction
from django.db.utils import DataError
from django.db.utils import Error as DatabaseError

from licensing.cssm import types
from licensing.cssm.transport import digest
from licensing.sync.mirrors import MIRRORS

Row = tuple[Any, ...]
_quote = json.encoder.encode_basestring
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=str).encode


@dataclass(frozen=True, slots=True)
class Staging:
    """A staging table and how a row of it is made. Text is cut to what the mirror's columns hold."""

    table: str
    columns: str
    row_of: Callable[[Any], Row]

    @property
    def names(self) -> str:
        return ", ".join(column.split()[0] for column in self.columns.split(","))

    def write(self, items: Iterable[Any]) -> int:
        """One page. Returns how many rows it was."""
        rows = [self.row_of(item) for item in items]
        try:
            self._copy(rows)
        except DataError:
            # PostgreSQL's text holds no NUL. It is rare enough to look for it only when it has hurt.
            self._copy([tuple(_without_nul(value) for value in row) for row in rows])
        return len(rows)

    def _copy(self, rows: list[Row]) -> None:
        statement = f"COPY {self.table} ({self.names}) FROM STDIN"
        errors = connection.wrap_database_errors
        with transaction.atomic(), connection.cursor() as cursor, errors, cursor.copy(statement) as copy:
            for row in rows:
                copy.write_row(row)


def _virtual_account(item: types.VirtualAccount) -> Row:
    return item.name[:300], item.description, item.is_default, item.access_level[:30]


def _license(item: types.License) -> Row:
    return (
        item.virtual_account[:300], item.name[:300], item.quantity, item.in_use, item.available, item.reserved,
        item.pending, item.status, item.billing_type[:30], _substitutions(item.substitutions),
        _lines(item.lines),
    )  # fmt: skip


def _substitutions(found: Sequence[types.Substitution]) -> str:
    return _to_json([asdict(each) for each in found]) if found else "[]"


def _lines(lines: Sequence[types.LicenseLine]) -> str:
    """Sorted by content: Cisco's order says nothing, and must not look like a change."""
    texts = sorted(_to_json(_line(line)) for line in lines)
    return f"[{','.join(texts)}]"


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


def _product_instance(item: types.ProductInstance) -> Row:
    return (
        item.virtual_account[:300], item.identity[:600], item.name[:300], item.host_name[:300], item.udi_pid[:100],
        item.serial[:100], item.uuid[:100], item.product_tag[:300], item.product_type[:100], item.status[:50],
        _moment(item.registered_at), _moment(item.last_contact_at), _usage(item.usage),
    )  # fmt: skip


def _usage(parts: Sequence[types.InstanceUsage]) -> str:
    """A JSON object in the order of the names, as the client gives them. The encoder takes three times as long."""
    pairs = [f"{_quote(part.license[:300])}:{part.quantity}" for part in parts]
    text = "{" + ",".join(pairs) + "}"
    return _to_json(_without_nul(json.loads(text))) if "\\u0000" in text else text


def _registration_token(item: types.RegistrationToken) -> Row:
    return (
        item.virtual_account[:300], digest(item.text), item.description[:500], _moment(item.expires_at),
        item.created_by[:254], item.export_controlled,
    )  # fmt: skip


VIRTUAL_ACCOUNTS = Staging(
    "staged_virtual_account", "name text, description text, is_default boolean, access_level text", _virtual_account
)
LICENSES = Staging(
    "staged_license",
    "virtual_account text, name text, quantity integer, in_use integer, available integer, reserved integer, "
    "pending integer, status text, billing_type text, substitutions jsonb, parts text",
    _license,
)
PRODUCT_INSTANCES = Staging(
    "staged_product_instance",
    "virtual_account text, identity text, name text, host_name text, udi_pid text, serial text, uuid text, "
    "product_tag text, product_type text, status text, registered_at timestamptz, last_contact_at timestamptz, "
    "parts text",
    _product_instance,
)
REGISTRATION_TOKENS = Staging(
    "staged_registration_token",
    "virtual_account text, digest text, description text, expires_at timestamptz, created_by text, "
    "export_controlled boolean",
    _registration_token,
)
ALL = (VIRTUAL_ACCOUNTS, LICENSES, PRODUCT_INSTANCES, REGISTRATION_TOKENS)


@contextmanager
def tables() -> Iterator[None]:
    """Empty staging tables for the length of a sync; with them go those that the merge makes."""
    _drop()
    with connection.cursor() as cursor:
        for staging in ALL:
            cursor.execute(f"CREATE TEMPORARY TABLE {staging.table} ({staging.columns})")
    try:
        yield
    finally:
        try:
            _drop()
        except DatabaseError:
            connection.close()  # they end with the session


def _drop() -> None:
    names = [*(staging.table for staging in ALL), *(mirror.diff_table for mirror in MIRRORS)]
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TABLE IF EXISTS {', '.join(f'pg_temp.{name}' for name in names)}")


def _moment(value: datetime | None) -> str | None:
    # COPY takes text several times as fast as it takes moments.
    return value.isoformat() if value else None


def _without_nul(value: Any) -> Any:
    if isinstance(value, dict):
        return {_without_nul(name): _without_nul(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_without_nul(each) for each in value]
    return value.replace("\x00", "") if isinstance(value, str) else value


def _to_json(value: Any) -> str:
    """JSON that jsonb takes: it holds no NUL either."""
    text = _encode(value)
    return _encode(_without_nul(value)) if "\\u0000" in text else text
