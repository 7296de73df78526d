"""The run sheets: each application's own commands, step by step. A table; nothing here needs a database."""

import pytest

from licensing.fleet.access import run_sheets
from licensing.fleet.access.run_sheets import Sheet
from licensing.fleet.transport import Mode, ProxyFacts, Rule, Transport

URL = "https://ssm.partner.example/SmartTransport"
DIRECT = Transport(Mode.DIRECT, Rule.NO_PROXY, "why")
PROXY = Transport(Mode.PROXY, Rule.CLUSTER_PROXY, "why", proxy=ProxyFacts("proxy.example", 3128))
ON_PREM = Transport(Mode.ON_PREM, Rule.ON_PREM_SERVER, "why", registration_url=URL)
NO_URL = Transport(Mode.ON_PREM, Rule.ON_PREM_SERVER, "why")
HOSTS = ("pub.example", "sub.example")
APPLICATIONS = ("cucm", "cuc", "cer", "expressway_c", "expressway_e")


def sheet(application: str, version: str = "14.0.1") -> Sheet:
    return Sheet(application, version, "pub.example", HOSTS)


@pytest.mark.parametrize(
    ("version", "wanted", "command"),
    [
        ("14.0.1", DIRECT, "license smart transport direct"),
        ("14.0.1", PROXY, "license smart transport proxy proxy.example 3128"),
        ("14.0.1", ON_PREM, f"license smart transport gateway {URL}"),
        ("12.5.1 SU4", ON_PREM, f"license smart transport gateway {URL}"),
        ("14SU3", ON_PREM, f"license smart transport gateway {URL}"),
        ("14SU4", ON_PREM, f"license smart transport ssm-satellite {URL}"),
        ("15", ON_PREM, f"license smart transport gateway {URL}"),
        ("15.0.1SU2", ON_PREM, f"license smart transport ssm-satellite {URL}"),
        ("16.1", ON_PREM, f"license smart transport ssm-satellite {URL}"),
        ("", ON_PREM, f"license smart transport gateway {URL}"),
        ("14.0.1", NO_URL, "license smart transport gateway <registration URL>"),
    ],
)
def test_transport_command_of_unified_cm(version: str, wanted: Transport, command: str) -> None:
    first, last = run_sheets.transport(sheet("cucm", version), wanted)

    assert "deregister it first" in first
    assert last == f"On the command line of pub.example: {command}"


@pytest.mark.parametrize("application", ["cuc", "cer", "expressway_c", "expressway_e"])
@pytest.mark.parametrize(
    ("wanted", "words"),
    [(DIRECT, "Direct"), (PROXY, "Proxy, host proxy.example, port 3128"), (ON_PREM, URL)],
)
def test_transport_of_the_others_is_chosen_on_their_pages(application: str, wanted: Transport, words: str) -> None:
    steps = run_sheets.transport(sheet(application), wanted)

    assert words in steps[-1]
    assert ("System > DNS" in " ".join(steps)) == (application.startswith("expressway") and wanted is ON_PREM)


@pytest.mark.parametrize(
    ("application", "words"),
    [
        ("cucm", "license smart register idtoken <token>"),
        ("cuc", "PUT https://pub.example/vmrest/smartlicense/register"),
        ("cer", "Emergency Responder Administration > System > License Manager"),
        ("expressway_c", "Maintenance > Smart licensing"),
        ("expressway_e", "pub.example, sub.example, one after the other"),
    ],
)
def test_registration_names_the_command_and_how_to_see_the_outcome(application: str, words: str) -> None:
    steps = run_sheets.register(sheet(application))

    assert words in " ".join(steps)
    assert steps[-2].startswith("Check the result: ")
    assert steps[-1] == "Confirm the step here; the next sync shows whether Cisco agrees."


@pytest.mark.parametrize(
    ("application", "words"),
    [
        ("cucm", "license smart deregister"),
        ("cuc", "PUT https://pub.example/vmrest/smartlicense/deregister"),
        ("cer", "choose Deregister."),
        ("expressway_c", "Choose Deregister."),
        ("expressway_e", "Choose Deregister."),
    ],
)
def test_deregistration(application: str, words: str) -> None:
    assert words in " ".join(run_sheets.deregister(sheet(application)))


@pytest.mark.parametrize("application", ["cucm", "cuc", "cer"])
@pytest.mark.parametrize(
    ("mode", "file"), [("hcs", "ciscoconf.HCSMode_v4.cop.sgn"), ("enterprise", "ciscoconf.EnterpriseMode_v4.cop.sgn")]
)
def test_license_mode_is_a_cop_file_and_a_restart_that_is_named(application: str, mode: str, file: str) -> None:
    said = " ".join(run_sheets.mode(sheet(application), mode))

    assert file in said
    assert "pub.example restarts" in said


@pytest.mark.parametrize("application", ["expressway_c", "expressway_e"])
def test_expressway_knows_no_license_mode(application: str) -> None:
    assert run_sheets.mode(sheet(application), "hcs") == []


@pytest.mark.parametrize(("version", "asked"), [("X12.6.1", True), ("X14.0", True), ("X14.2", False), ("X15.0", False)])
def test_expressway_before_x14_2_is_switched_to_smart_licensing_first(version: str, asked: bool) -> None:
    said = run_sheets.register(sheet("expressway_c", version))[0]

    assert ("factory reset" in said) is asked


@pytest.mark.parametrize("application", APPLICATIONS)
def test_sheets_stand_without_nodes_and_hold_no_token(application: str) -> None:
    bare = Sheet(application)
    said = [run_sheets.register(bare), run_sheets.deregister(bare), run_sheets.transport(bare, ON_PREM)]

    assert all(steps and all(step == step.strip() and step for step in steps) for steps in said)
