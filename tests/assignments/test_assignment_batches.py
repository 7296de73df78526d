"""Batches: what they say beforehand, who approves, what starts when, and when they stop."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django_tenants.utils import tenant_context

from kit.refusals import Refusal
from licensing.assignments import batches, checks, tasks
from licensing.assignments.jobs import actions
from licensing.assignments.models import Assignment, AssignmentBatch, AssignmentJob
from licensing.fleet.models import Cluster, Node
from licensing.mirror.models import VirtualAccount
from people.audit import Actor
from people.models import AuditEntry
from tenants import schedule
from tenants.models import Partner
from tests import factories as make

ANNA, BEN = Actor(None, "anna@acme.example"), Actor(None, "ben@acme.example")
ANNAS_TOKEN = Actor(None, "anna@acme.example (token nightly)")
HOUR = timedelta(hours=1)
ENHANCED = "UC Manager Enhanced License (12.x)"


def drafted(clusters: list[Cluster], **values: Any) -> AssignmentBatch:
    now = timezone.now()
    window = {"window_start": now - HOUR, "window_end": now + HOUR}
    target = values.pop("virtual_account", None) or make.make_pool(name="Pool")
    batch = AssignmentBatch(**{"name": "Night", "virtual_account": target, **window, **values})
    return batches.draft(ANNA, batch, clusters)


def ready(clusters: list[Cluster], **values: Any) -> AssignmentBatch:
    """Planned, and needing nobody's approval."""
    return batches.plan(ANNA, drafted(clusters, **{"needs_approval": False, **values}))


def some(number: int, **values: Any) -> list[Cluster]:
    return [make.make_cluster(name=f"Cluster {place}", **values) for place in range(1, number + 1)]


def end(job: AssignmentJob, state: str) -> None:
    AssignmentJob.objects.filter(pk=job.pk).update(state=state, finished_at=timezone.now() if state == "done" else None)


def state_of(batch: AssignmentBatch) -> tuple[str, str]:
    batch.refresh_from_db()
    return batch.state, batch.cause


# --- Before ---


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"name": " "}, "name"),
        ({"window_end": timezone.now() - 2 * HOUR}, "window_end"),
        ({"window_start": timezone.now() - 3 * HOUR, "window_end": timezone.now() - 2 * HOUR}, "window_end"),
        ({"at_once": 0}, "at_once"),
    ],
)
def test_draft_that_makes_no_sense_is_refused(acme: Partner, values: dict[str, Any], field: str) -> None:
    with pytest.raises(Refusal) as refusal:
        drafted(some(1), **values)

    assert (refusal.value.field, AssignmentBatch.objects.count()) == (field, 0)


def test_order_of_a_draft_is_changed_and_audited(acme: Partner, globex: Partner) -> None:
    a, b, c = (make.make_cluster(name=name) for name in "ABC")
    batch = make.make_batch([a, b, c])
    with tenant_context(globex):
        other = make.make_batch([make.make_cluster()], id=batch.pk)

    batches.reorder(ANNA, batch, [c.pk, a.pk, b.pk])
    batches.reorder(ANNA, batch, [c.pk, a.pk, b.pk])

    assert [row.cluster.name for row in batch.clusters.all()] == ["C", "A", "B"]
    assert AuditEntry.objects.get().changes == {"clusters": [["A", "B", "C"], ["C", "A", "B"]]}
    with tenant_context(globex):
        assert other.clusters.count() == 1


def test_order_names_each_cluster_once_and_stands_once_it_is_planned(acme: Partner) -> None:
    a, b = make.make_cluster(), make.make_cluster()
    draft, planned = make.make_batch([a, b]), make.make_batch([a, b], state="planned")

    for order in ([a.pk], [a.pk, a.pk], [a.pk, b.pk, make.make_cluster().pk], []):
        with pytest.raises(Refusal, match="names each cluster of the batch once"):
            batches.reorder(ANNA, draft, order)
    with pytest.raises(Refusal, match="is planned"):
        batches.reorder(ANNA, planned, [b.pk, a.pk])


@pytest.mark.parametrize("number", [0, 2])
def test_draft_names_each_cluster_once_and_one_at_least(acme: Partner, number: int) -> None:
    with pytest.raises(Refusal) as refusal:
        drafted(some(1) * number)

    assert refusal.value.field == "clusters"


