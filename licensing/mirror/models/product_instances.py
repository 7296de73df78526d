"""The tables of product instances and of the licenses that they use."""

import re
from datetime import timedelta

from django.db import models
from django.db.models import Q
from django.utils import timezone

from licensing.mirror.models.licenses import License
from licensing.mirror.models.virtual_accounts import MirroredQuerySet, VirtualAccount

# It stands between an identity that several instances share and the number of the second and later ones.
TWIN_MARK = " #"
TWIN_NUMBER = re.compile(rf"{TWIN_MARK}\d+$")


class ProductInstanceQuerySet(MirroredQuerySet):
    def silent_for(self, days: int) -> "ProductInstanceQuerySet":
        """Keep present instances without contact with Cisco for more than that many days (licensing.alerts.silence)."""
        moment = timezone.now() - timedelta(days=days)
        return self.present().filter(last_contact_at__lt=moment)  # type: ignore[no-any-return]

    def unmatched(self) -> "ProductInstanceQuerySet":
        """Keep present instances that no cluster fits, unless a person has decided that they have none."""
        return self._undecided().filter(cluster_candidates=0)

    def ambiguous(self) -> "ProductInstanceQuerySet":
        """Keep present instances that several clusters fit equally well."""
        return self._undecided().filter(cluster_candidates__gt=1)

    def _undecided(self) -> "ProductInstanceQuerySet":
        return self.present().filter(cluster=None, cluster_by_hand=False)  # type: ignore[no-any-return]


class ProductInstance(models.Model):
    """A registered product.

    `identity` tells it from others in its pool: UDI, serial, uuid and product tag, or the display name where Cisco
    sends none of them. Ours: cluster, cluster_by_hand, cluster_candidates, note.
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
    usage_digest = models.CharField(
        max_length=64, blank=True, editable=False, help_text="Digest of the usage, as listed."
    )
    fingerprint = models.BigIntegerField(null=True, editable=False)  # licensing.mirror.sync.fingerprints
    gone_at = models.DateTimeField(null=True, blank=True)
    # ours
    cluster = models.ForeignKey(
        "fleet.Cluster", on_delete=models.SET_NULL, null=True, blank=True, related_name="product_instances"
    )
    cluster_by_hand = models.BooleanField(default=False, db_default=False)
    # The number of clusters that fit equally well, as of the last matching (licensing.fleet.matching).
    cluster_candidates = models.PositiveIntegerField(default=0, db_default=0, editable=False)
    note = models.TextField(blank=True, default="", db_default="")

    objects = ProductInstanceQuerySet.as_manager()

    # People decide these columns. Page, REST and admin show them in this order.
    OWN = ("cluster", "cluster_by_hand", "note")

    class Meta:
        ordering = ["name", "id"]
        constraints = [
            models.UniqueConstraint(fields=["virtual_account", "identity"], name="one_instance_per_identity")
        ]
        indexes = [models.Index(fields=["last_contact_at"], name="product_instance_silent")]  # silent_for

    def __str__(self) -> str:
        return self.host_name or self.name or self.serial or self.product_tag or "Unnamed product instance"

    def twins(self) -> "ProductInstanceQuerySet":
        """Return the other instances of the pool that Cisco lists with the same identity.

        A number after the identity tells them apart (licensing.mirror.sync.duplicates).
        """
        shared = TWIN_NUMBER.sub("", self.identity)
        same = Q(identity=shared) | Q(identity__startswith=f"{shared}{TWIN_MARK}")
        of_pool = ProductInstance.objects.filter(virtual_account_id=self.virtual_account_id)
        return of_pool.present().filter(same).exclude(pk=self.pk)  # type: ignore[no-any-return]


class InstanceUsageQuerySet(models.QuerySet["InstanceUsage"]):
    def current(self) -> "InstanceUsageQuerySet":
        """Keep present usage, joined with its owner. Gone products and quantities of zero are left out."""
        return self.filter(product_instance__gone_at=None, quantity__gt=0).select_related(
            "license", "product_instance__virtual_account__smart_account", "product_instance__cluster__customer"
        )


class InstanceUsage(models.Model):
    """The quantity of one license that a ProductInstance uses. Replaced with its instance, never kept as gone.

    There are no constraints in the database: PostgreSQL checks them row by row, which took a third of a first sync.
    Only the merge writes here, from a join with the rows it refers to. It locks the account, so nothing removes those
    rows meanwhile.
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
