"""The tables of the history: figures as intervals of time.

A row is added only when a figure changes, so years of a large partner stay small. No two intervals of one series
overlap: the database refuses them. The ids stand in ranges of one number, because PostgreSQL's own index of ranges
then suffices, and no extension has to be installed.
"""

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import DateTimeRangeField, RangeOperators
from django.contrib.postgres.indexes import GistIndex
from django.db import models
from django.db.models import Deferrable, F, Func, Q, Value

from licensing.accounts.models import SmartAccount
from licensing.mirror.models import License, VirtualAccount


def only(column: str) -> Func:
    """Return the range that holds this number alone."""
    return Func(F(column), F(column), Value("[]"), function="int8range")


class Series(models.Model):
    """What one figure is about. `cluster` and `customer` are ids, 0 where no cluster is matched.

    The ids have no constraint, and the names stand here as they were: the history outlives clusters and customers.
    A series of `supply` names a purchase: what of a license's quantity its lines account for, by the subscription and
    the order that they name. Both are empty for the quantity that no line accounts for.
    """

    class Kind(models.TextChoices):
        USE = "use", "Use"
        SUPPLY = "supply", "Supply"

    kind = models.CharField(max_length=6, choices=Kind)
    virtual_account = models.ForeignKey(VirtualAccount, on_delete=models.CASCADE, related_name="+", db_index=False)
    license_name = models.CharField(max_length=300)
    cluster = models.BigIntegerField(default=0)
    customer = models.BigIntegerField(default=0)
    subscription_id = models.CharField(max_length=100, blank=True)
    order_number = models.CharField(max_length=100, blank=True)
    cluster_name = models.CharField(max_length=200, blank=True)
    customer_name = models.CharField(max_length=200, blank=True)

    KEY = ("virtual_account", "license_name", "cluster", "customer", "subscription_id", "order_number")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=[
                    "virtual_account",
                    "kind",
                    "license_name",
                    "cluster",
                    "customer",
                    "subscription_id",
                    "order_number",
                ],
                name="one_series_per_subject",
            )
        ]
        indexes = [
            models.Index(fields=["customer"], name="series_of_customer"),
            models.Index(fields=["cluster"], name="series_of_cluster"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} of {self.license_name}"


class Interval(models.Model):
    """The quantity of a series while `valid` lasted. The end is open for the present figure. 0 has no row."""

    series = models.ForeignKey(Series, on_delete=models.CASCADE, related_name="intervals", db_index=False)
    valid = DateTimeRangeField()
    quantity = models.IntegerField()

    class Meta:
        constraints = [
            ExclusionConstraint(
                name="one_quantity_at_a_time",
                expressions=[(only("series_id"), RangeOperators.OVERLAPS), ("valid", RangeOperators.OVERLAPS)],
                # One statement closes an interval and opens the next: checked when the transaction ends.
                deferrable=Deferrable.DEFERRED,
            )
        ]
        indexes = [
            models.Index(fields=["series"], name="open_interval", condition=Q(valid__endswith=None)),
            models.Index(fields=["series"], name="interval_of_series"),
            GistIndex(fields=["valid"], name="interval_at"),  # what was so at one moment
        ]

    def __str__(self) -> str:
        return f"{self.quantity} during {self.valid}"


class Recording(models.Model):
    """From when on the figures of a smart account are recorded."""

    smart_account = models.OneToOneField(SmartAccount, on_delete=models.CASCADE, primary_key=True, related_name="+")
    since = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.smart_account} since {self.since}"


class LicenseState(models.Model):
    """What Cisco listed for a License while `valid` lasted. The end is open for the present figures."""

    license = models.ForeignKey(License, on_delete=models.CASCADE, related_name="states", db_index=False)
    valid = DateTimeRangeField()
    quantity = models.IntegerField()
    in_use = models.IntegerField()
    available = models.IntegerField()
    reserved = models.IntegerField()
    status = models.CharField(max_length=20, choices=License.Status)
    substitutions = models.JSONField(default=list, blank=True)

    class Meta:
        constraints = [
            ExclusionConstraint(
                name="one_state_at_a_time",
                expressions=[(only("license_id"), RangeOperators.OVERLAPS), ("valid", RangeOperators.OVERLAPS)],
                deferrable=Deferrable.DEFERRED,
            )
        ]
        indexes = [
            models.Index(fields=["license"], name="open_state", condition=Q(valid__endswith=None)),
            GistIndex(fields=["valid"], name="state_at"),
        ]

    def __str__(self) -> str:
        return f"{self.in_use} of {self.quantity} in use during {self.valid}"
