"""License names are recognized in all their spellings (docs/cisco-api.md#license-names)."""

import pytest

from licensing.allocation.license_names import CURRENT, NAMES


@pytest.mark.parametrize("tag", NAMES)
def test_tag_and_display_names_find_the_license(tag: str) -> None:
    for name in (tag, tag.lower(), tag.upper(), *NAMES[tag], *(name.lower() for name in NAMES[tag])):
        assert CURRENT.find(name) == tag


@pytest.mark.parametrize(
    ("name", "tag"),
    [
        ("UC Manager Basic License  (12.x)", "UCM_Basic"),
        ("UC Manager Basic License (12.x)", "UCM_Basic"),
        ("  uc manager   BASIC license\t(12.X) ", "UCM_Basic"),
        ("UC Manager Basic License", "UCM_Basic"),
        ("UC Manager Basic License(14.x)", "UCM_Basic"),
        ("Emergency Responder User License (12.x)", "CER_USER"),
        ("HCS Cisco UCM Foundation License (12.x)", "HUCM_Foundation"),
        ("regid.2016-07.com.cisco.UCM_Basic,12.0_ef827a2f-f4ae-4ebb-887f-052737063d3a", "UCM_Basic"),
        ("REGID.2020-06.com.cisco.cuc_basicmessaging,14_74b6bdc1-b3e1-45dc-9468-6412b12fdef2", "CUC_BasicMessaging"),
        ("regid.2017-02.com.cisco.UCM_CUWL", "UCM_CUWL"),
    ],
)
def test_cisco_spellings_find_the_license(name: str, tag: str) -> None:
    assert CURRENT.find(name) == tag


@pytest.mark.parametrize(
    "name",
    [
        "",
        " ",
        "(12.x)",
        "UC Manager",
        "UC Manager Basic License (beta)",
        "UCMBasic",
        "UCM Basic",
        "CUWL",
        "regid.2016-07.com.cisco.ISR_4400,1.0_x",
        "regid.2016-07.com.cisco.",
        "UC Manager Basic License (12.x) x",
    ],
)
def test_other_names_find_nothing(name: str) -> None:
    assert CURRENT.find(name) is None


def test_display_name_is_cisco_s_or_the_tag() -> None:
    assert CURRENT.display_name("UCM_CUWL") == "UC Manager CUWL License (12.X)"
    assert CURRENT.display_name("HUCM_Basic") == "HUCM_Basic"


def test_every_license_of_the_rules_has_its_names() -> None:
    tags = [tag for family in CURRENT.families for tag in family.tags]

    assert len(tags) == len(set(tags))
    assert set(tags) <= set(CURRENT.names)
    assert set(CURRENT.mapping) | set(CURRENT.mapping.values()) <= set(tags)
