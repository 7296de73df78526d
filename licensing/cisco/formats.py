"""Read Cisco's JSON into our types, with numbers as text, null lists and odd dates (docs/cisco-api.md#client-rules)."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, date, datetime
from math import isfinite, isnan
from typing import Any

from licensing.cisco.types import (
    CssmAlert,
    Entitlement,
    InstanceUsage,
    ItemResult,
    License,
    LicenseLine,
    PoolIds,
    ProductInstance,
    RegistrationToken,
    Reservable,
    SmartAccount,
    Subscription,
    Substitution,
    VirtualAccount,
)

Raw = dict[str, Any]
InstanceValues = tuple[str, str, str, str, str, str, str, str, str, Any, Any, dict[str, int]]
TRUE_WORDS = {"true", "yes", "y", "1", "allowed"}
COMPLIANCE = {"incompliance": "in_compliance", "outofcompliance": "out_of_compliance"}
FAILURES = {"FAILURE", "FAILED", "ERROR"}
DATE_FORMATS = ("%Y-%b-%d", "%d-%b-%Y", "%m/%d/%Y")
# No account has so many licenses. The sum or difference of two of these still fits an integer of PostgreSQL.
MOST = 999_999_999
_invalid_counts: ContextVar[list[str] | None] = ContextVar("invalid_counts", default=None)


def text(value: Any) -> str:
    return value if isinstance(value, str) else "" if value is None else str(value)


def storable(value: Any) -> str:
    """Return a text that PostgreSQL accepts, without NUL and halves of surrogate pairs. Slower than `text`."""
    return text(value).replace("\0", "").encode("utf-8", "replace").decode()


def number(value: Any) -> int:
    """Return a whole number, also from a text. A value that is no number counts as 0."""
    if isinstance(value, int):
        return int(value)
    found = real(value)
    return int(found) if found is not None and isfinite(found) else 0


def real(value: Any) -> float | None:
    """Return a number, 0 for a missing value, None for a value that is no number."""
    try:
        found = float(text(int(value) if isinstance(value, bool) else value).replace(",", "").strip() or 0)
    except ValueError:
        return None
    return None if isnan(found) else found


def count(value: Any) -> int:
    """Return a number of licenses within MOST either way, 0 for a value that is no number.

    `collect_invalid_counts` lists the values that are changed here.
    """
    if type(value) is int and -MOST <= value <= MOST:
        return value
    found = real(value)
    taken = 0 if found is None else int(max(-MOST, min(found, MOST)))
    noted = _invalid_counts.get()
    if noted is not None and (found is None or abs(found) > MOST):
        noted.append(f"{' '.join(storable(value).split())[:30]} as {taken:,}")
    return taken


@contextmanager
def collect_invalid_counts() -> Iterator[list[str]]:
    """Collect, in words, the values that `count` changes meanwhile. The caller may empty the list."""
    noted: list[str] = []
    before = _invalid_counts.set(noted)
    try:
        yield noted
    finally:
        _invalid_counts.reset(before)


def flag(value: Any) -> bool:
    return value if isinstance(value, bool) else text(value).strip().lower() in TRUE_WORDS


def rows(value: Any) -> list[Raw]:
    """Return the objects of a list. Null and a missing member count as an empty list."""
    return [row for row in value if isinstance(row, dict)] if isinstance(value, list) else []


def moment(value: Any) -> datetime | None:
    """Return any of Cisco's date forms as aware UTC (docs/cisco-api.md#dates)."""
    if isinstance(value, int | float) and value > 0:
        return _epoch(value)
    if not isinstance(value, str) or not value.strip():
        return None
    try:
        found = datetime.fromisoformat(value.strip())
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return _odd_date(value.strip())


def moment_text(value: Any) -> str | None:
    """Return a moment as text for the database. Cisco's usual form is only checked, which is several times as fast."""
    if isinstance(value, str) and len(value) == 20 and value[7] + value[10] + value[13] + value[19] == "-T:Z":
        try:
            datetime.fromisoformat(value)
        except ValueError:
            return None
        return value
    found = moment(value)
    return found.isoformat() if found else None


def day(value: Any) -> date | None:
    found = moment(value)
    return found.date() if found else None


def compliance(value: Any) -> str:
    return COMPLIANCE.get(re.sub(r"[\s_-]", "", text(value).lower()), "unknown")


def smart_account(raw: Raw) -> SmartAccount:
    return SmartAccount(
        domain=storable(raw.get("accountDomain") or raw.get("domain")),
        name=storable(raw.get("accountName") or raw.get("name")),
        type=storable(raw.get("accountType") or raw.get("type")).upper() or "CUSTOMER",
        status=storable(raw.get("accountStatus") or raw.get("status")),
        roles=tuple(storable(role.get("role")) for role in rows(raw.get("roles"))),
    )


def virtual_account(raw: Raw) -> VirtualAccount:
    return VirtualAccount(
        text(raw.get("name")),
        text(raw.get("description")),
        flag(raw.get("isDefault")),
        text(raw.get("commerceAccessLevel")),
    )


def license_(raw: Raw) -> License:
    return License(
        name=text(raw.get("license")),
        virtual_account=text(raw.get("virtualAccount")),
        quantity=count(raw.get("quantity")),
        in_use=count(raw.get("inUse")),
        available=count(raw.get("available")),
        reserved=count(raw.get("reserved")),
        pending=count(raw.get("pendingQuantity")),
        status=compliance(raw.get("status")),
        billing_type=text(raw.get("billingType")),
        lines=tuple(_line(line) for line in rows(raw.get("licenseDetails"))),
        substitutions=tuple(_substitution(item) for item in rows(raw.get("licenseSubstitutions"))),
        raw=raw,
    )


