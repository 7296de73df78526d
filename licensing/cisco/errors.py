"""The two kinds of failure. Nothing else leaves the client."""


class CssmError(Exception):
    """What happened and why, in plain words (`message`), and what to do next (`next_step`). Holds no secret."""

    def __init__(self, message: str, next_step: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.next_step = next_step


class CssmUnavailable(CssmError):
    """No whole answer: time-out, connection, 429, 5xx, broken or shifted answer. Trying later may help.

    `retry_after`: seconds that the server asked for, where it did. `for_others`: the message without the server's own
    words, for other users of the server: the words may name an account.
    """

    def __init__(
        self, message: str, next_step: str = "", retry_after: float | None = None, for_others: str = ""
    ) -> None:
        super().__init__(message, next_step or "Nothing to do at once: the next sync tries again by itself.")
        self.retry_after = retry_after
        self.for_others = for_others or message


class CssmBusy(CssmUnavailable):
    """Over quota: the server is there, and wants fewer calls."""


class CssmRefused(CssmError):
    """Cisco's side said no. Trying again without a change does not help.

    `reason`: invalid_client, no_api_access, no_role, unknown_account, rejected or address_not_allowed.
    """

    def __init__(self, reason: str, message: str, next_step: str = "") -> None:
        super().__init__(message, next_step)
        self.reason = reason