def test_preview_names_each_publisher_that_restarts(acme: Partner, globex: Partner) -> None:
    changing = make.make_cluster({"a-pub.example": "publisher"}, name="A", deployment="enterprise")
    staying = make.make_cluster({"b-pub.example": "publisher"}, name="B", deployment="hcs")
    refused = make.make_cluster({"c-pub.example": "publisher"}, name="C", deployment="enterprise", version="11.5")
    moving = make.make_assignment(cluster=make.make_cluster(name="D"), virtual_account=make.make_pool(name="Old"))

    preview = batches.preview(drafted([changing, staying, refused, moving.cluster]))

    assert [(place.cluster.name, place.restarts) for place in preview.restarting] == [("A", "a-pub.example")]
    assert [(place.cluster.name, [reason.code for reason in place.reasons]) for place in preview.refused] == [
        ("C", ["version"])
    ]
    assert [place.moves_from for place in preview.places] == [None, None, None, moving.virtual_account]
    assert preview.shortages == ()
    with tenant_context(globex):
        assert AssignmentBatch.objects.count() == 0


def test_preview_judges_licenses_when_all_have_come(acme: Partner) -> None:
    pool = make.make_pool(name="Pool")
    make.make_license(virtual_account=pool, name=ENHANCED, quantity=5, in_use=0)
    clusters = some(3)
    for cluster in clusters:
        make.make_instance({ENHANCED: 2}, cluster=cluster)
    assert all(checks.reasons_against(cluster, pool) == [] for cluster in clusters)

    (shortage,) = batches.preview(drafted(clusters, virtual_account=pool)).shortages

    assert (shortage.code, shortage.overridable) == ("shortage", True)
    assert shortage.message.startswith(f"Pool would be 1 short of {ENHANCED}")


def test_preview_of_2000_clusters_takes_as_many_queries_as_of_one(acme: Partner) -> None:
    customer = make.make_customer()
    pool = make.make_pool()
    make.make_token(virtual_account=pool)
    clusters = Cluster.objects.bulk_create(
        Cluster(
            customer=customer,
            name=f"Cluster {number:04d}",
            version="14.0.1",
            mixed_mode=number % 7 == 0,
            deployment="enterprise" if number % 2 else "hcs",
        )
        for number in range(2000)
    )
    Node.objects.bulk_create(
        Node(cluster=cluster, host_name=f"{cluster.pk}-pub.example", role="publisher") for cluster in clusters
    )
    counts = []
    for chosen in (clusters[1:2], clusters):
        batch = drafted(chosen, virtual_account=pool)
        with CaptureQueriesContext(connection) as queries:
            preview = batches.preview(batch)
        counts.append(len(queries))

    assert (len(preview.places), counts[0]) == (2000, counts[1])
    assert counts[1] <= 16
    assert len(preview.restarting) == sum(1 for number in range(2000) if number % 2 and number % 7)


def test_plan_needs_a_reason_where_licenses_will_be_short(acme: Partner) -> None:
    pool, cluster = make.make_pool(), make.make_cluster()
    make.make_license(virtual_account=pool, name=ENHANCED, quantity=1, in_use=0)
    make.make_instance({ENHANCED: 2}, cluster=cluster)
    batch = drafted([cluster], virtual_account=pool)

    with pytest.raises(Refusal) as refusal:
        batches.plan(ANNA, batch)

    assert (refusal.value.field, state_of(batch)) == ("override_reason", ("draft", ""))
    AssignmentBatch.objects.update(override_reason="Ordered yesterday.", needs_approval=False)
    batches.plan(ANNA, batch)
    (job,) = batches.advance(batch.pk)
    assert job.override_reason == "Ordered yesterday."


def test_plan_of_clusters_that_cannot_go_is_refused(acme: Partner) -> None:
    with pytest.raises(Refusal, match=r"None of the clusters can go\. The first: .* knows no Smart Licensing"):
        batches.plan(ANNA, drafted(some(1, version="10.5")))


def test_plan_comes_once(acme: Partner) -> None:
    batch = ready(some(1))

    with pytest.raises(Refusal, match="Night is planned"):
        batches.plan(ANNA, batch)


# --- Approval ---


def test_another_person_approves_and_then_it_starts(acme: Partner) -> None:
    batch = batches.plan(ANNA, drafted(some(1)))
    assert batches.advance(batch.pk) == []

    for actor in (ANNA, ANNAS_TOKEN):
        with pytest.raises(Refusal, match="You drafted this batch yourself"):
            batches.approve(actor, batch)
    batches.approve(BEN, batch)

    (job,) = batches.advance(batch.pk)
    assert (job.batch, job.requested_by) == (batch, ANNA.label)
    with pytest.raises(Refusal, match="Night is running"):
        batches.approve(BEN, batch)
    actions = AuditEntry.objects.filter(object_type="assignmentbatch").order_by("id").values_list("action", flat=True)
    assert list(actions) == ["drafted", "planned", "approved", "started"]


