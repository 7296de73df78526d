"""The tables of licenses and their purchase lines, as Cisco lists them."""

from datetime import date

from django.db import models
from django.db.models import F, Q, Subquery
from django.db.models.functions import Coalesce
from django.utils import timezone

from licensing.mirror.models.virtual_accounts import MirroredQuerySet, VirtualAccount


class LicenseQuerySet(MirroredQuerySet):
    def short(self) -> "LicenseQuerySet":
        """Keep the licenses that Cisco reports as out of compliance."""
        return self.present().filter(status=License.Status.OUT_OF_COMPLIANCE)  # type: ignore[no-any-return]

    def of_active_accounts(self) -> "LicenseQuerySet":
        return self.filter(virtual_account__smart_account__paused_at=None)


class License(models.Model):
    """One license name in one VirtualAccount. All columns are mirrored; `available` is Cisco's figure, not our sum."""

    class Status(models.TextChoices):
        IN_COMPLIANCE = "in_compliance", "In compliance"
        OUT_OF_COMPLIANCE = "out_of_compliance", "Out of compliance"
        UNKNOWN = "unknown", "Unknown"

    virtual_account = models.ForeignKey(
        VirtualAccount, on_delete=models.CASCADE, related_name="licenses", db_index=False
    )
    name = models.CharField(max_length=300)
    quantity = models.IntegerField(default=0)
    in_use = models.IntegerField(default=0)
    available = models.IntegerField(default=0)
    reserved = models.IntegerField(default=0)
    pending = models.IntegerField(default=0)
    status = models.CharField(max_length=20, choices=Status, default=Status.UNKNOWN)
    billing_type = models.CharField(max_length=30, blank=True)
    # Higher licenses that are lent to this one, a dict each (docs/cisco-api.md#substitutions), with the keys "license",
    # "substituted_license", "quantity" and "type".
    substitutions = models.JSONField(default=list, blank=True)
    lines_digest = models.CharField(
        max_length=64, blank=True, editable=False, help_text="Digest of the lines, as listed."
    )
    fingerprint = models.BigIntegerField(null=True, editable=False)  # licensing.mirror.sync.fingerprints
    gone_at = models.DateTimeField(null=True, blank=True)

    objects = LicenseQuerySet.as_manager()

    class Meta:
        ordering = ["name", "id"]
        constraints = [models.UniqueConstraint(fields=["virtual_account", "name"], name="one_license_per_name")]

    def __str__(self) -> str:
        return self.name

    # The same as `short_by_cisco`, for statements that call the table `license`.
    SHORT_BY_CISCO = "greatest(-license.available, license.in_use - license.quantity, 0)"

    @property
    def short_by_cisco(self) -> int:
        """Return how many licenses are missing by Cisco's own figures; 0 where only its status says so."""
        if self.status != self.Status.OUT_OF_COMPLIANCE:
            return 0
        return max(-self.available, self.in_use - self.quantity, 0)


class LicenseLineQuerySet(models.QuerySet["LicenseLine"]):
    def present(self) -> "LicenseLineQuerySet":
        return self.filter(license__gone_at=None)

    def ending_by(self, day: date) -> "LicenseLineQuerySet":
        """Keep lines of present licenses whose term ends on or before that day, including terms that have ended."""
        return self.present().not_cancelled().filter(end__lte=day)

    def not_cancelled(self) -> "LicenseLineQuerySet":
        """Leave out cancelled lines, because the end of such a term changes nothing."""
        return self.exclude(status__istartswith=LicenseLine.CANCELLED)

    def next_end(self) -> Coalesce:
        """Return, for an outer query, the first end of these lines that is still to come, else the last past one."""
        ends, today = self.not_cancelled().order_by(), timezone.localdate()
        return Coalesce(
            Subquery(ends.filter(end__gte=today).order_by("end").values("end")[:1]),
            Subquery(ends.filter(end__lt=today).order_by("-end").values("end")[:1]),
        )


class LicenseLine(models.Model):
    """One purchase line of a License. Lines are replaced whenever they change, and never kept as gone."""

    ACTIVE, CANCELLED = ("", "active"), "cancel"  # Cisco's words, in lower case; spelled Canceled or Cancelled

    license = models.ForeignKey(License, on_delete=models.CASCADE, related_name="lines", db_index=False)
    position = models.PositiveSmallIntegerField(help_text="Place in Cisco's listing, sorted by content.")
    type = models.CharField(max_length=30, blank=True)
    quantity = models.IntegerField(default=0)
    start = models.DateField(null=True, blank=True)
    end = models.DateField(null=True, blank=True)
    subscription_id = models.CharField(max_length=100, blank=True)
    status = models.CharField(max_length=30, blank=True)
    order_number = models.CharField(max_length=100, blank=True)
    sku = models.CharField(max_length=100, blank=True)

    objects = LicenseLineQuerySet.as_manager()

    class Meta:
        ordering = [F("end").asc(nulls_last=True), "position"]
        constraints = [models.UniqueConstraint(fields=["license", "position"], name="one_line_per_position")]
        indexes = [
            models.Index(fields=["end"], name="license_line_end"),  # LicenseLineQuerySet.ending_by
            models.Index(  # what a subscription covers
                fields=["subscription_id"], name="license_line_subscription", condition=~Q(subscription_id="")
            ),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} × {self.type or 'line'}"

    @property
    def is_running(self) -> bool:
        return self.status.lower() in self.ACTIVE and (self.end is None or self.end >= timezone.localdate())

    @property
    def is_cancelled(self) -> bool:
        return self.status.lower().startswith(self.CANCELLED)
