"""Decide how a cluster reaches Cisco, and which addresses an On-Prem server has.

Pure: no database, no clock, no network.

Sources: (docs/domain.md#transport, docs/domain.md#on-prem-servers). The rules for Expressway are Cisco's own:

| application | proxy set on | mode |
|---|---|---|
| any, registered with an On-Prem server | (not used) | on_prem |
| Expressway-E | cluster (customer or not) | proxy |
| Expressway-E | customer only | direct |
| Expressway-C, and all others | cluster or customer | proxy, the cluster's own first |
| any | nowhere | direct |
"""

import ipaddress
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from urllib.parse import urlsplit

EXPRESSWAY_E = "expressway_e"
EXPRESSWAYS = ("expressway_c", EXPRESSWAY_E)

API_PORT = 8443  # pages, API and tokens of an On-Prem server; products register on 443
SMART_TRANSPORT = "/SmartTransport"
TRANSPORT_GATEWAY = "/Transportgateway/services/DeviceRequestHandler"
SMART_TRANSPORT_SINCE = 7  # On-Prem
HCMF_SMART_TRANSPORT_SINCE = (12, 5, 2)  # HCM-F 12.5SU2

FULLY_USABLE_SINCE = (7, 2)  # On-Prem (docs/domain.md#F6)
INSTANCE_LIMITS: dict[int, int] = {}  # product instances per On-Prem version, where it differs from the default
INSTANCE_LIMIT = 10_000  # Figures of later versions are not public (docs/domain.md#F4).
NEARLY_FULL = 0.8
SYNC_ADVISED = timedelta(days=30)  # between an On-Prem server and Cisco
SYNC_DEADLINE = timedelta(days=90)  # then Cisco removes the server

_HOST = re.compile(r"(?P<name>\[[0-9a-f:.]+\]|\w[\w.-]*?)\.?(?::\d{1,5})?")


def is_expressway(application: str) -> bool:
    """Return whether each node of this application registers by itself, and none has a license mode."""
    return application in EXPRESSWAYS


class Mode(StrEnum):
    DIRECT = "direct"
    PROXY = "proxy"
    ON_PREM = "on_prem"


class Rule(StrEnum):
    ON_PREM_SERVER = "on_prem_server"
    CLUSTER_PROXY = "cluster_proxy"
    CUSTOMER_PROXY = "customer_proxy"
    CUSTOMER_PROXY_NOT_FOR_EXPRESSWAY_E = "customer_proxy_not_for_expressway_e"
    NO_PROXY = "no_proxy"


# Pages show these words.
MODE_WORDS = {Mode.PROXY: "Proxy", Mode.DIRECT: "Direct", Mode.ON_PREM: "On-Prem"}
RULE_WORDS = {
    Rule.ON_PREM_SERVER: "On-Prem server",
    Rule.CLUSTER_PROXY: "Cluster's own proxy",
    Rule.CUSTOMER_PROXY: "Customer's proxy",
    Rule.CUSTOMER_PROXY_NOT_FOR_EXPRESSWAY_E: "Customer's proxy, not for Expressway-E",
    Rule.NO_PROXY: "No proxy",
}


class WarningKind(StrEnum):
    VERSION_UNKNOWN = "version_unknown"
    VERSION_TOO_OLD = "version_too_old"
    URL_DOES_NOT_FIT_VERSION = "url_does_not_fit_version"
    ON_PREM_NAME_DIFFERS = "on_prem_name_differs"
    COMMON_NAME_DIFFERS = "common_name_differs"
    FQDN_NEEDED = "fqdn_needed"
    NEARLY_FULL = "nearly_full"
    SYNC_OVERDUE = "sync_overdue"  # older than 30 days
    SYNC_EXPIRED = "sync_expired"  # older than 90 days
    OFFLINE = "offline"


@dataclass(frozen=True)
class ProxyFacts:
    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


@dataclass(frozen=True)
class Proxies:
    """The proxies that a cluster can use: its own and its customer's."""

    cluster: ProxyFacts | None = None
    customer: ProxyFacts | None = None

    def swapped(self) -> "Proxies":
        return Proxies(cluster=self.customer, customer=self.cluster)


