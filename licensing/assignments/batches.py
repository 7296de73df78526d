"""Batches: many clusters, one target, one maintenance window.

A batch is drafted, looked at (`preview`), planned, and approved by another person where that is asked for. `advance`
moves it on: by schedule from the window's start, and after each of its jobs. Nothing starts after the window's end.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from kit.refusals import Refusal
from licensing.assignments import decisions, mixed_mode, schedules
from licensing.assignments.checks import Facts, Reason, Step, facts_of, short_of, standing_against
from licensing.assignments.jobs.effects import restarting_publisher
from licensing.assignments.models import Assignment, AssignmentBatch, AssignmentBatchCluster, AssignmentJob
from licensing.fleet.models import Cluster
from licensing.mirror.models import VirtualAccount
from people import audit
from people.audit import Actor

State, Kind = AssignmentBatch.State, AssignmentBatch.Kind
MOST = 2_000
# Jobs that hold a place among those that may go on at the same time. One that waits for a sync holds none.
UNDER_WAY = (AssignmentJob.State.WAITING, AssignmentJob.State.RUNNING, AssignmentJob.State.BY_HAND)


@dataclass(frozen=True, slots=True)
class Place:
    """A cluster of a batch as it would go now. `restarts`: the publisher that restarts, "" for none."""

    row: AssignmentBatchCluster
    cluster: Cluster
    restarts: str
    moves_from: VirtualAccount | None
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class Preview:
    places: tuple[Place, ...]
    shortages: tuple[Reason, ...]  # when all of them have come; they can be overridden

    @property
    def restarting(self) -> list[Place]:
        return [place for place in self.places if place.restarts]

    @property
    def refused(self) -> list[Place]:
        return [place for place in self.places if place.reasons]


@transaction.atomic
def draft(actor: Actor, batch: AssignmentBatch, clusters: Sequence[Cluster]) -> AssignmentBatch:
    """A new batch of these clusters in this order. Nothing is planned yet."""
    _check(batch, clusters)
    batch.created_by = actor.label
    batch.save()
    AssignmentBatchCluster.objects.bulk_create(
        AssignmentBatchCluster(batch=batch, cluster=cluster, position=place)
        for place, cluster in enumerate(clusters, 1)
    )
    audit.record(actor, "drafted", batch, changes={"clusters": [0, len(clusters)]})
    return batch


@transaction.atomic
def reorder(actor: Actor, batch: AssignmentBatch, clusters: Sequence[int]) -> AssignmentBatch:
    """The clusters of a draft in another order, by their ids. Later the order stands, for it may have been approved."""
    held = _held(batch, State.DRAFT)
    rows = {row.cluster_id: row for row in held.clusters.select_related("cluster")}
    if sorted(clusters) != sorted(rows):
        raise Refusal("An order names each cluster of the batch once.", "Name all of them.", "clusters")
    if list(clusters) == list(rows):
        return held
    before, after = ([rows[number].cluster.name for number in order] for order in (rows, clusters))
    held.clusters.all().delete()  # places are unique, so they are not moved one by one
    AssignmentBatchCluster.objects.bulk_create(
        AssignmentBatchCluster(batch=held, cluster_id=number, position=place)
        for place, number in enumerate(clusters, 1)
    )
    audit.record(actor, "reordered", held, changes={"clusters": [before, after]})
    return held


def preview(batch: AssignmentBatch) -> Preview:
    """Every cluster with what would happen to it; a fixed number of queries, however many clusters."""
    rows = list(AssignmentBatchCluster.objects.filter(batch=batch))
    facts = facts_of(row.cluster_id for row in rows)
    pool = _pool(batch)
    gates = mixed_mode.judge(mixed_mode.facts_of(pool))
    places = tuple(_place(batch, row, facts[row.cluster_id], pool, gates) for row in rows)
    coming = [place.cluster for place in places if not place.reasons]
    shortages = tuple(short_of(coming, pool)) if coming and batch.kind == Kind.ASSIGN else ()
    return Preview(places, shortages)


@transaction.atomic
def plan(actor: Actor, batch: AssignmentBatch) -> AssignmentBatch:
    """From draft to planned. Raises Refusal when licenses would be short and no reason to go on was given."""
    held = _held(batch, State.DRAFT)
    if held.window_end <= timezone.now():
        raise Refusal("The window is over already.", "Draft the batch again with a later window.", "window_end")
    seen = preview(held)
    if len(seen.refused) == len(seen.places):
        first = seen.places[0].reasons[0]
        raise Refusal("None of the clusters can go.", f"The first: {first}")
    if seen.shortages and not held.override_reason.strip():
        raise Refusal(seen.shortages[0].message, seen.shortages[0].next_step, "override_reason")
    planned = _move(actor, held, "planned", State.PLANNED)
    schedules.plan_batch(planned.pk, planned.window_start)
    return planned


@transaction.atomic
def approve(actor: Actor, batch: AssignmentBatch) -> AssignmentBatch:
    """By somebody else than who drafted it. A token acts for its person."""
    held = _held(batch, State.PLANNED)
    if not held.needs_approval:
        raise Refusal(f"{held} needs no approval.", "It starts by itself when its window opens.")
    if held.approved_by:
        raise Refusal(f"{held} was approved by {held.approved_by} already.", "Reload its page.")
    if _person(actor.label) == _person(held.created_by):
        raise Refusal("You drafted this batch yourself.", "Ask another person to look at it and approve it.")
    held.approved_by, held.approved_at = actor.label, timezone.now()
    held.save(update_fields=["approved_by", "approved_at"])
    audit.record(actor, "approved", held)
    return held


@transaction.atomic
def cancel(actor: Actor, batch: AssignmentBatch) -> AssignmentBatch:
    """Nothing more starts. Jobs that it has started go on: each has its own page."""
    cancelled = _move(actor, _held(batch, *AssignmentBatch.OPEN), "cancelled", State.CANCELLED)
    schedules.unplan_batch(cancelled.pk)
    return cancelled


@transaction.atomic
def advance(batch_id: int, now: datetime | None = None) -> list[AssignmentJob]:
    """Start what may start now. Returns the jobs that were made; a worker takes up each.

    Of two workers at the same batch one waits and then finds the other's jobs.
    """
    now = now or timezone.now()
    open_states = (State.PLANNED, State.RUNNING)
    batch = AssignmentBatch.objects.select_for_update().filter(pk=batch_id, state__in=open_states).first()
    if batch is None or now < batch.window_start:
        return []
    cause, state = _end_of(batch, now)
    if state:
        _move(audit.SYSTEM, batch, str(State(state).label).lower(), state, cause)
        return []
    if batch.needs_approval and not batch.approved_by:
        return []
    if batch.state == State.PLANNED:
        _move(audit.SYSTEM, batch, "started", State.RUNNING)
    return _start(batch, now)


def _end_of(batch: AssignmentBatch, now: datetime) -> tuple[str, str]:
    """(cause, state) when the batch is over, else two empty texts."""
    rest = batch.clusters.filter(tried_at=None).count()
    failed = batch.jobs.filter(state=AssignmentJob.State.FAILED).first()
    refused = batch.clusters.exclude(refused="").first()
    if rest and batch.stop_on_error and (failed or refused):
        what = f"“{failed}” failed" if failed else f"{refused.cluster} was refused" if refused else ""
        return f"{what}; {rest} not begun.", State.STOPPED
    if rest and now >= batch.window_end:
        why = "Nobody approved it" if batch.needs_approval and not batch.approved_by else "The window closed"
        return f"{why}; {rest} not begun.", State.OVER
    if not rest and not batch.jobs.filter(state__in=UNDER_WAY).exists():
        return "", State.DONE
    return "", ""


def _start(batch: AssignmentBatch, now: datetime) -> list[AssignmentJob]:
    """The next ones, as many as may go on at the same time. A refused one makes room for the one after it."""
    started: list[AssignmentJob] = []
    free = batch.at_once - batch.jobs.filter(state__in=UNDER_WAY).count()
    for row in batch.clusters.filter(tried_at=None).select_related("cluster"):
        if free <= len(started):
            break
        try:
            with transaction.atomic():
                row.job = _decide(batch, row.cluster)
        except Refusal as refusal:
            row.refused = str(refusal)
        row.tried_at = now
        row.save(update_fields=["job", "refused", "tried_at"])
        if row.job:
            started.append(row.job)
        elif batch.stop_on_error and row.refused:
            break
    return started


def _decide(batch: AssignmentBatch, cluster: Cluster) -> AssignmentJob | None:
    """In the name of who drafted it. None where nothing has to be done on the cluster."""
    actor = Actor(None, batch.created_by)
    current = Assignment.objects.current().filter(cluster=cluster).select_related("virtual_account", "cluster").first()
    if batch.kind == Kind.UNASSIGN:
        if current is None or current.virtual_account_id != batch.virtual_account_id:
            raise Refusal(f"{cluster} is not assigned to {batch.virtual_account}.", "Leave it out.")
        made = decisions.end(actor, current, batch=batch)
    else:
        act = decisions.reassign if current else decisions.assign
        made = act(actor, cluster, batch.virtual_account, override_reason=batch.override_reason, batch=batch)
    return AssignmentJob.objects.open().filter(assignment=made).first()


def _place(
    batch: AssignmentBatch,
    row: AssignmentBatchCluster,
    facts: Facts,
    pool: VirtualAccount,
    gates: Sequence[mixed_mode.Gate],
) -> Place:
    current = facts.assignment.virtual_account if facts.assignment else None
    if batch.kind == Kind.UNASSIGN:
        away = Reason("not_assigned", f"{facts.cluster} is not assigned to {pool}.", "Leave it out.")
        return Place(row, facts.cluster, "", None, () if current and current.pk == pool.pk else (away,))
    step = Step.REASSIGN if current else Step.ASSIGN
    reasons = tuple(standing_against(facts, pool, gates, step))
    restarts = "" if reasons else restarting_publisher(facts.cluster, pool)
    return Place(row, facts.cluster, restarts, current, reasons)


def _check(batch: AssignmentBatch, clusters: Sequence[Cluster]) -> None:
    if not clusters:
        raise Refusal("No cluster is chosen.", "Choose one at least.", "clusters")
    if len(clusters) > MOST:
        raise Refusal(f"{len(clusters)} clusters are too many for one batch.", f"At most {MOST:,} fit.", "clusters")
    if len({cluster.pk for cluster in clusters}) < len(clusters):
        raise Refusal("A cluster is named twice.", "Name each once.", "clusters")
    if not batch.name.strip():
        raise Refusal("The batch has no name.", "Name it, for example after its night.", "name")
    if batch.window_end <= batch.window_start:
        raise Refusal("The window ends before it starts.", "Enter a later end.", "window_end")
    if batch.window_end <= timezone.now():
        raise Refusal("The window is over already.", "Enter a later window.", "window_end")
    if batch.at_once < 1:
        raise Refusal("Nothing would ever start.", "Let at least one go at a time.", "at_once")


def _pool(batch: AssignmentBatch) -> VirtualAccount:
    pools = VirtualAccount.objects.select_related("smart_account__license_server")
    pool: VirtualAccount = pools.get(pk=batch.virtual_account_id)
    return pool


def _held(batch: AssignmentBatch, *states: str) -> AssignmentBatch:
    held = AssignmentBatch.objects.select_for_update().filter(pk=batch.pk).first()
    if held is None:
        raise Refusal("This batch went away with its virtual account.", "Go to the list of batches.")
    if held.state not in states:
        raise Refusal(f"{held} is {held.get_state_display().lower()}.", "Reload its page.")
    return held


def _move(actor: Actor, batch: AssignmentBatch, action: str, state: str, cause: str = "") -> AssignmentBatch:
    before = audit.snapshot(batch)
    batch.state, batch.cause = state, cause
    batch.finished_at = None if batch.open else timezone.now()
    batch.save(update_fields=["state", "cause", "finished_at"])
    audit.record(actor, action, batch, before=before)
    return batch


def _person(label: str) -> str:
    """The address alone: an actor with a token is `anna@acme.example (token nightly)`."""
    return label.partition(" (token ")[0].lower()