def product_instance(raw: Raw) -> ProductInstance:
    values = product_instance_values(raw)
    usage = values[11]
    parts = tuple(InstanceUsage(name, usage[name]) for name in sorted(usage))
    return ProductInstance(*values[:9], moment(values[9]), moment(values[10]), parts, raw)


def product_instance_values(raw: Raw) -> InstanceValues:
    """Return the values of a ProductInstance in order, with dates as Cisco wrote them and usage by license."""
    sudi = raw.get("sudi")
    if not isinstance(sudi, dict):
        sudi = {}
    return (
        text(raw.get("virtualAccount")),
        text(raw.get("displayName") or raw.get("instanceName")).rstrip("; "),
        text(raw.get("hostName")),
        text(sudi.get("udiPid")),
        text(sudi.get("udiSerialNumber")),
        text(sudi.get("uuid")),
        text(raw.get("productTagName")),
        text(raw.get("productType") or raw.get("productName")),
        text(raw.get("status")),
        raw.get("registrationDate"),
        raw.get("lastContactDate"),
        _usage(rows(raw.get("licenseUsage"))),
    )


def registration_token(raw: Raw, virtual_account_name: str) -> RegistrationToken:
    export = raw.get("exportControl", raw.get("exportControlled"))
    return RegistrationToken(
        virtual_account_name,
        text(raw.get("token")),
        text(raw.get("description")),
        moment(raw.get("expirationDate")),
        text(raw.get("createdBy")),
        flag(export),
    )


def subscription(raw: Raw) -> Subscription:
    return Subscription(
        text(raw.get("license")),
        text(raw.get("virtualAccount")),
        text(raw.get("subscriptionId")),
        count(raw.get("quantity")),
        text(raw.get("billingType")),
        day(raw.get("startDate")),
        day(raw.get("endDate")),
        text(raw.get("status")),
    )


def alert(raw: Raw) -> CssmAlert:
    return CssmAlert(
        storable(raw.get("messageType")),
        storable(raw.get("severity")).lower(),
        storable(raw.get("source")),
        storable(raw.get("message")),
        storable(raw.get("virtualAccount")),
    )


def pool_ids(accounts: list[Raw], domain: str, virtual_account_name: str) -> PoolIds | None:
    """Read the accounts of /v2/accounts/search (docs/cisco-api.md#account-ids)."""
    for found in accounts:
        for pool in rows(found.get("virtual_accounts")):
            if text(found.get("domain")).casefold() == domain.casefold() and pool.get("name") == virtual_account_name:
                return PoolIds(text(found.get("account_id")), text(pool.get("virtual_account_id")))
    return None


def entitlement(raw: Raw) -> Entitlement:
    """Read an entitlement. Versions of the summary name counts differently (docs/cisco-api.md#summary-names)."""
    return Entitlement(
        text(raw.get("tag")),
        text(raw.get("display_name")),
        count(raw.get("prepaid_entitled", raw.get("entitled"))),
        count(raw.get("prepaid_inuse", raw.get("inuse"))),
        count(raw.get("prepaid_reserved", raw.get("reserved"))),
        compliance(raw.get("compliance_status")),
        flag(raw.get("export_restricted")),
    )


def reservable(raw: Raw) -> Reservable:
    found = rows(raw.get("entitlements"))
    return Reservable(
        text(raw.get("softwareTag")),
        tuple((text(item.get("type")), text(item.get("entitlementTag"))) for item in found),
    )


def item_results(answer: Raw) -> list[ItemResult]:
    """Read per-item results from any array: its name is not known (docs/cisco-api.md#transfer-answer)."""
    found = [row for value in answer.values() for row in rows(value) if "status" in row]
    return [_item_result(row) for row in found]


def _item_result(raw: Raw) -> ItemResult:
    name = raw.get("license") or raw.get("device") or raw.get("displayName") or raw.get("name")
    failed = text(raw.get("status")).upper() in FAILURES
    return ItemResult(storable(name), not failed, storable(raw.get("statusMessage")))


def _usage(raw: list[Raw]) -> dict[str, int]:
    """Return the usage by license. Cisco lists some licenses twice; those are added up."""
    found: dict[str, int] = {}
    for item in raw:
        name, quantity = text(item.get("license")), count(item.get("quantity"))
        found[name] = count(found[name] + quantity) if name in found else quantity
    return found


def _line(raw: Raw) -> LicenseLine:
    return LicenseLine(
        type=text(raw.get("licenseType")),
        quantity=count(raw.get("quantity")),
        start=day(raw.get("startDate")),
        end=day(raw.get("endDate")),
        subscription_id=text(raw.get("subscriptionId")),
        status=text(raw.get("status")),
        order_number=text(raw.get("orderNumber")),
        sku=text(raw.get("licenseSku")),
    )


def _substitution(raw: Raw) -> Substitution:
    return Substitution(
        text(raw.get("licenseName") or raw.get("license")),
        text(raw.get("substitutedLicense")),
        count(raw.get("substitutedQuantity")),
        text(raw.get("substitutionType")),
    )


def _epoch(milliseconds: float) -> datetime | None:
    try:
        return datetime.fromtimestamp(milliseconds / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _odd_date(value: str) -> datetime | None:
    for form in DATE_FORMATS:
        try:
            return datetime.strptime(value, form).replace(tzinfo=UTC)
        except ValueError:
            continue
    return None