NO_PROXIES = Proxies()


@dataclass(frozen=True)
class ClusterFacts:
    application: str  # cucm, cuc, cer, expressway_c, expressway_e

    @property
    def is_expressway(self) -> bool:
        return is_expressway(self.application)


@dataclass(frozen=True)
class ServerFacts:
    """An On-Prem server. Values that are empty or None are not known and give rise to no warning."""

    name: str
    version: str = ""
    fqdn: str = ""
    ip: str = ""
    hcmf_version: str = ""  # empty: no HCM-F is in use
    recorded_url: str = ""  # the registration URL as it is set in HCM-F or in the products
    on_prem_name: str = ""  # "SSM On-Prem Name" on its Network page
    common_name: str = ""  # "Host common name" on its Security page
    product_instances: int | None = None
    instance_limit: int | None = None  # None: the one of its version
    last_synced_at: datetime | None = None  # with Cisco
    offline: bool = False

    @classmethod
    def at(cls, name: str, api_base_url: str, version: str = "", hcmf_version: str = "") -> "ServerFacts":
        """Return the facts that the address of its API reveals."""
        host = _host_of(api_base_url)
        fqdn, ip = ("", host) if is_ip(host) else (host, "")
        return cls(name, version, fqdn, ip, hcmf_version)

    @property
    def registration_url(self) -> str:
        return registration_url(self.version, self.fqdn, self.ip, self.hcmf_version)

    @property
    def url_host(self) -> str:
        """Return the host that products register with: from the recorded URL, or else from the expected one."""
        return _host_of(self.recorded_url or self.registration_url)


@dataclass(frozen=True)
class Transport:
    """The way a cluster reaches Cisco, and the reason. `registration_url` is set for On-Prem only."""

    mode: Mode
    rule: Rule
    why: str
    registration_url: str | None = None
    proxy: ProxyFacts | None = None


@dataclass(frozen=True)
class ServerWarning:
    kind: WarningKind
    message: str
    next_step: str


def resolve(cluster: ClusterFacts, proxies: Proxies = NO_PROXIES, server: ServerFacts | None = None) -> Transport:
    """Return how a cluster reaches Cisco. `server` is its On-Prem server, None for the cloud."""
    if server is not None:
        return _on_prem(cluster, server)
    if proxies.cluster:
        why = f"The cluster's own proxy {proxies.cluster} is set."
        return Transport(Mode.PROXY, Rule.CLUSTER_PROXY, why, proxy=proxies.cluster)
    if proxies.customer:
        return _customer_proxy(cluster, proxies.customer)
    why = "No proxy is set on the cluster or on its customer. Cisco recommends a proxy."
    return Transport(Mode.DIRECT, Rule.NO_PROXY, why)


def if_proxy_moved(cluster: ClusterFacts, proxies: Proxies, server: ServerFacts | None = None) -> Transport:
    """Return the transport after customer and cluster have swapped their proxies."""
    return resolve(cluster, proxies.swapped(), server)


def _customer_proxy(cluster: ClusterFacts, proxy: ProxyFacts) -> Transport:
    if cluster.application == EXPRESSWAY_E:
        why = f"Expressway-E does not use the customer's proxy {proxy}. Set the proxy on the cluster to use one."
        return Transport(Mode.DIRECT, Rule.CUSTOMER_PROXY_NOT_FOR_EXPRESSWAY_E, why)
    why = f"The customer's proxy {proxy} is set, and the cluster has none of its own."
    return Transport(Mode.PROXY, Rule.CUSTOMER_PROXY, why, proxy=proxy)


def _on_prem(cluster: ClusterFacts, server: ServerFacts) -> Transport:
    """Return the transport over a server.

    Expressway needs the server's name, also in the URL of version 6 (docs/domain.md#F8).
    """
    why = f"The cluster registers with the On-Prem server {server.name}."
    if cluster.is_expressway:
        server = replace(server, ip="")
    url = server.registration_url
    if not url:
        why += " Its registration URL is not known yet: enter the server's fully qualified host name."
    return Transport(Mode.ON_PREM, Rule.ON_PREM_SERVER, why, url or None)


