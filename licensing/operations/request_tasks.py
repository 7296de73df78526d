"""The Celery task that carries out requests to Cisco, and the one way to start one."""

from typing import Any

from celery import shared_task

from kit.broker import send
from licensing.operations import requests
from licensing.operations.requests import Action, CiscoRequest
from people.models import User


@shared_task
def carry_out(key: str, action: str, arguments: dict[str, Any]) -> None:
    """Carry out one request. A message that comes twice finds its request over: nothing is sent twice."""
    requests.carry_out(key, action, arguments)


def start(user: User, action: Action, **arguments: Any) -> CiscoRequest:
    """Check the arguments and hand the request to a worker. Raises Refusal and BrokerUnavailable."""
    action.check(**arguments)
    asked = requests.open_request(user, action)
    send(carry_out, asked.key, action.name, action.pack(arguments), undo=lambda: requests.forget(asked))
    return asked
