"""The one way in which a verb says no to a person."""

from collections.abc import Sequence


class Refusal(Exception):
    """What was asked cannot be done. `field` names the input at fault, "" where it is the whole.

    `blockers`: what stands in the way, a sentence each; `steps`: how to clear them, in order. Most refusals have none.
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
