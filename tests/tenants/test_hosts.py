"""The host name decides the partner; whatever is not exactly a partner's host gets nothing."""

from typing import Any

import pytest
from django.contrib.contenttypes.models import ContentType
from django.test import Client
from django_tenants.utils import tenant_context

from people.models import User
from tenants.models import Partner
from tenants.provisioning import resume, suspend


@pytest.mark.parametrize("host", ["acme.localhost", "ACME.localhost", "acme.localhost.", "acme.localhost:8000"])
def test_every_spelling_of_a_partners_host_reaches_it(acme: Partner, host: str) -> None:
    response = Client().get("/accounts/login/", headers={"host": host})

    assert response.status_code == 200
    assert response.wsgi_request.tenant.schema_name == "acme"


@pytest.mark.parametrize(
    "host", ["nobody.localhost", "acme.localhost.evil.example", "acme", "acme.localhost@evil.example"]
)
def test_unknown_host_gets_404_and_no_partner(acme: Partner, host: str) -> None:
    response = Client().get("/", headers={"host": host})

    assert response.status_code in {400, 404}
    assert b"acme" not in response.content.lower().replace(host.encode(), b"")


def test_unknown_host_answers_rest_with_a_problem(db: None) -> None:
    response = Client().get("/api/v1/licenses/", headers={"host": "nobody.localhost"})

    assert (response.status_code, response["Content-Type"]) == (404, "application/problem+json")


def test_forwarded_host_is_not_believed(acme: Partner, globex: Partner) -> None:
    response = Client().get(
        "/accounts/login/", headers={"host": "acme.localhost", "x-forwarded-host": "globex.localhost"}
    )

    assert response.wsgi_request.tenant.schema_name == "acme"


def test_suspended_partner_gets_its_page_and_rest_a_problem_until_resumed(
    acme: Partner, globex: Partner, client_of: Any, api_of: Any
) -> None:
    page, rest = client_of(globex, "owner"), api_of(globex)
    suspend(globex, "unpaid")

    assert (page.get("/").status_code, rest.get("/api/v1/licenses/").status_code) == (403, 403)
    assert rest.get("/api/v1/licenses/")["Content-Type"] == "application/problem+json"
    assert client_of(acme, "owner").get("/").status_code == 200

    resume(globex)
    assert page.get("/").status_code == 200


def test_session_of_one_partner_is_unknown_to_the_other(acme: Partner, globex: Partner, client_of: Any) -> None:
    mine = client_of(acme, "owner")
    theirs = client_of(globex)
    theirs.cookies = mine.cookies

    assert mine.get("/").status_code == 200
    assert theirs.get("/").status_code == 302


def test_same_email_and_password_at_both_partners_are_two_people(
    acme: Partner, globex: Partner, client_of: Any
) -> None:
    for partner in (acme, globex):
        with tenant_context(partner):
            User.objects.create_user("same@person.example", "same-pass-1", role="viewer", name=partner.name)
    client = client_of(acme)

    client.post("/accounts/login/", {"login": "same@person.example", "password": "same-pass-1"})

    assert client.get("/").wsgi_request.user.name == "Acme"
    other = client_of(globex)
    other.cookies = client.cookies
    assert other.get("/").status_code == 302


def test_content_types_are_each_schemas_own(acme: Partner, globex: Partner) -> None:
    from tenants.content_types import forget_content_types

    with tenant_context(globex):
        ContentType.objects.filter(app_label="people", model="user").update(model="user_before")
        moved = ContentType.objects.create(app_label="people", model="user")
        forget_content_types("globex")
    with tenant_context(acme):
        of_acme = ContentType.objects.get_for_model(User).pk
    with tenant_context(globex):
        assert ContentType.objects.get_for_model(User).pk == moved.pk
    with tenant_context(acme):
        assert ContentType.objects.get_for_model(User).pk == of_acme != moved.pk
    forget_content_types("globex")
