"""The allocation engine, rule by rule."""

import pytest

from licensing.allocation.engine import Grant, Rule, allocate, servers, totals
from licensing.allocation.license_names import CURRENT

OWN, HIERARCHY, DUAL = Rule.OWN, Rule.HIERARCHY, Rule.DUAL_PARENTING

# Table 1 of Cisco's guide, as it is printed (docs/domain.md#H12): HCS license <- Enterprise license.
TABLE_1 = [
    ("HUCM_Foundation", "UCM_Basic"),
    ("HUCM_Foundation", "UCM_Essential"),
    ("HUCM_Foundation", "UCM_Enhanced"),
    ("HUCM_Standard", "UCM_CUWL"),
    ("HUCM_Standard", "UCM_EnhancedPlus"),
    ("HUCM_TelePresenceRoom", "UCM_TelePresenceRoom"),
    ("HCUC_BasicMessaging", "CUC_BasicMessaging"),
    ("HCUC_StandardMessaging", "CUC_EnhancedMessaging"),
    ("HCER_User", "CER_USER"),
]

# The families, higher to lower.
FAMILIES = [
    ["UCM_CUWL", "UCM_EnhancedPlus", "UCM_Enhanced", "UCM_Basic", "UCM_Essential"],
    ["CUC_EnhancedMessaging", "CUC_BasicMessaging"],
    ["HUCM_Standard", "HUCM_Foundation"],
    ["HCUC_StandardMessaging", "HCUC_BasicMessaging"],
]
# Licenses without a family, and the HCS license of those that have one.
ALONE = [
    ("UCM_TelePresenceRoom", ("HUCM_TelePresenceRoom",)),
    ("CER_USER", ("HCER_User",)),
    ("HUCM_TelePresenceRoom", ()),
    ("HCER_User", ()),
    ("CUC_SpeechView", ()),
    ("HUCM_Basic", ()),
]
PAIRS = [(high, low) for family in FAMILIES for place, high in enumerate(family) for low in family[place + 1 :]]


def test_cisco_example_leaves_40_of_100_cuwl() -> None:
    allocation = allocate({"UCM_CUWL": 100}, {"UCM_CUWL": 10, "UCM_EnhancedPlus": 50})

    assert allocation.grants == (
        Grant("UCM_CUWL", "UCM_CUWL", 10, OWN),
        Grant("UCM_EnhancedPlus", "UCM_CUWL", 50, HIERARCHY),
    )
    assert allocation.left == {"UCM_CUWL": 40}
    assert allocation.short == {}
    assert allocation.covered


@pytest.mark.parametrize(("hcs", "enterprise"), TABLE_1)
def test_enterprise_request_is_served_by_its_hcs_license(hcs: str, enterprise: str) -> None:
    allocation = allocate({hcs: 3}, {enterprise: 2})

    assert allocation.grants == (Grant(enterprise, hcs, 2, DUAL),)
    assert allocation.left == {hcs: 1}


@pytest.mark.parametrize(("hcs", "enterprise"), TABLE_1)
def test_hcs_request_never_takes_an_enterprise_license(hcs: str, enterprise: str) -> None:
    allocation = allocate({enterprise: 3}, {hcs: 2})

    assert allocation.grants == ()
    assert allocation.left == {enterprise: 3}
    assert allocation.short == {hcs: 2}


def test_table_1_is_complete() -> None:
    assert sorted((hcs, enterprise) for enterprise, hcs in CURRENT.mapping.items()) == sorted(TABLE_1)


@pytest.mark.parametrize(("high", "low"), PAIRS)
def test_higher_license_serves_lower_request(high: str, low: str) -> None:
    allocation = allocate({high: 1}, {low: 3})

    assert allocation.grants == (Grant(low, high, 1, HIERARCHY),)
    assert allocation.short == {low: 2}


@pytest.mark.parametrize(("high", "low"), PAIRS)
def test_lower_license_does_not_serve_higher_request(high: str, low: str) -> None:
    allocation = allocate({low: 1}, {high: 1})

    assert allocation.grants == ()
    assert allocation.short == {high: 1}


@pytest.mark.parametrize(("name", "parents"), ALONE)
def test_license_that_stands_alone_has_no_lender_in_its_own_mode(name: str, parents: tuple[str, ...]) -> None:
    assert servers(name) == (name, *parents)


