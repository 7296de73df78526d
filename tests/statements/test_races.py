"""Two workers issue at the same time: numbers have no gap and none is given twice."""

import threading
from typing import Any

from django.db import connection
from django_tenants.utils import tenant_context

from licensing.statements import issuing
from licensing.statements.models import Statement
from people import audit
from tenants.models import Partner
from tests.statements.world import JUNE, World, make_world

EACH = 4


def issue_some(world: World, failures: list[Exception]) -> None:
    try:
        with tenant_context(Partner.objects.get(schema_name="acme")):
            for _ in range(EACH):
                issuing.issue(audit.SYSTEM, world.harbor, *JUNE)
    except Exception as error:
        failures.append(error)
    finally:
        connection.close()


def test_numbers_of_two_workers_have_no_gap(committed: None, in_partner: Any) -> None:
    with in_partner("acme"):
        world = make_world()
    failures: list[Exception] = []
    workers = [threading.Thread(target=issue_some, args=(world, failures)) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()

    assert failures == []
    with in_partner("acme"):
        assert sorted(Statement.objects.values_list("place", flat=True)) == list(range(1, 2 * EACH + 1))
