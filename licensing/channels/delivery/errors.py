"""The error that sending raises."""


class NotDelivered(Exception):
    """The other side did not take it. `message` says why, without secrets; `final` where trying again is useless."""

    def __init__(self, message: str, *, final: bool = False) -> None:
        super().__init__(message)
        self.message = message
        self.final = final
