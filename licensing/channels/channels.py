"""Save, test and delete channels. Pages, REST and the admin site call these verbs."""

from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.utils import timezone

from kit.broker import send, send_on_commit
from kit.refusals import Refusal, check_row
from licensing.alerts import scopes
from licensing.alerts.models import Kind
from licensing.channels import dead_channels
from licensing.channels.delivery import services, webhook
from licensing.channels.delivery.sending import about_channel
from licensing.channels.models import Channel, Delivery
from people import audit
from people.audit import Actor
from tenants.addresses import base_address

MOST_RECIPIENTS = 50
DELIVER_MESSAGE = "licensing.channels.tasks.deliver_message"


@transaction.atomic
def save_channel(
    actor: Actor,
    channel: Channel,
    before: dict[str, Any] | None = None,
    *,
    url: str = "",
) -> str:
    """Add or change; `before`: audit.snapshot of the stored row. An empty `url` keeps the stored one.

    Returns the signing secret of a webhook that is new, the one time that it is shown, otherwise "". Raises Refusal.
    """
    _check_kind(channel, before)
    _check_url(channel, url)
    _check_hours(channel)
    _check_kinds(channel)
    scopes.fit(channel, before, Channel.SCOPES, "A channel")
    _clean_recipients(channel)
    secret = ""
    if channel.kind == Channel.Kind.WEBHOOK and not channel.signing_secret:
        secret = webhook.new_secret()
        channel.signing_secret = secret
    check_row(channel)
    channel.save()
    if not channel.enabled:
        _forget_waiting(channel)
    transaction.on_commit(dead_channels.remember)
    audit.record(actor, "changed" if before else "added", channel, before=before)
    return secret


@transaction.atomic
def delete_channel(actor: Actor, channel: Channel) -> None:
    """Delete a channel with its deliveries. Its pending notices are lost."""
    audit.record(actor, "deleted", channel, changes={})
    channel.delete()
    transaction.on_commit(dead_channels.remember)


@transaction.atomic
def rotate_secret(actor: Actor, channel: Channel) -> str:
    """A new signing secret, shown this once; calls are signed with it from the next attempt on."""
    if channel.kind != Channel.Kind.WEBHOOK:
        raise Refusal(f"{channel} is no webhook, so nothing of it is signed.")
    secret = webhook.new_secret()
    audit.change(actor, "rotated the secret of", channel, signing_secret=secret)
    return secret


def test(actor: Actor, channel: Channel) -> list[Delivery]:
    """Send a test message now, once to each recipient. Return its deliveries. Raise Refusal and BrokerUnavailable.

    Without a broker no delivery is left behind. Inside a transaction a worker finds the rows once it is committed.
    """
    rows = _add_test(actor, channel)
    message = rows[0].message
    send(DELIVER_MESSAGE, str(message), undo=lambda: Delivery.objects.filter(message=message).delete())
    return rows


@transaction.atomic
def send_again(actor: Actor, delivery: Delivery) -> None:
    """Try once more what was given up, with the content and the id that it had. Raise Refusal.

    Where the broker does not answer, the next delivery run sends it.
    """
    changed = Delivery.objects.filter(pk=delivery.pk, state=Delivery.State.FAILED).update(
        state=Delivery.State.WAITING, next_try_at=timezone.now(), claimed_until=None
    )
    if not changed:
        raise Refusal("Only what has failed can be sent again.", "Reload the page to see how it stands now.")
    delivery.refresh_from_db()
    audit.record(actor, "sent again", delivery, changes={})
    send_on_commit(DELIVER_MESSAGE, str(delivery.message))


@transaction.atomic
def unsubscribe(channel_uuid: str, recipient: str) -> Channel | None:
    """Take a recipient out, as a link in a mail asks. Twice is once; None where the channel is gone."""
    try:
        number = UUID(channel_uuid)
    except ValueError:
        return None
    channel = Channel.objects.select_for_update().filter(uuid=number).first()
    if channel and recipient.lower() not in {address.lower() for address in channel.unsubscribed}:
        before = audit.snapshot(channel)
        channel.unsubscribed = [*channel.unsubscribed, recipient]
        channel.save(update_fields=["unsubscribed"])
        waiting = channel.deliveries.filter(recipient__iexact=recipient, state=Delivery.State.WAITING)
        waiting.update(state=Delivery.State.FAILED)
        audit.record(Actor(None, recipient), "unsubscribed from", channel, before=before)
    return channel


