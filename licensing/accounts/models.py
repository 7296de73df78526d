"""Store license servers (the CSSM cloud or CSSM On-Prem) and their smart accounts."""

import uuid
from datetime import datetime, timedelta

from django.core.validators import MaxValueValidator, MinValueValidator, URLValidator
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from kit.ages import OUTDATED_INTERVALS, is_outdated
from kit.secrets import SecretField

WEB_ADDRESS = URLValidator(schemes=["https", "http"], message="Enter an address that begins with https://.")


class Check(models.TextChoices):
    """This is the result of the last connection test, of a license server or of the access to a cluster."""

    UNKNOWN = "", "Not tested"
    RUNNING = "running", "Being tested"
    OK = "ok", "Connected"
    REFUSED = "refused", "Refused"
    UNAVAILABLE = "unavailable", "Unreachable"


class LicenseServer(models.Model):
    """A license server keeps licenses at Cisco or on premises. Credentials of a SmartAccount override these.

    Cloud: `api_base_url` ends before `/v1`; On-Prem: it ends in `/api/v1` (docs/cisco-api.md#on-prem-base).
    `check_*` hold the result of the last connection test. People enter `on_prem_name` to `instance_limit`, because
    Cisco's API does not tell them.
    """

    class Kind(models.TextChoices):
        CLOUD = "cloud", "CSSM cloud"
        ON_PREM = "on_prem", "CSSM On-Prem"

    Check = Check

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    name = models.CharField(max_length=100, unique=True)
    kind = models.CharField(max_length=10, choices=Kind, default=Kind.CLOUD)
    api_base_url = models.CharField("API base URL", max_length=500, validators=[WEB_ADDRESS])
    token_url = models.CharField("token URL", max_length=500, validators=[WEB_ADDRESS])
    client_id = models.CharField("client ID", max_length=200, blank=True)
    client_secret = SecretField()
    version = models.CharField(max_length=30, blank=True, help_text="On-Prem only, for example 8-202404.")
    # On-Prem only
    registration_url = models.CharField(
        "registration URL",
        max_length=500,
        blank=True,
        default="",
        db_default="",
        validators=[WEB_ADDRESS],
        help_text="As it is set in HCM-F or in the clusters. Change it there whenever the server is upgraded.",
    )
    on_prem_name = models.CharField(
        "SSM On-Prem Name",
        max_length=253,
        blank=True,
        default="",
        db_default="",
        help_text="As the server shows it under Network. Equals the host name of the registration URL.",
    )
    host_common_name = models.CharField(
        max_length=253,
        blank=True,
        default="",
        db_default="",
        help_text="As the server shows it under Security. Equals the host name of the registration URL.",
    )
    hcmf_version = models.CharField(
        "HCM-F version",
        max_length=30,
        blank=True,
        default="",
        db_default="",
        help_text="Where HCM-F is in use, for example 12.5SU2: older ones need another registration URL.",
    )
    offline = models.BooleanField(
        default=False, db_default=False, help_text="Not connected to Cisco: it synchronizes by exchanging files."
    )
    last_cloud_sync_at = models.DateTimeField(
        "last synchronized with Cisco",
        null=True,
        blank=True,
        help_text="As the server shows it. Cisco advises at most 30 days and removes the server after 90.",
    )
    instance_limit = models.PositiveIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text="How many product instances it carries. Empty: the limit of its version.",
    )
    ca_certificate = models.TextField("CA certificate (PEM)", blank=True)
    verify_tls = models.BooleanField("verify TLS certificates", default=True)
    checked_at = models.DateTimeField(null=True, blank=True, editable=False)
    check_status = models.CharField(max_length=12, choices=Check, default=Check.UNKNOWN, blank=True, editable=False)
    check_message = models.TextField(blank=True, editable=False)
    check_next_step = models.TextField(blank=True, editable=False)
    # The accounts that the credentials see: [{"domain", "name", "type", "roles"}]
    visible_accounts = models.JSONField(default=list, blank=True, editable=False)
    # The end of the certificate that the server showed at the last test or sync; plain HTTP has none.
    certificate_not_after = models.DateTimeField(null=True, blank=True, editable=False)
    credentials_expire_on = models.DateField(
        null=True,
        blank=True,
        help_text="Last day on which client ID and secret work, where you know it: alerts remind.",
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    # Facts about On-Prem servers that people enter, because Cisco's API does not tell them.
    ON_PREM_FACTS = (
        "registration_url",
        "on_prem_name",
        "host_common_name",
        "hcmf_version",
        "offline",
        "last_cloud_sync_at",
        "instance_limit",
    )
    ON_PREM_ONLY = ("version", *ON_PREM_FACTS, "ca_certificate", "verify_tls")
    # Columns that people set, in the order of page, REST and admin. The client secret comes separately.
    OWN = ("name", "kind", "api_base_url", "token_url", "client_id", "credentials_expire_on", *ON_PREM_ONLY)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    @property
    def is_cloud(self) -> bool:
        return self.kind == self.Kind.CLOUD


DAY = timedelta(days=1)


class SmartAccountQuerySet(models.QuerySet["SmartAccount"]):
    def active(self) -> "SmartAccountQuerySet":
        return self.filter(paused_at=None)

    def synced(self) -> "SmartAccountQuerySet":
        """Return the accounts that have been synced at least once."""
        return self.exclude(last_synced_at=None)

    def outdated(self, now: datetime | None = None) -> "SmartAccountQuerySet":
        """Return the accounts whose figures are too old to rely on, by the rule of SmartAccount.is_outdated."""
        limit = (now or timezone.now()) - F("sync_every") * OUTDATED_INTERVALS
        return self.filter(Q(last_synced_at=None) | Q(last_synced_at__lt=limit))


class SmartAccount(models.Model):
    """A smart account is read through one LicenseServer: by domain in the cloud, by local account name On-Prem."""

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
    # A transfer plan is executed only after someone other than its author has approved it.
    approve_transfers = models.BooleanField("approve transfers", default=False, db_default=False)
    # What remedies propose to move beyond what is missing, in percent of what is in use (licensing.pools.remedies).
    transfer_headroom = models.PositiveSmallIntegerField(
        "headroom of transfers in percent", default=5, db_default=5, validators=[MaxValueValidator(100)]
    )
    # No interface tells whether Cisco's own alert mails are switched on (docs/domain.md#C16).
    cssm_alerts_configured = models.BooleanField("alerts are set up in CSSM", default=False, db_default=False)
    # Cisco's own tool, which partners with operational licenses must use besides the portal (docs/domain.md#A5).
    hcmf_host = models.CharField("HCM-F", max_length=253, blank=True, default="", db_default="")
    hcmf_version = models.CharField("HCM-F version", max_length=30, blank=True, default="", db_default="")
    paused_at = models.DateTimeField(null=True, blank=True, editable=False)
    # The last complete sync, which tells the age of every mirrored figure of this account.
    last_synced_at = models.DateTimeField(null=True, blank=True, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = SmartAccountQuerySet.as_manager()

    # Columns that people may change, in the order of page, REST and admin. Credentials have their own verb.
    OWN = (
        "name",
        "sync_every",
        "approve_transfers",
        "transfer_headroom",
        "cssm_alerts_configured",
        "credentials_expire_on",
        "hcmf_host",
        "hcmf_version",
    )

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

    def is_outdated(self, now: datetime | None = None) -> bool:
        """Return whether the figures are too old to rely on: never synced, or older than two intervals."""
        return is_outdated(self.last_synced_at, self.sync_every, now or timezone.now())
