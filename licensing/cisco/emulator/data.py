"""Generate accounts of any size. The same seed and sizes give the same account; 100,000 instances take seconds."""

import random
from datetime import UTC, datetime, timedelta

from licensing.cisco.emulator.state import Account, State, iso, new_license

# Contact times count back from this moment, so that the same seed gives the same account.
EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


def generate(
    state: State, domain: str, *, instances: int, pools: int = 40, licenses: int = 1200, usage: int = 3, seed: int = 1
) -> Account:
    """Generate an account with `licenses` names over all pools, at least `usage` in each.

    Each instance uses `usage` licenses of its pool.
    """
    account = state.add(domain, domain)
    dice = random.Random(seed)  # noqa: S311 - the same account each time
    names = [f"Generated License {number:03d} (12.x)" for number in range(max(usage, licenses // pools))]
    for number in range(pools):
        account.add_pool(f"Pool {number:03d}", f"Generated from seed {seed}")
    for number in range(instances):
        pool = f"Pool {number % pools:03d}"
        used = {name: dice.randrange(1, 50) for name in dice.sample(names, usage)}
        contact = iso(EPOCH - timedelta(minutes=dice.randrange(60 * 24 * 40)))
        account.add_device(
            pool,
            f"{number:06x}",
            used,
            hostName=f"host-{number:06d}.example",
            lastContactDate=contact,
            registrationDate=iso(EPOCH - timedelta(days=90)),
        )
    _add_licenses(account, names)
    return account


def _add_licenses(account: Account, names: list[str]) -> None:
    """Add enough of every license, except for one in twenty, which is short."""
    used: dict[tuple[str, str], int] = {}
    for device in account.devices:
        for item in device["licenseUsage"]:
            key = (device["virtualAccount"], item["license"])
            used[key] = used.get(key, 0) + item["quantity"]
    pools = [raw["name"] for raw in account.virtual_accounts if raw["name"] != "DEFAULT"]
    for number, key in enumerate((pool, name) for pool in pools for name in names):
        in_use = used.get(key, 0)
        quantity = max(0, in_use - 5) if number % 20 == 7 else in_use + 25
        account.licenses.append(new_license(*key) | _figures(quantity, in_use))


def _figures(quantity: int, in_use: int) -> dict[str, object]:
    line = {
        "licenseType": "TERM",
        "quantity": quantity,
        "startDate": "2025-01-01",
        "endDate": "2028-01-01",
        "subscriptionId": f"Sub{quantity:06d}",
        "status": "ACTIVE",
    }
    return {
        "quantity": quantity,
        "inUse": in_use,
        "available": quantity - in_use,
        "status": "In Compliance" if quantity >= in_use else "Out Of Compliance",
        "licenseDetails": [line] if quantity else [],
    }
