"""A task runs in its partner's schema or not at all."""

from collections.abc import Iterator
from typing import Any

import pytest
from celery import shared_task
from celery.result import EagerResult
from django.db import connection
from django_tenants.utils import schema_context, tenant_context

from people.models import AuditEntry
from tenants.models import Partner
from tenants.provisioning import suspend
from tenants.tasks import HEADER, PartnerTask, PartnerUnavailable, dispatch


@shared_task(base=PartnerTask)
def leave_a_mark(text: str) -> str:
    AuditEntry.objects.create(actor=text, action="marked", object_type="test", object_id="1", object_label=text)
    return str(connection.schema_name)


@pytest.fixture
def public(db: None) -> Iterator[None]:
    with schema_context("public"):
        yield


def run(headers: dict[str, str]) -> EagerResult:
    """As a worker does: the schema comes from the message, not from where the caller stands."""
    with schema_context("public"):
        return leave_a_mark.apply(args=["here"], headers=headers)


def marks(partner: Partner) -> list[str]:
    with tenant_context(partner):
        return list(AuditEntry.objects.values_list("actor", flat=True))


def test_task_runs_in_the_schema_that_its_message_names(acme: Partner, globex: Partner) -> None:
    result = run({HEADER: "globex"})

    assert result.get() == "globex"
    assert (marks(acme), marks(globex)) == ([], ["here"])
    assert connection.schema_name == "acme"


TASK = "tests.tenants.test_partner_tasks.leave_a_mark"


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        ("public", f"{TASK} names no partner, so it did not run."),
        ("nobody", f"{TASK} is for partner 'nobody', who is unknown, suspended or not ready."),
        ("provider", f"{TASK} is for partner 'provider', who is unknown, suspended or not ready."),
    ],
)
def test_task_for_no_or_an_unknown_partner_fails(acme: Partner, globex: Partner, header: str, reason: str) -> None:
    result = run({HEADER: header})

    assert isinstance(result.result, PartnerUnavailable)
    assert str(result.result) == reason
    assert (marks(acme), marks(globex)) == ([], [])


def test_task_for_a_suspended_partner_fails(acme: Partner, globex: Partner) -> None:
    suspend(globex, "unpaid")

    assert isinstance(run({HEADER: "globex"}).result, PartnerUnavailable)
    assert marks(globex) == []


def test_sending_from_outside_of_a_partner_is_refused(public: None) -> None:
    with pytest.raises(PartnerUnavailable):
        leave_a_mark.delay("here")


def test_every_task_of_ours_is_bound_to_partners_or_marked_public() -> None:
    from portal.celery import app

    app.loader.import_default_modules()
    ours = {name: task for name, task in app.tasks.items() if not name.startswith("celery.")}

    assert {name for name, task in ours.items() if not isinstance(task, PartnerTask)} == set()
    assert {name for name, task in ours.items() if task.public} == {dispatch.name}


def test_worker_process_fails_task_of_dropped_partner_and_touches_nothing(
    worker: Any, in_partner: Any, in_public: Any
) -> None:
    from portal.celery import app

    app.send_task("licensing.operations.tasks.evaluate_alerts", headers={HEADER: "dropped"})
    app.send_task("licensing.operations.tasks.evaluate_alerts", headers={})
    with in_public, connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public' AND tablename NOT LIKE 'tenants%'")
        assert cursor.fetchone() == (1,)  # django_migrations
