"""Pages of statements: the list, one on screen, issuing and correcting one, by role."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from licensing.statements import issuing
from licensing.statements.models import Statement
from tenants.models import Partner
from tests.statements.world import ENHANCED, JUNE, World, make_world


@pytest.fixture
def world(acme: Partner) -> World:
    return make_world()


def test_operator_issues_and_corrects_and_the_pages_name_each_other(
    world: World, acme: Partner, client_of: Any
) -> None:
    client = client_of(acme, "operator")
    values = {"customer": world.harbor.pk, "period_start": "2026-06-01", "period_end": "2026-06-30"}
    answer = client.post("/statements/add/", values, follow=True)
    old = Statement.objects.get()
    page = answer.content.decode()
    assert f"Statement {old.number} for Harbor was issued." in page
    assert ENHANCED in page
    assert "June 2026" in page
    assert old.sha256 in page

    client.post(f"/statements/{old.pk}/correct/", {**values, "reason": "Matched late."})
    new = Statement.objects.exclude(pk=old.pk).get()
    assert f'Corrected by <a href="/statements/{new.pk}/">' in client.get(f"/statements/{old.pk}/").content.decode()
    assert f'Corrects <a href="/statements/{old.pk}/">' in client.get(f"/statements/{new.pk}/").content.decode()
    assert f"Corrected by {new.number}" in client.get("/statements/").content.decode()


def test_form_proposes_the_last_full_month_for_the_customer(world: World, acme: Partner, client_of: Any) -> None:
    page = client_of(acme, "operator").get(f"/statements/add/?customer={world.harbor.pk}").content.decode()

    assert "Issue a statement for Harbor" in page
    assert f'<option value="{world.harbor.pk}" selected>' in page


def test_refusal_stands_at_its_field(world: World, acme: Partner, client_of: Any) -> None:
    values = {"customer": world.harbor.pk, "period_start": "2026-05-01", "period_end": "2026-05-31"}
    answer = client_of(acme, "operator").post("/statements/add/", values)

    assert answer.status_code == 409
    assert "Nothing was recorded before 3 Jun 2026." in answer.content.decode()


def test_roles(world: World, acme: Partner, client_of: Any) -> None:
    made = issuing.issue(world.actor, world.harbor, *JUNE)
    viewer = client_of(acme, "viewer")
    reads = [
        "/statements/",
        f"/statements/{made.pk}/",
        *(f"/statements/{made.pk}/{one}/" for one in ("pdf", "csv", "txt")),
    ]
    writes = ["/statements/add/", *(f"/statements/{made.pk}/{one}/" for one in ("correct", "links/add"))]

    assert {viewer.get(address).status_code for address in reads} == {200}
    assert {viewer.get(address).status_code for address in writes} == {403}
    assert client_of(acme, "operator").get(writes[0]).status_code == 200


def test_list_asks_the_same_for_one_and_for_three(world: World, acme: Partner, client_of: Any) -> None:
    client, counts = client_of(acme, "viewer"), []
    client.get("/statements/")
    old = issuing.issue(world.actor, world.harbor, *JUNE)
    for more in (
        lambda: None,
        lambda: [issuing.correct(world.actor, old, *JUNE), issuing.issue(world.actor, world.meadow, *JUNE)],
    ):
        more()
        with CaptureQueriesContext(connection) as asked:
            client.get("/statements/")
        counts.append(len(asked))

    assert counts[0] == counts[1]


def test_service_inventory_of_the_partner(world: World, acme: Partner, client_of: Any) -> None:
    client = client_of(acme, "viewer")

    lines = client.get("/statements/service-inventory/?as_of=2026-06-30").content.decode().splitlines()
    assert f"Harbor|Harbor North|{ENHANCED}|130" in lines
    assert any(line.startswith("Operations@account.example|Direct|Sub-H|") for line in lines)
    assert len(lines) == 4
    assert client.get("/statements/service-inventory/?as_of=2026-06-02").status_code == 400
    assert client.get("/statements/service-inventory/?as_of=June").status_code == 400
    assert "|80" in client.get("/statements/service-inventory/?as_of=2026-06-03").content.decode()
