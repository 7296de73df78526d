"""Channels, notices and deliveries: who is notified of alerts, and what was sent."""

from datetime import datetime
from uuid import uuid4
from zoneinfo import available_timezones

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils import timezone

from kit.secrets import SecretField
from licensing.alerts.models import Alert, AlertEvent, Scoped, Severity


def check_zone(name: str) -> None:
    if name not in available_timezones():
        raise ValidationError(f"{name!r} is no time zone. Enter one such as Europe/Berlin or UTC.")


def portal_zone() -> str:
    return settings.TIME_ZONE


class Channel(Scoped):
    """A way to tell people: by mail, by a signed webhook, or through a service that Apprise knows.

    `url` is a secret, because such addresses carry keys; `url_shown` is what may be seen of it. `signing_secret` signs
    a webhook's calls. `kinds` are licensing.alerts.models.Kind values, none means all. `unsubscribed` are recipients
    who asked out by a link in a mail: they get nothing until an owner takes the address out and enters it again.
    `failures` counts failed attempts since the last that went well; from delivery.sending.DEAD_AFTER on the channel
    is dead, and tried on, until one goes well.
    """

    class Kind(models.TextChoices):
        MAIL = "mail", "Mail"
        WEBHOOK = "webhook", "Webhook"
        APPRISE = "apprise", "Other service"

    uuid = models.UUIDField(default=uuid4, unique=True, editable=False)
    name = models.CharField(max_length=100, unique=True)
    kind = models.CharField(max_length=10, choices=Kind, default=Kind.MAIL)
    enabled = models.BooleanField(default=True)
    recipients = ArrayField(models.EmailField(), default=list, blank=True)
    unsubscribed = ArrayField(models.EmailField(), default=list, blank=True, editable=False)
    url = SecretField()
    url_shown = models.CharField(max_length=300, blank=True, default="", editable=False)
    signing_secret = SecretField()
    min_severity = models.CharField("at least", max_length=10, choices=Severity, default=Severity.INFO)
    kinds = ArrayField(models.CharField(max_length=30), default=list, blank=True)
    tell_closed = models.BooleanField("tell when an alert closes", default=True)
    quiet_from = models.TimeField(null=True, blank=True)
    quiet_until = models.TimeField(null=True, blank=True)
    quiet_except_critical = models.BooleanField("tell critical alerts in quiet hours too", default=True)
    digest_at = models.TimeField("one message a day at", null=True, blank=True)
    zone = models.CharField("time zone", max_length=60, default=portal_zone, validators=[check_zone])
    storm_limit = models.PositiveSmallIntegerField(
        "one message for more than",
        default=10,
        validators=[MinValueValidator(1), MaxValueValidator(100)],
        help_text="More alerts than this at once come as one message.",
    )
    failures = models.PositiveIntegerField(default=0, editable=False)
    last_error = models.TextField(blank=True, default="", editable=False)
    last_sent_at = models.DateTimeField(null=True, blank=True, editable=False)
    dead_since = models.DateTimeField(null=True, blank=True, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    @property
    def state(self) -> str:
        if not self.enabled:
            return "off"
        return "dead" if self.dead_since else "on"

    def addressees(self) -> list[str]:
        """Return the recipients of a message; each gets a delivery. A channel without recipients has one, unnamed."""
        if self.kind != self.Kind.MAIL:
            return [""]
        out = {address.lower() for address in self.unsubscribed}
        return [address for address in self.recipients if address.lower() not in out]


class Notice(models.Model):
    """An event that a channel is to tell, not before `not_before`; `message` is the message that told it."""

    channel = models.ForeignKey(Channel, on_delete=models.CASCADE, related_name="notices")
    event = models.ForeignKey(AlertEvent, on_delete=models.CASCADE, related_name="notices")
    alert = models.ForeignKey(Alert, on_delete=models.CASCADE, related_name="notices")
    not_before = models.DateTimeField()
    message = models.UUIDField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["channel", "event"], name="one_notice_per_channel_and_event")]
        indexes = [
            models.Index(fields=["not_before"], condition=Q(message=None), name="notice_waiting"),
            models.Index(fields=["message"], name="notice_by_message"),
        ]

    def __str__(self) -> str:
        return f"{self.event} to {self.channel}"


