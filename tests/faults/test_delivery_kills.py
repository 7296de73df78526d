"""A worker that is killed while it delivers: the next one sends the same bytes under the same id, and only those."""

import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from licensing.channels.delivery import collecting
from licensing.channels.models import Delivery, DeliveryAttempt
from tests import factories as make
from tests.faults.conftest import Stack, kill_child, wait_for
from tests.receivers import Receiver, web_server


@pytest.fixture
def told(stack: Stack, django_db_blocker: Any) -> Iterator[tuple[Receiver, Delivery]]:
    with django_db_blocker.unblock(), stack.partner(), web_server() as receiver:
        with connection.cursor() as cursor:
            cursor.execute("TRUNCATE channels_channel, alerts_alert CASCADE")
        make.make_channel(url=receiver.url)
        make.make_event()
        collecting.collect("http://acme.localhost")
        yield receiver, Delivery.objects.get()


def test_worker_killed_while_the_receiver_thinks(stack: Stack, told: tuple[Receiver, Delivery]) -> None:
    receiver, delivery = told
    receiver.delay = 20.0
    worker = stack.start_worker()
    stack.send("licensing.channels.tasks.deliver")
    wait_for(lambda: receiver.calls)
    kill_child(worker)  # the receiver has it; nobody has written down that it has
    stack.end_workers()
    receiver.delay = 0.0
    assert DeliveryAttempt.objects.get().outcome == ""
    Delivery.objects.update(claimed_until=timezone.now())  # as five minutes later

    stack.start_worker("two")
    stack.send("licensing.channels.tasks.deliver")
    wait_for(lambda: Delivery.objects.filter(state="sent"))
    stack.send("licensing.channels.tasks.deliver")
    time.sleep(1)

    assert receiver.ids() == [str(delivery.uuid)] * 2
    assert len({body for _, body in receiver.calls}) == 1
    assert list(DeliveryAttempt.objects.values_list("outcome", flat=True)) == ["", "sent"]
    stack.end_workers()
