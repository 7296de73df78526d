"""Sending what is due: claimed by one worker, sent without a transaction, and the answer recorded."""

import logging
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from django.db import transaction
from django.utils import timezone

from kit.secrets import SecretUnreadable
from licensing.channels import dead_channels
from licensing.channels.delivery import mail, messages, services, webhook
from licensing.channels.delivery.collecting import fill
from licensing.channels.delivery.errors import NotDelivered
from licensing.channels.models import Channel, Delivery, DeliveryAttempt

log = logging.getLogger(__name__)

# Longer than any one send: whoever has not come back by then is lost, and another takes over.
CLAIM = timedelta(minutes=5)
FIRST_WAIT, LONGEST_WAIT = timedelta(minutes=1), timedelta(hours=1)
GIVE_UP_AFTER = timedelta(days=3)
DEAD_AFTER = 5
# One run ends, so that a worker is not lost to a receiver that answers slowly; the next one goes on.
RUN_SECONDS = 120


@dataclass(slots=True)
class Sent:
    sent: int = 0
    failed: int = 0


def send_due(base_url: str, message: UUID | None = None, now: Callable[[], datetime] = timezone.now) -> Sent:
    """Send what is due, the oldest first, or only `message`. After a failure the channel's others wait with it."""
    counts, end = Sent(), time.monotonic() + RUN_SECONDS
    while time.monotonic() < end:
        claimed = _claim(now(), message)
        if claimed is None:
            break
        if send(*claimed, base_url, now):
            counts.sent += 1
        else:
            counts.failed += 1
    dead_channels.remember()
    return counts


def send(delivery: Delivery, attempt: DeliveryAttempt, base_url: str, now: Callable[[], datetime]) -> bool:
    """One attempt at a delivery that is claimed."""
    try:
        answer = _send(delivery, base_url)
    except NotDelivered as error:
        _record_failure(delivery, attempt, error.message, error.final, base_url, now())
        return False
    except SecretUnreadable as error:
        _record_failure(delivery, attempt, str(error), False, base_url, now())
        return False
    except Exception:  # one message that cannot be sent must not keep back all others, run after run
        log.exception("Delivery %s could not be sent", delivery.uuid)
        _record_failure(delivery, attempt, "An error of the portal stopped this.", False, base_url, now())
        return False
    _record_success(delivery, attempt, answer, base_url, now())
    return True


def _send(delivery: Delivery, base_url: str) -> str:
    if delivery.channel.kind == Channel.Kind.MAIL:
        return mail.send(delivery, base_url)
    return webhook.send(delivery) if delivery.channel.kind == Channel.Kind.WEBHOOK else services.send(delivery)


@transaction.atomic
def _claim(now: datetime, message: UUID | None) -> tuple[Delivery, DeliveryAttempt] | None:
    delivery = (
        Delivery.objects.due(now)
        .filter(channel__enabled=True, **({"message": message} if message else {}))
        .select_related("channel")
        .select_for_update(skip_locked=True, of=("self",))
        .order_by("next_try_at", "id")
        .first()
    )
    if delivery is None:
        return None
    delivery.claimed_until = now + CLAIM
    delivery.save(update_fields=["claimed_until"])
    return delivery, DeliveryAttempt.objects.create(delivery=delivery, started_at=now)


@transaction.atomic
def _record_success(delivery: Delivery, attempt: DeliveryAttempt, answer: str, base_url: str, now: datetime) -> None:
    _close(attempt, DeliveryAttempt.Outcome.SENT, answer, now)
    Delivery.objects.filter(pk=delivery.pk).update(state=Delivery.State.SENT, sent_at=now, claimed_until=None)
    channel = Channel.objects.select_for_update().get(pk=delivery.channel_id)
    was_dead = channel.dead_since is not None
    channel.failures, channel.last_error, channel.dead_since, channel.last_sent_at = 0, "", None, now
    channel.save(update_fields=["failures", "last_error", "dead_since", "last_sent_at"])
    if was_dead:
        _tell_others(channel, f"The channel {channel} works again", ["It took a message just now."], base_url, now)


@transaction.atomic
def _record_failure(
    delivery: Delivery, attempt: DeliveryAttempt, why: str, final: bool, base_url: str, now: datetime
) -> None:
    _close(attempt, DeliveryAttempt.Outcome.FAILED, why, now)
    channel = Channel.objects.select_for_update().get(pk=delivery.channel_id)
    channel.failures, channel.last_error = channel.failures + 1, why
    dies = channel.failures >= DEAD_AFTER and channel.dead_since is None
    channel.dead_since = now if dies else channel.dead_since
    channel.save(update_fields=["failures", "last_error", "dead_since"])
    given_up = final or delivery.kind == Delivery.Kind.TEST or delivery.created_at < now - GIVE_UP_AFTER
    state = Delivery.State.FAILED if given_up else Delivery.State.WAITING
    again = now + wait_after(channel.failures)
    # Sent meanwhile by whoever took over after a claim had lapsed: then it is sent.
    waiting = Delivery.objects.filter(state=Delivery.State.WAITING)
    waiting.filter(pk=delivery.pk).update(state=state, next_try_at=again, claimed_until=None)
    if not final:
        waiting.filter(channel=channel, next_try_at__lt=again, claimed_until=None).exclude(
            kind=Delivery.Kind.TEST
        ).update(next_try_at=again)
    if dies:
        words = [
            f"{channel.failures} attempts in a row have failed. The last answer: {why}",
            "What it should have told is kept and tried again for three days. Look at its address and test it.",
        ]
        _tell_others(channel, f"The channel {channel} does not work", words, base_url, now)


def wait_after(failures: int) -> timedelta:
    """1, 2, 4 … minutes up to an hour, a little more or less so that not all come back at once."""
    wait: timedelta = min(FIRST_WAIT * 2 ** min(failures - 1, 10), LONGEST_WAIT)
    return wait * random.uniform(0.9, 1.1)  # noqa: S311 - spreading load


def _close(attempt: DeliveryAttempt, outcome: str, answer: str, now: datetime) -> None:
    attempt.finished_at, attempt.outcome, attempt.answer = now, outcome, answer
    attempt.save(update_fields=["finished_at", "outcome", "answer"])


def _tell_others(channel: Channel, subject: str, paragraphs: list[str], base_url: str, now: datetime) -> None:
    others = Channel.objects.filter(enabled=True, dead_since=None).exclude(pk=channel.pk)
    rows = [
        row
        for other in others
        for row in about_channel(other, Delivery.Kind.CHANNEL, subject, paragraphs, base_url, now)
    ]
    Delivery.objects.bulk_create(rows)


def about_channel(
    channel: Channel, kind: str, subject: str, paragraphs: list[str], base_url: str, now: datetime
) -> list[Delivery]:
    """Deliveries, not saved yet, of one message without alerts to everybody whom `channel` reaches."""
    message, rows = uuid4(), []
    for recipient in channel.addressees():
        row = Delivery(
            channel=channel, kind=kind, message=message, recipient=recipient, created_at=now, next_try_at=now
        )
        link = mail.unsubscribe_url(base_url, channel.uuid, recipient) if recipient else ""
        rows.append(fill(row, messages.about_channel(kind, subject, paragraphs, base_url, str(row.uuid), link)))
    return rows
