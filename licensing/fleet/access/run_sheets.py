"""Write run sheets: the steps that a person takes on a cluster, in its application's own commands. Pure.

Sources: commands and paths (docs/cisco-api.md#application-interfaces); license mode by COP file, for Unified CM, Unity
Connection and Emergency Responder, whose publisher restarts (docs/domain.md#H14, docs/domain.md#P8). Names
of menus are those of releases 12.5 to 15 and may differ a little. `<token>` stands for the registration token.
"""

import re
from dataclasses import dataclass

from licensing.fleet.transport import Mode, Transport, is_expressway, version_numbers

TOKEN = "<token>"  # noqa: S105 - a place holder
CUCM, CUC, CER = "cucm", "cuc", "cer"
# Cisco's page spells these files ciscocm.… (docs/domain.md#cop-files).
COP_FILES = {"hcs": "ciscoconf.HCSMode_v4.cop.sgn", "enterprise": "ciscoconf.EnterpriseMode_v4.cop.sgn"}
MODE_WORDS = {"hcs": "HCS", "enterprise": "Enterprise"}
SATELLITE_SINCE = {14: 4, 15: 2}  # Unified CM: `transport ssm-satellite` since 14SU4 and 15SU2
SMART_ONLY_SINCE = (14, 2)  # Expressway (docs/domain.md#expressway-only)

PAGES = {
    CUCM: "Cisco Unified CM Administration > System > Licensing > License Management",
    CUC: "Cisco Unity Connection Administration > System Settings > Licenses",
    CER: "Emergency Responder Administration > System > License Manager",
}
EXPRESSWAY_PAGE = "Maintenance > Smart licensing"
DEREGISTER_FIRST = "If the cluster is registered, deregister it first: most releases refuse the change otherwise."


@dataclass(frozen=True, slots=True)
class Sheet:
    """One cluster: `application` as in models.Cluster, its version, the publisher and all nodes by host name."""

    application: str
    version: str = ""
    publisher: str = ""
    nodes: tuple[str, ...] = ()

    @property
    def is_expressway(self) -> bool:
        return is_expressway(self.application)

    @property
    def host(self) -> str:
        return self.publisher or "<publisher>"


def mode(sheet: Sheet, wanted: str) -> list[str]:
    """Return the steps that set the license mode; none for Expressway, which has no license mode."""
    if sheet.is_expressway:
        return []
    file = COP_FILES[wanted]
    return [
        f"Check whether {sheet.host} is already in {MODE_WORDS[wanted]} mode. If so, this step is done.",
        f"Download {file} (also published as {file.replace('ciscoconf', 'ciscocm')}) and put it on an SFTP server.",
        f"Choose a maintenance window: {sheet.host} restarts.",
        f"Sign in to the command line of {sheet.host} and install the file: utils system upgrade initiate",
        f"When {sheet.host} is up again, check its services: utils service list",
    ]


def transport(sheet: Sheet, wanted: Transport) -> list[str]:
    if sheet.application == CUCM:
        return [DEREGISTER_FIRST, f"On the command line of {sheet.host}: {_transport_command(sheet, wanted)}"]
    where = _each_node(sheet) if sheet.is_expressway else f"On {sheet.host}, open {PAGES[sheet.application]}."
    steps = [DEREGISTER_FIRST, where, _transport_choice(sheet, wanted)]
    if sheet.is_expressway and wanted.mode == Mode.ON_PREM:  # (docs/domain.md#F8)
        steps.insert(1, "Set DNS servers and the domain name (System > DNS): the On-Prem server's name must resolve.")
    return steps


def register(sheet: Sheet) -> list[str]:
    if sheet.application == CUCM:
        return [
            f"On the command line of {sheet.host}: license smart register idtoken {TOKEN}",
            "If it reports a registration in the wrong virtual account, add the word force.",
            *check(sheet),
        ]
    if sheet.is_expressway:
        return [*_smart_mode(sheet), _each_node(sheet), f"Paste {TOKEN} and choose Register.", *check(sheet)]
    steps = [f"On {sheet.host}, open {PAGES[sheet.application]}, choose Register and paste {TOKEN}."]
    if sheet.application == CUC:
        body = f'{{"token": "{TOKEN}", "force": "false"}}'
        steps.append(f"Or over its interface: PUT https://{sheet.host}/vmrest/smartlicense/register {body}")
    return [*steps, *check(sheet)]


