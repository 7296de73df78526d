"""Moving licenses between the virtual accounts of one smart account: the plan, and its steps as they are executed."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from licensing.accounts.models import SmartAccount
from licensing.mirror.models import License, VirtualAccount


class TransferPlanQuerySet(models.QuerySet["TransferPlan"]):
    def executing(self) -> "TransferPlanQuerySet":
        return self.filter(state__in=TransferPlan.EXECUTING)


class TransferPlan(models.Model):
    """Steps that are executed one after the other. At most one plan of a smart account is queued or running.

    `needs_approval` is what the smart account asked for when the plan was made. A stopped plan may be executed again:
    what is verified is not repeated.
    """

    class State(models.TextChoices):
        DRAFT = "draft", "Draft"
        APPROVED = "approved", "Approved"
        QUEUED = "queued", "Queued"
        RUNNING = "running", "Running"
        STOPPED = "stopped", "Stopped"
        DONE = "done", "Done"
        CANCELLED = "cancelled", "Cancelled"

    EXECUTING = (State.QUEUED, State.RUNNING)
    STARTABLE = (State.DRAFT, State.APPROVED, State.STOPPED)

    smart_account = models.ForeignKey(SmartAccount, on_delete=models.CASCADE, related_name="transfer_plans")
    state = models.CharField(max_length=10, choices=State, default=State.DRAFT)
    reason = models.CharField(max_length=500, blank=True, help_text="What it is for.")
    needs_approval = models.BooleanField(default=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="transfer_plans"
    )
    created_at = models.DateTimeField(default=timezone.now)
    approved_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    approved_at = models.DateTimeField(null=True, blank=True)
    started_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    queued_at = models.DateTimeField(null=True, blank=True, help_text="Of the last execution.")
    started_at = models.DateTimeField(null=True, blank=True, help_text="Of the last execution.")
    finished_at = models.DateTimeField(null=True, blank=True, help_text="Of the last execution.")
    cause = models.TextField(blank=True, help_text="Why it stopped.")
    next_step = models.TextField(blank=True)

    objects = TransferPlanQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["smart_account"],
                condition=Q(state__in=["queued", "running"]),
                name="one_executing_plan_per_smart_account",
            )
        ]

    def __str__(self) -> str:
        return f"Transfer plan #{self.pk}"

    @property
    def executing(self) -> bool:
        return self.state in self.EXECUTING


class TransferStepQuerySet(models.QuerySet["TransferStep"]):
    def open(self) -> "TransferStepQuerySet":
        """Not verified yet, in the order in which they are executed."""
        return self.exclude(state=TransferStep.State.VERIFIED).order_by("position")


class TransferStep(models.Model):
    """One call to Cisco: `quantity` of one license from `source` to `target`.

    `before` and `after` are Cisco's figures, read right before the call and after it:
    {"source" and "target": {"quantity", "in_use", "available"}}. A step that has `before` and is not verified may have
    reached Cisco: it is read back against these before anything is sent again.
    """

    class State(models.TextChoices):
        WAITING = "waiting", "Waiting"
        SENDING = "sending", "Sending"
        VERIFIED = "verified", "Verified"
        FAILED = "failed", "Failed"
        UNCLEAR = "unclear", "Unclear"

    class LicenseType(models.TextChoices):
        """These are the types that Cisco's API moves (docs/cisco-api.md#transfer-types)."""

        PERPETUAL = "PERPETUAL", "Perpetual"
        TERM = "TERM", "Term"

    plan = models.ForeignKey(TransferPlan, on_delete=models.CASCADE, related_name="steps", db_index=False)
    position = models.PositiveIntegerField()
    license = models.ForeignKey(License, on_delete=models.CASCADE, related_name="transfer_steps")
    license_type = models.CharField(max_length=10, choices=LicenseType)
    source = models.ForeignKey(VirtualAccount, on_delete=models.CASCADE, related_name="+")
    target = models.ForeignKey(VirtualAccount, on_delete=models.CASCADE, related_name="+")
    quantity = models.PositiveIntegerField()
    state = models.CharField(max_length=10, choices=State, default=State.WAITING)
    cause = models.TextField(blank=True)
    before = models.JSONField(default=dict, blank=True)
    after = models.JSONField(default=dict, blank=True)
    sent_at = models.DateTimeField(null=True, blank=True)
    verified_at = models.DateTimeField(null=True, blank=True)

    objects = TransferStepQuerySet.as_manager()

    class Meta:
        ordering = ["plan", "position"]
        constraints = [
            models.UniqueConstraint(fields=["plan", "position"], name="one_transfer_step_per_position"),
            models.CheckConstraint(condition=~Q(source=models.F("target")), name="transfer_between_two_pools"),
            models.CheckConstraint(condition=Q(quantity__gt=0), name="transfer_of_at_least_one"),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} × {self.license} from {self.source} to {self.target}"