def test_nobody_approves_what_needs_none_or_twice(acme: Partner) -> None:
    with pytest.raises(Refusal, match="needs no approval"):
        batches.approve(BEN, ready(some(1)))
    batch = batches.approve(BEN, batches.plan(ANNA, drafted(some(1), name="Two")))
    with pytest.raises(Refusal, match=r"was approved by ben@acme\.example already"):
        batches.approve(BEN, batch)


# --- While the window is open ---


def test_clusters_go_one_after_the_other_in_their_order(acme: Partner) -> None:
    clusters = some(3)[::-1]
    batch = ready(clusters)
    gone = []

    for _ in clusters:
        (job,) = batches.advance(batch.pk)
        assert batches.advance(batch.pk) == []
        gone.append(job.cluster)
        end(job, "done")
    assert batches.advance(batch.pk) == []

    assert (gone, state_of(batch)) == (clusters, ("done", ""))
    assert Assignment.objects.current().count() == 3


def test_as_many_go_at_once_as_may(acme: Partner) -> None:
    batch = ready(some(5), at_once=3)

    first = batches.advance(batch.pk)
    end(first[0], "done")
    AssignmentJob.objects.filter(pk=first[1].pk).update(state="verifying")  # holds no place
    second = batches.advance(batch.pk)

    assert (len(first), len(second)) == (3, 2)


def test_nothing_starts_before_the_window_or_after_it(acme: Partner) -> None:
    batch = ready(some(2))

    assert batches.advance(batch.pk, batch.window_start - timedelta(seconds=1)) == []
    assert state_of(batch) == ("planned", "")
    (job,) = batches.advance(batch.pk)
    end(job, "done")
    assert batches.advance(batch.pk, batch.window_end) == []

    assert state_of(batch) == ("over", "The window closed; 1 not begun.")
    assert AssignmentJob.objects.count() == 1


def test_batch_that_nobody_approved_is_over_with_its_window(acme: Partner) -> None:
    batch = batches.plan(ANNA, drafted(some(2)))

    assert batches.advance(batch.pk, batch.window_end) == []

    assert state_of(batch) == ("over", "Nobody approved it; 2 not begun.")


def test_batch_stops_at_the_first_error(acme: Partner) -> None:
    batch = ready(some(3))
    (job,) = batches.advance(batch.pk)
    end(job, "failed")

    assert batches.advance(batch.pk) == []

    assert state_of(batch) == ("stopped", "“Assign Cluster 1 · Pool” failed; 2 not begun.")
    assert AssignmentJob.objects.count() == 1


def test_batch_goes_on_after_an_error_where_it_may(acme: Partner) -> None:
    batch = ready(some(2), stop_on_error=False)
    (job,) = batches.advance(batch.pk)
    end(job, "failed")

    (second,) = batches.advance(batch.pk)
    end(second, "done")
    batches.advance(batch.pk)

    assert state_of(batch) == ("done", "")


@pytest.mark.parametrize("stops", [True, False])
def test_cluster_that_is_refused_in_the_night_says_why(acme: Partner, stops: bool) -> None:
    clusters = some(2)
    batch = ready(clusters, stop_on_error=stops)
    Cluster.objects.filter(pk=clusters[0].pk).update(version="11.5")

    started = batches.advance(batch.pk)

    place = batch.clusters.get(cluster=clusters[0])
    assert place.refused.startswith("Cluster 1 has version 11.5, which knows no Smart Licensing.")
    assert [job.cluster for job in started] == ([] if stops else [clusters[1]])
    batches.advance(batch.pk)
    assert state_of(batch)[0] == ("stopped" if stops else "running")


def test_clusters_that_are_assigned_elsewhere_move(acme: Partner) -> None:
    old = make.make_assignment(virtual_account=make.make_pool())
    make.make_instance(cluster=old.cluster, virtual_account=old.virtual_account)
    batch = ready([old.cluster])

    (job,) = batches.advance(batch.pk)

    assert (job.kind, job.previous, job.virtual_account) == ("reassign", old.virtual_account, batch.virtual_account)


