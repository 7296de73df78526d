"""The tables of the fleet: customers, their clusters and nodes, proxies, and the access to clusters."""

import uuid
from datetime import timedelta

from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import DateField, Exists, F, OuterRef, Q
from django.db.models.functions import Cast
from django.utils import timezone

from kit.secrets import SecretField
from licensing.accounts.models import WEB_ADDRESS, Check, LicenseServer
from licensing.fleet import transport
from licensing.mirror.models import ProductInstance

# A product runs this long without being registered (docs/domain.md#C13, docs/cisco-api.md#evaluation-clock).
EVALUATION = timedelta(days=90)
TAG_LENGTH, TAGS = 40, 20
FIRST_YEAR, LAST_YEAR = 1990, 2099  # of an installation


class Customer(models.Model):
    """A customer of the partner."""

    name = models.CharField(max_length=200, unique=True)
    note = models.TextField(blank=True)
    tags = ArrayField(
        models.CharField(max_length=TAG_LENGTH),
        default=list,
        db_default=[],
        blank=True,
        size=TAGS,
        help_text="Short words to find customers by, separated by commas: region, contract, data centre.",
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    # People enter these columns. Page, REST and admin show them in this order. The proxy has a verb of its own.
    OWN = ("name", "tags", "note")

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


def _registered() -> models.QuerySet[ProductInstance]:
    present: models.QuerySet[ProductInstance] = ProductInstance.objects.present()
    return present.filter(cluster=OuterRef("pk"))


class ClusterQuerySet(models.QuerySet["Cluster"]):
    def in_evaluation(self) -> "ClusterQuerySet":
        """Keep clusters in their evaluation period: the installation day is known, and Cisco lists no instance.

        `evaluation_ends` is its last day, which may be past: then the evaluation has expired.
        """
        return self.with_evaluation().exclude(installed_on=None).filter(~Exists(_registered()))

    def with_evaluation(self) -> "ClusterQuerySet":
        """Annotate `evaluation_ends` (a date), None once registered or where the installation day is not known."""
        last_day = Cast(F("installed_on") + EVALUATION, DateField())
        return self.annotate(evaluation_ends=models.Case(models.When(~Exists(_registered()), then=last_day)))


class Cluster(models.Model):
    """One installation of a UC application for one customer; its publisher holds the licensing agent."""

    class Application(models.TextChoices):
        CUCM = "cucm", "Unified CM"
        CUC = "cuc", "Unity Connection"
        CER = "cer", "Emergency Responder"
        EXPRESSWAY_C = "expressway_c", "Expressway-C"
        EXPRESSWAY_E = "expressway_e", "Expressway-E"

    EXPRESSWAYS = tuple(map(Application, transport.EXPRESSWAYS))

    class Deployment(models.TextChoices):
        HCS = "hcs", "HCS"
        ENTERPRISE = "enterprise", "Enterprise"

    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="clusters")
    name = models.CharField(max_length=200)
    application = models.CharField(max_length=20, choices=Application, default=Application.CUCM)
    version = models.CharField(max_length=30, blank=True, help_text="As the application shows it, for example 14.0.1.")
    deployment = models.CharField(max_length=12, choices=Deployment, default=Deployment.HCS)
    mixed_mode = models.BooleanField(
        default=False, help_text="Security is enabled, so it needs export-controlled tokens."
    )
    managed_on_premise = models.BooleanField(
        default=False,
        db_default=False,
        help_text="The portal cannot reach the cluster and sets nothing on it. You enter its data by hand.",
    )
    installed_on = models.DateField(
        null=True, blank=True, help_text="Starts the 90 days of evaluation, until the cluster is registered."
    )
    license_server = models.ForeignKey(
        LicenseServer,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="clusters",
        help_text="The On-Prem server that it registers with. Leave it empty for the cloud.",
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = ClusterQuerySet.as_manager()

    # People enter these columns. Page, REST and admin show them in this order. Nodes, proxy and access are own rows.
    OWN = (
        "customer",
        "name",
        "application",
        "version",
        "deployment",
        "mixed_mode",
        "managed_on_premise",
        "installed_on",
        "license_server",
    )

    class Meta:
        ordering = ["name", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["customer", "name"],
                name="one_cluster_per_name",
                violation_error_message="This customer already has a cluster of this name.",
            )
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def has_axl(self) -> bool:
        """Return whether the cluster has AXL, which is an interface of Unified CM alone."""
        return bool(self.application == self.Application.CUCM)

    @property
    def is_expressway(self) -> bool:
        """Return whether it is an Expressway, whose nodes register one by one and have no license mode."""
        return transport.is_expressway(self.application)

    def clean(self) -> None:
        """Refuse typing errors such as the year 9999: the end of the evaluation would not fit a date."""
        if self.installed_on and not FIRST_YEAR <= self.installed_on.year <= LAST_YEAR:
            raise ValidationError({"installed_on": f"Enter a day between {FIRST_YEAR} and {LAST_YEAR}."})


class Node(models.Model):
    """A server of a cluster."""

    class Role(models.TextChoices):
        PUBLISHER = "publisher", "Publisher"
        SUBSCRIBER = "subscriber", "Subscriber"

    cluster = models.ForeignKey(Cluster, on_delete=models.CASCADE, related_name="nodes")
    host_name = models.CharField(max_length=253)
    role = models.CharField(max_length=12, choices=Role, default=Role.SUBSCRIBER)
    serial = models.CharField(
        max_length=100,
        blank=True,
        default="",
        db_default="",
        help_text="UDI serial number or UUID of the product. It identifies the product instance reliably.",
    )

    class Meta:
        ordering = ["role", "host_name"]
        constraints = [
            models.UniqueConstraint(fields=["cluster", "host_name"], name="one_node_per_host_name"),
            models.UniqueConstraint(
                fields=["cluster"],
                condition=Q(role="publisher"),
                name="one_publisher_per_cluster",
                violation_error_message="A cluster has exactly one publisher.",
            ),
        ]

    def __str__(self) -> str:
        return self.host_name


class Proxy(models.Model):
    """An HTTPS proxy, set on a customer or on a cluster."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    customer = models.OneToOneField(Customer, on_delete=models.CASCADE, null=True, blank=True, related_name="proxy")
    cluster = models.OneToOneField(Cluster, on_delete=models.CASCADE, null=True, blank=True, related_name="proxy")
    host = models.CharField(max_length=253)
    port = models.PositiveIntegerField(validators=[MinValueValidator(1), MaxValueValidator(65535)])
    username = models.CharField(max_length=200, blank=True)
    password = SecretField()

    class Meta:
        verbose_name_plural = "proxies"
        constraints = [
            models.CheckConstraint(
                condition=Q(customer=None, cluster__isnull=False) | Q(customer__isnull=False, cluster=None),
                name="proxy_of_one_customer_or_cluster",
            )
        ]

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


class ClusterAccess(models.Model):
    """The access to one cluster; a cluster without one is reached by hand. All columns are ours.

    `url`: scheme, host and port of the publisher, for example https://cucm-pub.example:8443. `check_*` hold the answer
    of the last test: its state, what was said, what to do next, and what the application said of itself
    (`check_found`: the members of answers.Status that are known).
    """

    class Method(models.TextChoices):
        MANUAL = "manual", "By hand, with a run sheet"
        AXL = "axl", "AXL (Unified CM)"

    Check = Check

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    cluster = models.OneToOneField(Cluster, on_delete=models.CASCADE, related_name="access")
    method = models.CharField(max_length=10, choices=Method, default=Method.MANUAL)
    url = models.CharField("address", max_length=500, blank=True, validators=[WEB_ADDRESS])
    username = models.CharField("user name", max_length=200, blank=True)
    password = SecretField()
    ca_certificate = models.TextField("CA certificate (PEM)", blank=True)
    verify_tls = models.BooleanField("verify TLS certificates", default=True)
    checked_at = models.DateTimeField(null=True, blank=True, editable=False)
    check_status = models.CharField(max_length=12, choices=Check, default=Check.UNKNOWN, blank=True, editable=False)
    check_message = models.TextField(blank=True, editable=False)
    check_next_step = models.TextField(blank=True, editable=False)
    check_found = models.JSONField(default=dict, blank=True, editable=False)

    # People enter these columns and the password. Page, REST and admin show them in this order.
    OWN = ("method", "url", "username", "ca_certificate", "verify_tls")

    class Meta:
        verbose_name_plural = "cluster accesses"

    def __str__(self) -> str:
        return f"Access to {self.cluster}"
