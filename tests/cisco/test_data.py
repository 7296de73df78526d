"""Generated accounts: of the size asked for, the same from the same seed, and consistent in themselves."""

from collections import Counter

from licensing.cisco.emulator.data import generate
from licensing.cisco.emulator.state import Account, State


def make(seed: int) -> Account:
    return generate(State(), "big.example", instances=300, pools=4, licenses=40, seed=seed)


def test_account_has_the_size_asked_for() -> None:
    account = make(seed=1)

    assert (len(account.devices), len(account.licenses), len(account.virtual_accounts)) == (300, 40, 5)
    assert sum(len(raw["licenseUsage"]) for raw in account.devices) == 900


def test_same_seed_gives_the_same_account_and_another_seed_another() -> None:
    assert vars(make(seed=1)) == vars(make(seed=1))
    assert make(seed=1).devices != make(seed=2).devices


def test_what_instances_use_is_what_licenses_count() -> None:
    account = make(seed=1)
    used: Counter[tuple[str, str]] = Counter()
    for raw in account.devices:
        for item in raw["licenseUsage"]:
            used[raw["virtualAccount"], item["license"]] += item["quantity"]

    assert {(raw["virtualAccount"], raw["license"]): raw["inUse"] for raw in account.licenses if raw["inUse"]} == used