@transaction.atomic
def _add_test(actor: Actor, channel: Channel) -> list[Delivery]:
    if not channel.enabled:
        raise Refusal(f"{channel} is switched off.", "Switch it on to test it.")
    words = [
        f"This is a test of the channel {channel}, asked for by {actor.label}.",
        "Everyone who receives it will also receive the alerts of the portal.",
    ]
    rows = about_channel(channel, Delivery.Kind.TEST, f"Test of {channel}", words, base_address(), timezone.now())
    if not rows:
        raise Refusal(f"{channel} has no recipient who gets its mails.", "Enter one first.", "recipients")
    Delivery.objects.bulk_create(rows)
    audit.record(actor, "tested", channel, changes={})
    return rows


def kind_names(channel: Channel) -> list[str]:
    """The kinds of alerts that it tells of, in words; none: all."""
    names = dict(Kind.choices)
    return [str(names.get(kind, kind)) for kind in channel.kinds]


def _check_kind(channel: Channel, before: dict[str, Any] | None) -> None:
    if before and before["kind"] != channel.kind:
        raise Refusal("A channel keeps its kind.", "Add another channel instead.", "kind")
    if channel.kind == Channel.Kind.MAIL and not channel.recipients:
        raise Refusal("Enter at least one recipient.", "", "recipients")


def _check_url(channel: Channel, url: str) -> None:
    """Refuse an address now that every attempt would refuse."""
    if channel.kind == Channel.Kind.MAIL:
        if url:
            raise Refusal("A mail channel has recipients and no address.", "Leave the address empty.", "url")
        return
    if not url:
        if not channel.url:
            raise Refusal("Enter the address.", "", "url")
        return
    if channel.kind == Channel.Kind.WEBHOOK:
        webhook.check_url(url)
        channel.url_shown = f"{urlsplit(url).scheme}://{urlsplit(url).netloc}/…"[:300]
    else:
        name = services.check_url(url)
        channel.url_shown = f"{name} ({urlsplit(url).scheme}://…)"[:300]
    channel.url = url


def _check_hours(channel: Channel) -> None:
    if (channel.quiet_from is None) != (channel.quiet_until is None):
        missing = "quiet_from" if channel.quiet_from is None else "quiet_until"
        raise Refusal("Quiet hours have a beginning and an end.", "Enter both, or neither.", missing)
    if channel.quiet_from is not None and channel.quiet_from == channel.quiet_until:
        raise Refusal("Quiet hours that end when they begin are none.", "Change one of the two.", "quiet_until")


def _check_kinds(channel: Channel) -> None:
    if unknown := sorted(set(channel.kinds) - set(Kind.values)):
        raise Refusal(f"{unknown[0]!r} is no kind of alert.", "", "kinds")


def _clean_recipients(channel: Channel) -> None:
    """Each once; who was taken out by an owner and comes back later has not unsubscribed any more."""
    found: dict[str, str] = {}
    for address in channel.recipients:
        try:
            validate_email(address)
        except ValidationError:
            raise Refusal(f"{address!r} is not an email address.", "", "recipients") from None
        found.setdefault(address.lower(), address)
    if len(found) > MOST_RECIPIENTS:
        raise Refusal(f"At most {MOST_RECIPIENTS} recipients.", "Use a distribution list for more.", "recipients")
    channel.recipients = list(found.values())
    channel.unsubscribed = [address for address in channel.unsubscribed if address.lower() in found]


def _forget_waiting(channel: Channel) -> None:
    """Switched on again later, a channel does not tell of what is long over."""
    channel.notices.filter(message=None).delete()
    channel.deliveries.filter(state=Delivery.State.WAITING).update(state=Delivery.State.FAILED)