class DeliveryQuerySet(models.QuerySet["Delivery"]):
    def about(self, alert: Alert | int) -> "DeliveryQuerySet":
        """Return the deliveries about an alert, without their texts."""
        told = Notice.objects.filter(alert=alert).exclude(message=None)
        return self.filter(message__in=told.values("message")).select_related("channel").defer("text", "html", "body")

    def due(self, now: datetime) -> "DeliveryQuerySet":
        """Return deliveries to send now: not claimed by a worker, or claimed by one that did not come back in time."""
        return self.filter(
            Q(claimed_until=None) | Q(claimed_until__lt=now), state=Delivery.State.WAITING, next_try_at__lte=now
        )


class Delivery(models.Model):
    """One message to one addressee of a channel. Its content is fixed here before the first attempt.

    `uuid` goes out with every attempt (Message-ID, X-Portal-Delivery), so that whoever receives it twice can tell.
    `message` is shared by the deliveries of one message. Which of `text`, `html` and `body` is filled depends on the
    channel's kind: text and HTML of a mail, the JSON text of a webhook, the text for a service.
    """

    class Kind(models.TextChoices):
        ALERTS = "alerts", "Alerts"
        TEST = "test", "Test"
        CHANNEL = "channel", "State of a channel"

    class State(models.TextChoices):
        WAITING = "waiting", "Waiting"
        SENT = "sent", "Sent"
        FAILED = "failed", "Failed"

    uuid = models.UUIDField(default=uuid4, unique=True, editable=False)
    message = models.UUIDField(default=uuid4)
    channel = models.ForeignKey(Channel, on_delete=models.CASCADE, related_name="deliveries")
    kind = models.CharField(max_length=10, choices=Kind, default=Kind.ALERTS)
    recipient = models.CharField(max_length=254, blank=True, default="")
    subject = models.CharField(max_length=300)
    text = models.TextField(blank=True, default="")
    html = models.TextField(blank=True, default="")
    body = models.TextField(blank=True, default="")
    alert_count = models.PositiveIntegerField(default=0)
    state = models.CharField(max_length=10, choices=State, default=State.WAITING)
    created_at = models.DateTimeField(default=timezone.now)
    next_try_at = models.DateTimeField(default=timezone.now)
    claimed_until = models.DateTimeField(null=True, blank=True)
    sent_at = models.DateTimeField(null=True, blank=True)

    objects = DeliveryQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-id"]
        verbose_name_plural = "deliveries"
        constraints = [
            # Whoever composes twice cannot tell twice.
            models.UniqueConstraint(fields=["message", "recipient"], name="one_delivery_per_message_and_recipient")
        ]
        indexes = [
            models.Index(fields=["next_try_at"], condition=Q(state="waiting"), name="delivery_waiting"),
            models.Index(fields=["-created_at", "-id"], name="delivery_newest"),
        ]

    def __str__(self) -> str:
        return self.subject


class DeliveryAttempt(models.Model):
    """One try: when, and what the other side answered. Without `finished_at`, the worker is at it or was lost."""

    class Outcome(models.TextChoices):
        UNKNOWN = "", "Under way, or its worker was lost"
        SENT = "sent", "Sent"
        FAILED = "failed", "Failed"

    delivery = models.ForeignKey(Delivery, on_delete=models.CASCADE, related_name="attempts")
    started_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True, blank=True)
    outcome = models.CharField(max_length=10, choices=Outcome, default=Outcome.UNKNOWN, blank=True)
    answer = models.TextField(blank=True, default="")

    class Meta:
        ordering = ["started_at", "id"]

    def __str__(self) -> str:
        return f"{self.get_outcome_display()} at {self.started_at:%Y-%m-%d %H:%M:%S}"


class CalendarFeed(models.Model):
    """The secret address of a person's calendar of due dates; only the digest of its secret part is kept."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="calendar_feed")
    digest = models.CharField(max_length=64, unique=True, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)

    def __str__(self) -> str:
        return f"Calendar of {self.user}"