def test_own_requests_come_before_lending() -> None:
    allocation = allocate({"UCM_Enhanced": 5}, {"UCM_Basic": 5, "UCM_Enhanced": 3})

    assert allocation.grants == (
        Grant("UCM_Enhanced", "UCM_Enhanced", 3, OWN),
        Grant("UCM_Basic", "UCM_Enhanced", 2, HIERARCHY),
    )
    assert allocation.short == {"UCM_Basic": 3}


def test_nearest_higher_license_is_lent_first() -> None:
    allocation = allocate({"UCM_CUWL": 5, "UCM_Enhanced": 2, "UCM_EnhancedPlus": 1}, {"UCM_Basic": 4})

    assert allocation.grants == (
        Grant("UCM_Basic", "UCM_Enhanced", 2, HIERARCHY),
        Grant("UCM_Basic", "UCM_EnhancedPlus", 1, HIERARCHY),
        Grant("UCM_Basic", "UCM_CUWL", 1, HIERARCHY),
    )


def test_highest_request_borrows_first_whatever_the_order_of_the_input() -> None:
    allocation = allocate({"UCM_CUWL": 3}, {"UCM_Essential": 2, "UCM_Basic": 2, "UCM_EnhancedPlus": 2})

    assert allocation.grants == (
        Grant("UCM_EnhancedPlus", "UCM_CUWL", 2, HIERARCHY),
        Grant("UCM_Basic", "UCM_CUWL", 1, HIERARCHY),
    )
    assert allocation.short == {"UCM_Essential": 2, "UCM_Basic": 1}


def test_enterprise_hierarchy_comes_before_hcs() -> None:
    allocation = allocate({"HUCM_Foundation": 5, "UCM_CUWL": 1}, {"UCM_Basic": 3})

    assert allocation.grants == (
        Grant("UCM_Basic", "UCM_CUWL", 1, HIERARCHY),
        Grant("UCM_Basic", "HUCM_Foundation", 2, DUAL),
    )


def test_foundation_is_taken_before_standard() -> None:
    allocation = allocate({"HUCM_Standard": 5, "HUCM_Foundation": 2}, {"UCM_Enhanced": 3})

    assert allocation.grants == (
        Grant("UCM_Enhanced", "HUCM_Foundation", 2, DUAL),
        Grant("UCM_Enhanced", "HUCM_Standard", 1, DUAL),
    )


def test_unity_basic_is_taken_before_unity_standard() -> None:
    allocation = allocate({"HCUC_StandardMessaging": 5, "HCUC_BasicMessaging": 2}, {"CUC_BasicMessaging": 3})

    assert allocation.grants == (
        Grant("CUC_BasicMessaging", "HCUC_BasicMessaging", 2, DUAL),
        Grant("CUC_BasicMessaging", "HCUC_StandardMessaging", 1, DUAL),
    )


def test_foundation_does_not_serve_what_is_mapped_to_standard() -> None:
    allocation = allocate({"HUCM_Foundation": 5}, {"UCM_CUWL": 1, "UCM_EnhancedPlus": 1})

    assert allocation.grants == ()


def test_hcs_request_keeps_its_own_license_from_enterprise_requests() -> None:
    allocation = allocate({"HUCM_Foundation": 2}, {"UCM_Enhanced": 2, "HUCM_Foundation": 1})

    assert allocation.grants == (
        Grant("HUCM_Foundation", "HUCM_Foundation", 1, OWN),
        Grant("UCM_Enhanced", "HUCM_Foundation", 1, DUAL),
    )


def test_enterprise_request_reaches_standard_before_a_foundation_request() -> None:
    allocation = allocate({"HUCM_Standard": 3}, {"HUCM_Foundation": 2, "UCM_CUWL": 2})

    assert allocation.grants == (
        Grant("UCM_CUWL", "HUCM_Standard", 2, DUAL),
        Grant("HUCM_Foundation", "HUCM_Standard", 1, HIERARCHY),
    )
    assert allocation.short == {"HUCM_Foundation": 1}


def test_reservation_does_not_borrow() -> None:
    allocation = allocate({"UCM_CUWL": 5, "HUCM_Foundation": 5, "UCM_Basic": 1}, {}, reserved={"UCM_Basic": 3})

    assert allocation.grants == (Grant("UCM_Basic", "UCM_Basic", 1, OWN),)
    assert allocation.reserved_short == {"UCM_Basic": 2}
    assert allocation.short == {}
    assert not allocation.covered


