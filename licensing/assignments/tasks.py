"""Celery tasks that carry assignments out."""

from datetime import datetime

from celery import shared_task

from kit.broker import send_if_possible
from licensing.assignments import auto_registration, batches, schedules
from licensing.assignments.jobs import records, runner
from licensing.assignments.models import AssignmentBatch, AssignmentJob, AutoRegistration


@shared_task
def carry_out(job_id: int) -> None:
    """Carry out one assignment job as far as it goes without a person, then move its batch on. Twice is harmless."""
    job = AssignmentJob.objects.filter(pk=job_id).first()
    if job is not None:
        job = runner.run(job)
        if job.batch_id is not None:
            batches.advance(job.batch_id)


@shared_task
def advance_batch(batch_id: int) -> None:
    """Move a batch on. Runs by schedule from the start of its window until the batch is over."""
    batches.advance(batch_id)
    if not AssignmentBatch.objects.filter(pk=batch_id, state__in=AssignmentBatch.OPEN).exists():
        schedules.unplan_batch(batch_id)


@shared_task
def register_automatically(option_id: int) -> None:
    """Assign and register new clusters. Runs every 15 minutes while auto registration is on."""
    option = AutoRegistration.objects.select_related("smart_account__license_server").filter(pk=option_id).first()
    if option is None:
        schedules.unplan_auto_registration(option_id)
    else:
        auto_registration.run(option)


def send_again(long_ago: datetime) -> None:
    """Send jobs that have waited since `long_ago`, whose message may be lost, and jobs whose worker has died."""
    waiting = AssignmentJob.objects.filter(state=AssignmentJob.State.WAITING, moved_at__lt=long_ago)
    for number in [*waiting.values_list("pk", flat=True), *runner.lost()]:
        send_if_possible(records.CARRY_OUT, number)
