"""Hand work to the workers.

Tasks are named by their import path, so a verb can start the task that calls it without importing it.
"""

import logging
from collections.abc import Callable
from typing import Any

from django.db import transaction
from django.utils.module_loading import import_string
from kombu.exceptions import OperationalError as BrokerError
from redis.exceptions import RedisError

log = logging.getLogger(__name__)


class BrokerUnavailable(Exception):
    """The broker does not answer, so work could not be queued. Nothing was left behind."""

    message = "Work cannot be queued at the moment: the message broker does not answer."
    next_step = "Try again in a minute. If it still fails, tell the people who run this portal."

    def __str__(self) -> str:
        return f"{self.message} {self.next_step}"


def send(task: str, *arguments: Any, undo: Callable[[], object] = lambda: None) -> None:
    """Queue the task of that import path once the rows it works on are committed; outside a transaction, now.

    Raises BrokerUnavailable, after `undo`. Inside a transaction the commit raises it, so catch it around the block.
    """
    transaction.on_commit(lambda: _queue(task, arguments, undo))


def send_if_possible(task: str, *arguments: Any) -> None:
    """Queue a task whose work also waits in a row, so that it can be sent later when the broker does not answer."""
    try:
        _queue(task, arguments)
    except BrokerUnavailable:
        log.warning("%s%r waits for the message broker.", task, arguments)


def send_on_commit(task: str, *arguments: Any) -> None:
    """Do what `send_if_possible` does once the transaction is committed, or a worker would not find the rows."""
    transaction.on_commit(lambda: send_if_possible(task, *arguments))


def _queue(task: str, arguments: tuple[Any, ...], undo: Callable[[], object] = lambda: None) -> None:
    try:
        import_string(task).delay(*arguments)
    except (BrokerError, RedisError, OSError):
        undo()
        raise BrokerUnavailable from None
