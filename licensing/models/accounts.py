"""Accounts, pools, licenses and product instances: what Cisco knows, mirrored.

Columns under "mirrored" are written by licensing.sync alone; those under "ours" are decided by people and survive a
row's going and coming back. A row that Cisco stops listing gets `gone_at`; it is not deleted.

Foreign keys to the parent have no index of their own where a unique constraint begins with the same column.
"""

import re
import uuid
from datetime import date, datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib.postgres.functions import RandomUUID
from django.db import models
from django.db.models import F, Q, Subquery
from django.db.models.functions import Coalesce
from django.utils import timezone

from licensing.models.secrets import SecretField
from licensing.models.servers import LicenseServer

DAY = timedelta(days=1)


class SmartAccountQuerySet(models.QuerySet["SmartAccount"]):
    def active(self) -> "SmartAccountQuerySet":
        return self.filter(paused_at=None)

    def synced(self) -> "SmartAccountQuerySet":
        """Whose figures are here."""
        return self.exclude(last_synced_at=None)


class SmartAccount(models.Model):
    """An account at Cisco, read through one LicenseServer (cloud: by domain; On-Prem: by local account name)."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    license_server = models.ForeignKey(LicenseServer, on_delete=models.PROTECT, related_name="smart_accounts")
    domain = models.CharField(max_length=253, help_text="Domain in the cloud, name of the local account On-Prem.")
    name = models.CharField(max_length=200, blank=True)
    account_type = models.CharField(max_length=20, default="CUSTOMER", editable=False)
    client_id = models.CharField("client ID", max_length=200, blank=True)
    client_secret = SecretField()
    credentials_expire_on = models.DateField(
        null=True, blank=True, help_text="Last day on which its own client ID and secret work, where you know it."
    )
    sync_every = models.DurationField("sync every", default=DAY)
    # A transfer plan is executed only when somebody else than its author has approved it.
    approve_transfers = models.BooleanField("approve transfers", default=False, db_default=False)
    # Cisco's own mails of alerts (row C16): CSSM tells no program whether they are switched on.
    cssm_alerts_configured = models.BooleanField("alerts are set up in CSSM", default=False, db_default=False)
    # Cisco's own tool, which partners with operational licenses have to use beside the portal (row A5).
    hcmf_host = models.CharField("HCM-F", max_length=253, blank=True, default="", db_default="")
    hcmf_version = models.CharField("HCM-F version", max_length=30, blank=True, default="", db_default="")
    paused_at = models.DateTimeField(null=True, blank=True, editable=False)
    # The last sync that came whole: the age of every mirrored number of this account.
    last_synced_at = models.DateTimeField(null=True, blank=True, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = SmartAccountQuerySet.as_manager()

    class Meta:
        ordering = ["name", "domain"]
        constraints = [
            models.UniqueConstraint(fields=["license_server", "domain"], name="one_smart_account_per_domain"),
            models.CheckConstraint(
                condition=Q(sync_every__gte=timedelta(minutes=15)) & Q(sync_every__lte=timedelta(days=31)),
                name="sync_every_15_minutes_to_31_days",
            ),
        ]

    def __str__(self) -> str:
        return self.name or self.domain


class MirroredQuerySet(models.QuerySet[Any]):
    def present(self) -> Any:
        """What Cisco listed at the last complete sync."""
        return self.filter(gone_at=None)


class RegistrationTokenQuerySet(MirroredQuerySet):
    def with_uses_left(self) -> "RegistrationTokenQuerySet":
        return self.filter(Q(uses_allowed=None) | Q(uses__lt=F("uses_allowed")))


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
    fingerprint = models.BigIntegerField(null=True, editable=False)  # licensing.sync.known
    gone_at = models.DateTimeField(null=True, blank=True)
    # ours
    purpose = models.CharField(max_length=12, choices=Purpose, default=Purpose.GENERAL, db_default=Purpose.GENERAL)
    license_mode = models.CharField(max_length=12, choices=LicenseMode, default="", db_default="", blank=True)
    # Whose pool it is: domain.md row G2.
    cost_center = models.CharField(max_length=100, blank=True, default="", db_default="")
    region = models.CharField(max_length=100, blank=True, default="", db_default="")
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+", db_index=False
    )
    note = models.TextField(blank=True, default="", db_default="")

    objects = MirroredQuerySet.as_manager()

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


class LicenseQuerySet(MirroredQuerySet):
    def short(self) -> "LicenseQuerySet":
        """Out of compliance by Cisco's word."""
        return self.present().filter(status=License.Status.OUT_OF_COMPLIANCE)  # type: ignore[no-any-return]

    def of_active_accounts(self) -> "LicenseQuerySet":
        return self.filter(virtual_account__smart_account__paused_at=None)


