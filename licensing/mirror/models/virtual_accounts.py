"""The table of virtual accounts, and the query set that all mirrored tables share."""

from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q

from licensing.accounts.models import SmartAccount


class MirroredQuerySet(models.QuerySet[Any]):
    def present(self) -> Any:
        """Keep rows that Cisco listed at the last complete sync."""
        return self.filter(gone_at=None)


class VirtualAccountQuerySet(MirroredQuerySet):
    def serving(self) -> "VirtualAccountQuerySet":
        """Keep pools that serve applications: clusters, product instances, tokens and transfers may go there."""
        return self.exclude(purpose=VirtualAccount.Purpose.ORDERED)


class VirtualAccount(models.Model):
    """A pool in a SmartAccount. Ours: purpose, license_mode, cost_center, region, owner, note."""

    class Purpose(models.TextChoices):
        GENERAL = "general", "General"
        ORDERED = "ordered", "Ordered"
        OPERATIONAL = "operational", "Operational"

    class LicenseMode(models.TextChoices):
        UNSET = "", "Not set"
        HCS = "hcs", "HCS"
        ENTERPRISE = "enterprise", "Enterprise"

    # mirrored
    smart_account = models.ForeignKey(
        SmartAccount, on_delete=models.CASCADE, related_name="virtual_accounts", db_index=False
    )
    name = models.CharField(max_length=300)
    description = models.TextField(blank=True)
    is_default = models.BooleanField(default=False)
    access_level = models.CharField(max_length=30, blank=True)
    fingerprint = models.BigIntegerField(null=True, editable=False)  # licensing.mirror.sync.fingerprints
    gone_at = models.DateTimeField(null=True, blank=True)
    # ours
    purpose = models.CharField(max_length=12, choices=Purpose, default=Purpose.GENERAL, db_default=Purpose.GENERAL)
    license_mode = models.CharField(max_length=12, choices=LicenseMode, default="", db_default="", blank=True)
    # Cost center, region and owner say whose pool it is (docs/domain.md#G2).
    cost_center = models.CharField(max_length=100, blank=True, default="", db_default="")
    region = models.CharField(max_length=100, blank=True, default="", db_default="")
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+", db_index=False
    )
    note = models.TextField(blank=True, default="", db_default="")

    objects = VirtualAccountQuerySet.as_manager()

    # People decide these columns. Page, REST and admin show them in this order.
    OWN = ("purpose", "license_mode", "cost_center", "region", "owner", "note")
    # The next step where `not_serving` refuses a pool.
    CHOOSE_SERVING = "Choose the operational pool or a general one."

    class Meta:
        ordering = ["name", "id"]
        constraints = [
            models.UniqueConstraint(fields=["smart_account", "name"], name="one_virtual_account_per_name"),
            models.UniqueConstraint(
                fields=["smart_account", "purpose"],
                condition=~Q(purpose="general"),
                name="one_ordered_and_one_operational_pool",
                violation_error_message="Another virtual account of this smart account already has this purpose.",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_ordered(self) -> bool:
        """Return whether this is the pool that records purchases. It serves no applications."""
        return self.purpose == self.Purpose.ORDERED

    @property
    def not_serving(self) -> str:
        """The reason why this pool serves no applications, "" where it does. `serving` judges sets of pools."""
        return f"{self} is the ordered pool, which serves no applications." if self.is_ordered else ""