def registration_url(version: str, fqdn: str = "", ip: str = "", hcmf_version: str = "") -> str:
    """Return where products register with an On-Prem server (docs/domain.md#F19); "" where no host is known.

    The older path takes the address and falls back on the name, which it takes too (docs/domain.md#F23). Smart
    Transport takes the name, and the address only for want of one: `server_warnings` then says so. An unknown version
    counts as the newest.
    """
    if uses_smart_transport(version, hcmf_version):
        host, path = fqdn or ip, SMART_TRANSPORT
    else:
        host, path = ip or fqdn, TRANSPORT_GATEWAY
    return f"https://{url_host(host)}{path}" if host else ""


def token_url(host: str) -> str:
    """Return where API clients of an On-Prem server get a token (docs/domain.md#F23). A port in `host` is left out."""
    return f"https://{url_host(host)}:{API_PORT}/backend/oauth/token"


def uses_smart_transport(version: str, hcmf_version: str = "") -> bool:
    """Return whether products use Smart Transport.

    On-Prem 6: no; 7: unless HCM-F is older than 12.5SU2; 8 and later: yes.
    """
    major = next(iter(version_numbers(version)), None)
    if major is None or major > SMART_TRANSPORT_SINCE:
        return True
    hcmf = hcmf_numbers(hcmf_version)
    return major == SMART_TRANSPORT_SINCE and (hcmf is None or hcmf >= HCMF_SMART_TRANSPORT_SINCE)


def version_numbers(version: str) -> tuple[int, ...]:
    """Return a version's numbers: `7.2.1` -> (7, 2, 1); `8-202404`, `8 Release 202404` -> (8,); unknown -> ()."""
    found = re.search(r"\d+(?:\.\d+)*", version)
    return tuple(int(number) for number in found[0].split(".")) if found else ()


def hcmf_numbers(version: str) -> tuple[int, int, int] | None:
    """Return release and service update; None for an unknown version.

    `12.5SU2`, `12.5(1)SU2` and `12.5.1 SU 2` -> (12, 5, 2).
    """
    release = re.search(r"(\d+)(?:\.(\d+))?", version)
    if release is None:
        return None
    update = re.search(r"SU\s*(\d+)", version, re.IGNORECASE)
    return int(release[1]), int(release[2] or 0), int(update[1]) if update else 0


def url_host(host: str) -> str:
    """A host as it stands in a URL: lower case, without port, an IPv6 address in brackets."""
    text = host.strip().lower()
    if is_ip(text):
        return f"[{text}]" if ":" in text else text
    found = _HOST.fullmatch(text)
    if not found or (found["name"].startswith("[") and not is_ip(found["name"][1:-1])):
        raise ValueError(f"{host!r} is not a host. Give a name or an address alone, for example onprem.example.")
    return found["name"]


def _host_of(url: str) -> str:
    try:
        return (urlsplit(url).hostname or "").rstrip(".")
    except ValueError:  # brackets that do not close
        return ""


