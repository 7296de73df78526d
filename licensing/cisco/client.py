"""Call Cisco's API, families A (cloud) and D (On-Prem) (docs/cisco-api.md#hosts)."""

import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from types import TracebackType
from typing import Any, Self, TypeVar

from licensing.cisco import formats, listings
from licensing.cisco.errors import CssmRefused, CssmUnavailable
from licensing.cisco.listings import Listing, Shifted
from licensing.cisco.transport import ServerConfig, Transport, segment, shorten_line
from licensing.cisco.types import (
    AccountRef,
    CssmAlert,
    Entitlement,
    ItemResult,
    License,
    LicenseTransfer,
    Page,
    ProductInstance,
    RegistrationToken,
    Reservable,
    SmartAccount,
    Subscription,
    VirtualAccount,
)

__all__ = ["AccountRef", "CssmClient", "ServerConfig"]

Item = TypeVar("Item")
UNITS_PER_TRANSFER = 998  # (docs/cisco-api.md#split-transfers)
ASKING_SYSTEM = '{"display_name": "Smart Licensing Partner Portal"}'


class CssmClient:
    """Read and write one license server. Methods raise CssmUnavailable or CssmRefused and nothing else."""

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
        """Return the accounts that the credentials see (docs/cisco-api.md#accounts). On-Prem has local accounts."""
        if self.config.on_prem:
            answer = self.transport.call("POST", "/upstream_satellites/accounts")
        else:
            answer = self.transport.call("GET", "/v2/accounts")
        return [formats.smart_account(raw) for raw in formats.rows(answer.get("accounts"))]

    def search_smart_accounts(self, domain: str) -> list[SmartAccount]:
        """Find exactly this domain. Cisco's search goes by substring (docs/cisco-api.md#account-search)."""
        answer = self.transport.call("GET", "/v1/accounts/search", params={"domain": domain, "limit": 1000})
        found = [formats.smart_account(raw) for raw in formats.rows(answer.get("accounts"))]
        return [account for account in found if account.domain.casefold() == domain.casefold()]

    def virtual_accounts(self, account: AccountRef) -> Iterator[Page[VirtualAccount]]:
        """Return the pools of an account; Cisco answers them at once (docs/cisco-api.md#list-pools)."""
        rows = listings.rows(self.transport, self.listing_of_virtual_accounts(account))
        yield Page([formats.virtual_account(listings.parse_row(row)) for row in rows], 0, len(rows))

    def create_virtual_account(self, account: AccountRef, name: str, description: str = "") -> None:
        """Create a pool. The call is never repeated: read the list back after CssmUnavailable."""
        body = {"name": name, "description": description, "isDefault": "false", "commerceAccessLevel": "PUBLIC"}
        self.transport.call("POST", self._typed_path(account, "/virtual-accounts"), body, safe=False)

    def delete_virtual_account(self, account: AccountRef, name: str) -> None:
        """Delete a pool. Cisco refuses this while product instances are registered in it."""
        path = f"/virtual-accounts/{segment(name)}/delete"
        self.transport.call("POST", self._typed_path(account, path), safe=False)

    def licenses(self, account: AccountRef, virtual_accounts: Sequence[str] = ()) -> Iterator[Page[License]]:
        """List every license of all virtual accounts, or of these, a page at a time (docs/cisco-api.md#licenses)."""
        return self._pages(
            self.listing_of_licenses(account, virtual_accounts),
            formats.license_,
            lambda row: (row.virtual_account, row.name),
        )

    def product_instances(self, account: AccountRef) -> Iterator[Page[ProductInstance]]:
        """List every product instance with its usage, a page at a time (docs/cisco-api.md#list-instances)."""
        return self._pages(
            self.listing_of_product_instances(account),
            formats.product_instance,
            lambda row: (row.virtual_account, row.identity),
        )

    def search_product_instances(self, account: AccountRef, virtual_account: str) -> list[ProductInstance]:
        """List one pool's instances, without their usage (docs/cisco-api.md#search-instances)."""
        path = self._pool_path(account, virtual_account, "/devices")
        answer = self.transport.call("GET", path, params={"limit": -1, "offset": 0})
        found = formats.rows(answer.get("devices"))
        return [formats.product_instance({"virtualAccount": virtual_account, **raw}) for raw in found]

    def subscriptions(self, account: AccountRef) -> Iterator[Page[Subscription]]:
        """List licenses by subscription. Rows have no identifier (docs/cisco-api.md#subscriptions)."""
        listing = Listing(self._account_path(account, "/license-subscriptions"), "licenseSubscriptions")
        return self._pages(listing, formats.subscription, None)

    def alerts(self, account: AccountRef) -> list[CssmAlert] | None:
        """List Cisco's own alerts; None where this server does not offer them (docs/cisco-api.md#alerts)."""
        body = {"limit": -1} if self.config.on_prem else {"virtualAccounts": [], "limit": -1, "offset": 0}
        answer = self._optional(self._account_path(account, "/alerts"), body)
        return None if answer is None else [formats.alert(raw) for raw in formats.rows(answer.get("alerts"))]

    def reservable(self, software_tags: list[str]) -> list[Reservable] | None:
        """List what products may reserve; None if the server does not say (docs/cisco-api.md#reservations)."""
        answer = self._optional("/licensing/v1/search-slr-details", {"softwareTags": software_tags})
        return None if answer is None else [formats.reservable(raw) for raw in formats.rows(answer.get("data"))]

    def entitlements(self, account: AccountRef, virtual_account: str) -> list[Entitlement] | None:
        """Return one pool's counts by entitlement tag. Only this call ties tags to names (docs/cisco-api.md#summary).

        Returns None for On-Prem, for a server that does not offer it, and for a pool without ids.
        """
        if self.config.on_prem:
            return None
        known = self._optional("/v2/accounts/search", method="GET")
        ids = formats.pool_ids(formats.rows((known or {}).get("accounts")), account.name, virtual_account)
        if ids is None:
            return None
        headers = {
            "X-CSW-SMART-ACCOUNT-ID": ids.account,
            "X-CSW-VIRTUAL-ACCOUNT-ID": ids.virtual_account,
            "X-CSW-REQUESTING-SYSTEM": ASKING_SYSTEM,
        }
        data = {"timestamp": int(time.time() * 1000), "nonce": secrets.token_hex(8), "tags": []}
        answer = self._optional("/v3/licenses/summary", {"data": data}, headers=headers)
        return None if answer is None else [formats.entitlement(raw) for raw in formats.rows(answer.get("summary"))]

    def _optional(self, path: str, body: Any = None, *, method: str = "POST", **options: Any) -> dict[str, Any] | None:
        """Make a call that not every server offers. Returns None if the server does not know it."""
        try:
            return self.transport.call(method, path, body, **options)
        except CssmRefused as error:
            if error.reason == "unknown_account":
                return None
            raise

    def transfer_licenses(self, account: AccountRef, source: str, transfers: list[LicenseTransfer]) -> list[ItemResult]:
        """Move at most 998 units per call, until one fails. Read back, do not repeat (docs/cisco-api.md#transfers)."""
        path = self._pool_path(account, source, "/licenses/transfer")
        results: list[ItemResult] = []
        for transfer in chunks(transfers):
            found = self._batch(path, {"licenses": [_transfer_body(transfer)]}, [transfer.license])
            results += found
            if not all(result.ok for result in found):
                break
        return results

    def transfer_product_instances(
        self, account: AccountRef, source: str, target: str, instances: list[ProductInstance]
    ) -> list[ItemResult]:
        """Move instances. Their licenses stay where they are (docs/cisco-api.md#move-instance)."""
        body = [{**_sudi_body(instance), "targetVirtualAccount": target} for instance in instances]
        path = self._pool_path(account, source, "/devices/transfer")
        return self._batch(path, {"productInstances": body}, [instance.serial for instance in instances])

    def remove_product_instances(
        self, account: AccountRef, virtual_account: str, instances: list[ProductInstance], return_code: str = ""
    ) -> list[ItemResult]:
        """Remove instances. Cisco misspells the member in version 2 (docs/cisco-api.md#remove-instance)."""
        path = self._pool_path(account, virtual_account, "/devices/remove").replace("/v1/", "/v2/", 1)
        code = {"returnCode": return_code} if return_code else {}
        body = {"productInstacesRemoveRequests": [{**_sudi_body(instance), **code} for instance in instances]}
        return self._batch(path, body, [instance.serial for instance in instances])

    def _batch(self, path: str, body: dict[str, Any], names: list[str]) -> list[ItemResult]:
        """Send a batch and return its results by item. Without any, an overall SUCCESS holds for every item."""
        answer = self.transport.call("POST", path, body, safe=False)
        return formats.item_results(answer) or [ItemResult(name, ok=True, message="") for name in names]

    def registration_tokens(self, account: AccountRef, virtual_account: str) -> Iterator[Page[RegistrationToken]]:
        """Return the tokens of one pool; Cisco answers them at once (docs/cisco-api.md#list-tokens)."""
        rows = listings.rows(self.transport, self.listing_of_registration_tokens(account, virtual_account))
        found = [formats.registration_token(listings.parse_row(row), virtual_account) for row in rows]
        yield Page(found, 0, len(found))

    def create_registration_token(
        self, account: AccountRef, virtual_account: str, description: str, expires_after_days: int
    ) -> RegistrationToken:
        """Create a token, once: after CssmUnavailable, read the list back. No export control (docs/domain.md#C10)."""
        body = {
            "description": description,
            "expiresAfterDays": expires_after_days,
            "exportControlled": "Not Allowed",
        }
        answer = self.transport.call("POST", self._pool_path(account, virtual_account, "/tokens"), body, safe=False)
        info = answer.get("tokenInfo")
        if not isinstance(info, dict) or not info.get("token"):
            raise CssmUnavailable("Cisco created a token but did not return its text.", "Check the list of tokens.")
        return formats.registration_token({"description": description, **info}, virtual_account)

    def revoke_registration_token(self, account: AccountRef, virtual_account: str, text: str) -> None:
        path = self._pool_path(account, virtual_account, "/tokens/revoke")
        answer = self.transport.call("POST", path, {"tokens": [text]}, safe=False)
        for item in formats.rows(answer.get("tokensRevokeStatus")) + formats.rows(answer.get("tokens")):
            if formats.text(item.get("status")).upper() in {"FAILURE", "FAILED", "ERROR"}:
                words = shorten_line(formats.text(item.get("statusMessage")).replace(text, "[token]"))
                raise CssmRefused("rejected", f"The token was not revoked: {words}.")

    def listing_of_virtual_accounts(self, account: AccountRef) -> Listing:
        return Listing(self._typed_path(account, "/virtual-accounts"), "virtualAccounts")

    def listing_of_licenses(self, account: AccountRef, virtual_accounts: Sequence[str] = ()) -> Listing:
        return Listing(self._account_path(account, "/licenses"), "licenses", tuple(virtual_accounts))

    def listing_of_product_instances(self, account: AccountRef) -> Listing:
        return Listing(self._account_path(account, "/devices"), "devices")

    def listing_of_registration_tokens(self, account: AccountRef, virtual_account: str) -> Listing:
        return Listing(self._pool_path(account, virtual_account, "/tokens"), "tokens")

    def _pages(
        self, listing: Listing, parse: Callable[[Any], Item], key: Callable[[Item], Any] | None
    ) -> Iterator[Page[Item]]:
        """Yield the pages of a listing. Raises Shifted at its end if a key came twice: another is missing then."""
        seen: set[int] = set()
        for page in listings.pages(self.transport, listing, self.config.page_size):
            items = [parse(listings.parse_row(row)) for row in page.items]
            end = page.offset + len(items)
            seen.update(map(hash, map(key, items)) if key else range(page.offset, end))
            yield Page(items, page.offset, end if page.total < 0 else page.total)
            if len(seen) != end:
                raise Shifted(listing.member)

    def _account_path(self, account: AccountRef, path: str) -> str:
        version = "" if self.config.on_prem else "/v1"
        return f"{version}/accounts/{segment(account.name)}{path}"

    def _typed_path(self, account: AccountRef, path: str) -> str:
        return self._account_path(account, path if self.config.on_prem else f"/{account.type.lower()}{path}")

    def _pool_path(self, account: AccountRef, virtual_account: str, path: str) -> str:
        return self._account_path(account, f"/virtual-accounts/{segment(virtual_account)}{path}")


def chunks(transfers: list[LicenseTransfer]) -> Iterator[LicenseTransfer]:
    """Split transfers into parts of at most 998 units each."""
    for transfer in transfers:
        for begin in range(0, transfer.quantity, UNITS_PER_TRANSFER):
            yield replace(transfer, quantity=min(UNITS_PER_TRANSFER, transfer.quantity - begin))


def _transfer_body(transfer: LicenseTransfer) -> dict[str, Any]:
    return {
        "license": transfer.license,
        "licenseType": transfer.license_type,
        "quantity": transfer.quantity,
        "targetVirtualAccount": transfer.target,
        "precedence": "LONGEST_TERM_FIRST",
    }


def _sudi_body(instance: ProductInstance) -> dict[str, Any]:
    """Return the identity of an instance with all members, exactly as Cisco listed it."""
    return {"sudi": instance.raw.get("sudi") or {}, "productTagName": instance.product_tag}
