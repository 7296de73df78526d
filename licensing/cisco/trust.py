"""Choose the authorities that check a server's certificate."""

import ssl
from functools import lru_cache

import httpx2

from licensing.cisco.addresses import LICENSE_SERVER, Party
from licensing.cisco.errors import CssmRefused


def check_ca(ca_pem: str, party: Party = LICENSE_SERVER) -> None:
    """Check a certificate that a user enters. Raises CssmRefused if it cannot be read, or if it holds a private key."""
    if "PRIVATE KEY" in ca_pem:
        step = "Enter the certificate without the key."
        raise CssmRefused("rejected", "This text contains a private key.", step)
    trust_context(ca_pem, party)


def trust_context(ca_pem: str, party: Party = LICENSE_SERVER) -> ssl.SSLContext:
    """Return the TLS context for these authorities, or for the usual ones if there are none. Raises CssmRefused."""
    try:
        return _context(ca_pem)
    except (ssl.SSLError, ValueError):
        step = "Enter the CA certificate as PEM text."
        raise CssmRefused("rejected", f"The CA certificate of {party.this} cannot be read.", step) from None


@lru_cache(maxsize=64)
def _context(ca_pem: str) -> ssl.SSLContext:
    """Create a context, and cache it: reading authorities takes longer than a page of Cisco's.

    Remarks around the PEM may be in any language.
    """
    if not ca_pem:
        return httpx2.create_ssl_context(trust_env=False)
    return ssl.create_default_context(cadata=ca_pem.encode("ascii", "replace").decode())
