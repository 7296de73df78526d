"""Encrypt the content of columns at rest.

The cipher is AES-256-GCM with a key id. Table, column and the row's uuid are associated data, so a ciphertext that is
copied to another row or column does not open. A wrong or missing key is an error, never a silent empty value.
"""

import os
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings
from django.db import models
from django.db.models.query_utils import DeferredAttribute

VERSION = "v1"
NONCE_BYTES = 12


class SecretUnreadable(Exception):
    """The stored secret does not open: its key is missing, or it was moved from another row. Enter it again."""


@dataclass(frozen=True, slots=True)
class Secret:
    """A stored secret shows nothing of itself; `reveal` opens it. It is false when empty."""

    sealed: str
    bound_to: bytes

    def __bool__(self) -> bool:
        return bool(self.sealed)

    def __repr__(self) -> str:
        return "••••••" if self.sealed else ""

    __str__ = __repr__

    def reveal(self) -> str:
        """Return the plain text, "" if there is none. Raises SecretUnreadable."""
        if not self.sealed:
            return ""
        version, key_id, nonce, ciphertext = [*self.sealed.split("."), "", "", ""][:4]
        key = settings.FIELD_KEYS.get(key_id)
        if version != VERSION or key is None:
            raise SecretUnreadable(f"A stored secret needs the encryption key {key_id!r}, which is not configured.")
        try:
            plain = AESGCM(key).decrypt(bytes.fromhex(nonce), bytes.fromhex(ciphertext), self.bound_to)
        except (InvalidTag, ValueError):
            raise SecretUnreadable("A stored secret does not open with its key. Enter it again.") from None
        return plain.decode()


def seal(text: str, bound_to: bytes) -> str:
    """Encrypt a text with the first of the configured keys."""
    if not text:
        return ""
    key_id, key = next(iter(settings.FIELD_KEYS.items()))
    nonce = os.urandom(NONCE_BYTES)
    return ".".join([VERSION, key_id, nonce.hex(), AESGCM(key).encrypt(nonce, text.encode(), bound_to).hex()])


class _SecretAttribute(DeferredAttribute):
    """The attribute of a SecretField seals text that is assigned, and returns a Secret when it is read."""

    def __set__(self, row: Any, value: Any) -> None:
        if isinstance(value, Secret):
            # A secret of another row is sealed anew for this one.
            bound_to = self._bound_to(row)
            value = value.sealed if value.bound_to == bound_to else seal(value.reveal(), bound_to)
        elif not isinstance(value, _Sealed):
            value = seal(value or "", self._bound_to(row))
        row.__dict__[self.field.attname] = str(value)

    def __get__(self, row: Any, cls: Any = None) -> Any:
        if row is None:
            return self
        return Secret(str(super().__get__(row, cls)), self._bound_to(row))

    def _bound_to(self, row: Any) -> bytes:
        return f"{row._meta.db_table}.{self.field.column}.{row.uuid}".encode()


class _Sealed(str):
    """This text comes from the database and is sealed already."""


class SecretField(models.TextField):  # type: ignore[type-arg]
    """Store a secret. It is write-only on pages, in REST and in the audit.

    The model needs a `uuid` column before it.
    """

    descriptor_class = _SecretAttribute
    secret = True

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"blank": True, "default": "", "editable": False, **options})

    def from_db_value(self, value: str | None, expression: Any, connection: Any) -> _Sealed:
        return _Sealed(value or "")

    def get_prep_value(self, value: Any) -> str:
        return value.sealed if isinstance(value, Secret) else str(value or "")

    def to_python(self, value: Any) -> Any:
        return value
