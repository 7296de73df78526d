"""Pages for when something is not there, not allowed or broken."""

from typing import Any

import pytest
from django.db import connection
from django.template.loader import get_template
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from django.views.defaults import server_error

from tenants.models import Partner
from tenants.provisioning import suspend

NAVIGATION = 'aria-label="Main"'


def body(response: Any) -> str:
    return str(response.content.decode())


def test_unknown_page_keeps_the_navigation_for_who_is_signed_in(acme: Partner, client_of: Any) -> None:
    mine, nobodys = client_of(acme, "viewer").get("/nowhere/"), client_of(acme).get("/nowhere/")

    assert (mine.status_code, nobodys.status_code) == (404, 404)
    assert "There is nothing here" in body(mine)
    assert "There is nothing here" in body(nobodys)
    assert (NAVIGATION in body(mine), NAVIGATION in body(nobodys)) == (True, False)


def test_unknown_page_speaks_of_gone_rows_only_where_there_are_lists(
    acme: Partner, provider: Partner, client_of: Any
) -> None:
    hint = "Rows that Cisco no longer lists are kept"
    clients = [client_of(acme, "viewer"), client_of(acme), client_of(provider, "owner")]

    assert [hint in body(client.get("/nowhere/")) for client in clients] == [True, False, False]


def test_unknown_row_is_not_found(acme: Partner, client_of: Any) -> None:
    for path in ("licenses", "virtual-accounts", "product-instances", "sync-runs"):
        assert client_of(acme, "viewer").get(f"/{path}/99999999999999999999/").status_code == 404


def test_forbidden_page_says_why_and_who_can_help(acme: Partner, client_of: Any) -> None:
    response = client_of(acme, "viewer").get("/license-servers/add/")

    assert response.status_code == 403
    assert "An owner of your organisation can change roles." in body(response)
    assert NAVIGATION in body(response)


def test_expired_form_says_that_nothing_was_changed(acme: Partner) -> None:
    client = Client(enforce_csrf_checks=True, SERVER_NAME="acme.localhost")

    response = client.post("/accounts/login/", {"login": "owner@acme.example", "password": "x"})

    assert response.status_code == 403
    assert "Nothing was changed" in body(response)


def test_what_comes_too_often_is_told_to_wait(acme: Partner, globex: Partner, client_of: Any) -> None:
    client, asked = client_of(acme), {"email": "nobody@acme.example"}
    answers = [client.post("/accounts/password/reset/", asked) for _ in range(6)]

    assert [answer.status_code for answer in answers] == [302] * 5 + [429]
    assert "Wait a minute, then go back and try again." in body(answers[-1])
    assert client_of(globex).post("/accounts/password/reset/", asked).status_code == 302


def test_failed_sign_ins_say_what_to_do(acme: Partner, client_of: Any) -> None:
    client, wrong = client_of(acme), {"login": "owner@acme.example", "password": "wrong"}
    said = [body(client.post("/accounts/login/", wrong)) for _ in range(6)]

    assert "Email or password is wrong." in said[0]
    assert "Too many failed sign-ins. Wait ten minutes, then try again." in said[-1]


def test_broken_page_needs_neither_database_nor_context(acme: Partner) -> None:
    with CaptureQueriesContext(connection) as queries:
        response = server_error(RequestFactory().get("/"))

    assert (response.status_code, len(queries)) == (500, 0)
    assert "Something broke on our side" in body(response)
    assert body(response) == get_template("500.html").template.source.strip() + "\n"


def test_suspended_partners_page_reads_nothing_of_its_schema(acme: Partner, globex: Partner, client_of: Any) -> None:
    client = client_of(globex, "owner")
    suspend(globex, "a secret reason")

    with CaptureQueriesContext(connection) as queries:
        response = client.get("/")

    assert response.status_code == 403
    assert "Globex is suspended" in body(response)
    assert "a secret reason" not in body(response)
    assert [query["sql"] for query in queries if "session" in query["sql"] or "people_user" in query["sql"]] == []


def test_partner_that_is_not_ready_says_come_back(acme: Partner, globex: Partner, client_of: Any) -> None:
    Partner.objects.filter(pk=globex.pk).update(ready=False)

    response = client_of(globex).get("/")

    assert response.status_code == 503
    assert "is being set up" in body(response)


@pytest.mark.parametrize("host", ["nobody.localhost", "suspended"])
def test_the_look_is_served_where_no_partner_is(acme: Partner, globex: Partner, host: str) -> None:
    if host == "suspended":
        suspend(globex, "unpaid")
        host = "globex.localhost"

    response = Client().get("/static/portal.css", headers={"host": host})

    assert (response.status_code, response["Content-Type"]) == (200, 'text/css; charset="utf-8"')


def test_unknown_host_names_itself_escaped_and_nothing_else(db: None) -> None:
    response = Client().get("/", headers={"host": "nobody.localhost"})

    assert response.status_code == 404
    assert "Nothing is reached under <code>nobody.localhost</code>" in body(response)
    assert NAVIGATION not in body(response)


def test_page_allows_no_inline_script_and_no_other_host(acme: Partner, client_of: Any) -> None:
    response = client_of(acme, "owner").get("/licenses/")
    answer = body(response)

    assert "default-src 'none'; script-src 'self'; style-src 'self'" in response["Content-Security-Policy"]
    for forbidden in (" style=", " onclick=", "<style", "http://", "https://", "javascript:"):
        assert forbidden not in answer, forbidden
    assert answer.count("<script ") == answer.count("<script src=") == 3
