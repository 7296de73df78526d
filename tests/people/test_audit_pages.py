"""The audit page and the own profile."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from people import audit
from people.models import AuditEntry, User
from tenants.models import Partner
from tests import factories as make
from tests.conftest import PASSWORD
from tests.people.test_users import QUERIES, page


@pytest.mark.parametrize("role", ["owner", "operator", "viewer"])
def test_everyone_reads_who_did_what_with_old_and_new(
    acme: Partner, acme_users: dict[str, User], client_of: Any, role: str
) -> None:
    server = make.make_server(name="Old name", client_secret="old-hidden")
    before = audit.snapshot(server)
    server.name, server.client_secret = "New name", "new-hidden"
    server.save()
    audit.record(audit.Actor(acme_users["owner"], "owner@acme.example"), "changed", server, before=before)

    shown = page(client_of(acme, role).get("/audit/"))

    assert "name: Old name → New name" in shown
    assert "client secret: •••••• → ••••••" in shown
    assert "hidden" not in shown.replace("visually-hidden", "").replace("aria-hidden", "").replace('type="hidden"', "")
    assert f'<a href="/license-servers/{server.pk}/">New name</a>' in shown


def test_values_are_said_as_people_read_them_and_stay_plain_in_the_csv(acme: Partner, client_of: Any) -> None:
    changes = {
        "finished_at": [None, "2026-11-24T14:07:40.496333+00:00"],
        "after": [{}, {"source": {"in_use": 690}, "target": {"in_use": 5}}],
        "steps": [[], ["96 × A", "4 × B"]],
        "paused": [False, True],
        "name": ["12345678910T", "2026-13-99Tea"],
    }
    AuditEntry.objects.create(
        actor="x", action="executed", object_type="transferplan", object_id="7", object_label="Plan", changes=changes
    )
    client = client_of(acme, "viewer")

    shown = page(client.get("/audit/"))

    assert "<div>finished at: 24 Nov 2026, 14:07 UTC</div>" in shown
    assert "<div>after: source in use 690, target in use 5</div>" in shown
    assert "<div>steps: 96 × A, 4 × B</div>" in shown
    assert "<div>paused: no → yes</div>" in shown
    assert "<div>name: 12345678910T → 2026-13-99Tea</div>" in shown
    assert '<a href="/transfer-plans/7/">Plan</a>' in shown
    assert "2026-11-24T14:07:40.496333+00:00" in page(client.get("/audit/", {"format": "csv"}))


def test_audit_leads_people_to_pages_that_they_may_see(acme: Partner, client_of: Any) -> None:
    for kind in ("channel", "user", "customer"):
        AuditEntry.objects.create(actor="x", action="changed", object_type=kind, object_id="1", object_label=kind)

    def linked(role: str) -> list[bool]:
        shown = page(client_of(acme, role).get("/audit/"))
        return [f'<a href="/{place}/1/">' in shown for place in ("channels", "users", "customers")]

    assert (linked("owner"), linked("viewer")) == ([True] * 3, [False, False, True])


def test_audit_is_searched_and_filtered(acme: Partner, client_of: Any) -> None:
    now = timezone.now()
    rows = [
        ("anna", "added", "user", "1", 0),
        ("bert", "deleted", "customer", "2", 40),
        ("anna", "made", "customer", "3", 0),
    ]
    for actor, action, kind, number, days in rows:
        AuditEntry.objects.create(
            at=now - timedelta(days=days),
            actor=f"{actor}@acme.example",
            action=action,
            object_type=kind,
            object_id=number,
            object_label=f"row {number}",
        )
    client = client_of(acme, "viewer")

    def found(query: str) -> list[str]:
        shown = page(client.get(f"/audit/?{query}"))
        return [number for number in "123" if f"row {number}" in shown]

    assert found("") == ["1", "2", "3"]
    assert found("q=anna") == ["1", "3"]
    assert found("object_type=customer") == ["2", "3"]
    assert found("object_type=customer&object_id=3") == ["3"]
    assert found(f"until={(now - timedelta(days=30)).date()}") == ["2"]
    assert found(f"since={(now - timedelta(days=30)).date()}") == ["1", "3"]
    assert found("since=nonsense") == []
    assert '<a href="/customers/2/">' not in page(client.get("/audit/"))


@pytest.mark.parametrize("rows", [1, 3])
def test_audit_needs_the_same_queries_for_more_rows(
    acme: Partner, client_of: Any, django_assert_num_queries: Any, rows: int
) -> None:
    for number in range(rows):
        AuditEntry.objects.create(
            actor="x", action="y", object_type="customer", object_id="1", object_label=f"n{number}"
        )
    client = client_of(acme, "viewer")
    client.get("/audit/")

    with django_assert_num_queries(QUERIES):
        assert page(client.get("/audit/")).count('<a href="/customers/1/">') == rows


@pytest.mark.parametrize("role", ["owner", "operator", "viewer"])
def test_everyone_changes_the_own_name_and_nothing_else(
    acme: Partner, acme_users: dict[str, User], client_of: Any, role: str
) -> None:
    client = client_of(acme, role)

    response = client.post("/profile/", {"name": "Robin", "role": "owner", "email": "x@y.example"})

    user = User.objects.get(pk=acme_users[role].pk)
    assert response["Location"] == "/profile/"
    assert (user.name, user.role, user.email) == ("Robin", role, f"{role}@acme.example")
    assert AuditEntry.objects.get().changes == {"name": ["", "Robin"]}


def test_everyone_changes_the_own_password(acme: Partner, acme_users: dict[str, User], client_of: Any) -> None:
    client = client_of(acme)
    client.post("/accounts/login/", {"login": "viewer@acme.example", "password": PASSWORD})

    response = client.post(
        "/accounts/password/change/",
        {"oldpassword": PASSWORD, "password1": "another-pass-7", "password2": "another-pass-7"},
    )

    assert response["Location"] == "/profile/"
    assert User.objects.get(pk=acme_users["viewer"].pk).check_password("another-pass-7")
    assert client.get("/profile/").status_code == 200
    assert [entry.action for entry in AuditEntry.objects.all()] == ["changed password"]


def test_empty_list_says_why_and_a_search_without_matches_how_to_clear_it(acme: Partner, client_of: Any) -> None:
    client = client_of(acme, "viewer")

    assert "No entries yet" in page(client.get("/audit/"))
    assert "Clear search and filters" in page(client.get("/audit/?q=nobody"))
