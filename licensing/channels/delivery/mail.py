"""Mails: text and HTML, the same bytes at every attempt but for what servers on the way add."""

import smtplib
from email.message import Message as Mime
from email.utils import format_datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import EmailMessage, EmailMultiAlternatives, get_connection
from django.core.mail.backends.console import EmailBackend as Console
from django.core.mail.backends.smtp import EmailBackend as Smtp
from django.core.signing import BadSignature, Signer
from django.urls import reverse

from licensing.channels.delivery.errors import NotDelivered
from licensing.channels.models import Delivery

SALT = "licensing.notify.unsubscribe"


def unsubscribe_url(base_url: str, channel_uuid: Any, recipient: str) -> str:
    """A link that needs no sign-in: whoever has the mail may end it. It holds no time and does not run out."""
    return base_url + reverse("unsubscribe", args=[Signer(salt=SALT).sign_object([str(channel_uuid), recipient])])


def read_unsubscribe(signed: str) -> tuple[str, str] | None:
    """(channel's uuid, recipient) of a link's signed part; None where it is not ours."""
    try:
        channel_uuid, recipient = Signer(salt=SALT).unsign_object(signed)
    except (BadSignature, ValueError, TypeError):
        return None
    return str(channel_uuid), str(recipient)


def send(delivery: Delivery, base_url: str) -> str:
    """Hand it to the mail server; its last answer in words. Raise NotDelivered."""
    backend = get_connection()
    return hand_over(_message(delivery, base_url, backend), delivery.recipient, backend)


def hand_over(message: EmailMessage, recipient: str, backend: Any) -> str:
    """Hand a mail to the mail server and return its last answer in words. Raises NotDelivered."""
    if isinstance(backend, Smtp):
        return _over_smtp(backend, recipient, message)
    if type(backend) is Console:  # the one that writes files is made from it
        raise NotDelivered("This portal has no mail server. Whoever runs it sets PORTAL_SMTP_HOST.")
    backend.send_messages([message])
    folder = getattr(backend, "file_path", None)
    return f"Written to a file in {Path(folder).name}/: this portal has no mail server." if folder else "Handed over."


class FixedMail(EmailMultiAlternatives):
    """Build the mail with a boundary that does not change from attempt to attempt."""

    boundary = ""

    def message(self, **options: Any) -> Any:
        made: Mime = super().message(**options)
        made.set_boundary(self.boundary)
        return made


def _message(delivery: Delivery, base_url: str, backend: Any) -> FixedMail:
    link = unsubscribe_url(base_url, delivery.channel.uuid, delivery.recipient)
    message = FixedMail(
        delivery.subject,
        delivery.text,
        settings.DEFAULT_FROM_EMAIL,
        [delivery.recipient],
        connection=backend,
        headers={
            "Message-ID": f"<{delivery.uuid}@{urlsplit(base_url).hostname}>",
            "Date": format_datetime(delivery.created_at),
            "X-Portal-Delivery": str(delivery.uuid),
            "Auto-Submitted": "auto-generated",
            "List-Unsubscribe": f"<{link}>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        },
    )
    message.boundary = f"=_{delivery.uuid.hex}"
    message.attach_alternative(delivery.html, "text/html")
    return message


def _over_smtp(backend: Smtp, recipient: str, message: EmailMessage) -> str:
    """One conversation, so that the server's own words are kept. 5xx is its last word, everything else may pass."""
    try:
        backend.open()
        server: Any = backend.connection
        try:
            return _talk(server, recipient, message)
        finally:
            backend.close()
    except smtplib.SMTPResponseException as error:
        raise NotDelivered(_words(error.smtp_code, error.smtp_error)) from None
    except (smtplib.SMTPException, OSError) as error:
        raise NotDelivered(f"The mail server cannot be reached: {type(error).__name__}.") from None


def _talk(server: Any, recipient: str, message: EmailMessage) -> str:
    server.ehlo_or_helo_if_needed()
    made: Any = message.message()
    content = made.as_bytes(linesep="\r\n")
    _hear(server.mail(_sender()))
    _hear(server.rcpt(recipient))
    return _hear(server.data(content))


def _hear(answer: tuple[int, Any]) -> str:
    words = _words(*answer)
    if answer[0] >= 400:
        raise NotDelivered(words, final=answer[0] >= 500)
    return words


def _sender() -> str:
    """The bare address of `Name <address>`."""
    return settings.DEFAULT_FROM_EMAIL.rpartition("<")[2].rstrip(">").strip()


def _words(code: int, answer: Any) -> str:
    words = answer.decode("utf-8", "replace") if isinstance(answer, bytes) else str(answer)
    return f"{code} {' '.join(words.split())}"[:400]