def test_batch_unassigns(acme: Partner) -> None:
    pool = make.make_pool(name="Pool")
    registered, unknown = (make.make_assignment(virtual_account=pool) for _ in range(2))
    make.make_instance(cluster=registered.cluster, virtual_account=pool)
    batch = ready([unknown.cluster, registered.cluster], kind="unassign", virtual_account=pool)

    (job,) = batches.advance(batch.pk)

    assert (job.kind, job.cluster, job.batch) == ("unassign", registered.cluster, batch)
    assert not Assignment.objects.current().exists()


def test_batch_unassigns_only_from_its_own_virtual_account(acme: Partner) -> None:
    elsewhere = make.make_assignment(virtual_account=make.make_pool())

    with pytest.raises(Refusal, match="is not assigned to Pool"):
        ready([elsewhere.cluster], kind="unassign")


def test_cancelled_batch_starts_nothing_more(acme: Partner) -> None:
    batch = ready(some(2))
    batches.advance(batch.pk)

    batches.cancel(BEN, batch)

    assert (batches.advance(batch.pk), state_of(batch)[0]) == ([], "cancelled")
    with pytest.raises(Refusal, match="Night is cancelled"):
        batches.cancel(BEN, batch)


# --- The schedule ---


def test_planned_batch_is_looked_at_from_the_start_of_its_window(acme: Partner) -> None:
    start = timezone.now() + 5 * HOUR
    batch = drafted(some(1), window_start=start, window_end=start + HOUR, needs_approval=False)

    batches.plan(ANNA, batch)

    assert schedule.next_run_at("batch", batch.pk) == start
    tasks.advance_batch(batch.pk)
    assert (AssignmentJob.objects.count(), schedule.next_run_at("batch", batch.pk)) == (0, start)


def test_batch_that_is_over_is_looked_at_no_more(acme: Partner) -> None:
    batch = drafted(some(1), needs_approval=False)
    batches.plan(ANNA, batch)
    tasks.advance_batch(batch.pk)
    end(AssignmentJob.objects.get(), "done")

    tasks.advance_batch(batch.pk)

    assert (state_of(batch)[0], schedule.next_run_at("batch", batch.pk)) == ("done", None)


def test_job_that_ends_lets_the_next_one_start(acme: Partner) -> None:
    pool = make.make_pool()
    clusters = some(2)
    for cluster in clusters:  # registered there already: their jobs end by themselves
        make.make_instance(cluster=cluster, virtual_account=pool)
    batch = ready(clusters, virtual_account=pool)
    (first,) = batches.advance(batch.pk)

    tasks.carry_out(first.pk)

    assert list(AssignmentJob.objects.order_by("id").values_list("state", flat=True)) == ["done", "waiting"]


def test_job_that_no_worker_took_in_its_window_begins_only_when_somebody_says_so(
    acme: Partner, globex: Partner
) -> None:
    with tenant_context(globex):
        theirs = batches.advance(ready(some(1)).pk)[0]
    batch = ready(some(1, deployment="enterprise"))
    (job,) = batches.advance(batch.pk)
    AssignmentBatch.objects.update(window_end=timezone.now() - timedelta(minutes=1))

    tasks.carry_out(job.pk)
    job.refresh_from_db()
    missed = (job.state, job.stages.get(kind="verification").cause, job.stages.filter(state="waiting").count())
    actions.retry(BEN, job)
    tasks.carry_out(job.pk)
    job.refresh_from_db()

    assert missed == ("failed", "The window of “Night” closed before a worker came to it, so nothing was begun.", 3)
    assert (job.state, job.stages.get(kind="verification").state) == ("by_hand", "done")
    with tenant_context(globex):
        tasks.carry_out(theirs.pk)
        assert AssignmentJob.objects.get().state == "by_hand"


def test_job_that_a_worker_took_in_its_window_goes_on_after_it(acme: Partner) -> None:
    batch = ready(some(1, deployment="enterprise"))
    (job,) = batches.advance(batch.pk)
    tasks.carry_out(job.pk)
    AssignmentBatch.objects.update(window_end=timezone.now() - timedelta(minutes=1))

    actions.confirm(BEN, job, "license_mode")
    tasks.carry_out(job.pk)

    assert list(job.stages.values_list("state", flat=True)) == ["done", "done", "by_hand", "waiting"]


def test_batch_of_a_removed_virtual_account_is_gone_and_nothing_fails(acme: Partner) -> None:
    batch = ready(some(1))
    VirtualAccount.objects.filter(pk=batch.virtual_account_id).delete()

    tasks.advance_batch(batch.pk)

    assert AssignmentJob.objects.count() == 0
