"""The out-of-compliance clock."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from licensing.models.accounts import License

# After so long the products block new users and devices (cssm-api.md §8.2, domain.md P5 and P6).
ALLOWED = timedelta(days=90)


class OverageQuerySet(models.QuerySet["Overage"]):
    def open(self) -> "OverageQuerySet":
        return self.filter(ended_at=None)


class Overage(models.Model):
    """A time in which a License was out of compliance by Cisco's word. Ours: owner, note.

    Opened and closed after each sync (licensing.alerts.overages). `since` is when a sync first saw it: Cisco's own
    clock may have begun earlier. While an account is paused, its clocks go on.
    """

    license = models.ForeignKey(License, on_delete=models.CASCADE, related_name="overages")
    since = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="overages"
    )
    note = models.TextField(blank=True, default="", db_default="")

    objects = OverageQuerySet.as_manager()

    class Meta:
        ordering = ["since", "id"]
        constraints = [
            models.UniqueConstraint(fields=["license"], condition=Q(ended_at=None), name="one_open_overage_per_license")
        ]

    def __str__(self) -> str:
        return f"{self.license} out of compliance"

    @property
    def ends(self) -> datetime:
        """When the products begin to block."""
        return self.since + ALLOWED

    @property
    def days_left(self) -> int:
        """Whole days, rounded down; negative when the time is over."""
        return (self.ends - (self.ended_at or timezone.now())).days
