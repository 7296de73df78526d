"""Keys of programs: made and revoked by owners, seen by their users, shown once."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from django_tenants.utils import tenant_context

from people.models import ApiToken, AuditEntry, User
from tenants.models import Partner
from tests.people.test_users import QUERIES, page


def make_tokens(users: dict[str, User]) -> None:
    ApiToken.issue(users["owner"], "billing export", "write")
    ApiToken.issue(users["viewer"], "wall display", "read")


def test_token_is_shown_once_and_works(acme: Partner, acme_users: dict[str, User], client_of: Any) -> None:
    client, owner = client_of(acme, "owner"), acme_users["owner"]

    response = client.post("/api-tokens/add/", {"user": owner.pk, "name": "billing", "scope": "write", "ends_in": "30"})

    text = page(response).split('<code id="token">')[1].split("<")[0]
    token = ApiToken.objects.get()
    assert response.status_code == 200
    assert token.digest == ApiToken.digest_of(text)
    assert timedelta(days=29) < token.expires_at - timezone.now() < timedelta(days=31)
    assert text not in page(client.get("/api-tokens/")) + page(client.get("/audit/"))
    assert AuditEntry.objects.get().changes == {"scope": ["", "write"], "user": ["", "owner@acme.example"]}


def test_viewers_token_is_for_reading(acme: Partner, acme_users: dict[str, User], client_of: Any) -> None:
    asked = {"user": acme_users["viewer"].pk, "name": "wall display", "scope": "write", "ends_in": ""}

    response = client_of(acme, "owner").post("/api-tokens/add/", asked)

    assert response.status_code == 409
    assert "is a viewer and cannot change anything. Choose the scope “Read”." in page(response)
    assert 'value="wall display"' in page(response)
    assert ApiToken.objects.count() == AuditEntry.objects.count() == 0


def test_everyone_sees_the_own_tokens_and_owners_all(
    acme: Partner, acme_users: dict[str, User], client_of: Any
) -> None:
    make_tokens(acme_users)

    of_owner, of_viewer, of_operator = (
        page(client_of(acme, role).get("/api-tokens/")) for role in ("owner", "viewer", "operator")
    )

    assert [name in of_owner for name in ("billing export", "wall display", "/revoke/")] == [True, True, True]
    assert [name in of_viewer for name in ("billing export", "wall display", "/revoke/")] == [False, True, False]
    assert [name in of_operator for name in ("billing export", "wall display", "/revoke/")] == [False, False, False]
    assert "wall display" in page(client_of(acme, "viewer").get("/profile/"))


def test_owner_revokes_a_token(acme: Partner, acme_users: dict[str, User], client_of: Any) -> None:
    make_tokens(acme_users)
    client, token = client_of(acme, "owner"), ApiToken.objects.get(name="wall display")

    asked = client.get(f"/api-tokens/{token.pk}/revoke/")
    assert ApiToken.objects.get(pk=token.pk).state == "active"
    done = [client.post(f"/api-tokens/{token.pk}/revoke/").status_code for _ in range(2)]

    assert "Revoke wall display?" in page(asked)
    assert done == [302, 302]
    assert ApiToken.objects.get(pk=token.pk).state == "revoked"
    assert AuditEntry.objects.filter(action="revoked").count() == 1


@pytest.mark.parametrize("role", ["operator", "viewer"])
def test_others_neither_make_nor_revoke_tokens(
    acme: Partner, acme_users: dict[str, User], client_of: Any, role: str
) -> None:
    token, _ = ApiToken.issue(acme_users[role], "own", "read")
    client = client_of(acme, role)

    made = client.post("/api-tokens/add/", {"user": acme_users[role].pk, "name": "x", "scope": "read"})
    revoked = client.post(f"/api-tokens/{token.pk}/revoke/")

    assert (made.status_code, revoked.status_code) == (403, 403)
    assert [row.state for row in ApiToken.objects.all()] == ["active"]


def test_the_others_token_is_not_found_here(
    acme: Partner, globex: Partner, globex_users: dict[str, User], client_of: Any
) -> None:
    with tenant_context(globex):
        token, _ = ApiToken.issue(globex_users["owner"], "globex key", "write")
        ApiToken.objects.filter(pk=token.pk).update(id=90_001)
    client = client_of(acme, "owner")

    assert client.post("/api-tokens/90001/revoke/").status_code == 404
    assert "globex key" not in page(client.get("/api-tokens/"))
    with tenant_context(globex):
        assert ApiToken.objects.get(id=90_001).state == "active"


@pytest.mark.parametrize("rows", [1, 3])
def test_token_list_needs_the_same_queries_for_more_rows(
    acme: Partner, acme_users: dict[str, User], client_of: Any, django_assert_num_queries: Any, rows: int
) -> None:
    for number in range(rows):
        ApiToken.issue(acme_users["viewer"], f"key {number}", "read")
    client = client_of(acme, "owner")
    client.get("/api-tokens/")

    with django_assert_num_queries(QUERIES):
        shown = page(client.get("/api-tokens/"))

    assert shown.count("/revoke/") == rows


def test_token_states_are_told_and_filtered(acme: Partner, acme_users: dict[str, User], client_of: Any) -> None:
    for state, change in {
        "revoked": {"revoked_at": timezone.now()},
        "expired": {"expires_at": timezone.now() - timedelta(days=1)},
        "active": {"expires_at": timezone.now() + timedelta(days=1)},
        "inactive": {"user": acme_users["operator"]},
    }.items():
        token, _ = ApiToken.issue(acme_users["owner"], f"key {state}", "read")
        ApiToken.objects.filter(pk=token.pk).update(**change)
    User.objects.filter(pk=acme_users["operator"].pk).update(is_active=False)
    client = client_of(acme, "owner")

    states = ("revoked", "expired", "active", "inactive")
    assert [token.state for token in ApiToken.objects.order_by("pk")] == list(states)
    for state in states:
        shown = page(client.get(f"/api-tokens/?state={state}"))
        assert [name for name in states if f"key {name}" in shown] == [state]
