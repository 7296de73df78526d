"""Refuse an action: every verb says no to people in this one way."""

from collections.abc import Callable, Sequence

from django.core.exceptions import ValidationError
from django.db.models import Model


class Refusal(Exception):
    """The portal refuses an action. `field` names the input at fault, "" for the request as a whole.

    `blockers` say what stands in the way, a sentence each; `steps` clear them, in order. Most refusals have none.
    """

    def __init__(
        self,
        message: str,
        next_step: str = "",
        field: str = "",
        blockers: Sequence[str] = (),
        steps: Sequence[str] = (),
    ) -> None:
        super().__init__(message)
        self.message = message
        self.next_step = next_step
        self.field = field
        self.blockers = list(blockers)
        self.steps = list(steps)

    def __str__(self) -> str:
        return f"{self.message} {self.next_step}".strip()


def check_row(row: Model, *, prefix: str = "", whole: str = "", constraints: bool = True) -> None:
    """Refuse a row that its own model does not accept.

    The refusal carries the first message of the model and names the field at fault, with `prefix` before it. A message
    about no single field names the field `whole`. `constraints` False leaves out those of the table.
    """
    try:
        row.full_clean(validate_constraints=constraints)
    except ValidationError as error:
        name, messages = next(iter(error.message_dict.items()))
        raise Refusal(" ".join(messages), "", whole if name == "__all__" else prefix + name) from None


def check_value(validator: Callable[[str], None], value: str, what: str, field: str) -> None:
    """Refuse a value that the validator does not accept. `what`: what the value cannot be, for example "a proxy"."""
    try:
        validator(value)
    except ValidationError as error:
        raise Refusal(f"{value!r} cannot be {what}.", " ".join(error.messages), field) from None
