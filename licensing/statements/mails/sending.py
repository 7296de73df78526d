"""Send statements by mail: claimed by one worker, sent without a transaction, and the answer recorded."""

import logging
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from email.utils import format_datetime
from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import get_connection
from django.db import transaction
from django.utils import timezone

from kit.broker import send_on_commit
from kit.refusals import Refusal
from licensing.channels.delivery.errors import NotDelivered
from licensing.channels.delivery.mail import FixedMail, hand_over
from licensing.statements.mails.composing import check_recipients
from licensing.statements.models import Statement, StatementFile, StatementMail
from people import audit
from people.audit import Actor

log = logging.getLogger(__name__)
SEND_MAILS = "licensing.statements.tasks.send_mails"
# Longer than any one send: a worker that has not come back by then is lost, and another takes over.
CLAIM = timedelta(minutes=5)
FIRST_WAIT, LONGEST_WAIT = timedelta(minutes=1), timedelta(hours=1)
GIVE_UP_AFTER = timedelta(days=3)
RUN_SECONDS = 120
State = StatementMail.State


@transaction.atomic
def request(
    actor: Actor, statement: Statement, recipients: Sequence[str], subject: str, text: str
) -> list[StatementMail]:
    """Queue a mail with the PDF to each recipient. A worker sends them once this is committed."""
    subject, text = subject.strip(), text.replace("\r\n", "\n")
    if not subject or "\n" in subject or "\r" in subject:
        raise Refusal("The subject is not one line of text.", "Enter one line.", "subject")
    addresses = check_recipients(recipients)
    mails = StatementMail.objects.bulk_create(
        StatementMail(statement=statement, recipient=address, subject=subject, text=text, requested_by=actor.label)
        for address in addresses
    )
    audit.record(actor, "sent", statement, changes={"recipients": [None, ", ".join(addresses)]})
    send_on_commit(SEND_MAILS)
    return mails


@transaction.atomic
def send_again(actor: Actor, mail: StatementMail) -> None:
    """Try a mail that failed once more, at once."""
    row = StatementMail.objects.select_for_update().get(pk=mail.pk)
    if row.state != State.FAILED:
        raise Refusal("This mail has not failed.", "Only failed mails can be sent again.")
    row.state, row.next_try_at, row.created_at, row.attempts = State.WAITING, timezone.now(), timezone.now(), 0
    row.save(update_fields=["state", "next_try_at", "created_at", "attempts"])
    audit.record(actor, "sent again", row.statement, changes={"recipients": [None, row.recipient]})
    send_on_commit(SEND_MAILS)


def send_due(now: Callable[[], datetime] = timezone.now) -> int:
    """Send the mails that are due, the oldest first. Returns how many were sent."""
    sent, end = 0, time.monotonic() + RUN_SECONDS
    while time.monotonic() < end:
        mail = _claim(now())
        if mail is None:
            break
        sent += _send(mail, now)
    return sent


@transaction.atomic
def _claim(now: datetime) -> StatementMail | None:
    due = StatementMail.objects.due(now).select_related("statement").defer("statement__content")
    mail = due.select_for_update(skip_locked=True, of=("self",)).order_by("next_try_at", "id").first()
    if mail is not None:
        mail.claimed_until = now + CLAIM
        mail.attempts += 1
        mail.save(update_fields=["claimed_until", "attempts"])
    return mail


def _send(mail: StatementMail, now: Callable[[], datetime]) -> bool:
    try:
        answer = _hand_over(mail)
    except NotDelivered as error:
        _record_failure(mail, error.message, error.final, now())
        return False
    except Exception:  # one mail that cannot be sent must not keep back all others
        log.exception("Statement mail %s could not be sent", mail.uuid)
        _record_failure(mail, "The portal failed. The error has been logged.", False, now())
        return False
    mine = StatementMail.objects.filter(pk=mail.pk)
    mine.update(state=State.SENT, sent_at=now(), answer=answer, claimed_until=None)
    return True


def _hand_over(mail: StatementMail) -> str:
    backend = get_connection()
    return hand_over(_message(mail, backend), mail.recipient, backend)


def _message(mail: StatementMail, backend: object) -> FixedMail:
    """Build the mail: the same bytes at every attempt."""
    file = StatementFile.objects.values_list("pdf", "statement__content__verify_at")
    pdf, verify_at = file.get(pk=mail.statement_id)
    host = urlsplit(verify_at).hostname
    message = FixedMail(
        mail.subject,
        mail.text,
        settings.DEFAULT_FROM_EMAIL,
        [mail.recipient],
        connection=backend,  # type: ignore[arg-type]
        headers={
            "Message-ID": f"<{mail.uuid}@{host}>",
            "Date": format_datetime(mail.created_at),
            "X-Portal-Statement": mail.statement.number,
        },
    )
    message.boundary = f"=_{mail.uuid.hex}"
    message.attach(f"{mail.statement.filename}.pdf", bytes(pdf), "application/pdf")
    return message


def _record_failure(mail: StatementMail, answer: str, final: bool, now: datetime) -> None:
    """Plan the next attempt, or give up: at a last word of the server, and after three days."""
    over = final or now - mail.created_at > GIVE_UP_AFTER
    wait = min(FIRST_WAIT * 2 ** min(mail.attempts - 1, 10), LONGEST_WAIT)
    StatementMail.objects.filter(pk=mail.pk).update(
        state=State.FAILED if over else State.WAITING, answer=answer, claimed_until=None, next_try_at=now + wait
    )
