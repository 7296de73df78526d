"""What the portal does by itself, once an owner has switched it on."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils import timezone

from licensing.models.accounts import SmartAccount


class AutoRegistration(models.Model):
    """Switched on for one smart account of the cloud and one of an On-Prem server at most (domain.md §3.3); switched
    off: no row. All columns are ours.

    `too_old_before`: ids of clusters whose version was too old when it was switched on: that they were upgraded since
    counts only with `on_upgrade`. `refusals`: {cluster id: why the last pass could not assign it}.
    """

    class Side(models.TextChoices):
        CLOUD = "cloud", "Cloud"
        ON_PREM = "on_prem", "On-Prem"

    side = models.CharField(max_length=10, choices=Side, unique=True, editable=False)
    smart_account = models.OneToOneField(SmartAccount, on_delete=models.CASCADE, related_name="auto_registration")
    on_upgrade = models.BooleanField(
        "upgraded clusters too", default=True, help_text="Clusters that reach a version with Smart Licensing later on."
    )
    may_restart = models.BooleanField(
        "publishers may restart",
        default=False,
        help_text="Without it, clusters whose license mode would have to change are left to people.",
    )
    too_old_before = ArrayField(models.BigIntegerField(), default=list, blank=True, editable=False)
    enabled_at = models.DateTimeField(default=timezone.now, editable=False)
    enabled_by = models.CharField(max_length=254, blank=True, editable=False)
    ran_at = models.DateTimeField(null=True, blank=True, editable=False)
    refusals = models.JSONField(default=dict, blank=True, editable=False)

    class Meta:
        ordering = ["side"]

    def __str__(self) -> str:
        return f"Auto registration of {self.smart_account}"
