"""Anybody may check a statement, and read the one whose link they have: no more, and not for longer than it lasts."""

import hashlib
import io
import logging
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django_tenants.utils import tenant_context
from structlog.stdlib import ProcessorFormatter

from kit.refusals import Refusal
from licensing.statements import issuing, links
from licensing.statements.models import Statement, StatementFile, StatementLink
from tenants.models import Partner
from tests.statements.world import JUNE, World, make_world

UNKNOWN = "This is not a statement of"


@pytest.fixture
def world(acme: Partner) -> World:
    return make_world()


@pytest.fixture
def made(world: World) -> Statement:
    return issuing.issue(world.actor, world.harbor, *JUNE)


def check(client: Any, **values: Any) -> str:
    answer = client.post("/statements/verify/", values)
    assert answer.status_code == 200
    return str(answer.content.decode())


def test_number_and_digest_are_confirmed_without_the_customer(made: Statement, acme: Partner, client_of: Any) -> None:
    page = check(client_of(acme), number=made.number, sha256=made.sha256.upper())

    assert f"This is statement {made.number}, issued on" in page
    assert "It has not been changed" in page
    assert "Harbor" not in page


def test_wrong_number_wrong_digest_and_unknown_have_the_same_answer(
    made: Statement, acme: Partner, client_of: Any
) -> None:
    client = client_of(acme)
    wrong = [("2026-9999", made.sha256), (made.number, "0" * 64), ("x", "y")]
    answers = [check(client, number=number, sha256=digest) for number, digest in wrong]

    parts = {page[page.index('<div class="note') : page.index("<form")] for page in answers}
    assert len(parts) == 1
    assert UNKNOWN in parts.pop()


def test_pdf_is_confirmed_byte_for_byte(made: Statement, acme: Partner, client_of: Any) -> None:
    pdf = bytes(StatementFile.objects.get(statement=made).pdf)
    client = client_of(acme)

    assert "It has not been changed" in check(client, file=SimpleUploadedFile("a.pdf", pdf))
    assert UNKNOWN in check(client, file=SimpleUploadedFile("a.pdf", pdf + b" "))


def test_corrected_statement_is_confirmed_with_a_warning(
    made: Statement, world: World, acme: Partner, client_of: Any
) -> None:
    new = issuing.correct(world.actor, made, *JUNE)

    assert f"It was corrected by statement {new.number}" in check(
        client_of(acme), number=made.number, sha256=made.sha256
    )


def test_empty_form_names_what_is_missing(acme: Partner, client_of: Any) -> None:
    answer = client_of(acme).post("/statements/verify/")

    assert answer.status_code == 422
    assert "Enter number and SHA-256, or choose the PDF." in answer.content.decode()


def test_the_other_partner_knows_nothing(made: Statement, world: World, globex: Partner, client_of: Any) -> None:
    _, path = links.make(world.actor, made)

    assert UNKNOWN in check(client_of(globex), number=made.number, sha256=made.sha256)
    assert client_of(globex).get(path).status_code == 404


def test_link_shows_the_statement_and_its_files_until_it_expires(
    made: Statement, world: World, acme: Partner, client_of: Any
) -> None:
    link, path = links.make(world.actor, made, 7)
    client = client_of(acme)

    page = client.get(path)
    assert page.status_code == 200
    assert made.number in page.content.decode()
    assert (page["X-Robots-Tag"], page["Referrer-Policy"]) == ("noindex, nofollow", "no-referrer")
    assert "no-store" in page["Cache-Control"]
    assert hashlib.sha256(client.get(f"{path}pdf/").content).hexdigest() == made.sha256
    assert [client.get(f"{path}{kind}/").status_code for kind in ("csv", "xlsx", "json", "logo")] == [
        200,
        200,
        404,
        404,
    ]
    link.refresh_from_db()
    assert link.last_used_at
    for address in ("/statements/", f"/statements/{made.pk}/", f"/statements/{made.pk}/pdf/"):
        assert client.get(address).status_code == 302

    StatementLink.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert [client.get(address).status_code for address in (path, f"{path}pdf/")] == [404, 404]


def test_revoked_link_shows_nothing(made: Statement, world: World, acme: Partner, client_of: Any) -> None:
    link, path = links.make(world.actor, made)
    operator = client_of(acme, "operator")
    answer = operator.post(f"/statements/{made.pk}/links/{link.pk}/revoke/")

    assert answer.status_code == 302
    assert client_of(acme).get(path).status_code == 404


def test_secret_of_a_link_is_nowhere_but_in_its_address(
    made: Statement, world: World, acme: Partner, client_of: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    operator = client_of(acme, "operator")
    page = operator.post(f"/statements/{made.pk}/links/add/", {"expires_after_days": 3}).content.decode()
    secret = page.split("/statements/shared/")[1].split("/")[0]
    log = io.StringIO()
    for handler in logging.getLogger().handlers:
        if isinstance(handler.formatter, ProcessorFormatter):
            monkeypatch.setattr(handler, "stream", log)
    with CaptureQueriesContext(connection) as asked:
        client_of(acme).get(f"/statements/shared/{secret}/")
        client_of(acme).get(f"/statements/shared/{secret}x/")

    assert "/statements/shared/…/" in log.getvalue()
    assert secret not in log.getvalue()
    assert StatementLink.objects.get().digest == hashlib.sha256(secret.encode()).hexdigest()
    assert secret not in operator.get(f"/statements/{made.pk}/").content.decode()
    assert secret not in operator.get("/audit/").content.decode()
    assert not any(secret in query["sql"] for query in asked)


@pytest.mark.parametrize("days", [0, 366])
def test_links_last_a_day_to_a_year(made: Statement, world: World, days: int) -> None:
    with pytest.raises(Refusal, match="1 to 365 days"):
        links.make(world.actor, made, days)


def test_globex_link_does_not_open_at_acme(acme: Partner, globex: Partner, client_of: Any) -> None:
    with tenant_context(globex):
        theirs = make_world("their ")
        _, path = links.make(theirs.actor, issuing.issue(theirs.actor, theirs.harbor, *JUNE))

    assert client_of(globex).get(path).status_code == 200
    assert client_of(acme).get(path).status_code == 404
