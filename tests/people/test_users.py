"""Owners and their users: pages, roles, refusals, and what must never happen."""

from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.test import Client
from django_tenants.utils import tenant_context

from kit.refusals import Refusal
from people import audit
from people import users as verbs
from people.models import ApiToken, AuditEntry, Role, User
from tenants.models import Partner
from tests.conftest import PASSWORD

QUERIES = 7  # host (two schema switches around it), session, user, count, rows
NEW = {"email": "New@Person.example", "name": "New Person", "role": "operator", "password": ""}


def page(response: Any) -> str:
    return str(response.content.decode())


def test_owner_adds_user_with_a_made_password_shown_once(acme: Partner, client_of: Any) -> None:
    client = client_of(acme, "owner")

    response = client.post("/users/add/", NEW)

    user = User.objects.get(email="new@person.example")
    password = page(response).split('<code id="password">')[1].split("<")[0]
    assert response.status_code == 200
    assert response["Cache-Control"] == "max-age=0, no-cache, no-store, must-revalidate, private"
    assert user.check_password(password)
    assert password not in page(client.get(f"/users/{user.pk}/"))
    entry = AuditEntry.objects.get(action="added")
    assert (entry.actor, entry.object_label) == ("owner@acme.example", "New Person")
    assert password not in str(entry.changes)


def test_added_user_signs_in_at_this_partner_alone(acme: Partner, globex: Partner, client_of: Any) -> None:
    client_of(acme, "owner").post("/users/add/", {**NEW, "password": "a-long-pass-9"})

    sign_in = {"login": "new@person.example", "password": "a-long-pass-9"}
    assert client_of(acme).post("/accounts/login/", sign_in).status_code == 302
    assert client_of(globex).post("/accounts/login/", sign_in).status_code == 200
    with tenant_context(globex):
        assert not User.objects.filter(email="new@person.example").exists()


def test_failed_sign_ins_count_over_all_partners(acme: Partner, globex: Partner, client_of: Any, settings: Any) -> None:
    settings.FAILED_SIGN_INS = 3

    def signed_in(partner: Partner, password: str, address: str) -> bool:
        sign_in = {"login": f"viewer@{partner.schema_name}.example", "password": password}
        return bool(client_of(partner).post("/accounts/login/", sign_in, REMOTE_ADDR=address).status_code == 302)

    assert signed_in(globex, PASSWORD, "192.0.2.1")
    for partner in (acme, globex, acme):
        assert not signed_in(partner, "guessed", "192.0.2.1")

    assert not signed_in(globex, PASSWORD, "192.0.2.1")
    assert signed_in(globex, PASSWORD, "192.0.2.2")


def test_behind_a_proxy_addresses_are_those_it_names(acme: Partner, client_of: Any, settings: Any) -> None:
    settings.FAILED_SIGN_INS = 1
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = 1

    def sign_in(password: str, named: str) -> int:
        posted = {"login": "viewer@acme.example", "password": password}
        return int(client_of(acme).post("/accounts/login/", posted, HTTP_X_FORWARDED_FOR=named).status_code)

    assert sign_in("guessed", "198.51.100.7, 192.0.2.1") == 200
    assert sign_in(PASSWORD, "192.0.2.9, 192.0.2.1") == 200
    assert sign_in(PASSWORD, "192.0.2.1, 192.0.2.2") == 302


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ({"email": "OWNER@acme.example"}, "A user with this address exists already."),
        ({"email": "no address"}, "Enter a valid email address."),
        ({"role": "emperor"}, "Select a valid choice. emperor is not one of the available choices."),
        ({"password": "short"}, "This password is too short. It must contain at least 8 characters."),
    ],
)
def test_wrong_input_is_said_and_nothing_typed_is_lost(acme: Partner, client_of: Any, typed: Any, message: str) -> None:
    response = client_of(acme, "owner").post("/users/add/", {**NEW, **typed})

    assert response.status_code == 422
    assert message in page(response)
    assert 'value="New Person"' in page(response)
    assert User.objects.count() == 3


def test_address_of_deactivated_user_points_to_reactivation(
    acme: Partner, acme_users: dict[str, User], client_of: Any
) -> None:
    verbs.deactivate(audit.SYSTEM, acme_users["viewer"])

    response = client_of(acme, "owner").post("/users/add/", {**NEW, "email": "viewer@acme.example"})

    assert "The user is deactivated. Reactivate the user instead." in page(response)


def test_owner_changes_a_role(acme: Partner, acme_users: dict[str, User], client_of: Any) -> None:
    viewer = acme_users["viewer"]

    response = client_of(acme, "owner").post(
        f"/users/{viewer.pk}/edit/", {"email": viewer.email, "name": "Vera", "role": "operator"}
    )

    assert response["Location"] == f"/users/{viewer.pk}/"
    viewer.refresh_from_db()
    assert (viewer.role, viewer.name) == ("operator", "Vera")
    assert AuditEntry.objects.get().changes == {"name": ["", "Vera"], "role": ["viewer", "operator"]}


