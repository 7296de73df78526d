"""What a verb raises when a rule forbids it. Pages and REST show it; nothing has changed."""


class Refusal(Exception):
    """`message`: what is refused and why; `next_step`: what to do; `field`: the input it is about, "" for the whole."""

    def __init__(self, message: str, next_step: str = "", field: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.next_step = next_step
        self.field = field

    def __str__(self) -> str:
        return f"{self.message} {self.next_step}".strip()
