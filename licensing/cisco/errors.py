"""Define the two kinds of failure that the client raises. It raises nothing else."""


class CssmError(Exception):
    """A call failed. `message` says what happened and why, `next_step` what to do; neither holds a secret."""

    def __init__(self, message: str, next_step: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.next_step = next_step


class CssmUnavailable(CssmError):
    """Cisco's side gave no complete answer: time-out, connection, 429, 5xx, broken answer. Retrying may help.

    `retry_after`: the seconds that the server asked for, if it did. `for_others`: the message for other users of the
    server, without the server's words, which may name an account.
    """

    def __init__(
        self, message: str, next_step: str = "", retry_after: float | None = None, for_others: str = ""
    ) -> None:
        super().__init__(message, next_step or "Nothing to do now. The next sync tries again.")
        self.retry_after = retry_after
        self.for_others = for_others or message


class CssmBusy(CssmUnavailable):
    """The server answers, and asks for fewer calls."""


class CssmRefused(CssmError):
    """Cisco's side refused the call. Retrying without a change does not help.

    `reason`: invalid_client, no_api_access, no_role, unknown_account, rejected or address_not_allowed.
    """

    def __init__(self, reason: str, message: str, next_step: str = "") -> None:
        super().__init__(message, next_step)
        self.reason = reason
