"""How an assignment is carried out: jobs with their four stages, and batches of them in a maintenance window."""

from datetime import datetime, timedelta

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from licensing.accounts.models import SmartAccount
from licensing.fleet.models import Cluster
from licensing.mirror.models import VirtualAccount

# By hand and while a sync is awaited nobody watches a clock: two daily syncs may pass before somebody is told.
WORKER_LIMIT = timedelta(hours=1)
PEOPLE_LIMIT = timedelta(hours=48)


class AssignmentQuerySet(models.QuerySet["Assignment"]):
    def current(self) -> "AssignmentQuerySet":
        return self.filter(ended_at=None)


class Assignment(models.Model):
    """A cluster's place in a virtual account. Ended, and kept as history for as long as its cluster exists."""

    cluster = models.ForeignKey(Cluster, on_delete=models.PROTECT, related_name="assignments")
    virtual_account = models.ForeignKey(VirtualAccount, on_delete=models.PROTECT, related_name="assignments")
    started_at = models.DateTimeField(default=timezone.now, editable=False)
    started_by = models.CharField(max_length=254, blank=True, editable=False)
    ended_at = models.DateTimeField(null=True, blank=True, editable=False)
    ended_by = models.CharField(max_length=254, blank=True, editable=False)

    objects = AssignmentQuerySet.as_manager()

    class Meta:
        ordering = ["-started_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["cluster"],
                condition=Q(ended_at=None),
                name="one_current_assignment_per_cluster",
                violation_error_message="This cluster is already assigned. End that assignment first.",
            )
        ]

    def __str__(self) -> str:
        return f"{self.cluster} in {self.virtual_account}"


