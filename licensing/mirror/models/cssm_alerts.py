"""The table of alerts that Cisco itself raises."""

from django.db import models
from django.utils import timezone

from licensing.accounts.models import SmartAccount


class CssmAlert(models.Model):
    """An alert that Cisco raises (docs/cisco-api.md#alerts), as the last complete sync listed it.

    Each sync replaces the rows. `digest` identifies an alert: it is made from its type, source, message and virtual
    account. An alert keeps its row from sync to sync, so the portal's own alert about it stays the same one.
    """

    smart_account = models.ForeignKey(
        SmartAccount, on_delete=models.CASCADE, related_name="cssm_alerts", db_index=False
    )
    digest = models.CharField(max_length=64, editable=False)
    type = models.CharField(max_length=300)
    severity = models.CharField(max_length=30, blank=True)
    source = models.CharField(max_length=600, blank=True)
    message = models.TextField(blank=True)
    virtual_account = models.CharField(max_length=300, blank=True)
    seen_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["type", "source", "id"]
        constraints = [models.UniqueConstraint(fields=["smart_account", "digest"], name="one_row_per_cssm_alert")]

    def __str__(self) -> str:
        return self.message or self.type
