"""Rules, alerts with their events, and the out-of-compliance clock."""

from datetime import datetime
from typing import Any

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator
from django.db import models
from django.db.models import Q
from django.utils import timezone

from licensing.accounts.models import SmartAccount
from licensing.alerts import wording
from licensing.alerts.wording.clocks import Clock
from licensing.fleet.models import Cluster
from licensing.mirror.models import License, VirtualAccount


class Kind(models.TextChoices):
    """The kinds of alert rules. licensing.alerts.kinds says what `threshold` counts and which scopes fit."""

    OUT_OF_COMPLIANCE = "out_of_compliance", "License out of compliance"
    FREE_BELOW = "free_below", "Few licenses free"
    EXHAUSTION = "exhaustion", "Licenses running out"
    TERM_ENDING = "term_ending", "Term ending"
    TERM_ENDED = "term_ended", "Term ended"
    INSTANCE_SILENT = "instance_silent", "Product instance silent"
    WRONG_POOL = "wrong_pool", "Product instance in the wrong pool"
    ASSIGNMENT_FAILED = "assignment_failed", "Assignment failed or stuck"
    ORDERED_CONSUMPTION = "ordered_consumption", "Consumption in the ordered pool"
    TOKEN_EXPIRING = "token_expiring", "Registration token expiring"
    TOKEN_USED_UP = "token_used_up", "Registration token used up"
    EVALUATION_ENDING = "evaluation_ending", "Evaluation running out"
    OVERAGE = "overage", "Time out of compliance running out"
    ON_PREM_SYNC = "on_prem_sync", "On-Prem server not synchronized"
    ON_PREM_URL = "on_prem_url", "On-Prem version and URL do not match"
    ON_PREM_CAPACITY = "on_prem_capacity", "On-Prem server nearly full"
    CERTIFICATE_EXPIRING = "certificate_expiring", "Certificate of a server expiring"
    TLS_VERIFICATION_OFF = "tls_verification_off", "TLS verification off"
    SYNC_FAILED = "sync_failed", "Sync failed"
    SYNC_TOO_OLD = "sync_too_old", "Figures outdated"
    CREDENTIALS_REFUSED = "credentials_refused", "Credentials refused"
    CREDENTIALS_EXPIRING = "credentials_expiring", "Credentials expiring"
    CSSM_ALERT = "cssm_alert", "Cisco alert"


class Severity(models.TextChoices):
    CRITICAL = "critical", "Critical"
    MAJOR = "major", "Major"
    MINOR = "minor", "Minor"
    INFO = "info", "Info"


# A century of days, eleven years of hours: what lies beyond is a slip of the finger, and PostgreSQL's dates do end.
MAX_THRESHOLD = 36_500


class Scoped(models.Model):
    """Narrowed to a part: by ids, and license names and tags as they are written. Empty: all; several must all fit."""

    smart_accounts = ArrayField(models.BigIntegerField(), default=list, blank=True)
    virtual_accounts = ArrayField(models.BigIntegerField(), default=list, blank=True)
    licenses = ArrayField(models.CharField(max_length=300), default=list, blank=True)
    customers = ArrayField(models.BigIntegerField(), default=list, blank=True)
    tags = ArrayField(models.CharField(max_length=50), default=list, blank=True)

    SCOPES = ("smart_accounts", "virtual_accounts", "licenses", "customers", "tags")

    class Meta:
        abstract = True


class AlertRule(Scoped):
    """A rule says what to watch. There may be several of a kind, and sensible ones exist from the start (migrations).

    `threshold` counts what its kind says (licensing.alerts.kinds); where a kind has lead times it is the longest of
    them. Severity rises one step at each of `rise_at_days` before the due date, and with each `escalate_after_hours`
    that an alert is open and nobody has acknowledged it. New alerts are the rule's `owner`'s.
    """

    class Unit(models.TextChoices):
        LICENSES = "licenses", "Licenses"
        PERCENT = "percent", "Percent of the quantity"

    name = models.CharField(max_length=120, unique=True)
    kind = models.CharField(max_length=30, choices=Kind)
    enabled = models.BooleanField(default=True)
    threshold = models.PositiveIntegerField(
        null=True,
        blank=True,
        validators=[MaxValueValidator(MAX_THRESHOLD)],
        help_text="Days, hours, licenses or percent, by the kind. Empty: the usual one.",
    )
    unit = models.CharField(max_length=10, choices=Unit, blank=True, default="")
    lead_days = ArrayField(models.PositiveSmallIntegerField(), default=list, blank=True)
    rise_at_days = ArrayField(models.PositiveSmallIntegerField(), default=list, blank=True)
    severity = models.CharField(max_length=10, choices=Severity, default=Severity.MAJOR)
    escalate_after_hours = models.PositiveIntegerField(null=True, blank=True)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="alert_rules"
    )

    class Meta:
        ordering = ["kind", "name"]
        constraints = [
            models.CheckConstraint(condition=Q(threshold__lte=MAX_THRESHOLD), name="threshold_within_a_century")
        ]

    def __str__(self) -> str:
        return self.name


