"""A worker is killed in the middle of a batch of statements: another goes on, and no customer has two or none."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from licensing.history.recording import record
from licensing.mirror.models import Subscription
from licensing.statements import batches
from licensing.statements.models import Statement, StatementBatch, StatementFile
from people import audit
from tests import factories as make
from tests.faults.conftest import Stack, kill_child, wait_for

CUSTOMERS = 60
TEND = "licensing.statements.tasks.tend"


@pytest.fixture
def batch(stack: Stack, django_db_blocker: Any) -> Iterator[StatementBatch]:
    """Yesterday's statements of 60 customers, each with a cluster in one virtual account."""
    yesterday = timezone.now() - timedelta(days=1)
    with django_db_blocker.unblock(), stack.partner():
        with connection.cursor() as cursor:
            cursor.execute("TRUNCATE accounts_licenseserver, fleet_customer CASCADE")
        account = make.make_smart_account()
        pool = make.make_virtual_account(smart_account=account)
        row = make.make_license(virtual_account=pool, name="License", quantity=CUSTOMERS)
        for number in range(CUSTOMERS):
            customer = make.make_customer(name=f"Customer {number:02}")
            cluster = make.make_cluster(customer=customer)
            make.make_instance({"License": 1}, virtual_account=pool, cluster=cluster)
            make.make_line(license=row, subscription_id=f"Sub{number}", quantity=1)
            Subscription.objects.create(smart_account=account, subscription_id=f"Sub{number}", customer=customer)
        record([account.pk], yesterday)
        yield batches.create(audit.SYSTEM, yesterday.date(), yesterday.date())


def issued() -> int:
    return Statement.objects.count()


def test_batch_of_a_killed_worker_goes_on(stack: Stack, batch: StatementBatch) -> None:
    worker = stack.start_worker()
    stack.send(batches.RUN_BATCH, batch.pk)
    wait_for(lambda: issued() >= 5)
    kill_child(worker)
    at_the_kill = issued()
    stack.send(TEND)
    wait_for(lambda: StatementBatch.objects.get(pk=batch.pk).state == "done")

    assert at_the_kill < CUSTOMERS
    assert set(batch.items.values_list("state", flat=True)) == {"issued"}
    assert sorted(Statement.objects.values_list("place", flat=True)) == list(range(1, CUSTOMERS + 1))
    assert Statement.objects.values("customer").distinct().count() == CUSTOMERS
    assert StatementFile.objects.count() == CUSTOMERS
    stack.end_workers()
