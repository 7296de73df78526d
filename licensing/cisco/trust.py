"""By which authorities a server's certificate is checked."""

import ssl
from functools import lru_cache

import httpx2

from licensing.cisco.addresses import LICENSE_SERVER, Party
from licensing.cisco.errors import CssmRefused


def check_ca(ca_pem: str, party: Party = LICENSE_SERVER) -> None:
    """When it is entered: raise CssmRefused for what is no certificate, or more than that."""
    if "PRIVATE KEY" in ca_pem:
        step = "Upload the certificate alone, and keep the key where it is."
        raise CssmRefused("rejected", "This text holds a private key.", step)
    trusting(ca_pem, party)


def trusting(ca_pem: str, party: Party = LICENSE_SERVER) -> ssl.SSLContext:
    """These authorities, or where there are none the usual ones. Raises CssmRefused for what is no certificate."""
    try:
        return _context(ca_pem)
    except (ssl.SSLError, ValueError):
        step = "Upload the CA certificate as PEM text."
        raise CssmRefused("rejected", f"The CA certificate of {party.this} cannot be read.", step) from None


@lru_cache(maxsize=64)
def _context(ca_pem: str) -> ssl.SSLContext:
    """Reading the authorities takes longer than a page of Cisco's does. Remarks around the PEM are in any language."""
    if not ca_pem:
        return httpx2.create_ssl_context(trust_env=False)
    return ssl.create_default_context(cadata=ca_pem.encode("ascii", "replace").decode())
