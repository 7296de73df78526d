"""The client: families A (cloud) and D (On-Prem) of Cisco's API, cssm-api §4 and §7."""

from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any, Self, TypeVar

from licensing.cssm import formats
from licensing.cssm.errors import CssmRefused, CssmUnavailable
from licensing.cssm.transport import ServerConfig, Transport, segment
from licensing.cssm.types import (
    AccountRef,
    License,
    Page,
    ProductInstance,
    RegistrationToken,
    SmartAccount,
    VirtualAccount,
)

__all__ = ["AccountRef", "CssmClient", "ServerConfig"]

Item = TypeVar("Item")
SHIFTED = "The listing of {what} changed while it was being read."


class CssmClient:
    """Reads and writes one license server. Every method raises CssmUnavailable or CssmRefused and nothing else."""

    def __init__(self, config: ServerConfig) -> None:
        self.config = config
        self.transport = Transport(config)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.transport.close()

    def smart_accounts(self) -> list[SmartAccount]:
        """What the credentials see (§4.1); On-Prem: its local accounts (§7)."""
        if self.config.on_prem:
            answer = self.transport.call("POST", "/upstream_satellites/accounts")
        else:
            answer = self.transport.call("GET", "/v2/accounts")
        return [formats.smart_account(raw) for raw in formats.rows(answer.get("accounts"))]

    def virtual_accounts(self, account: AccountRef) -> Iterator[Page[VirtualAccount]]:
        """The pools of an account; Cisco answers them at once (§4.4)."""
        answer = self.transport.call("GET", self._typed(account, "/virtual-accounts"))
        found = [formats.virtual_account(raw) for raw in formats.rows(answer.get("virtualAccounts"))]
        yield Page(found, 0, len(found))

    def licenses(self, account: AccountRef) -> Iterator[Page[License]]:
        """Every license of every virtual account, a page at a time (§4.5)."""
        return self._pages(
            self._account(account, "/licenses"),
            "licenses",
            formats.license_,
            lambda row: (row.virtual_account, row.name),
        )

    def product_instances(self, account: AccountRef) -> Iterator[Page[ProductInstance]]:
        """Every product instance with its usage, a page at a time (§4.8)."""
        return self._pages(
            self._account(account, "/devices"),
            "devices",
            formats.product_instance,
            lambda row: (row.virtual_account, row.identity),
        )

    def registration_tokens(self, account: AccountRef, virtual_account: str) -> Iterator[Page[RegistrationToken]]:
        """The tokens of one pool; Cisco answers them at once (§4.9)."""
        answer = self.transport.call("GET", self._pool(account, virtual_account, "/tokens"))
        found = [formats.registration_token(raw, virtual_account) for raw in formats.rows(answer.get("tokens"))]
        yield Page(found, 0, len(found))

    def create_registration_token(
        self, account: AccountRef, virtual_account: str, description: str, expires_after_days: int
    ) -> RegistrationToken:
        """Never repeated by itself: on CssmUnavailable, read the list back. Export control is not set here (D1)."""
        body = {
            "description": description,
            "expiresAfterDays": expires_after_days,
            "exportControlled": "Not Allowed",
        }
        answer = self.transport.call("POST", self._pool(account, virtual_account, "/tokens"), body, safe=False)
        info = answer.get("tokenInfo")
        if not isinstance(info, dict) or not info.get("token"):
            raise CssmUnavailable("Cisco's side made a token and did not tell its text.", "Look at the list of tokens.")
        return formats.registration_token({"description": description, **info}, virtual_account)

    def revoke_registration_token(self, account: AccountRef, virtual_account: str, text: str) -> None:
        path = self._pool(account, virtual_account, "/tokens/revoke")
        answer = self.transport.call("POST", path, {"tokens": [text]}, safe=False)
        for item in formats.rows(answer.get("tokensRevokeStatus")) + formats.rows(answer.get("tokens")):
            if formats.text(item.get("status")).upper() in {"FAILURE", "FAILED", "ERROR"}:
                raise CssmRefused("rejected", f"The token was not revoked: {formats.text(item.get('statusMessage'))}.")

    def _pages(
        self, path: str, member: str, parse: Callable[[Any], Item], key: Callable[[Item], Any]
    ) -> Iterator[Page[Item]]:
        """A whole listing or CssmUnavailable at its end: totals that move, rows listed twice or missing (§3.2)."""
        seen: set[int] = set()
        offset, total, read = 0, -1, 0
        while total < 0 or offset < total:
            body = {"virtualAccounts": [], "limit": self.config.page_size, "offset": offset}
            answer = self.transport.call("POST", path, body)
            raw = formats.rows(answer.get(member))
            now = formats.number(answer.get("totalRecords", offset + len(raw)))
            if total >= 0 and now != total:
                raise CssmUnavailable(SHIFTED.format(what=member))
            total = now
            items = [parse(row) for row in raw]
            seen.update(hash(key(item)) for item in items)
            read += len(items)
            if items or offset == 0:
                yield Page(items, offset, total)
            if not items:
                break
            offset += len(items)
        if len(seen) != read or read != total:
            raise CssmUnavailable(SHIFTED.format(what=member))

    def _account(self, account: AccountRef, path: str) -> str:
        version = "" if self.config.on_prem else "/v1"
        return f"{version}/accounts/{segment(account.name)}{path}"

    def _typed(self, account: AccountRef, path: str) -> str:
        return self._account(account, path if self.config.on_prem else f"/{account.type.lower()}{path}")

    def _pool(self, account: AccountRef, virtual_account: str, path: str) -> str:
        return self._account(account, f"/virtual-accounts/{segment(virtual_account)}{path}")
