"""Answer subscriptions, transfers, removals and alerts in the emulator (docs/cisco-api.md#transfers).

Wire names are Cisco's, the misspelt remove member too. Items fail in a SUCCESS (docs/cisco-api.md#item-failures).
"""

from collections.abc import Callable
from typing import Any

from licensing.cisco.emulator.state import Account, Raw

UNITS_PER_TRANSFER = 998  # Public clients split larger moves (docs/cisco-api.md#units-per-transfer).
LINE_MEMBERS = ("quantity", "subscriptionId", "startDate", "endDate", "status")
REMOVE_MEMBERS = ("productInstacesRemoveRequests", "productInstancesRemoveRequests")


def subscriptions(account: Account) -> list[Raw]:
    """Return every purchase line that has a subscription id, with its license and pool."""
    return [
        {"license": raw["license"], "virtualAccount": raw["virtualAccount"], "billingType": raw["billingType"]}
        | {member: line.get(member) for member in LINE_MEMBERS}
        for raw in account.licenses
        for line in raw["licenseDetails"]
        if line.get("subscriptionId")
    ]


def alerts(account: Account) -> list[Raw]:
    """Return an alert for each shortage."""
    return [
        {
            "messageType": "Insufficient Licenses",
            "severity": "Major",
            "source": raw["license"],
            "message": f"{raw['license']} is short by {-raw['available']}.",
            "virtualAccount": raw["virtualAccount"],
        }
        for raw in account.licenses
        if raw["available"] < 0
    ]


def transfer_licenses(account: Account, pool: str, body: Raw) -> tuple[str, list[Raw]]:
    """Move licenses. Returns the refusal of the whole call or "", and the results by item."""
    items = [item for item in body.get("licenses") or [] if isinstance(item, dict)]
    if sum(int(item.get("quantity") or 0) for item in items) > UNITS_PER_TRANSFER:
        return f"No more than {UNITS_PER_TRANSFER} licenses can be transferred at once.", []
    return "", [_item_result(str(item.get("license")), _move_license(account, pool, item)) for item in items]


def transfer_devices(account: Account, pool: str, body: Raw) -> list[Raw]:
    def move(device: Raw, item: Raw) -> str:
        if not account.has_pool(str(item.get("targetVirtualAccount"))):
            return "The target virtual account does not exist."
        device["virtualAccount"] = item["targetVirtualAccount"]
        account.recount(item["targetVirtualAccount"])
        return ""

    results = _each_device(account, pool, body.get("productInstances"), move)
    account.recount(pool)
    return results


def remove_devices(account: Account, pool: str, body: Raw) -> list[Raw]:
    def remove(device: Raw, item: Raw) -> str:
        if "Reserv" in device["status"] and not item.get("returnCode"):
            return "A return code is needed for a reserved product instance."
        account.devices.remove(device)
        return ""

    items: list[Raw] = next((body[member] for member in REMOVE_MEMBERS if body.get(member)), [])
    results = _each_device(account, pool, items, remove)
    account.recount(pool)
    return results


def _each_device(account: Account, pool: str, items: Any, act: Callable[[Raw, Raw], str]) -> list[Raw]:
    results = []
    for item in items or []:
        wanted = (item.get("sudi") or {}).get("udiSerialNumber")
        device = next((raw for raw in account.devices if _is_device(raw, pool, wanted)), None)
        words = act(device, item) if device is not None else "The product instance does not exist."
        results.append({"device": wanted, **_item_result("", words)})
    return results


def _is_device(raw: Raw, pool: str, serial: str | None) -> bool:
    return bool(raw["virtualAccount"] == pool and raw["sudi"]["udiSerialNumber"] == serial)


def _item_result(name: str, words: str) -> Raw:
    named = {"license": name} if name else {}
    return {**named, "status": "FAILURE" if words else "SUCCESS", "statusMessage": words}


def _move_license(account: Account, pool: str, item: Raw) -> str:
    """Move units with purchase lines of their type, the longest terms first. Returns the reason if it fails, or "".

    A line that moves in part is split. Both parts keep its subscription, order number and term.
    """
    name, quantity, target = item.get("license"), int(item.get("quantity") or 0), str(item.get("targetVirtualAccount"))
    held = next((raw for raw in account.licenses if (raw["virtualAccount"], raw["license"]) == (pool, name)), None)
    if held is None or not account.has_pool(target) or target == pool:
        return "The license or the target virtual account does not exist."
    if not 0 < quantity <= _free(account, held):
        return "Not enough licenses are available."
    lines = _lines_of_type(held["licenseDetails"], str(item.get("licenseType")))
    if held["licenseDetails"] and quantity > sum(int(line["quantity"]) for line in lines):
        return "Not enough licenses of this type are available."
    moved = _take_lines(held["licenseDetails"], lines, quantity)
    account.set_license(pool, str(name), quantity=int(held["quantity"]) - quantity)
    there = account.set_license(target, str(name))
    lines = _add_lines(there["licenseDetails"], moved)
    account.set_license(target, str(name), quantity=int(there["quantity"]) + quantity, licenseDetails=lines)
    account.recount(pool)
    account.recount(target)
    return ""


def _free(account: Account, held: Raw) -> int:
    """Return how many licenses may leave. A license that is lent to another one may not."""
    if account.follows_use:
        return int(held["available"])
    return int(held["quantity"]) - int(held["inUse"]) - int(held["reserved"])


def _add_lines(lines: list[Raw], moved: list[Raw]) -> list[Raw]:
    """Add moved lines. A part comes back to the rest of its purchase line, with the same subscription and order."""
    found = [dict(line) for line in lines]
    for part in moved:
        rest = next((line for line in found if _purchase(line) == _purchase(part)), None)
        if rest:
            rest["quantity"] = int(rest["quantity"]) + int(part["quantity"])
        else:
            found.append(part)
    return found


def _purchase(line: Raw) -> Raw:
    return {member: value for member, value in line.items() if member != "quantity"}


def _lines_of_type(lines: list[Raw], kind: str) -> list[Raw]:
    found = [line for line in lines if line.get("licenseType") == kind]
    return sorted(found, key=lambda line: str(line.get("endDate")), reverse=True)


def _take_lines(lines: list[Raw], wanted: list[Raw], quantity: int) -> list[Raw]:
    """Take a quantity out of the wanted lines, in place, and return it as lines."""
    taken = []
    for line in wanted:
        part = min(quantity, int(line["quantity"]))
        quantity -= part
        taken.append({**line, "quantity": part})
        line["quantity"] = int(line["quantity"]) - part
        if not line["quantity"]:
            lines.remove(line)
        if not quantity:
            break
    return taken
