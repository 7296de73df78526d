"""The tables of syncs, of what they changed, and of each license's figures on each day."""

from django.db import models
from django.db.models import Q
from django.utils import timezone

from licensing.accounts.models import SmartAccount
from licensing.mirror.models.licenses import License


class SyncRunQuerySet(models.QuerySet["SyncRun"]):
    def unfinished(self) -> "SyncRunQuerySet":
        return self.filter(status__in=SyncRun.UNFINISHED)

    def finished(self) -> "SyncRunQuerySet":
        return self.exclude(status__in=SyncRun.UNFINISHED)


class SyncRun(models.Model):
    """One attempt to mirror a SmartAccount, failed ones too. At most one per account is queued or running.

    `progress`: {"step": a sentence, "done": rows, "total": rows or null}. `heartbeat_at` moves while a worker is at it.
    """

    class Status(models.TextChoices):
        QUEUED = "queued", "Queued"
        RUNNING = "running", "Running"
        SUCCEEDED = "succeeded", "Succeeded"
        FAILED = "failed", "Failed"

    class Reason(models.TextChoices):
        """The reason why a sync failed, for alerts: the kinds of error of licensing.cisco, and those of the portal."""

        NONE = "", "-"
        UNAVAILABLE = "unavailable", "Cisco's side did not answer"
        REFUSED = "refused", "Cisco's side refused"
        LOST = "lost", "The worker was lost"
        INTERNAL = "internal", "An error of the portal"

    UNFINISHED = (Status.QUEUED, Status.RUNNING)

    smart_account = models.ForeignKey(SmartAccount, on_delete=models.CASCADE, related_name="sync_runs")
    status = models.CharField(max_length=10, choices=Status, default=Status.QUEUED)
    requested_by = models.CharField(max_length=254, blank=True, help_text="The user or process that started the sync.")
    queued_at = models.DateTimeField(default=timezone.now)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    heartbeat_at = models.DateTimeField(null=True, blank=True)
    progress = models.JSONField(default=dict, blank=True)
    created = models.IntegerField(default=0)
    changed = models.IntegerField(default=0)
    gone = models.IntegerField(default=0)
    back = models.IntegerField(default=0)
    unchanged = models.IntegerField(default=0)
    reason = models.CharField(max_length=12, choices=Reason, default=Reason.NONE, blank=True)
    remark = models.TextField(
        blank=True, help_text="Irregularities in Cisco's listings, and how the portal handled them."
    )
    cause = models.TextField(blank=True)
    next_step = models.TextField(blank=True)

    objects = SyncRunQuerySet.as_manager()

    class Meta:
        ordering = ["-queued_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["smart_account"],
                condition=Q(status__in=["queued", "running"]),
                name="one_unfinished_sync_per_smart_account",
            )
        ]
        indexes = [models.Index(fields=["smart_account", "-queued_at"], name="sync_run_of_account")]  # the latest run

    def __str__(self) -> str:
        return f"Sync of {self.smart_account} #{self.pk}"

    @property
    def counts(self) -> dict[str, int]:
        return {name: getattr(self, name) for name in ("created", "changed", "gone", "back", "unchanged")}

    @property
    def unfinished(self) -> bool:
        return self.status in self.UNFINISHED


class Change(models.Model):
    """A difference that a sync found. A new contact with Cisco alone is no change.

    Names and values stand here as they were: the row may change again or go. The run has no constraint in the database,
    for the reason that InstanceUsage has none.
    """

    class Kind(models.TextChoices):
        CREATED = "created", "New"
        CHANGED = "changed", "Changed"
        GONE = "gone", "Gone"
        BACK = "back", "Back"

    # No index of its own: `change_of_run` begins with it.
    sync_run = models.ForeignKey(
        SyncRun, on_delete=models.CASCADE, related_name="changes", db_constraint=False, db_index=False
    )
    at = models.DateTimeField(default=timezone.now)
    kind = models.CharField(max_length=10, choices=Kind)
    object_type = models.CharField(max_length=30)
    object_id = models.BigIntegerField()
    label = models.CharField(max_length=620)
    values = models.JSONField(default=dict, help_text="{field: [old, new]} where something changed")

    class Meta:
        ordering = ["-at", "-id"]
        indexes = [
            # The history page, backwards, and pruning. Ascending, so that a sync's thousands go to the end of it.
            models.Index(fields=["at", "id"], name="change_by_time"),
            models.Index(fields=["object_type", "object_id", "-at"], name="change_of_object"),  # an object's history
            models.Index(fields=["sync_run", "id"], name="change_of_run"),  # the pages of one run's changes, in order
        ]

    def __str__(self) -> str:
        return f"{self.label}: {self.get_kind_display()}"


class UsageSample(models.Model):
    """The figures of a License on one day (UTC), as of the last complete sync of that day."""

    # No index of its own: the unique constraint begins with it.
    license = models.ForeignKey(License, on_delete=models.CASCADE, related_name="samples", db_index=False)
    day = models.DateField()
    quantity = models.IntegerField()
    in_use = models.IntegerField()
    available = models.IntegerField()
    reserved = models.IntegerField()

    class Meta:
        ordering = ["day"]
        constraints = [models.UniqueConstraint(fields=["license", "day"], name="one_sample_per_day")]
        indexes = [models.Index(fields=["day"], name="usage_sample_day")]  # pruning

    def __str__(self) -> str:
        return f"{self.license_id} on {self.day}"


class LicenseForecast(models.Model):
    """Keep what licensing.mirror.forecast projected for a License on `day` (UTC), so that it is projected once a day.

    The other days and figures name the samples that it stands on: it is projected again as soon as they differ. The
    license has no constraint in the database: an evaluation that stores forecasts must not wait for the removal of an
    account, which itself waits for the evaluation.
    """

    license = models.OneToOneField(
        License, on_delete=models.CASCADE, primary_key=True, related_name="kept_forecast", db_constraint=False
    )
    day = models.DateField()
    first_day = models.DateField(null=True)
    last_day = models.DateField(null=True)
    quantity = models.IntegerField(null=True)
    in_use = models.IntegerField(null=True)
    reserved = models.IntegerField(null=True)
    samples = models.IntegerField(default=0)
    runs_out = models.DateField(null=True, help_text="Null: not within five years, or not known.")
    pace = models.FloatField(null=True, help_text="Licenses a day. Null: not known.")

    def __str__(self) -> str:
        return f"{self.license_id} from {self.day} on"