class License(models.Model):
    """One license name in one VirtualAccount. All columns are mirrored; `available` is Cisco's word, not our sum."""

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
    # Higher licenses lent to this one: [{"license", "substituted_license", "quantity", "type"}] (cssm-api.md §4.5)
    substitutions = models.JSONField(default=list, blank=True)
    lines_digest = models.CharField(max_length=64, blank=True, editable=False, help_text="Of the lines, as listed.")
    fingerprint = models.BigIntegerField(null=True, editable=False)  # licensing.sync.known
    gone_at = models.DateTimeField(null=True, blank=True)

    objects = LicenseQuerySet.as_manager()

    class Meta:
        ordering = ["name", "id"]
        constraints = [models.UniqueConstraint(fields=["virtual_account", "name"], name="one_license_per_name")]

    def __str__(self) -> str:
        return self.name


class LicenseLineQuerySet(models.QuerySet["LicenseLine"]):
    def present(self) -> "LicenseLineQuerySet":
        return self.filter(license__gone_at=None)

    def ending_by(self, day: date) -> "LicenseLineQuerySet":
        """Lines of present licenses whose term ends on or before that day, ended ones too."""
        return self.present().not_cancelled().filter(end__lte=day)

    def not_cancelled(self) -> "LicenseLineQuerySet":
        """The end of a cancelled one is nothing that comes."""
        return self.exclude(status__istartswith=LicenseLine.CANCELLED)

    def next_end(self) -> Coalesce:
        """Of these lines, for an outer query: the first end that is still to come, else the last one that is past."""
        ends, today = self.not_cancelled().order_by(), timezone.localdate()
        return Coalesce(
            Subquery(ends.filter(end__gte=today).order_by("end").values("end")[:1]),
            Subquery(ends.filter(end__lt=today).order_by("-end").values("end")[:1]),
        )


class LicenseLine(models.Model):
    """One purchase line of a License. A part of it: replaced whenever the lines change, never kept as gone."""

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


# Between the identity that several have and the number that tells the second and later ones apart.
TWIN_MARK = " #"
TWIN_NUMBER = re.compile(rf"{TWIN_MARK}\d+$")


class ProductInstanceQuerySet(MirroredQuerySet):
    def silent_since(self, moment: datetime) -> "ProductInstanceQuerySet":
        """Present, and last in contact with Cisco before that moment."""
        return self.present().filter(last_contact_at__lt=moment)  # type: ignore[no-any-return]

    def unmatched(self) -> "ProductInstanceQuerySet":
        """Present, and no cluster fits; nobody has decided by hand that there is none."""
        return self._undecided().filter(cluster_candidates=0)

    def ambiguous(self) -> "ProductInstanceQuerySet":
        """Present, and several clusters fit equally well."""
        return self._undecided().filter(cluster_candidates__gt=1)

    def _undecided(self) -> "ProductInstanceQuerySet":
        return self.present().filter(cluster=None, cluster_by_hand=False)  # type: ignore[no-any-return]


class ProductInstance(models.Model):
    """A registered product. `identity` is what tells it from others in its pool: UDI, serial, uuid and product tag,
    or the display name where Cisco sends none of them. Ours: cluster, cluster_by_hand, cluster_candidates,
    note.
    """

    # mirrored
    virtual_account = models.ForeignKey(
        VirtualAccount, on_delete=models.CASCADE, related_name="product_instances", db_index=False
    )
    identity = models.CharField(max_length=600)
    name = models.CharField(max_length=300, blank=True)
    host_name = models.CharField(max_length=300, blank=True)
    udi_pid = models.CharField("UDI product", max_length=100, blank=True)
    serial = models.CharField(max_length=100, blank=True)
    uuid = models.CharField(max_length=100, blank=True)
    product_tag = models.CharField(max_length=300, blank=True)
    product_type = models.CharField(max_length=100, blank=True)
    status = models.CharField(max_length=50, blank=True)
    registered_at = models.DateTimeField(null=True, blank=True)
    last_contact_at = models.DateTimeField(null=True, blank=True)
    usage_digest = models.CharField(max_length=64, blank=True, editable=False, help_text="Of the usage, as listed.")
    fingerprint = models.BigIntegerField(null=True, editable=False)  # licensing.sync.known
    gone_at = models.DateTimeField(null=True, blank=True)
    # ours
    cluster = models.ForeignKey(
        "licensing.Cluster", on_delete=models.SET_NULL, null=True, blank=True, related_name="product_instances"
    )
    cluster_by_hand = models.BooleanField(default=False, db_default=False)
    # How many clusters fit equally well, as of the last matching (licensing.matching).
    cluster_candidates = models.PositiveIntegerField(default=0, db_default=0, editable=False)
    note = models.TextField(blank=True, default="", db_default="")

    objects = ProductInstanceQuerySet.as_manager()

    class Meta:
        ordering = ["name", "id"]
        constraints = [
            models.UniqueConstraint(fields=["virtual_account", "identity"], name="one_instance_per_identity")
        ]
        indexes = [models.Index(fields=["last_contact_at"], name="product_instance_silent")]  # silent_since

    def __str__(self) -> str:
        return self.host_name or self.name or self.serial or self.product_tag or "Unnamed product instance"

    def twins(self) -> "ProductInstanceQuerySet":
        """The others of the same pool that Cisco lists with the same identity; a number tells them apart
        (licensing.sync.twins)."""
        shared = TWIN_NUMBER.sub("", self.identity)
        same = Q(identity=shared) | Q(identity__startswith=f"{shared}{TWIN_MARK}")
        of_pool = ProductInstance.objects.filter(virtual_account_id=self.virtual_account_id)
        return of_pool.present().filter(same).exclude(pk=self.pk)  # type: ignore[no-any-return]