def test_reservation_is_served_before_other_requests_which_borrow_instead() -> None:
    allocation = allocate({"UCM_CUWL": 5, "UCM_Basic": 3}, {"UCM_Basic": 4}, reserved={"UCM_Basic": 2})

    assert allocation.grants == (
        Grant("UCM_Basic", "UCM_Basic", 3, OWN),
        Grant("UCM_Basic", "UCM_CUWL", 3, HIERARCHY),
    )
    assert allocation.covered


def test_names_are_given_back_as_they_came() -> None:
    allocation = allocate({"UC Manager  CUWL license (12.X)": 3}, {"ucm_cuwl": 1, "UC Manager Basic License": 4})

    assert allocation.grants == (
        Grant("ucm_cuwl", "UC Manager  CUWL license (12.X)", 1, OWN),
        Grant("UC Manager Basic License", "UC Manager  CUWL license (12.X)", 2, HIERARCHY),
    )
    assert allocation.left == {"UC Manager  CUWL license (12.X)": 0}
    assert allocation.short == {"UC Manager Basic License": 2}


def test_stock_spelled_like_the_request_serves_it_first() -> None:
    old, new = "UC Manager Basic License (12.x)", "UC Manager Basic License (14.x)"

    allocation = allocate({old: 2, new: 2}, {new: 3})

    assert allocation.grants == (Grant(new, new, 2, OWN), Grant(new, old, 1, OWN))


def test_unknown_names_serve_themselves_alone() -> None:
    allocation = allocate({"C9300 DNA Advantage": 3, "UCM_CUWL": 1}, {"c9300 dna  advantage": 5})

    assert allocation.grants == (Grant("c9300 dna  advantage", "C9300 DNA Advantage", 3, OWN),)
    assert allocation.short == {"c9300 dna  advantage": 2}


def test_nothing_gives_nothing() -> None:
    allocation = allocate({"UCM_CUWL": 0}, {"UCM_Basic": 0})

    assert (allocation.grants, allocation.left, allocation.short) == ((), {"UCM_CUWL": 0}, {})


@pytest.mark.parametrize("case", [({"UCM_CUWL": -1}, {}), ({}, {"UCM_CUWL": -1}), ({}, {}, {"UCM_CUWL": -1})])
def test_negative_quantity_is_refused(case: tuple[dict[str, int], ...]) -> None:
    with pytest.raises(ValueError, match="UCM_CUWL"):
        allocate(*case)


def test_explanation_says_who_serves_and_is_served() -> None:
    allocation = allocate(
        {"UCM_CUWL": 100, "Other": 1}, {"UCM_CUWL": 10, "UCM_EnhancedPlus": 95}, reserved={"UCM_EnhancedPlus": 2}
    )

    cuwl, plus, other = allocation.explain()

    assert (cuwl.license, plus.license, other.license) == ("UCM_CUWL", "UCM_EnhancedPlus", "Other")
    assert (cuwl.owned, cuwl.requested, cuwl.lent, cuwl.left, cuwl.short) == (100, 10, 90, 0, 0)
    assert cuwl.lent_to == plus.served_by == (Grant("UCM_EnhancedPlus", "UCM_CUWL", 90, HIERARCHY),)
    assert (plus.owned, plus.requested, plus.reserved, plus.borrowed, plus.short) == (0, 95, 2, 90, 7)
    assert (other.owned, other.left) == (1, 1)


def test_explanation_brings_the_spellings_of_a_license_together() -> None:
    allocation = allocate({"UC Manager CUWL License (12.X)": 5}, {"UCM_CUWL": 2})

    (cuwl,) = allocation.explain()

    assert (cuwl.license, cuwl.owned, cuwl.requested, cuwl.left) == ("UCM_CUWL", 5, 2, 3)
    assert (cuwl.borrowed, cuwl.lent, cuwl.short) == (0, 0, 0)


def test_totals_sums_requests_per_license() -> None:
    assert totals([("UCM_Basic", 2), ("UCM_CUWL", 1), ("UCM_Basic", 3)]) == {"UCM_Basic": 5, "UCM_CUWL": 1}
