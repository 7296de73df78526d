"""Store the registry in the public schema: partners, their domains and their scheduled jobs."""

import re
from datetime import datetime

from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models
from django.utils import timezone
from django_tenants.models import DomainMixin, TenantMixin

SCHEMA_NAME = re.compile(r"^[a-z][a-z0-9_]{1,47}$")
RESERVED_SCHEMA_NAMES = {"public", "provider", "template", "information_schema"}
HOST_NAME = re.compile(r"^(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$")


def check_schema_name(name: str) -> None:
    """Raise ValidationError if a partner may not have this schema name (design rule: fail closed)."""
    if not SCHEMA_NAME.fullmatch(name):
        raise ValidationError(
            f"The schema name {name!r} is not allowed. Use 2 to 48 lower-case letters, digits and underscores, "
            "beginning with a letter."
        )
    if name in RESERVED_SCHEMA_NAMES or name.startswith("pg_"):
        raise ValidationError(f"The schema name {name!r} is reserved. Choose another one.")


class PartnerQuerySet(models.QuerySet["Partner"]):
    def partners(self) -> "PartnerQuerySet":
        """Return all partners without the provider, which has a schema but no licensing data."""
        return self.filter(kind=Partner.Kind.PARTNER)

    def active(self) -> "PartnerQuerySet":
        """Return the partners that the portal works for: set up completely and not suspended."""
        return self.partners().filter(ready=True, suspended_at=None)


class Partner(TenantMixin):
    """A partner is a tenant. It can be suspended, never deleted: the admin keeps both row and schema."""

    class Kind(models.TextChoices):
        PARTNER = "partner", "Partner"
        PROVIDER = "provider", "Provider"

    name = models.CharField(max_length=200)
    kind = models.CharField(max_length=10, choices=Kind, default=Kind.PARTNER, editable=False)
    ready = models.BooleanField(default=False, editable=False, help_text="Schema and owner are complete.")
    suspended_at = models.DateTimeField(null=True, blank=True, editable=False)
    suspended_reason = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    auto_create_schema = False
    auto_drop_schema = False

    objects = PartnerQuerySet.as_manager()

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    @property
    def active(self) -> bool:
        return self.ready and self.suspended_at is None


class Domain(DomainMixin):
    """A domain is a host name of a partner, in lower case and without port."""

    domain = models.CharField(
        max_length=253,
        unique=True,
        validators=[RegexValidator(HOST_NAME, "Enter a host name such as acme.portal.example, without port.")],
    )

    class Meta:
        ordering = ["domain"]

    def clean(self) -> None:
        self.domain = self.domain.lower().rstrip(".")


class ScheduledJobQuerySet(models.QuerySet["ScheduledJob"]):
    def due(self, now: datetime) -> "ScheduledJobQuerySet":
        return self.filter(
            next_run_at__lte=now,
            partner__kind=Partner.Kind.PARTNER,
            partner__ready=True,
            partner__suspended_at=None,
        )


class ScheduledJob(models.Model):
    """A job recurs for a partner. tenants.schedule writes it; subject_id is an id in the partner's schema."""

    partner = models.ForeignKey(Partner, on_delete=models.CASCADE, related_name="jobs")
    job = models.CharField(max_length=20)
    subject_id = models.BigIntegerField(default=0, help_text="0: the job concerns the partner as a whole.")
    every = models.DurationField()
    next_run_at = models.DateTimeField()
    last_sent_at = models.DateTimeField(null=True, blank=True)
    last_done_at = models.DateTimeField(null=True, blank=True)

    objects = ScheduledJobQuerySet.as_manager()

    class Meta:
        ordering = ["next_run_at"]
        constraints = [models.UniqueConstraint(fields=["partner", "job", "subject_id"], name="one_job_per_subject")]
        indexes = [models.Index(fields=["next_run_at"], name="scheduled_job_due")]  # ScheduledJobQuerySet.due

    def __str__(self) -> str:
        return f"{self.job} of {self.partner}" + (f" #{self.subject_id}" if self.subject_id else "")
