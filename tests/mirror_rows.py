"""The mirror and the emulator's state, both as plain values, to compare everything at once."""

import hashlib
from datetime import datetime
from typing import Any

from licensing.accounts.models import SmartAccount
from licensing.cisco.emulator.state import Account
from licensing.mirror.models import InstanceUsage, License, ProductInstance, RegistrationToken, VirtualAccount

Everything = dict[str, list[tuple[Any, ...]]]
COMPLIANCE = {"In Compliance": "in_compliance", "Out Of Compliance": "out_of_compliance"}


def listed(cisco: Account) -> Everything:
    """What the emulator would answer."""
    return {
        "virtual accounts": sorted(
            (raw["name"], raw["description"], raw["isDefault"] == "true") for raw in cisco.virtual_accounts
        ),
        "licenses": sorted(_license(raw) for raw in cisco.licenses),
        "product instances": sorted(_device(raw) for raw in cisco.devices),
        "registration tokens": sorted(
            (pool, hashlib.sha256(raw["token"].encode()).hexdigest(), raw["description"], raw["expirationDate"])
            for pool, tokens in cisco.tokens.items()
            for raw in tokens
        ),
    }


def mirrored(account: SmartAccount) -> Everything:
    """What the portal shows as present."""
    pools = VirtualAccount.objects.present().filter(smart_account=account)
    tokens = RegistrationToken.objects.present().filter(virtual_account__in=pools).select_related("virtual_account")
    return {
        "virtual accounts": sorted(pools.values_list("name", "description", "is_default")),
        "licenses": sorted(_license_row(row) for row in _of(License, account, "lines")),
        "product instances": sorted(_instance_row(row) for row in _of(ProductInstance, account, "usage")),
        "registration tokens": sorted(
            (row.virtual_account.name, row.digest, row.description, row.expires_at.isoformat()) for row in tokens
        ),
    }


def _of(model: Any, account: SmartAccount, parts: str) -> Any:
    rows = model.objects.present().filter(virtual_account__smart_account=account)
    return rows.select_related("virtual_account").prefetch_related(parts)


def _license(raw: dict[str, Any]) -> tuple[Any, ...]:
    figures = (raw["quantity"], raw["inUse"], raw["available"], raw["reserved"], COMPLIANCE[raw["status"]])
    lines = sorted((line["licenseType"], line["quantity"], line["endDate"] or "") for line in raw["licenseDetails"])
    return raw["virtualAccount"], raw["license"], *figures, lines


def _license_row(row: License) -> tuple[Any, ...]:
    figures = (row.quantity, row.in_use, row.available, row.reserved, row.status)
    lines = sorted((line.type, line.quantity, line.end.isoformat() if line.end else "") for line in row.lines.all())
    return row.virtual_account.name, row.name, *figures, lines


def _device(raw: dict[str, Any]) -> tuple[Any, ...]:
    usage = sorted((part["license"], part["quantity"]) for part in raw["licenseUsage"])
    moments = (_moment(raw["registrationDate"]), _moment(raw["lastContactDate"]))
    return (
        raw["virtualAccount"],
        raw["sudi"].get("udiSerialNumber", ""),
        raw["hostName"],
        raw["status"],
        *moments,
        usage,
    )


def _instance_row(row: ProductInstance) -> tuple[Any, ...]:
    usage = sorted((part.license_name, part.quantity) for part in row.usage.all())
    moments = (row.registered_at, row.last_contact_at)
    return row.virtual_account.name, row.serial, row.host_name, row.status, *moments, usage


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def linked_wrongly(account: SmartAccount) -> int:
    """Usage that is linked to a license of another name or pool, or not linked although its license is there."""
    usage = InstanceUsage.objects.filter(product_instance__virtual_account__smart_account=account)
    wrong = 0
    for part in usage.select_related("license", "product_instance"):
        pool = part.product_instance.virtual_account_id
        license_ = License.objects.filter(virtual_account_id=pool, name=part.license_name).first()
        wrong += part.license != license_
    return wrong
