"""Define the types that the client returns. Dates are UTC; dates that do not parse are None and stay in `raw`."""

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Generic, TypeVar

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Page(Generic[Item]):
    """A page is a part of a listing. `offset` counts rows; `total` is the number that the server tells."""

    items: list[Item]
    offset: int
    total: int


@dataclass(frozen=True, slots=True)
class AccountRef:
    """The API addresses a smart account by domain and type in the cloud, by the local account's name On-Prem."""

    name: str
    type: str = "CUSTOMER"


@dataclass(frozen=True, slots=True)
class SmartAccount:
    domain: str
    name: str
    type: str
    status: str
    roles: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class VirtualAccount:
    name: str
    description: str
    is_default: bool
    access_level: str


@dataclass(frozen=True, slots=True)
class LicenseLine:
    type: str
    quantity: int
    start: date | None
    end: date | None
    subscription_id: str
    status: str
    order_number: str
    sku: str


@dataclass(frozen=True, slots=True)
class Substitution:
    """A substitution lends `substituted_license` to `license`."""

    license: str
    substituted_license: str
    quantity: int
    type: str


@dataclass(frozen=True, slots=True)
class License:
    """A license belongs to a pool. `status`: in_compliance, out_of_compliance or unknown; `raw` holds Cisco's word."""

    name: str
    virtual_account: str
    quantity: int
    in_use: int
    available: int
    reserved: int
    pending: int
    status: str
    billing_type: str
    lines: tuple[LicenseLine, ...]
    substitutions: tuple[Substitution, ...]
    raw: dict[str, Any] = field(repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class InstanceUsage:
    license: str
    quantity: int


@dataclass(frozen=True, slots=True)
class ProductInstance:
    virtual_account: str
    name: str
    host_name: str
    udi_pid: str
    serial: str
    uuid: str
    product_tag: str
    product_type: str
    status: str
    registered_at: datetime | None
    last_contact_at: datetime | None
    usage: tuple[InstanceUsage, ...]
    raw: dict[str, Any] = field(repr=False, compare=False)

    @property
    def identity(self) -> str:
        return identity_of(self.udi_pid, self.serial, self.uuid, self.product_tag, self.name or self.host_name)


def identity_of(udi_pid: str, serial: str, uuid: str, product_tag: str, name: str) -> str:
    """UDI, serial, uuid and tag tell instances apart; else the name does (docs/cisco-api.md#instance-identity)."""
    if serial or uuid:
        return f"{udi_pid}|{serial}|{uuid}|{product_tag}"
    return f"{name}|{product_tag}"


@dataclass(frozen=True, slots=True)
class RegistrationToken:
    virtual_account: str
    text: str = field(repr=False)
    description: str
    expires_at: datetime | None
    created_by: str
    export_controlled: bool


@dataclass(frozen=True, slots=True)
class Subscription:
    license: str
    virtual_account: str
    subscription_id: str
    quantity: int
    billing_type: str
    start: date | None
    end: date | None
    status: str


@dataclass(frozen=True, slots=True)
class CssmAlert:
    """Cisco raises alerts of its own. `source` names the subject and may be empty (docs/cisco-api.md#alerts)."""

    type: str
    severity: str
    source: str
    message: str
    virtual_account: str


@dataclass(frozen=True, slots=True)
class PoolIds:
    """Family B knows a virtual account by numeric ids. They are texts, because they may exceed 2^53."""

    account: str
    virtual_account: str


@dataclass(frozen=True, slots=True)
class Entitlement:
    """Count an entitlement tag of a pool. `in_use` includes reservations (docs/cisco-api.md#summary-reserved)."""

    tag: str
    name: str
    quantity: int
    in_use: int
    reserved: int
    status: str
    export_restricted: bool


@dataclass(frozen=True, slots=True)
class Reservable:
    """A product with this tag may reserve these (type, entitlement tag) pairs (docs/cisco-api.md#reservations)."""

    software_tag: str
    entitlements: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class LicenseTransfer:
    """A transfer moves licenses to a pool. `license_type`: PERPETUAL or TERM (docs/cisco-api.md#transfer-types)."""

    license: str
    license_type: str
    quantity: int
    target: str


@dataclass(frozen=True, slots=True)
class ItemResult:
    """Cisco answers each item of a batch. `message`: Cisco's reason if it failed."""

    item: str
    ok: bool
    message: str