def test_own_role_and_own_deactivation_are_refused(acme: Partner, acme_users: dict[str, User], client_of: Any) -> None:
    owner, client = acme_users["owner"], client_of(acme, "owner")

    changed = client.post(f"/users/{owner.pk}/edit/", {"email": owner.email, "name": "Typed", "role": "viewer"})
    deactivated = client.post(f"/users/{owner.pk}/deactivate/")

    assert (changed.status_code, deactivated.status_code) == (409, 409)
    assert "You cannot change your own role. Ask another owner." in page(changed)
    assert 'value="Typed"' in page(changed)
    assert "You cannot deactivate yourself. Ask another owner." in page(deactivated)
    owner.refresh_from_db()
    assert (owner.role, owner.name, owner.is_active) == ("owner", "", True)
    assert AuditEntry.objects.count() == 0


def test_last_active_owner_stays(acme: Partner, acme_users: dict[str, User]) -> None:
    owner = acme_users["owner"]
    before = audit.snapshot(owner)

    with pytest.raises(Refusal, match="is the last active owner"):
        verbs.deactivate(audit.SYSTEM, owner)
    owner.role = Role.VIEWER
    with pytest.raises(Refusal, match="is the last active owner"):
        verbs.change(audit.SYSTEM, owner, before)

    assert User.objects.get(pk=owner.pk).role == Role.OWNER
    assert User.objects.get(pk=owner.pk).is_active


def test_deactivated_user_loses_session_and_tokens(acme: Partner, acme_users: dict[str, User], client_of: Any) -> None:
    viewer, session = acme_users["viewer"], client_of(acme, "viewer")
    ApiToken.issue(viewer, "export", "read")
    owner = client_of(acme, "owner")

    asked = page(owner.get(f"/users/{viewer.pk}/deactivate/"))
    done = owner.post(f"/users/{viewer.pk}/deactivate/")

    assert "1 API token will stop working." in asked
    assert done["Location"] == f"/users/{viewer.pk}/"
    assert session.get("/profile/").status_code == 302
    assert ApiToken.objects.get().state == "inactive"
    assert owner.post(f"/users/{viewer.pk}/reactivate/").status_code == 302
    assert ApiToken.objects.get().state == "active"
    assert list(AuditEntry.objects.values_list("action", flat=True)) == ["reactivated", "deactivated"]


def test_new_password_ends_sessions_and_is_not_in_the_audit(
    acme: Partner, acme_users: dict[str, User], client_of: Any
) -> None:
    viewer = acme_users["viewer"]
    session: Client = client_of(acme)
    session.post("/accounts/login/", {"login": viewer.email, "password": PASSWORD})

    response = client_of(acme, "owner").post(f"/users/{viewer.pk}/reset-password/", {"password": "a-long-pass-9"})

    assert response.status_code == 302
    assert session.get("/profile/").status_code == 302
    assert User.objects.get(pk=viewer.pk).check_password("a-long-pass-9")
    entry = AuditEntry.objects.get(action="reset password")
    assert (entry.object_label, entry.changes) == ("viewer@acme.example", {})


@pytest.mark.parametrize("role", ["operator", "viewer"])
@pytest.mark.parametrize(
    "path", ["", "add/", "{pk}/", "{pk}/edit/", "{pk}/deactivate/", "{pk}/reactivate/", "{pk}/reset-password/"]
)
def test_users_pages_are_the_owners(
    acme: Partner, acme_users: dict[str, User], client_of: Any, role: str, path: str
) -> None:
    client, address = client_of(acme, role), "/users/" + path.format(pk=acme_users["viewer"].pk)

    assert client.get(address).status_code == 403
    assert client.post(address, NEW).status_code == 403
    assert User.objects.count() == 3
    assert AuditEntry.objects.count() == 0


def test_users_list_searches_filters_and_needs_the_same_queries_for_more_rows(
    acme: Partner, client_of: Any, django_assert_num_queries: Any
) -> None:
    client = client_of(acme, "owner")
    client.get("/users/")

    with django_assert_num_queries(QUERIES):
        few = page(client.get("/users/?q=viewer&role=viewer&is_active=true"))
    with django_assert_num_queries(QUERIES):
        page(client.get("/users/"))

    assert "viewer@acme.example" in few
    assert f'<a href="/users/{User.objects.get(role="operator").pk}/">' not in few


def test_nobody_changes_the_own_address_past_the_owner_and_the_audit(
    acme: Partner, provider: Partner, client_of: Any
) -> None:
    for partner in (acme, provider):
        client = client_of(partner, "owner")

        assert client.get("/accounts/email/").status_code == 404
        assert client.post("/accounts/email/", {"action_add": "", "email": "other@person.example"}).status_code == 404


def test_two_factor_sign_in_asks_for_no_proof_of_the_address(acme: Partner, client_of: Any) -> None:
    client = client_of(acme, "owner")
    user = User.objects.get(email="owner@acme.example")
    EmailAddress.objects.create(user=user, email=user.email, verified=False, primary=True)
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})

    response = client.get("/accounts/2fa/totp/activate/")

    assert response.status_code == 200
    assert "Authenticator" in page(response)
