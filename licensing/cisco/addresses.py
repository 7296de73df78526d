"""Which addresses of license servers are allowed.

https only unless the provider allows http; no loopback, link-local, metadata, multicast or otherwise special
address, of the name or of anything it resolves to, unless one of the allowed networks contains it. Private networks
(RFC 1918) are where On-Prem servers stand: allowed for them, refused for the cloud.
"""

import ipaddress
import socket
from collections.abc import Sequence
from urllib.parse import urlsplit

from licensing.cisco.errors import CssmRefused, CssmUnavailable

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
# Addresses at which clouds tell secrets to whoever asks from inside, and which look like ordinary ones: AWS and GCP by
# IPv6, Azure, Alibaba, Oracle. 169.254.169.254 is link-local.
METADATA = {
    ipaddress.ip_address(text)
    for text in ("fd00:ec2::254", "fd20:ce::254", "168.63.129.16", "100.100.100.200", "192.0.0.192")
}
# Site-local IPv6 (deprecated), IPv4 inside IPv6 by NAT64: Python takes some of them for global ones.
SPECIAL = [ipaddress.ip_network(text) for text in ("fec0::/10", "64:ff9b::/96", "64:ff9b:1::/48")]
NEXT_STEP = "Enter the address of a license server, or ask the provider to allow its network."


def check_address(
    url: str, *, allow_http: bool = False, allowed_networks: Sequence[str] = (), allow_private: bool = True
) -> None:
    """Raise CssmRefused (address_not_allowed) or, where the name does not resolve, CssmUnavailable."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        raise _refused(f"{url!r} is not an address.") from None
    if parts.scheme != "https" and not (allow_http and parts.scheme == "http"):
        raise _refused("The address must begin with https://.")
    if not host or parts.username or parts.password:
        raise _refused("The address must be https://host/path, without user name and password.")
    for address in resolve(host, port):
        if not is_allowed(address, allowed_networks, allow_private):
            raise _refused(f"{host} leads to {address}, an address that license servers may not have here.")


def check_peer(host: str, peer: str, *, allowed_networks: Sequence[str], allow_private: bool) -> None:
    """The address that a connection really has: a name may change what it resolves to between check and connect."""
    address = ipaddress.ip_address(peer.partition("%")[0])
    if not is_allowed(address, allowed_networks, allow_private):
        raise _refused(f"{host} leads to {address}, an address that license servers may not have here.")


def resolve(host: str, port: int) -> list[Address]:
    """Every address of a name; number forms that the system accepts (decimal, octal) come out as what they mean."""
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


def _refused(message: str) -> CssmRefused:
    return CssmRefused("address_not_allowed", message, NEXT_STEP)
