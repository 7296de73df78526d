"""Hold the state of the emulated Cisco in Cisco's own wire format, and the writes that change it."""

import base64
import secrets
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import web

from licensing.cisco.emulator import borrowing

Raw = dict[str, Any]


@dataclass
class Account:
    """This is a smart account, or a local account On-Prem. The lists hold the JSON objects of the API.

    With `follows_use`, the figures of licenses follow from the product instances, by the rules of `borrowing`. Without
    it they stay as a test has set them.
    """

    domain: str
    name: str
    type: str = "CUSTOMER"
    virtual_accounts: list[Raw] = field(default_factory=list)
    licenses: list[Raw] = field(default_factory=list)
    devices: list[Raw] = field(default_factory=list)
    tokens: dict[str, list[Raw]] = field(default_factory=dict)
    local: bool = False
    follows_use: bool = False

    def add_pool(self, name: str, description: str = "", *, default: bool = False) -> None:
        self.virtual_accounts.append(
            {
                "name": name,
                "description": description,
                "isDefault": "true" if default else "false",
                "commerceAccessLevel": "PUBLIC",
            }
        )

    def has_pool(self, name: str) -> bool:
        return any(pool["name"] == name for pool in self.virtual_accounts)

    def license(self, pool: str, name: str) -> Raw:
        return next(raw for raw in self.licenses if raw["virtualAccount"] == pool and raw["license"] == name)

    def set_license(self, pool: str, name: str, **figures: Any) -> Raw:
        """Change a license's members, or add it; `available` and `status` follow unless they are given."""
        raw = next((raw for raw in self.licenses if (raw["virtualAccount"], raw["license"]) == (pool, name)), None)
        if raw is None:
            raw = new_license(pool, name)
            self.licenses.append(raw)
        raw.update(figures)
        raw.setdefault("inUse", 0)
        if "available" not in figures:
            raw["available"] = raw["quantity"] - raw["inUse"] - raw["reserved"]
        if "status" not in figures:
            raw["status"] = "In Compliance" if raw["available"] >= 0 else "Out Of Compliance"
        return raw

    def recount(self, pool: str) -> None:
        """Count use, available licenses, substitutions and status of a pool anew, where figures follow use."""
        if not self.follows_use:
            return
        used: dict[str, int] = {}
        for raw in self.devices:
            if raw["virtualAccount"] == pool:
                for item in raw["licenseUsage"]:
                    used[item["license"]] = used.get(item["license"], 0) + item["quantity"]
        held = {raw["license"]: int(raw["quantity"]) for raw in self.licenses if raw["virtualAccount"] == pool}
        served = borrowing.serve(held, used)
        for name in dict.fromkeys([*held, *used]):
            self.set_license(
                pool,
                name,
                inUse=used.get(name, 0),
                available=served.available(name),
                status="Out Of Compliance" if served.short.get(name) else "In Compliance",
                licenseSubstitutions=served.substitutions(name),
            )

    def add_device(self, pool: str, serial: str, usage: dict[str, int], **members: Any) -> Raw:
        now = datetime.now(UTC)
        raw: Raw = {
            "displayName": f"UDI_PID:UCM; UDI_SN:{serial}; ",
            "hostName": "",
            "sudi": _sudi(serial),
            "virtualAccount": pool,
            "status": "In Compliance",
            "registrationDate": iso(now - timedelta(days=200)),
            "lastContactDate": iso(now - timedelta(hours=2)),
            "productTagName": "regid.2016-07.com.cisco.UCM,12.0",
            "productName": "UC Manager",
            "productDescription": "Cisco Unified Communications Manager",
            "productType": "UCM",
            "licenseUsage": [{"license": name, "quantity": quantity} for name, quantity in usage.items()],
            **members,
        }
        self.devices.append(raw)
        return raw

    def add_token(self, pool: str, description: str, days: int, *, export: bool = False, by: str = "demo") -> Raw:
        expires = datetime.now(UTC) + timedelta(days=days)
        secret = base64.b64encode(secrets.token_bytes(32)).decode()
        text = f"{uuid.uuid4()}-{int(expires.timestamp() * 1000)}|{secret}"
        raw = {
            "token": base64.b64encode(text.encode()).decode(),
            "expirationDate": expires.isoformat(),
            "createdBy": by,
            "exportControl": "Allowed" if export else "Not Allowed",
            "description": description,
        }
        self.tokens.setdefault(pool, []).append(raw)
        return raw

    def revoke(self, pool: str, text: str) -> bool:
        kept = [raw for raw in self.tokens.get(pool, []) if raw["token"] != text]
        found = len(kept) < len(self.tokens.get(pool, []))
        self.tokens[pool] = kept
        return found


@dataclass
class Polled:
    """A request of family B is under way (policy.py): its body, the name of its result, and the number of polls."""

    asked: Raw
    results: str
    times: int = 0


@dataclass
class State:
    """The state holds the accounts by domain, what publishers remember, and the requests to poll for."""

    accounts: dict[str, Account] = field(default_factory=dict)
    polled: dict[int, Polled] = field(default_factory=dict)
    # Product instances by host name that were deregistered on their publisher (axl.py).
    deregistered: dict[str, Raw] = field(default_factory=dict)

    def add(self, domain: str, name: str, *, local: bool = False) -> Account:
        account = self.accounts[domain] = Account(domain, name, local=local)
        account.add_pool("DEFAULT", "Default virtual account", default=True)
        return account

    def visible(self, *, on_prem: bool = False) -> list[Account]:
        """Return the accounts of the cloud, or for On-Prem the local ones (all accounts if there are none)."""
        local = [account for account in self.accounts.values() if account.local]
        cloud = [account for account in self.accounts.values() if not account.local]
        return local or cloud if on_prem else cloud

    def clear(self) -> None:
        self.accounts.clear()
        self.polled.clear()
        self.deregistered.clear()


def iso(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _sudi(serial: str) -> Raw:
    """Return the identity of a UCM device; members that Cisco leaves empty are null."""
    empty = ("udiVid", "uuid", "suvi", "hostIdentifier", "macAddress")
    return {"udiPid": "UCM", "udiSerialNumber": serial} | dict.fromkeys(empty)


def new_license(pool: str, name: str) -> Raw:
    return {
        "license": name,
        "virtualAccount": pool,
        "quantity": 0,
        "inUse": 0,
        "available": 0,
        "status": "In Compliance",
        "ahaApps": False,
        "pendingQuantity": 0,
        "reserved": 0,
        "isPortable": False,
        "billingType": "PREPAID",
        "licenseDetails": [],
        "licenseSubstitutions": [],
    }


@dataclass
class Session:
    """A session holds the state of a running emulator, its access tokens and its present scenario."""

    state: State
    scenario: str = "none"
    calls: int = 0
    tokens: set[str] = field(default_factory=set)

    def begin(self, scenario: str) -> None:
        self.scenario, self.calls = scenario, 0


SESSION = web.AppKey("session", Session)
