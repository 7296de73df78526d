"""Handing work to the workers."""

from collections.abc import Callable
from typing import Any

from kombu.exceptions import OperationalError as BrokerError
from redis.exceptions import RedisError


class BrokerUnavailable(Exception):
    """Work could not be queued: the broker does not answer. Nothing was left behind."""

    message = "Work cannot be queued at the moment: the message broker does not answer."
    next_step = "Try again in a minute. If it stays so, tell who runs this portal."

    def __str__(self) -> str:
        return f"{self.message} {self.next_step}"


def send(task: Any, *arguments: Any, undo: Callable[[], object] = lambda: None) -> None:
    """Raises BrokerUnavailable, after `undo`."""
    try:
        task.delay(*arguments)
    except (BrokerError, RedisError, OSError):
        undo()
        raise BrokerUnavailable from None