def is_ip(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def instance_limit(version: str) -> int:
    """Return how many product instances an On-Prem server of this version carries."""
    return INSTANCE_LIMITS.get(next(iter(version_numbers(version)), 0), INSTANCE_LIMIT)


def server_warnings(server: ServerFacts, now: datetime, has_expressways: bool = False) -> tuple[ServerWarning, ...]:
    """Return what is or soon will be wrong with a server. `has_expressways`: some register with it."""
    return (
        *_version_warnings(server),
        *_url_warnings(server),
        *_name_warnings(server),
        *_address_warnings(server, has_expressways),
        *_capacity_warnings(server),
        *_sync_warnings(server, now),
    )


def _version_warnings(server: ServerFacts) -> Iterator[ServerWarning]:
    """Warn of a version that is old or not known.

    No source says which dated releases of 7 (`7-202001`) are 7.2 or later, so they are not judged.
    """
    numbers = version_numbers(server.version)
    if not numbers or server.version.strip() == "7":
        yield ServerWarning(
            WarningKind.VERSION_UNKNOWN,
            f"The exact version of {server.name} is not known, so its URL and functions cannot be judged.",
            "Enter the version as the server shows it, for example 7.2 or 8-202404.",
        )
    elif numbers != (7,) and numbers < FULLY_USABLE_SINCE:
        yield ServerWarning(
            WarningKind.VERSION_TOO_OLD,
            f"{server.name} has version {server.version}. Some functions need 7.2 or later.",
            "Upgrade the server, then set the registration URL again.",
        )


def _url_warnings(server: ServerFacts) -> Iterator[ServerWarning]:
    """Warn of a URL that does not fit the version. People change it after each upgrade (docs/domain.md#F22)."""
    if not server.recorded_url or not version_numbers(server.version):
        return
    smart = uses_smart_transport(server.version, server.hcmf_version)
    expected = SMART_TRANSPORT if smart else TRANSPORT_GATEWAY
    if not server.recorded_url.rstrip("/").lower().endswith(expected.lower()):
        yield ServerWarning(
            WarningKind.URL_DOES_NOT_FIT_VERSION,
            f"The registration URL {server.recorded_url} does not fit version {server.version}.",
            f"Change it to {server.registration_url or expected} in HCM-F and in the clusters.",
        )


def _name_warnings(server: ServerFacts) -> Iterator[ServerWarning]:
    """Warn of names that differ from the host of the registration URL (docs/domain.md#F17, docs/domain.md#F18)."""
    names = (
        (WarningKind.ON_PREM_NAME_DIFFERS, "SSM On-Prem Name", "Network", server.on_prem_name),
        (WarningKind.COMMON_NAME_DIFFERS, "Host common name", "Security", server.common_name),
    )
    for kind, label, page, name in names:
        if name and server.url_host and name.strip().rstrip(".").lower() != server.url_host:
            yield ServerWarning(
                kind,
                f"{label} is {name}, but the registration URL names {server.url_host}.",
                f"Make them equal: on the server, under {page}, or in the registration URL.",
            )


def _address_warnings(server: ServerFacts, has_expressways: bool) -> Iterator[ServerWarning]:
    needed = has_expressways or uses_smart_transport(server.version, server.hcmf_version)
    if needed and is_ip(server.url_host):
        who = "Expressway needs" if has_expressways else "Smart Transport needs"
        yield ServerWarning(
            WarningKind.FQDN_NEEDED,
            f"The registration URL names the address {server.url_host}. {who} the server's host name.",
            "Enter the fully qualified host name and make sure that the clusters resolve it.",
        )


def _capacity_warnings(server: ServerFacts) -> Iterator[ServerWarning]:
    limit = server.instance_limit or instance_limit(server.version)
    if server.product_instances is not None and server.product_instances > NEARLY_FULL * limit:
        yield ServerWarning(
            WarningKind.NEARLY_FULL,
            f"{server.name} has {server.product_instances} of at most {limit} product instances.",
            "Remove instances that are gone, or plan another server.",
        )


def _sync_warnings(server: ServerFacts, now: datetime) -> Iterator[ServerWarning]:
    if server.offline:
        yield ServerWarning(
            WarningKind.OFFLINE,
            f"{server.name} is not connected to Cisco. Its numbers change only when files are exchanged.",
            "Connect it, as Cisco recommends, or note why it must stay offline.",
        )
    if server.last_synced_at is None or now - server.last_synced_at <= SYNC_ADVISED:
        return
    days = (now - server.last_synced_at).days
    expired = now - server.last_synced_at > SYNC_DEADLINE
    consequence = (
        "Cisco removes servers after 90 days." if expired else "Cisco advises at most 30, and removes it after 90."
    )
    yield ServerWarning(
        WarningKind.SYNC_EXPIRED if expired else WarningKind.SYNC_OVERDUE,
        f"{server.name} last synchronized with Cisco {days} days ago. {consequence}",
        "Start a full synchronization on the server" + (" by exchanging files." if server.offline else "."),
    )
