"""Delivery as work in the background: the tasks, and what callers need to start them."""

from uuid import UUID

from celery import shared_task

from kit.broker import BrokerUnavailable, send
from licensing.channels import channels
from licensing.channels.delivery import collecting, sending
from licensing.channels.models import Channel, Delivery
from people.audit import Actor
from tenants.addresses import base_address


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
        try:
            send(deliver)
        except BrokerUnavailable:
            return


def start_channel_test(actor: Actor, channel: Channel) -> UUID:
    """Send a test message now; the value finds its deliveries. Raises Refusal and BrokerUnavailable."""
    rows = channels.test(actor, channel, base_address())
    message = rows[0].message
    send(deliver_message, str(message), undo=lambda: Delivery.objects.filter(message=message).delete())
    return message


def start_sending_again(actor: Actor, delivery: Delivery) -> None:
    """Where the broker does not answer, the next delivery run sends it. Raises Refusal."""
    channels.send_again(actor, delivery)
    try:
        send(deliver_message, str(delivery.message))
    except BrokerUnavailable:
        return
