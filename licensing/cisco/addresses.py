"""Decide which addresses the portal may call, and word the refusals.

Addresses use https unless the provider allows http. A name must not be, or resolve to, a loopback, link-local,
metadata, multicast or otherwise special address, unless an allowed network contains it. Private networks (RFC 1918) are
allowed for On-Prem servers, which stand there, and refused for the cloud.
"""

import ipaddress
import re
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from licensing.cisco.errors import CssmRefused, CssmUnavailable

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
# Addresses at which clouds tell secrets to every caller from inside, and which look ordinary: AWS and GCP by IPv6,
# Azure, Alibaba, Oracle. 169.254.169.254 is link-local.
METADATA = {
    ipaddress.ip_address(text)
    for text in ("fd00:ec2::254", "fd20:ce::254", "168.63.129.16", "100.100.100.200", "192.0.0.192")
}
# Site-local IPv6 (deprecated) and IPv4 inside IPv6 by NAT64. Python takes some of them for global addresses.
SPECIAL = [ipaddress.ip_network(text) for text in ("fec0::/10", "64:ff9b::/96", "64:ff9b:1::/48")]


@dataclass(frozen=True, slots=True)
class Party:
    """A party is the other end of a connection, in the words of a refusal.

    `many` and `this` name it in a sentence, `next_step` says what to enter instead. `shape` is the form of an address,
    and `how` says how to enter it. Without a shape, `check_address` decides alone.
    """

    many: str
    this: str
    next_step: str
    shape: re.Pattern[str] | None = None
    how: str = ""


LICENSE_SERVER = Party(
    "license servers",
    "this server",
    "Enter the address of a license server, or ask the provider to allow its network.",
    re.compile(r"https?://[^/@?#\\\s]+(/\S*)?"),
    "Enter it with https:// and the host name.",
)
CLUSTER = Party(
    "clusters",
    "this cluster",
    "Enter the publisher's address, or ask the provider to allow its network.",
    re.compile(r"https?://[^/@?#\\\s]+(/[^\s?#]*)?"),
    "Enter it as https://publisher:8443, without user name.",
)
WEBHOOK = Party("webhooks", "this webhook", "Enter another address, or ask the provider to allow its network.")
SERVICE = Party("services", "this service", "Enter another address, or ask the provider to allow its network.")


def check_address(
    url: str,
    party: Party = LICENSE_SERVER,
    *,
    allow_http: bool = False,
    allowed_networks: Sequence[str] = (),
    allow_private: bool = True,
) -> None:
    """Raise CssmRefused (address_not_allowed), or CssmUnavailable if the name does not resolve."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        raise _refusal(party, f"{url!r} is not a valid address.") from None
    if parts.scheme != "https" and not (allow_http and parts.scheme == "http"):
        raise _refusal(party, "The address must begin with https://.")
    if not host or parts.username or parts.password:
        raise _refusal(party, "The address must be https://host/path, without user name and password.")
    for address in resolve(host, port):
        _check_allowed(host, address, party, allowed_networks, allow_private)


def check_peer(
    host: str, peer: str, party: Party = LICENSE_SERVER, *, allowed_networks: Sequence[str], allow_private: bool
) -> None:
    """Check the real address of a connection: a name may resolve to another one between check and connect."""
    _check_allowed(host, ipaddress.ip_address(peer.partition("%")[0]), party, allowed_networks, allow_private)


def resolve(host: str, port: int) -> list[Address]:
    """Return every address of a name. Decimal and octal forms that the system accepts come out as addresses."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise CssmUnavailable(f"The name {host} does not resolve.", "Check the address for typing errors.") from None
    return [ipaddress.ip_address(str(item[4][0]).partition("%")[0]) for item in found]


def is_allowed(address: Address, allowed_networks: Sequence[str], allow_private: bool) -> bool:
    inner = getattr(address, "ipv4_mapped", None) or getattr(address, "sixtofour", None) or address
    if any(inner in ipaddress.ip_network(network, strict=False) for network in allowed_networks):
        return True
    if inner.is_loopback or inner.is_link_local or inner.is_multicast or inner.is_unspecified or inner.is_reserved:
        return False
    if inner in METADATA or any(inner in network for network in SPECIAL):
        return False
    return inner.is_global or (allow_private and _is_private_network(inner))


def _is_private_network(address: Address) -> bool:
    ranges = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")
    return any(address in ipaddress.ip_network(network) for network in ranges)


def _check_allowed(
    host: str, address: Address, party: Party, allowed_networks: Sequence[str], allow_private: bool
) -> None:
    if not is_allowed(address, allowed_networks, allow_private):
        raise _refusal(party, f"{host} leads to {address}, an address that {party.many} may not have here.")


def _refusal(party: Party, message: str) -> CssmRefused:
    return CssmRefused("address_not_allowed", message, party.next_step)
