"""Celery tasks that deliver, and `tell`, which starts them after an evaluation."""

from uuid import UUID

from celery import shared_task

from kit.broker import send_on_commit
from licensing.channels.delivery import collecting, sending
from tenants.addresses import base_address

DELIVER = "licensing.channels.tasks.deliver"


@shared_task
def deliver() -> None:
    """Every 5 minutes, and at once after an evaluation that found something."""
    base_url = base_address()
    collecting.collect(base_url)
    sending.send_due(base_url)


@shared_task
def deliver_message(message: str) -> None:
    """One message now: a test, or what a person sends again."""
    sending.send_due(base_address(), UUID(message))


def tell() -> None:
    """Deliver at once what an evaluation has found; where the broker does not answer, the next run does."""
    if collecting.anything_new():
        send_on_commit(DELIVER)
