"""Alerts that Cisco itself raises."""

from django.db import models
from django.utils import timezone

from licensing.accounts.models import SmartAccount


class CssmAlert(models.Model):
    """An alert of Cisco's own (docs/cisco-api.md#alerts), as the last complete sync listed it. Replaced by each sync.

    Told apart by what Cisco says: `digest` is of its type, source, message and virtual account. It keeps its row from
    sync to sync, so that ours about it is one story.
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
