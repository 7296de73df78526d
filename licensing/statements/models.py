"""The tables of statements: the partner's letterhead, what was issued, and how it reaches a customer.

The database itself refuses to change or delete what was issued (see the triggers in the migration): a correction is
a new statement that names the old one.
"""

import calendar
from datetime import date, datetime
from uuid import uuid4

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from licensing.fleet.models import Customer

MOST_RECIPIENTS = 20


class Logo(models.Model):
    """A picture that a letterhead shows or has shown. Statements keep the one that they were issued with."""

    class MediaType(models.TextChoices):
        PNG = "image/png", "PNG"
        JPEG = "image/jpeg", "JPEG"
        SVG = "image/svg+xml", "SVG"

    digest = models.CharField(max_length=64, unique=True, editable=False)
    media_type = models.CharField(max_length=20, choices=MediaType)
    content = models.BinaryField()

    def __str__(self) -> str:
        return f"{self.get_media_type_display()} logo"


class Letterhead(models.Model):
    """How the partner's statements and their mails look. There is at most one row."""

    name = models.CharField(max_length=120, help_text="Your organisation, as customers know it.")
    address = models.TextField(max_length=600, blank=True, help_text="Up to 6 lines.")
    note = models.TextField(
        max_length=600, blank=True, help_text="Printed at the end of each statement: contact, tax number, terms."
    )
    logo = models.ForeignKey(Logo, on_delete=models.PROTECT, null=True, blank=True, related_name="+", editable=False)
    mail_subject = models.CharField(max_length=200, blank=True)
    mail_text = models.TextField(max_length=4000, blank=True)

    # People enter these columns. The logo has a verb of its own.
    OWN = ("name", "address", "note", "mail_subject", "mail_text")

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(id=1), name="one_letterhead")]

    def __str__(self) -> str:
        return self.name


class StatementQuerySet(models.QuerySet["Statement"]):
    def current(self) -> "StatementQuerySet":
        """Keep statements that no later one corrects."""
        return self.filter(corrected_by=None)

    def plain(self) -> "StatementQuerySet":
        """Leave the frozen content in the database: lists do not show it."""
        return self.defer("content")


class Statement(models.Model):
    """What one customer used, held and owed over a period, frozen when it was issued.

    `content` holds every figure, so that all files but the PDF are made from it at any time. `sha256` is that of the
    PDF. Numbers are gapless within a year. The customer's and the author's name stand here as they were.
    """

    number = models.CharField(max_length=12, unique=True, editable=False)
    year = models.PositiveSmallIntegerField(editable=False)
    place = models.PositiveIntegerField(editable=False, help_text="Within its year.")
    customer = models.ForeignKey(Customer, on_delete=models.SET_NULL, null=True, related_name="statements")
    customer_name = models.CharField(max_length=200)
    period_start = models.DateField()
    period_end = models.DateField()
    issued_at = models.DateTimeField()
    issued_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    issued_by_name = models.CharField(max_length=300, blank=True)
    corrects = models.OneToOneField(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="corrected_by"
    )
    reason = models.CharField(max_length=300, blank=True, help_text="Why it corrects the earlier statement.")
    content = models.JSONField()
    sha256 = models.CharField("SHA-256", max_length=64, unique=True)
    logo = models.ForeignKey(Logo, on_delete=models.PROTECT, null=True, related_name="+")
    template = models.CharField(max_length=60, help_text="What made the PDF: layout and program, with their versions.")

    objects = StatementQuerySet.as_manager()

    class Meta:
        ordering = ["-issued_at", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["year", "place"], name="one_statement_per_number"),
            models.CheckConstraint(condition=Q(period_start__lte=F("period_end")), name="statement_of_a_period"),
            models.CheckConstraint(condition=~Q(corrects=F("id")), name="statement_corrects_another"),
        ]
        indexes = [models.Index(fields=["customer", "-period_end"], name="statements_of_customer")]

    def __str__(self) -> str:
        return f"Statement {self.number}"

    @property
    def filename(self) -> str:
        return f"statement-{self.number}"


class StatementFile(models.Model):
    """The PDF of a statement, byte for byte as it was issued."""

    statement = models.OneToOneField(Statement, on_delete=models.PROTECT, primary_key=True, related_name="file")
    pdf = models.BinaryField()

    def __str__(self) -> str:
        return f"PDF of {self.statement}"


class StatementLinkQuerySet(models.QuerySet["StatementLink"]):
    def working(self, now: datetime | None = None) -> "StatementLinkQuerySet":
        """Keep links that open their statement now."""
        return self.filter(revoked_at=None, expires_at__gt=now or timezone.now())


class StatementLink(models.Model):
    """An address that shows one statement without a sign-in, until it expires. Only the secret's digest is kept."""

    statement = models.ForeignKey(Statement, on_delete=models.CASCADE, related_name="links")
    digest = models.CharField(max_length=64, unique=True, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    created_by = models.CharField(max_length=300, blank=True, editable=False)
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True, editable=False)
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = StatementLinkQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-id"]

    def __str__(self) -> str:
        return f"Link to {self.statement}"

    @property
    def state(self) -> str:
        if self.revoked_at:
            return "revoked"
        return "active" if self.expires_at > timezone.now() else "expired"


