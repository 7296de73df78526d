"""A batch issues each customer's statement once, says why it did not, and goes on after a worker has died."""

from typing import Any

import pytest
from django.db import connection, connections

from kit.refusals import Refusal
from licensing.statements import batches, issuing
from licensing.statements.mails import scheduled
from licensing.statements.models import Statement, StatementBatch, StatementMail, StatementSchedule
from people import audit
from tenants.models import Partner
from tests import factories as make
from tests.statements.world import JUNE, World, make_world


@pytest.fixture
def world(acme: Partner) -> World:
    return make_world()


def outcomes(batch: StatementBatch) -> list[tuple[str, str, str]]:
    return list(batch.items.values_list("customer_name", "state", "message"))


def test_each_customer_has_a_statement_or_a_reason(world: World) -> None:
    make.make_customer(name="Idle")
    issuing.issue(world.actor, world.meadow, *JUNE)
    batch = batches.create(world.actor, *JUNE)
    batches.run(batch.pk)

    batch.refresh_from_db()
    assert batch.state == "done"
    assert outcomes(batch) == [
        ("Harbor", "issued", ""),
        ("Idle", "skipped", "The customer used and held no licenses."),
        ("Meadow", "skipped", "It was issued before."),
    ]
    assert list(Statement.objects.order_by("place").values_list("customer_name", flat=True)) == ["Meadow", "Harbor"]
    batches.run(batch.pk)
    assert Statement.objects.count() == 2


def test_failure_of_one_customer_leaves_the_others(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The database refuses one statement, as a broken row would make it."""
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE statements_statement ADD CONSTRAINT odd CHECK (customer_name <> 'Harbor')")
    batch = batches.create(world.actor, *JUNE)
    batches.run(batch.pk)

    assert outcomes(batch) == [
        ("Harbor", "failed", "The portal failed. The error has been logged."),
        ("Meadow", "issued", ""),
    ]
    assert Statement.objects.get().place == 1


def test_batch_goes_on_where_a_dead_worker_left_it(world: World) -> None:
    batch = batches.create(world.actor, *JUNE)
    first = batch.items.earliest("customer_name")
    with issuing.Desk(*JUNE) as desk:
        batches._settle(batch, first.pk, desk)
    StatementBatch.objects.filter(pk=batch.pk).update(state="running")
    batches.run(batch.pk)

    assert [row[1] for row in outcomes(batch)] == ["issued", "issued"]
    assert Statement.objects.count() == 2


def test_second_worker_leaves_a_batch_to_the_first(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "PATIENCE_SECONDS", 0)
    batch = batches.create(world.actor, *JUNE)
    other = connections.create_connection("default")
    with other.cursor() as cursor:
        cursor.execute("SET search_path = acme")
        cursor.execute(f"SELECT pg_advisory_lock({batches.LOCK.key('%s')})", [batch.pk])
    try:
        batches.run(batch.pk)
    finally:
        other.close()

    assert Statement.objects.count() == 0


def test_mails_go_to_the_recipients_of_schedules(world: World) -> None:
    row = StatementSchedule(customer=world.harbor, recipients=["a@harbor.example"])
    scheduled.save_schedule(audit.SYSTEM, row)
    batch = batches.create(world.actor, *JUNE, send_mails=True)
    batches.run(batch.pk)

    assert list(StatementMail.objects.values_list("recipient", flat=True)) == ["a@harbor.example"]
    assert outcomes(batch)[1] == ("Meadow", "issued", "It was not sent: the customer has no schedule with recipients.")


def test_refusals(world: World) -> None:
    with pytest.raises(Refusal, match="No customer has this tag"):
        batches.create(world.actor, *JUNE, tag="nobody")
    batch = batches.create(world.actor, *JUNE)
    with pytest.raises(Refusal, match="is not finished"):
        batches.create(world.actor, *JUNE)
    batches.cancel(world.actor, batch)
    batches.run(batch.pk)
    assert Statement.objects.count() == 0
    with pytest.raises(Refusal, match="is over"):
        batches.cancel(world.actor, batch)


def test_page_shows_progress_then_reloads(world: World, acme: Partner, client_of: Any) -> None:
    client = client_of(acme, "operator")
    answer = client.post("/statements/batches/add/", {"period_start": "2026-06-01", "period_end": "2026-06-30"})
    address = answer["Location"]
    batch = StatementBatch.objects.get()

    assert "Waiting for a worker" in client.get(address).content.decode()
    assert "0 of 2 customers done" in client.get(address, HTTP_HX_REQUEST="true").content.decode()
    batches.run(batch.pk)
    assert client.get(address, HTTP_HX_REQUEST="true")["HX-Refresh"] == "true"
    page = client.get(address).content.decode()
    assert "Harbor" in page
    assert "hx-get" not in page
    assert client_of(acme, "viewer").post(f"{address}cancel/").status_code == 403