class AlertQuerySet(models.QuerySet["Alert"]):
    def open(self) -> "AlertQuerySet":
        return self.filter(closed_at=None)

    def counted(self) -> list[tuple[str, int]]:
        """Return how many alerts of each severity there are, the most severe first. One query."""
        numbers = dict(self.order_by().values_list("severity").annotate(number=models.Count("pk")))
        return [(severity, numbers[severity]) for severity in Severity.values if severity in numbers]

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
    """A finding: opened and closed by licensing.alerts.evaluation.evaluate. At most one is open per rule and subject.

    The subject is what the alert is about: the row `subject_id` of `subject_type` (the words of SUBJECTS), by its name
    and, where it has one, the place that it is in. `facts` are the codes, names and figures that its words are made of
    (licensing.alerts.wording); they and its severity follow what is mirrored while it is open. What comes back soon is
    the same story and opens the same row again; `opened_at` stays the story's beginning. Its history: AlertEvent.

    Where it belongs (`smart_account`, `virtual_account`, `license_name`, `cluster`) is what rules and channels are
    scoped by; empty where the kind has no such place.
    """

    SUBJECTS = (
        "license",
        "product_instance",
        "virtual_account",
        "smart_account",
        "license_server",
        "registration_token",
        "cluster",
        "cssm_alert",
    )

    rule = models.ForeignKey(AlertRule, on_delete=models.CASCADE, related_name="alerts")
    kind = models.CharField(max_length=30, choices=Kind)
    severity = models.CharField(max_length=10, choices=Severity)
    subject_type = models.CharField(max_length=30)
    subject_id = models.BigIntegerField()
    subject_name = models.CharField(max_length=400)
    subject_place = models.CharField(max_length=400, blank=True, default="", db_default="")
    facts = models.JSONField(default=dict, blank=True, help_text="{code: value}, what its words are made of.")
    opened_at = models.DateTimeField(default=timezone.now)
    closed_at = models.DateTimeField(null=True, blank=True)
    due_at = models.DateTimeField(null=True, blank=True, help_text="When what it warns of takes effect, where known.")
    lead = models.PositiveSmallIntegerField(null=True, blank=True, help_text="The lead time reached, in days.")
    reopened_at = models.DateTimeField(null=True, blank=True)
    # While it is damped: since when it is no longer found (licensing.alerts.evaluation).
    clear_since = models.DateTimeField(null=True, blank=True, editable=False)
    acknowledged_at = models.DateTimeField(null=True, blank=True)
    snoozed_until = models.DateTimeField(null=True, blank=True)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="owned_alerts"
    )
    smart_account = models.ForeignKey(SmartAccount, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    virtual_account = models.ForeignKey(
        VirtualAccount, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    cluster = models.ForeignKey(Cluster, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    license_name = models.CharField(max_length=300, blank=True, default="", db_default="")

    objects = AlertQuerySet.as_manager()
    past_at: datetime | None = None  # the moment in the past at which it is shown

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
    def subject(self) -> str:
        return wording.subject(self.subject_type, self.subject_name, self.subject_place)

    @property
    def words(self) -> wording.Words:
        """Return what the alert says now, or what it said when it closed."""
        return wording.words(self.kind, self.facts, self.closed_at or self.past_at or timezone.now())

    @property
    def summary(self) -> str:
        """Return what is wrong, and why, with the figures."""
        return self.words.summary

    @property
    def next_step(self) -> str:
        """Return what to do."""
        return self.words.next_step

    @property
    def figures(self) -> dict[str, Any]:
        """The figures behind it, by their codes."""
        return {figure.code: figure.value for figure in self.words.figures}

    @property
    def state(self) -> str:
        return "open" if self.closed_at is None else "closed"

    @property
    def open_since(self) -> datetime:
        """Return when the alert was last opened: it may have opened several times."""
        return self.reopened_at or self.opened_at


class AlertEvent(models.Model):
    """One change in the story of an alert: what people are told of, in the order in which it happened.

    Written by evaluation (opened, closed, reopened, severity) and by the verbs of people; never changed afterwards but
    for `collected_at`, which licensing.notify writes when it has taken the event over. `severity` is the alert's after
    the change, `facts` are the alert's then, or those of what a person did; `comment` is what a person wrote. `by` is
    who did it, an e-mail address with the name of a token where one was used, empty where the portal did.
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
        LEAD = "lead", "Lead time reached"
        WOKEN = "woken", "Snooze over"

    alert = models.ForeignKey(Alert, on_delete=models.CASCADE, related_name="events")
    kind = models.CharField(max_length=12, choices=Kind)
    at = models.DateTimeField()
    by = models.CharField(max_length=254, blank=True, default="")
    comment = models.TextField(blank=True, default="")
    facts = models.JSONField(default=dict, blank=True)
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

    @property
    def text(self) -> str:
        """Return what the alert said then, what was done to it, or what a person wrote."""
        if self.kind == self.Kind.COMMENTED:
            return self.comment
        if self.kind == self.Kind.OWNED:
            return wording.owner_set(self.facts)
        if self.kind == self.Kind.SNOOZED:
            return wording.snoozed(self.facts)
        return "" if self.by else wording.words(self.alert.kind, self.facts, self.at).summary


class OverageQuerySet(models.QuerySet["Overage"]):
    def open(self) -> "OverageQuerySet":
        return self.filter(ended_at=None)


class Overage(models.Model):
    """A period in which Cisco reported a license out of compliance. The partner sets owner, note and corrected start.

    Opened and ended after each sync (licensing.alerts.findings.clocks, which also says how `since` is found). Cisco's
    own start is in no answer of its API, so a person can correct `since` (licensing.alerts.overages); `recorded_since`
    then keeps what the portal had recorded. While an account is paused, its clocks go on.
    """

    license = models.ForeignKey(License, on_delete=models.CASCADE, related_name="overages")
    since = models.DateTimeField(help_text="The start that counts: recorded, or corrected by a person.")
    since_at_latest = models.BooleanField(
        default=False, db_default=False, help_text="The recorded start is the first sync: the shortage is older."
    )
    recorded_since = models.DateTimeField(
        null=True, blank=True, help_text="The recorded start of a clock whose start a person has corrected."
    )
    since_reason = models.TextField(blank=True, default="", db_default="")
    since_corrected_at = models.DateTimeField(null=True, blank=True)
    since_corrected_by = models.CharField(max_length=254, blank=True, default="", db_default="")
    ended_at = models.DateTimeField(null=True, blank=True)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="overages"
    )
    note = models.TextField(blank=True, default="", db_default="")

    objects = OverageQuerySet.as_manager()
    past_at: datetime | None = None  # the moment in the past at which it is shown

    class Meta:
        ordering = ["since", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["license"], condition=Q(ended_at=None), name="one_open_overage_per_license"
            ),
            models.CheckConstraint(
                condition=Q(recorded_since=None) | ~Q(since_reason=""), name="corrected_start_has_a_reason"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.license} out of compliance"

    @property
    def clock(self) -> Clock:
        """Return the clock, which counts and words the start, the end and the days left."""
        return Clock(self.since, self.starts_before)

    @property
    def starts_before(self) -> bool:
        """Return whether the start is only known to lie before `since`."""
        return self.since_at_latest and self.recorded_since is None

    @property
    def recorded_start(self) -> datetime:
        """Return the start that the portal recorded, corrected or not."""
        return self.recorded_since or self.since

    @property
    def ends(self) -> datetime:
        """Return when the products begin to block."""
        return self.clock.ends

    @property
    def days_left(self) -> int:
        """Return the days left by date; negative when the time is over. An ended clock keeps those of its end."""
        return self.clock.days_left(self.ended_at or self.past_at or timezone.now())

    @property
    def time_left(self) -> str:
        """Return the days left in words."""
        return self.clock.time_left(self.ended_at or self.past_at or timezone.now())
