"""The emulator's figures where they follow use: as the portal's engine reads Cisco's rules, and after every write."""

from hypothesis import given
from hypothesis import strategies as st

from licensing.allocation.engine import Rule, allocate
from licensing.cisco.client import CssmClient
from licensing.cisco.emulator.borrowing import ENTERPRISE, EXPRESSWAY, HCS, HCS_FOUNDATION, HCS_STANDARD, serve
from licensing.cisco.emulator.server import EmulatorThread
from licensing.cisco.types import AccountRef, LicenseTransfer

NAMES = [name for family in (*ENTERPRISE, *HCS) for name in family] + [EXPRESSWAY]
ACME = AccountRef("acme.example")
quantities = st.dictionaries(st.sampled_from(NAMES), st.integers(0, 60))


@given(quantities, quantities)
def test_emulator_and_engine_read_the_rules_alike(owned: dict[str, int], asked: dict[str, int]) -> None:
    ours, theirs = allocate(owned, asked), serve(owned, asked)

    assert theirs.left == ours.left
    assert {name: number for name, number in theirs.short.items() if number} == ours.short
    lent = {(grant.requested, grant.granted): grant.quantity for grant in ours.grants if grant.rule != Rule.OWN}
    assert {(to, by): number for to, parts in theirs.borrowed.items() for by, number in parts.items()} == lent


def test_figures_follow_what_moves_and_lent_licenses_stay(client: CssmClient, emulator: EmulatorThread) -> None:
    account = emulator.state.add("acme.example", "Acme")
    account.follows_use = True
    for pool in ("North", "South"):
        account.add_pool(pool)
    account.set_license("North", HCS_STANDARD, quantity=100)
    account.set_license("North", HCS_FOUNDATION, quantity=20)
    account.add_device("North", "00001", {HCS_STANDARD: 10, HCS_FOUNDATION: 50})
    account.add_device("North", "00002", {HCS_STANDARD: 5})
    account.recount("North")

    def figures(pool: str, name: str) -> tuple[int, int, int, str]:
        raw = account.license(pool, name)
        return raw["quantity"], raw["inUse"], raw["available"], raw["status"]

    assert figures("North", HCS_STANDARD) == (100, 15, 55, "In Compliance")
    assert figures("North", HCS_FOUNDATION) == (20, 50, 0, "In Compliance")
    [lent] = account.license("North", HCS_FOUNDATION)["licenseSubstitutions"]
    assert (lent["substitutedLicense"], lent["substitutedQuantity"]) == (HCS_STANDARD, 30)

    [refused] = client.transfer_licenses(ACME, "North", [LicenseTransfer(HCS_STANDARD, "TERM", 56, "South")])
    [moved] = client.transfer_licenses(ACME, "North", [LicenseTransfer(HCS_STANDARD, "TERM", 55, "South")])
    instances = client.search_product_instances(ACME, "North")
    client.transfer_product_instances(ACME, "North", "South", instances[:1])
    client.remove_product_instances(ACME, "North", instances[1:])

    assert (refused.ok, moved.ok) == (False, True)
    assert figures("North", HCS_STANDARD) == (45, 0, 45, "In Compliance")
    assert figures("South", HCS_FOUNDATION) == (0, 50, -5, "Out Of Compliance")
    assert figures("South", HCS_STANDARD) == (55, 10, 0, "In Compliance")