class InstanceUsageQuerySet(models.QuerySet["InstanceUsage"]):
    def current(self) -> "InstanceUsageQuerySet":
        """What is used now, with whose it is: gone products and quantities of none are left out."""
        return self.filter(product_instance__gone_at=None, quantity__gt=0).select_related(
            "license", "product_instance__virtual_account__smart_account", "product_instance__cluster__customer"
        )


class InstanceUsage(models.Model):
    """Quantity of one license that a ProductInstance uses. A part of it: replaced with it, never kept as gone.

    No constraints in the database: PostgreSQL checks them row by row, which took a third of a first sync. Only the
    merge writes here, from a join with the rows it refers to, and holds the account: nobody removes it meanwhile.
    """

    product_instance = models.ForeignKey(
        ProductInstance, on_delete=models.CASCADE, related_name="usage", db_index=False, db_constraint=False
    )
    license = models.ForeignKey(
        License, on_delete=models.SET_NULL, null=True, related_name="usage", db_constraint=False
    )
    license_name = models.CharField(max_length=300)
    quantity = models.IntegerField(default=0)

    objects = InstanceUsageQuerySet.as_manager()

    class Meta:
        ordering = ["license_name"]
        constraints = [
            models.UniqueConstraint(fields=["product_instance", "license_name"], name="one_usage_per_license")
        ]

    def __str__(self) -> str:
        return f"{self.quantity} × {self.license_name}"


class RegistrationToken(models.Model):
    """What a product registers with. Mirrored by its digest; ours: text, made_here, uses_allowed, uses.

    Cisco's interface tells neither how often a token may be used nor how often it was. `uses_allowed` is what a person
    read in CSSM, None where there is no limit or none is known. `uses` counts the registrations that the portal has
    carried out with it; others are known only where a person enters them, so it is the least that it can be.
    """

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False, db_default=RandomUUID())
    # mirrored
    virtual_account = models.ForeignKey(
        VirtualAccount, on_delete=models.CASCADE, related_name="registration_tokens", db_index=False
    )
    digest = models.CharField(max_length=64, editable=False, help_text="SHA-256 of the text.")
    description = models.CharField(max_length=500, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    created_by = models.CharField(max_length=254, blank=True)
    export_controlled = models.BooleanField(default=False)
    fingerprint = models.BigIntegerField(null=True, editable=False)  # licensing.sync.known
    gone_at = models.DateTimeField(null=True, blank=True)
    # ours
    text = SecretField(db_default="")
    made_here = models.BooleanField(default=False, db_default=False)
    uses_allowed = models.PositiveIntegerField(null=True, blank=True)
    uses = models.PositiveIntegerField(default=0, db_default=0)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = RegistrationTokenQuerySet.as_manager()

    class Meta:
        ordering = ["-expires_at", "id"]
        constraints = [models.UniqueConstraint(fields=["virtual_account", "digest"], name="one_token_per_text")]

    def __str__(self) -> str:
        return self.description or f"Token #{self.pk}"

    @property
    def used_up(self) -> bool:
        """RegistrationTokenQuerySet.with_uses_left, for one that is at hand."""
        return self.uses_allowed is not None and self.uses >= self.uses_allowed
