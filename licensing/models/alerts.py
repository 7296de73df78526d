"""What to watch, and what was found."""

from django.conf import settings
from django.core.validators import MaxValueValidator
from django.db import models
from django.db.models import Q
from django.utils import timezone


class Kind(models.TextChoices):
    """What an alert rule watches; `threshold` is a number of days or hours as said here, and unused elsewhere."""

    OUT_OF_COMPLIANCE = "out_of_compliance", "License out of compliance"
    TERM_ENDING = "term_ending", "Term ending"  # threshold: days before the end
    INSTANCE_SILENT = "instance_silent", "Product instance silent"  # threshold: days without contact
    ORDERED_CONSUMPTION = "ordered_consumption", "Consumption in the ordered pool"
    SYNC_FAILED = "sync_failed", "Sync failed"
    SYNC_TOO_OLD = "sync_too_old", "Numbers too old"  # threshold: hours since the last complete sync
    CREDENTIALS_REFUSED = "credentials_refused", "Credentials refused"
    TLS_VERIFICATION_OFF = "tls_verification_off", "TLS verification off"


class Severity(models.TextChoices):
    CRITICAL = "critical", "Critical"
    MAJOR = "major", "Major"
    MINOR = "minor", "Minor"
    INFO = "info", "Info"


# A century of days, eleven years of hours: what lies beyond is a slip of the finger, and PostgreSQL's dates do end.
MAX_THRESHOLD = 36_500


class AlertRule(models.Model):
    """What to watch. Sensible ones exist from the start (a migration makes them), one of each kind."""

    kind = models.CharField(max_length=30, choices=Kind, unique=True)
    enabled = models.BooleanField(default=True)
    threshold = models.PositiveIntegerField(
        null=True,
        blank=True,
        validators=[MaxValueValidator(MAX_THRESHOLD)],
        help_text="Term ending, instance silent: days. Numbers too old: hours. Empty: the usual one.",
    )
    severity = models.CharField(max_length=10, choices=Severity, default=Severity.MAJOR)

    class Meta:
        ordering = ["kind"]
        constraints = [
            models.CheckConstraint(condition=Q(threshold__lte=MAX_THRESHOLD), name="threshold_within_a_century")
        ]

    def __str__(self) -> str:
        return self.get_kind_display()


class AlertQuerySet(models.QuerySet["Alert"]):
    def open(self) -> "AlertQuerySet":
        return self.filter(closed_at=None)

    def by_urgency(self) -> "AlertQuerySet":
        """Open before closed, then severe before slight, then what is due first."""
        rank = models.Case(
            *(models.When(severity=severity, then=place) for place, severity in enumerate(Severity.values)),
            default=len(Severity.values),
            output_field=models.IntegerField(),
        )
        return self.annotate(rank=rank).order_by(
            models.F("closed_at").desc(nulls_first=True), "rank", models.F("due_at").asc(nulls_last=True), "-opened_at"
        )


class Alert(models.Model):
    """A finding: opened and closed by licensing.alerts.evaluate. At most one is open per rule and subject.

    The subject is what the alert is about: the row `subject_id` of `subject_type` (the words of SUBJECTS). Texts and
    severity follow the figures while it is open; `opened_at` says since when. What comes back opens a new row.
    """

    SUBJECTS = ("license", "product_instance", "virtual_account", "smart_account", "license_server")

    rule = models.ForeignKey(AlertRule, on_delete=models.CASCADE, related_name="alerts")
    kind = models.CharField(max_length=30, choices=Kind)
    severity = models.CharField(max_length=10, choices=Severity)
    subject_type = models.CharField(max_length=30)
    subject_id = models.BigIntegerField()
    subject = models.CharField(max_length=400)
    summary = models.TextField(help_text="What, and why, with the figures.")
    next_step = models.TextField(blank=True, default="", help_text="What to do.")
    opened_at = models.DateTimeField(default=timezone.now)
    closed_at = models.DateTimeField(null=True, blank=True)
    due_at = models.DateTimeField(null=True, blank=True, help_text="When what it warns of takes effect, where known.")
    acknowledged_at = models.DateTimeField(null=True, blank=True)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="owned_alerts"
    )

    objects = AlertQuerySet.as_manager()

    class Meta:
        ordering = ["-opened_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["rule", "subject_type", "subject_id"],
                condition=Q(closed_at=None),
                name="one_open_alert_per_subject",
            )
        ]
        indexes = [models.Index(fields=["closed_at", "-opened_at"], name="alert_open_first")]  # the alert list

    def __str__(self) -> str:
        return self.summary

    @property
    def state(self) -> str:
        return "open" if self.closed_at is None else "closed"


class AlertEvent(models.Model):
    """One change in the story of an alert: what people are told of, in the order in which it happened.

    Written by evaluation (opened, closed, reopened, severity) and by the verbs of people; never changed afterwards but
    for `collected_at`, which licensing.notify writes when it has taken the event over. `severity` is the alert's after
    the change, `text` its sentence then or what a person wrote; `by` is who did it, an e-mail address with the name of
    a token where one was used, empty where the portal did.
    """

    class Kind(models.TextChoices):
        OPENED = "opened", "Opened"
        CLOSED = "closed", "Closed"
        REOPENED = "reopened", "Reopened"
        SEVERITY = "severity", "Severity changed"
        ACKNOWLEDGED = "acknowledged", "Acknowledged"
        OWNED = "owned", "Owner changed"
        SNOOZED = "snoozed", "Snoozed"
        COMMENTED = "commented", "Commented"

    alert = models.ForeignKey(Alert, on_delete=models.CASCADE, related_name="events")
    kind = models.CharField(max_length=12, choices=Kind)
    at = models.DateTimeField()
    by = models.CharField(max_length=254, blank=True, default="")
    text = models.TextField(blank=True, default="")
    severity = models.CharField(max_length=10, choices=Severity)
    collected_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        ordering = ["at", "id"]
        indexes = [
            models.Index(fields=["at", "id"], name="alertevent_in_order"),
            # A mark on the row and not "newer than": of two transactions the one that began first may end last.
            models.Index(fields=["id"], condition=Q(collected_at=None), name="alertevent_new"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.text}"