class StatementMailQuerySet(models.QuerySet["StatementMail"]):
    def due(self, now: datetime) -> "StatementMailQuerySet":
        """Keep mails to send now: not claimed by a worker, or claimed by one that did not come back in time."""
        free = Q(claimed_until=None) | Q(claimed_until__lt=now)
        return self.filter(free, state=StatementMail.State.WAITING, next_try_at__lte=now)


class StatementMail(models.Model):
    """One mail with one statement to one recipient. Its text is fixed before the first attempt."""

    class State(models.TextChoices):
        WAITING = "waiting", "Waiting"
        SENT = "sent", "Sent"
        FAILED = "failed", "Failed"

    uuid = models.UUIDField(default=uuid4, unique=True, editable=False)
    statement = models.ForeignKey(Statement, on_delete=models.CASCADE, related_name="mails")
    recipient = models.EmailField()
    subject = models.CharField(max_length=300)
    text = models.TextField()
    state = models.CharField(max_length=10, choices=State, default=State.WAITING)
    requested_by = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    next_try_at = models.DateTimeField(default=timezone.now)
    claimed_until = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    sent_at = models.DateTimeField(null=True, blank=True)
    answer = models.TextField(blank=True, help_text="What the mail server answered last.")

    objects = StatementMailQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-id"]
        indexes = [models.Index(fields=["next_try_at"], condition=Q(state="waiting"), name="statement_mail_waiting")]

    def __str__(self) -> str:
        return f"{self.statement} to {self.recipient}"


def last_month(today: date) -> tuple[date, date]:
    """Return the first and the last day of the last full month before `today`."""
    year, month = (today.year, today.month - 1) if today.month > 1 else (today.year - 1, 12)
    return date(year, month, 1), date(year, month, calendar.monthrange(year, month)[1])


class StatementSchedule(models.Model):
    """Issue a customer's statement of the last month on a day of each month, and send it by mail.

    `last_period` is the first day of the last month that this schedule has issued; `problem` says why the next one
    could not be issued yet.
    """

    customer = models.OneToOneField(Customer, on_delete=models.CASCADE, related_name="statement_schedule")
    enabled = models.BooleanField(default=True)
    day_of_month = models.PositiveSmallIntegerField(
        default=3, validators=[MinValueValidator(1), MaxValueValidator(28)], help_text="1 to 28, in UTC."
    )
    recipients = ArrayField(models.EmailField(), default=list)
    last_period = models.DateField(null=True, blank=True, editable=False)
    problem = models.TextField(blank=True, editable=False)

    OWN = ("customer", "enabled", "day_of_month", "recipients")

    class Meta:
        ordering = ["customer__name"]

    def __str__(self) -> str:
        return f"Monthly statement of {self.customer}"

    @property
    def state(self) -> str:
        if not self.enabled:
            return "paused"
        return "failed" if self.problem else "active"

    def due_period(self, today: date) -> tuple[date, date] | None:
        """Return the month to issue now, or None before its day and once it is issued."""
        start, end = last_month(today)
        if not self.enabled or today.day < self.day_of_month or (self.last_period and self.last_period >= start):
            return None
        return start, end


class StatementBatch(models.Model):
    """Statements of many customers for one period, made by a worker. One of another worker's death goes on."""

    class State(models.TextChoices):
        QUEUED = "queued", "Queued"
        RUNNING = "running", "Running"
        DONE = "done", "Done"
        CANCELLED = "cancelled", "Cancelled"

    OPEN = (State.QUEUED, State.RUNNING)

    period_start = models.DateField()
    period_end = models.DateField()
    tag = models.CharField(max_length=40, blank=True, help_text="Only customers with this tag. Empty: all.")
    send_mails = models.BooleanField("send by mail", default=False)
    state = models.CharField(max_length=10, choices=State, default=State.QUEUED)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    created_by_name = models.CharField(max_length=300, blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at", "-id"]
        verbose_name_plural = "statement batches"

    def __str__(self) -> str:
        return f"Statement batch #{self.pk}"

    @property
    def open(self) -> bool:
        return self.state in self.OPEN


class StatementBatchItem(models.Model):
    """One customer of a batch: its statement, or why there is none."""

    class State(models.TextChoices):
        WAITING = "waiting", "Waiting"
        ISSUED = "issued", "Issued"
        SKIPPED = "skipped", "Not needed"
        FAILED = "failed", "Failed"

    batch = models.ForeignKey(StatementBatch, on_delete=models.CASCADE, related_name="items", db_index=False)
    customer = models.ForeignKey(Customer, on_delete=models.SET_NULL, null=True, related_name="+")
    customer_name = models.CharField(max_length=200)
    state = models.CharField(max_length=10, choices=State, default=State.WAITING)
    statement = models.ForeignKey(Statement, on_delete=models.SET_NULL, null=True, related_name="+")
    message = models.TextField(blank=True)

    class Meta:
        ordering = ["batch", "customer_name", "id"]
        constraints = [models.UniqueConstraint(fields=["batch", "customer"], name="one_batch_item_per_customer")]
        indexes = [models.Index(fields=["batch", "state"], name="batch_items_by_state")]

    def __str__(self) -> str:
        return f"{self.customer_name} in {self.batch}"