def deregister(sheet: Sheet) -> list[str]:
    if sheet.application == CUCM:
        return [f"On the command line of {sheet.host}: license smart deregister", *check(sheet)]
    if sheet.is_expressway:
        return [_each_node(sheet), "Choose Deregister.", *check(sheet)]
    steps = [f"On {sheet.host}, open {PAGES[sheet.application]} and choose Deregister."]
    if sheet.application == CUC:
        steps.append(f"Or over its interface: PUT https://{sheet.host}/vmrest/smartlicense/deregister")
    return [*steps, *check(sheet)]


def check(sheet: Sheet) -> list[str]:
    """Return the steps that show the outcome on the cluster itself."""
    if sheet.application == CUCM:
        seen = "show license summary"
    elif sheet.application == CUC:
        seen = f"GET https://{sheet.host}/vmrest/smartlicense/licensedetails"
    elif sheet.is_expressway:
        node = sheet.nodes[0] if sheet.nodes else "<node>"
        seen = f"GET https://{node}/api/status/common/smartlicensing/licensing, Registration.RegistrationStatus"
    else:
        seen = f"{PAGES[CER]}, Registration status"
    return [f"Check the result: {seen}", "Confirm the step here; the next sync shows whether Cisco agrees."]


def _transport_command(sheet: Sheet, wanted: Transport) -> str:
    if wanted.mode == Mode.DIRECT:
        return "license smart transport direct"
    if wanted.mode == Mode.PROXY and wanted.proxy:
        return f"license smart transport proxy {wanted.proxy.host} {wanted.proxy.port}"
    word = "ssm-satellite" if _knows_satellite(sheet.version) else "gateway"
    return f"license smart transport {word} {wanted.registration_url or '<registration URL>'}"


def _transport_choice(sheet: Sheet, wanted: Transport) -> str:
    edit = "" if sheet.is_expressway else "Choose View/Edit beside the licensing transport settings. "
    if wanted.mode == Mode.DIRECT:
        return f"{edit}Set the transport to Direct and save."
    if wanted.mode == Mode.PROXY and wanted.proxy:
        return f"{edit}Set the transport to Proxy, host {wanted.proxy.host}, port {wanted.proxy.port}, and save."
    url = wanted.registration_url or "<registration URL>"
    return f"{edit}Set the transport to SSM On-Prem (older releases: Transport Gateway), address {url}, and save."


def _knows_satellite(version: str) -> bool:
    """Return whether it knows `ssm-satellite`: Unified CM 14SU4, 15SU2 and later of each.

    An unknown version counts as older, because the older word works in all.
    """
    numbers = version_numbers(version)
    if not numbers or numbers[0] < min(SATELLITE_SINCE):
        return False
    if numbers[0] > max(SATELLITE_SINCE):
        return True
    update = re.search(r"SU\s*(\d+)", version, re.IGNORECASE)
    return bool(update) and int(update[1]) >= SATELLITE_SINCE[numbers[0]] if update else False


def _smart_mode(sheet: Sheet) -> list[str]:
    """Return the step to Smart Licensing, a choice before X14.2.

    Only a factory reset undoes it (docs/domain.md#expressway-optional).
    """
    numbers = version_numbers(sheet.version)
    if numbers and numbers >= SMART_ONLY_SINCE:
        return []
    return [f"{EXPRESSWAY_PAGE}: switch to Smart Licensing. Only a factory reset leads back to option keys."]


def _each_node(sheet: Sheet) -> str:
    """Return the step to each node.

    Expressway peers register one by one, so a cluster can be half-way (docs/domain.md#cluster-status).
    """
    named = ", ".join(sheet.nodes) if sheet.nodes else "each node of the cluster"
    return f"On {named}, one after the other, open {EXPRESSWAY_PAGE}."
