"""A forgotten password: one mail to who is known at this partner, none to anybody else, and the same answer to both."""

import re
import socket
from typing import Any

import pytest
from django.core import mail

from tenants.models import Partner

ASK = "/accounts/password/reset/"


def test_mail_names_partner_and_person_and_its_link_leads_on(acme: Partner, client_of: Any) -> None:
    Partner.objects.filter(pk=acme.pk).update(name="Acme & Sons")
    client = client_of(acme)

    client.post(ASK, {"email": "viewer@acme.example"})

    [sent] = mail.outbox
    assert (sent.to, sent.subject) == (
        ["viewer@acme.example"],
        "New password for the licensing portal of Acme & Sons",
    )
    assert "of viewer@acme.example at the licensing portal of Acme & Sons." in sent.body
    [link] = re.findall(r"http://acme\.localhost(/\S+)", sent.body)
    assert "Choose a new password" in client.get(link, follow=True).content.decode()


@pytest.mark.parametrize("address", ["nobody@acme.example", "viewer@acme.example"])
def test_address_unknown_at_this_partner_gets_no_mail_and_nobody_learns_it(
    acme: Partner, globex: Partner, client_of: Any, address: str
) -> None:
    unknown = client_of(globex).post(ASK, {"email": address}, follow=True)
    assert mail.outbox == []

    known = client_of(globex).post(ASK, {"email": "viewer@globex.example"}, follow=True)
    assert (len(mail.outbox), known.redirect_chain) == (1, unknown.redirect_chain)


def test_mail_server_that_is_down_tells_nobody_which_addresses_are_known(
    acme: Partner, client_of: Any, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    settings.EMAIL_BACKEND, settings.EMAIL_HOST = "django.core.mail.backends.smtp.EmailBackend", "127.0.0.1"
    with socket.socket() as bound:  # nobody listens there
        bound.bind(("127.0.0.1", 0))
        settings.EMAIL_PORT = bound.getsockname()[1]
        known, unknown = (
            client_of(acme).post(ASK, {"email": f"{name}@acme.example"}, follow=True) for name in ("viewer", "nobody")
        )

    assert (known.status_code, known.redirect_chain) == (200, unknown.redirect_chain)
    [record] = [record for record in caplog.records if record.name == "people.accounts"]
    assert "was not sent" in record.getMessage()
    assert "viewer@acme.example" not in caplog.text
