"""Celery tasks of statements: batches, mails, and what is due regularly."""

from celery import shared_task

from licensing.statements import batches
from licensing.statements.mails import scheduled, sending


@shared_task
def run_batch(batch_id: int) -> None:
    """Issue the statements of a batch. A message that comes twice finds it over, or leaves it to the other worker."""
    batches.run(batch_id)


@shared_task
def send_mails() -> None:
    """Send the statements that wait to be sent."""
    sending.send_due()


@shared_task
def tend() -> None:
    """Every 5 minutes: go on with batches of dead workers, issue what schedules ask for, send what is due."""
    batches.resume_lost()
    scheduled.issue_due()
    sending.send_due()
