"""What the database itself refuses about assignment jobs and batches, and which jobs an alert is about."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone
from django_tenants.utils import tenant_context

from licensing.assignments.models import AssignmentBatch, AssignmentJob
from tenants.models import Partner
from tests import factories as make

HOUR = timedelta(hours=1)


@pytest.mark.parametrize("state", ["waiting", "running", "by_hand", "verifying", "failed"])
def test_cluster_has_one_open_job(acme: Partner, globex: Partner, state: str) -> None:
    first = make.make_assignment_job(state=state)

    with pytest.raises(IntegrityError, match="one_open_assignment_job_per_cluster"), transaction.atomic():
        AssignmentJob.objects.create(kind="unassign", cluster=first.cluster, virtual_account=first.virtual_account)
    with tenant_context(globex):
        assert AssignmentJob.objects.count() == 0


@pytest.mark.parametrize("state", ["done", "cancelled"])
def test_ended_jobs_make_room(acme: Partner, state: str) -> None:
    first = make.make_assignment_job(state=state)

    AssignmentJob.objects.create(kind="unassign", cluster=first.cluster, virtual_account=first.virtual_account)

    assert [job.kind for job in AssignmentJob.objects.open()] == ["unassign"]


def test_job_has_one_stage_under_way(acme: Partner) -> None:
    job = make.make_assignment_job(stages={"verification": "running"})

    with pytest.raises(IntegrityError, match="one_stage_under_way_per_job"), transaction.atomic():
        job.stages.filter(kind="transport").update(state="by_hand")


@pytest.mark.parametrize(
    ("values", "constraint"),
    [
        ({"window_end": timezone.now() - HOUR}, "batch_window_ends_after_start"),
        ({"at_once": 0}, "batch_does_one_at_once_at_least"),
        ({"state": "running"}, "batch_runs_when_approved"),
    ],
)
def test_batches_that_cannot_be(acme: Partner, values: dict[str, Any], constraint: str) -> None:
    now = timezone.now()
    window = {"window_start": now, "window_end": now + HOUR, "virtual_account": make.make_virtual_account()}

    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        AssignmentBatch.objects.create(**{"name": "Night", **window, **values})


@pytest.mark.parametrize(
    ("state", "hours", "found"),
    [
        ("failed", 0, True),
        ("running", 0, False),
        ("running", 2, True),
        ("waiting", 2, True),
        ("by_hand", 2, False),
        ("by_hand", 49, True),
        ("verifying", 47, False),
        ("verifying", 49, True),
        ("done", 99, False),
    ],
)
def test_failed_and_stuck_jobs(acme: Partner, state: str, hours: int, found: bool) -> None:
    now = timezone.now()
    make.make_assignment_job(state=state, moved_at=now - hours * HOUR)

    assert AssignmentJob.objects.failed_or_stuck(now).exists() is found
