"""Work that an action of the admin hands to a worker."""

from collections.abc import Callable
from typing import Any

from kit.broker import BrokerUnavailable
from kit.refusals import Refusal


def start(begin: Callable[..., Any], *arguments: Any) -> None:
    """Call `begin`, and refuse where the work cannot be queued: the action then says so of each row."""
    try:
        begin(*arguments)
    except BrokerUnavailable as error:
        raise Refusal(error.message, error.next_step) from None
