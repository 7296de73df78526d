"""The one way in which a verb says no to a person."""


class Refusal(Exception):
    """What was asked cannot be done. `field` names the input at fault, "" where it is the whole."""

    def __init__(self, message: str, next_step: str = "", field: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.next_step = next_step
        self.field = field

    def __str__(self) -> str:
        return f"{self.message} {self.next_step}".strip()
