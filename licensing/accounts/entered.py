"""Check what people enter about the other end of a connection: its address and its CA certificate.

The rules stand in licensing.cisco; here a broken rule becomes a Refusal that names the field.
"""

from django.conf import settings

from kit.refusals import Refusal
from licensing.cisco import addresses, trust
from licensing.cisco.addresses import Party
from licensing.cisco.errors import CssmRefused, CssmUnavailable


def check_address(
    url: str, party: Party, field: str, *, allow_private: bool = True, must_resolve: bool = False
) -> None:
    """Refuse an address that every connection would refuse.

    A name that does not resolve yet passes, unless `must_resolve` is set.
    """
    if party.shape and not party.shape.fullmatch(url):
        raise Refusal("This is not a valid address.", party.how, field)
    try:
        addresses.check_address(
            url,
            party,
            allow_http=settings.ALLOW_HTTP,
            allowed_networks=settings.ALLOWED_NETWORKS,
            allow_private=allow_private,
        )
    except CssmRefused as error:
        raise Refusal(error.message, error.next_step, field) from None
    except CssmUnavailable as error:
        if must_resolve:
            raise Refusal(error.message, error.next_step, field) from None


def check_ca(ca_certificate: str, party: Party) -> None:
    """Refuse a text that holds no readable certificate, or a private key."""
    try:
        trust.check_ca(ca_certificate, party)
    except CssmRefused as error:
        raise Refusal(error.message, error.next_step, "ca_certificate") from None