class AssignmentBatch(models.Model):
    """Several clusters, one target, one maintenance window. Nothing of it starts outside of the window.

    `draft` until somebody plans it; with `needs_approval` it waits for a person other than `created_by`. Ended ones:
    `done` (all were tried), `stopped` (after an error, with `stop_on_error`), `over` (the window closed first),
    `cancelled`.
    """

    class Kind(models.TextChoices):
        ASSIGN = "assign", "Assign"
        UNASSIGN = "unassign", "Unassign"

    class State(models.TextChoices):
        DRAFT = "draft", "Draft"
        PLANNED = "planned", "Planned"
        RUNNING = "running", "Running"
        DONE = "done", "Done"
        STOPPED = "stopped", "Stopped"
        OVER = "over", "Window over"
        CANCELLED = "cancelled", "Cancelled"

    OPEN = (State.DRAFT, State.PLANNED, State.RUNNING)

    name = models.CharField(max_length=200)
    kind = models.CharField(max_length=10, choices=Kind, default=Kind.ASSIGN)
    virtual_account = models.ForeignKey(
        VirtualAccount, on_delete=models.CASCADE, related_name="assignment_batches", help_text="Where they go or leave."
    )
    window_start = models.DateTimeField()
    window_end = models.DateTimeField()
    at_once = models.PositiveSmallIntegerField("at the same time", default=1)
    stop_on_error = models.BooleanField(default=True)
    needs_approval = models.BooleanField(default=True, help_text="By another person, before anything starts.")
    override_reason = models.TextField(blank=True, help_text="Why it goes on although licenses will be short.")
    state = models.CharField(max_length=10, choices=State, default=State.DRAFT, editable=False)
    cause = models.TextField(blank=True, editable=False)
    created_by = models.CharField(max_length=254, blank=True, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    approved_by = models.CharField(max_length=254, blank=True, editable=False)
    approved_at = models.DateTimeField(null=True, blank=True, editable=False)
    finished_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        ordering = ["-window_start", "-id"]
        verbose_name_plural = "assignment batches"
        constraints = [
            models.CheckConstraint(condition=Q(window_end__gt=F("window_start")), name="batch_window_ends_after_start"),
            models.CheckConstraint(condition=Q(at_once__gte=1), name="batch_does_one_at_once_at_least"),
            models.CheckConstraint(
                condition=~Q(state="running") | Q(needs_approval=False) | ~Q(approved_by=""),
                name="batch_runs_when_approved",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def open(self) -> bool:
        return self.state in self.OPEN


class AssignmentJobQuerySet(models.QuerySet["AssignmentJob"]):
    def open(self) -> "AssignmentJobQuerySet":
        """Not over; failed ones can be tried again, so they are open until somebody gives them up."""
        return self.filter(state__in=AssignmentJob.OPEN)

    def failed_or_stuck(self, now: datetime) -> "AssignmentJobQuerySet":
        """What an alert is about: failed, at a worker for too long, or left lying by people or syncs for too long."""
        return self.filter(
            Q(state="failed")
            | Q(state__in=["waiting", "running"], moved_at__lt=now - WORKER_LIMIT)
            | Q(state__in=["by_hand", "verifying"], moved_at__lt=now - PEOPLE_LIMIT)
        )


class AssignmentJob(models.Model):
    """Carries out one decision: assign, unassign or reassign (docs/domain.md#assignment-names). Open: one per cluster.

    `waiting` for a worker; `running`; `by_hand` until a person confirms; `verifying` until a sync has seen it; `failed`
    until it is tried again; ended: `done`, `cancelled`. `previous`: the virtual account that a reassignment leaves.
    `batch`: the one that started it.
    """

    class Kind(models.TextChoices):
        ASSIGN = "assign", "Assign"
        UNASSIGN = "unassign", "Unassign"
        REASSIGN = "reassign", "Reassign"

    class State(models.TextChoices):
        WAITING = "waiting", "Waiting"
        RUNNING = "running", "Running"
        BY_HAND = "by_hand", "By hand"
        VERIFYING = "verifying", "Waits for a sync"
        FAILED = "failed", "Failed"
        DONE = "done", "Done"
        CANCELLED = "cancelled", "Cancelled"

    OPEN = (State.WAITING, State.RUNNING, State.BY_HAND, State.VERIFYING, State.FAILED)

    kind = models.CharField(max_length=10, choices=Kind)
    cluster = models.ForeignKey(Cluster, on_delete=models.CASCADE, related_name="assignment_jobs")
    virtual_account = models.ForeignKey(
        VirtualAccount, on_delete=models.CASCADE, related_name="assignment_jobs", help_text="Where it goes or leaves."
    )
    previous = models.ForeignKey(VirtualAccount, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    assignment = models.ForeignKey(Assignment, on_delete=models.SET_NULL, null=True, blank=True, related_name="jobs")
    batch = models.ForeignKey(AssignmentBatch, on_delete=models.SET_NULL, null=True, blank=True, related_name="jobs")
    state = models.CharField(max_length=10, choices=State, default=State.WAITING)
    override_reason = models.TextField(blank=True, help_text="Why it went on although licenses will be short.")
    requested_by = models.CharField(max_length=254, blank=True)
    requested_at = models.DateTimeField(default=timezone.now)
    moved_at = models.DateTimeField(default=timezone.now, help_text="When its state last changed.")
    finished_at = models.DateTimeField(null=True, blank=True)

    objects = AssignmentJobQuerySet.as_manager()

    class Meta:
        ordering = ["-requested_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["cluster"],
                condition=Q(state__in=["waiting", "running", "by_hand", "verifying", "failed"]),
                name="one_open_assignment_job_per_cluster",
                violation_error_message="Another assignment job of this cluster is not over yet.",
            )
        ]
        indexes = [
            # what is under way: pages, the look after each sync, alerts
            models.Index(fields=["state", "moved_at"], name="assignment_job_under_way", condition=Q(finished_at=None))
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.cluster} · {self.virtual_account}"

    @property
    def open(self) -> bool:
        return self.state in self.OPEN


class AssignmentStage(models.Model):
    """One of the four stages of an AssignmentJob, in HCM-F's order (docs/domain.md#stages).

    `instructions`: what is to be done by hand, one sentence or command each; never a token's text. `cause` says why it
    failed or was skipped, `next_step` what to do about it.
    """

    class Kind(models.TextChoices):
        VERIFICATION = "verification", "Verification"
        LICENSE_MODE = "license_mode", "License mode"
        TRANSPORT = "transport", "Transport"
        REGISTRATION = "registration", "Registration"

    class State(models.TextChoices):
        WAITING = "waiting", "Waiting"
        RUNNING = "running", "Running"
        BY_HAND = "by_hand", "By hand"
        DONE = "done", "Done"
        FAILED = "failed", "Failed"
        SKIPPED = "skipped", "Not needed"

    OVER = (State.DONE, State.SKIPPED)

    # No index of its own: the unique constraint begins with it.
    job = models.ForeignKey(AssignmentJob, on_delete=models.CASCADE, related_name="stages", db_index=False)
    position = models.PositiveSmallIntegerField()
    kind = models.CharField(max_length=14, choices=Kind)
    state = models.CharField(max_length=10, choices=State, default=State.WAITING)
    cause = models.TextField(blank=True)
    next_step = models.TextField(blank=True)
    instructions = models.JSONField(default=list, blank=True)
    confirmed_by = models.CharField(max_length=254, blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(fields=["job", "position"], name="one_stage_per_position"),
            models.UniqueConstraint(fields=["job", "kind"], name="one_stage_per_kind"),
            models.UniqueConstraint(
                fields=["job"], condition=Q(state__in=["running", "by_hand"]), name="one_stage_under_way_per_job"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} of {self.job}"


class AssignmentBatchCluster(models.Model):
    """A cluster of an AssignmentBatch, in its order. `job` once it was started; `refused` when it could not be."""

    batch = models.ForeignKey(AssignmentBatch, on_delete=models.CASCADE, related_name="clusters", db_index=False)
    cluster = models.ForeignKey(Cluster, on_delete=models.CASCADE, related_name="batch_places")
    position = models.PositiveIntegerField()
    job = models.ForeignKey(AssignmentJob, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    tried_at = models.DateTimeField(null=True, blank=True)
    refused = models.TextField(blank=True)

    class Meta:
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(fields=["batch", "position"], name="one_cluster_per_place_of_batch"),
            models.UniqueConstraint(fields=["batch", "cluster"], name="one_place_per_cluster_of_batch"),
        ]

    def __str__(self) -> str:
        return f"{self.cluster} in {self.batch}"


class AutoRegistration(models.Model):
    """Switched on for at most one account of the cloud and one On-Prem (docs/domain.md#auto-registration); switched
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
