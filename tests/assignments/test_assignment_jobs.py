"""The four stages by hand: what each asks for, how each fails and is tried again, what a sync makes of it."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from django_tenants.utils import tenant_context

from kit.refusals import Refusal
from licensing.assignments import decisions
from licensing.assignments.jobs import actions as jobs_actions
from licensing.assignments.jobs import records, registration_check, runner
from licensing.assignments.models import Assignment, AssignmentJob, AssignmentStage
from licensing.fleet.models import Cluster
from licensing.mirror.models import ProductInstance, SyncRun, VirtualAccount
from people.audit import Actor
from people.models import AuditEntry
from tenants.models import Partner
from tests import factories as make

ANNA, BEN = Actor(None, "anna@acme.example"), Actor(None, "ben@acme.example")
SKIPPED_FOR_UNASSIGN = "Not needed to unassign."


def begun(**values: Any) -> AssignmentJob:
    """A job of a cluster that changes from Enterprise to HCS, run as far as it goes by itself."""
    cluster = make.make_cluster(**{"name": "Main", "deployment": "enterprise", **values})
    made = decisions.assign(ANNA, cluster, make.make_pool(name="Pool"))
    return runner.run(made.jobs.get())


def states(job: AssignmentJob) -> list[str]:
    return list(job.stages.values_list("state", flat=True))


def stage(job: AssignmentJob, kind: str) -> AssignmentStage:
    return job.stages.get(kind=kind)


def confirmed(job: AssignmentJob, *kinds: str) -> AssignmentJob:
    for kind in kinds:
        job = runner.run(jobs_actions.confirm(BEN, job, kind))
    return job


def synced(pool: VirtualAccount, **values: Any) -> SyncRun:
    run = make.make_sync_run(smart_account=pool.smart_account, **{"started_at": timezone.now(), **values})
    registration_check.look(run)
    return run


def test_job_asks_for_each_step_until_a_sync_has_seen_the_product(acme: Partner, globex: Partner) -> None:
    job = begun()
    assert (job.state, states(job)) == ("by_hand", ["done", "by_hand", "waiting", "waiting"])
    assert "ciscoconf.HCSMode_v4.cop.sgn" in " ".join(stage(job, "license_mode").instructions)

    job = confirmed(job, "license_mode")
    assert (job.state, states(job)) == ("by_hand", ["done", "done", "by_hand", "waiting"])
    assert "license smart transport direct" in stage(job, "transport").instructions[-1]

    job = confirmed(job, "transport")
    assert (job.state, states(job)) == ("by_hand", ["done", "done", "done", "by_hand"])
    assert any("license smart register idtoken <token>" in line for line in stage(job, "registration").instructions)

    job = confirmed(job, "registration")
    assert (job.state, states(job)) == ("verifying", ["done", "done", "done", "running"])

    make.make_instance(cluster=job.cluster, virtual_account=job.virtual_account)
    synced(job.virtual_account)
    job.refresh_from_db()
    assert (job.state, states(job), job.finished_at is None) == ("done", ["done"] * 4, False)
    assert [row.confirmed_by for row in job.stages.all()] == ["", BEN.label, BEN.label, BEN.label]
    with tenant_context(globex):
        assert AssignmentJob.objects.count() == 0


def test_mode_that_was_changed_is_recorded_on_the_cluster(acme: Partner) -> None:
    job = confirmed(begun(), "license_mode")

    assert Cluster.objects.get().deployment == "hcs"
    entry = AuditEntry.objects.get(object_type="cluster")
    assert entry.changes == {"deployment": ["enterprise", "hcs"]}
    assert job.state == "by_hand"


def test_mode_that_is_right_already_is_not_asked_for(acme: Partner) -> None:
    job = begun(deployment="hcs")

    assert states(job) == ["done", "skipped", "by_hand", "waiting"]
    assert stage(job, "license_mode").cause == "Main runs in HCS mode already."


def test_cluster_that_cisco_lists_there_already_needs_nothing(acme: Partner) -> None:
    cluster, pool = make.make_cluster(), make.make_pool()
    make.make_instance(cluster=cluster, virtual_account=pool)

    job = runner.run(decisions.assign(ANNA, cluster, pool).jobs.get())

    assert (job.state, states(job)) == ("done", ["done", "skipped", "skipped", "done"])


# --- A failure in each stage ---


def test_verification_fails_with_every_reason_and_goes_on_when_they_are_gone(acme: Partner) -> None:
    made = decisions.assign(ANNA, make.make_cluster(), make.make_pool(name="Pool"))
    VirtualAccount.objects.update(license_mode="")

    job = runner.run(made.jobs.get())

    failed = stage(job, "verification")
    assert (job.state, failed.state, failed.cause) == ("failed", "failed", "Pool has no license mode.")
    assert failed.next_step.startswith("Set HCS or Enterprise")
    assert states(job) == ["failed", "waiting", "waiting", "waiting"]

    VirtualAccount.objects.update(license_mode="hcs")
    job = runner.run(jobs_actions.retry(BEN, job))
    assert states(job) == ["done", "skipped", "by_hand", "waiting"]


@pytest.mark.parametrize("kind", ["license_mode", "transport", "registration"])
def test_stage_that_a_person_could_not_do_is_tried_again_from_there(acme: Partner, kind: str) -> None:
    before = {"license_mode": (), "transport": ("license_mode",), "registration": ("license_mode", "transport")}[kind]
    job = confirmed(begun(), *before)

    job = jobs_actions.report_failure(BEN, job, kind, " The SFTP server is down. ")

    failed = stage(job, kind)
    assert (job.state, failed.state, failed.cause) == ("failed", "failed", "The SFTP server is down.")
    assert failed.next_step == "Settle it, then try again: it goes on at this stage."
    done_before = states(job)[: failed.position - 1]
    job = runner.run(jobs_actions.retry(BEN, job))
    assert (job.state, stage(job, kind).state, stage(job, kind).cause) == ("by_hand", "by_hand", "")
    assert states(job)[: failed.position - 1] == done_before
    actions = AuditEntry.objects.filter(object_type="assignmentjob").order_by("id").values_list("action", flat=True)
    assert list(actions)[-2:] == ["reported failure", "tried again"]


def test_failure_without_a_word_is_refused(acme: Partner) -> None:
    with pytest.raises(Refusal, match="It is not said what went wrong"):
        jobs_actions.report_failure(BEN, begun(), "license_mode", "  ")


@pytest.mark.parametrize("kind", ["license_mode", "transport", "registration"])
def test_virtual_account_that_vanishes_in_the_middle_fails_the_next_stage(acme: Partner, kind: str) -> None:
    before = {"license_mode": (), "transport": ("license_mode",), "registration": ("license_mode", "transport")}[kind]
    job = confirmed(begun(), *before)
    VirtualAccount.objects.update(gone_at=timezone.now())

    if kind == "registration":
        job = runner.run(jobs_actions.retry(BEN, jobs_actions.report_failure(BEN, job, kind, "The token is gone.")))
    else:
        job = runner.run(jobs_actions.confirm(BEN, job, kind))

    failed = job.stages.get(state="failed")
    assert failed.cause == "Pool is gone at Cisco since this began."
    assert failed.next_step == "End this assignment and assign the cluster to a virtual account that exists."
    ended = decisions.end(ANNA, job.assignment)
    job.refresh_from_db()
    assert (ended.ended_by, job.state) == (ANNA.label, "cancelled")


# --- What syncs see ---


def test_product_in_another_virtual_account_fails_the_registration(acme: Partner) -> None:
    job = confirmed(begun(), "license_mode", "transport", "registration")
    other = make.make_pool(name="Other", smart_account=job.virtual_account.smart_account)
    instance = make.make_instance(cluster=job.cluster, virtual_account=other)

    synced(other)

    job.refresh_from_db()
    failed = stage(job, "registration")
    assert (job.state, failed.cause) == ("failed", "Cisco lists its product in Other, not in Pool.")
    assert failed.next_step == "The token was one of another virtual account. Deregister the product, then try again."
    ProductInstance.objects.filter(pk=instance.pk).update(gone_at=timezone.now())
    job = confirmed(runner.run(jobs_actions.retry(BEN, job)), "registration")
    assert job.state == "verifying"


def test_sync_that_began_before_the_confirmation_says_nothing(acme: Partner) -> None:
    job = confirmed(begun(), "license_mode", "transport", "registration")
    other = make.make_pool(smart_account=job.virtual_account.smart_account)
    make.make_instance(cluster=job.cluster, virtual_account=other)

    synced(other, started_at=job.moved_at - timedelta(seconds=1))

    job.refresh_from_db()
    assert (job.state, stage(job, "registration").state) == ("verifying", "running")


def test_sync_that_does_not_show_it_yet_says_so(acme: Partner) -> None:
    job = confirmed(begun(), "license_mode", "transport", "registration")

    synced(job.virtual_account)

    job.refresh_from_db()
    assert job.state == "verifying"
    assert stage(job, "registration").cause.startswith("The last sync has not shown it yet.")


def test_registration_that_nobody_confirmed_is_seen_all_the_same(acme: Partner) -> None:
    job = confirmed(begun(), "license_mode", "transport")
    make.make_instance(cluster=job.cluster, virtual_account=job.virtual_account)

    synced(job.virtual_account, started_at=timezone.now() - timedelta(minutes=1))

    job.refresh_from_db()
    assert (job.state, states(job)) == ("done", ["done"] * 4)


def test_sync_of_another_account_settles_nothing(acme: Partner) -> None:
    job = confirmed(begun(), "license_mode", "transport", "registration")
    make.make_instance(cluster=job.cluster, virtual_account=job.virtual_account)

    synced(make.make_pool())

    job.refresh_from_db()
    assert job.state == "verifying"


@pytest.mark.parametrize("number", [1, 3])
def test_look_after_a_sync_takes_as_many_queries_for_many_jobs(
    acme: Partner, django_assert_num_queries: Any, number: int
) -> None:
    pool = make.make_pool()
    for _ in range(number):
        job = make.make_assignment_job({"registration": "running"}, virtual_account=pool, state="verifying")
        make.make_instance(cluster=job.cluster, virtual_account=pool)
    run = make.make_sync_run(smart_account=pool.smart_account, started_at=timezone.now())

    with django_assert_num_queries(6):
        settled = registration_check.look(run)

    assert settled == number


# --- Ending and moving ---


def mixed_mode_job(pool: VirtualAccount) -> AssignmentJob:
    """By hand, at its registration."""
    cluster = make.make_cluster(name="Secure", mixed_mode=True)
    place = make.make_assignment(cluster=cluster, virtual_account=pool)
    done = dict.fromkeys(("verification", "license_mode", "transport"), "done")
    return make.make_assignment_job(done, assignment=place)


def test_mixed_mode_by_hand_takes_the_one_token_and_offers_no_new_one(acme: Partner, client_of: Any) -> None:
    pool = make.make_pool(name="Pool")
    make.make_token(virtual_account=pool, description="For Secure", export_controlled=True)
    plain = make.make_assignment_job(
        dict.fromkeys(("verification", "license_mode", "transport"), "done"), virtual_account=pool
    )

    job, other = runner.run(mixed_mode_job(pool)), runner.run(plain)
    page, usual = (
        client_of(acme, "operator").get(f"/assignment-jobs/{row.pk}/").content.decode() for row in (job, other)
    )

    lines = job.stages.get(kind="registration").instructions
    assert lines[0].startswith("Take the text of “For Secure”, the token with export control of Pool, from CSSM")
    assert "/registration-tokens/add/" not in page
    assert f"/clusters/{job.cluster_id}/mixed-mode/?virtual_account={pool.pk}" in page
    assert "/registration-tokens/add/" in usual


def test_mixed_mode_by_hand_does_not_go_on_beside_another_token(acme: Partner) -> None:
    pool = make.make_pool(name="Pool")
    for export in (True, False):
        make.make_token(virtual_account=pool, export_controlled=export)

    job = runner.run(mixed_mode_job(pool))

    failed = job.stages.get(kind="registration")
    assert (job.state, failed.cause) == ("failed", "Pool does not hold one token with export control and no other.")
    assert failed.next_step == "Go through the mixed-mode run of this cluster again."


def test_unassigning_asks_for_the_deregistration_alone(acme: Partner) -> None:
    made = make.make_assignment(cluster=make.make_cluster(name="Main"), virtual_account=make.make_pool(name="Pool"))
    instance = make.make_instance(cluster=made.cluster, virtual_account=made.virtual_account)

    decisions.end(ANNA, made)
    job = runner.run(AssignmentJob.objects.get())

    assert (job.kind, states(job)) == ("unassign", ["done", "skipped", "skipped", "by_hand"])
    assert stage(job, "transport").cause == SKIPPED_FOR_UNASSIGN
    assert "license smart deregister" in stage(job, "registration").instructions[0]
    job = confirmed(job, "registration")
    synced(made.virtual_account)
    job.refresh_from_db()
    assert job.state == "verifying"
    ProductInstance.objects.filter(pk=instance.pk).update(gone_at=timezone.now())
    synced(made.virtual_account)
    job.refresh_from_db()
    assert job.state == "done"


def test_ending_what_was_never_registered_needs_no_job(acme: Partner) -> None:
    job = begun()

    ended = decisions.end(ANNA, job.assignment)

    job.refresh_from_db()
    assert (ended.ended_by, job.state, states(job)) == (ANNA.label, "cancelled", ["done", *["skipped"] * 3])
    assert AssignmentJob.objects.count() == 1
    assert stage(job, "transport").cause == "anna@acme.example decided otherwise."


def test_deregistration_that_has_not_begun_gives_way_to_a_new_assignment(acme: Partner) -> None:
    first = make.make_assignment(virtual_account=make.make_pool(name="Old"))
    make.make_instance(cluster=first.cluster, virtual_account=first.virtual_account)
    decisions.end(ANNA, first)
    pool = make.make_pool(name="New")

    decisions.assign(ANNA, first.cluster, pool)

    old, new = AssignmentJob.objects.order_by("id")
    assert (old.kind, old.state) == ("unassign", "cancelled")
    assert (new.kind, new.state, new.previous, new.virtual_account) == (
        "reassign",
        "waiting",
        first.virtual_account,
        pool,
    )


def test_reassignment_leaves_the_old_virtual_account_first(acme: Partner) -> None:
    first = make.make_assignment(virtual_account=make.make_pool(name="Old"))
    instance = make.make_instance(cluster=first.cluster, virtual_account=first.virtual_account)
    pool = make.make_pool(name="New", smart_account=first.virtual_account.smart_account)

    made = decisions.reassign(ANNA, first.cluster, pool)
    job = runner.run(made.jobs.get())

    first.refresh_from_db()
    assert (first.ended_by, job.kind, job.previous) == (ANNA.label, "reassign", first.virtual_account)
    assert states(job) == ["done", "by_hand", "waiting", "waiting"]
    assert "license smart deregister" in stage(job, "license_mode").instructions[0]
    job = confirmed(job, "license_mode", "transport", "registration")
    ProductInstance.objects.filter(pk=instance.pk).update(virtual_account=pool)
    synced(pool)
    job.refresh_from_db()
    assert job.state == "done"
    assert list(AuditEntry.objects.filter(action="reassigned").values_list("object_label", flat=True)) == [str(made)]


def test_reassignment_of_what_was_never_registered_leaves_nothing(acme: Partner) -> None:
    job = begun()

    made = decisions.reassign(ANNA, job.cluster, make.make_pool())

    assert (made.jobs.get().kind, made.jobs.get().previous) == ("assign", None)
    assert Assignment.objects.current().get() == made


def test_product_that_nobody_assigned_leaves_where_it_stands(acme: Partner) -> None:
    cluster, pool = make.make_cluster(), make.make_pool()
    elsewhere = make.make_instance(cluster=cluster).virtual_account

    job = decisions.assign(ANNA, cluster, pool).jobs.get()

    assert (job.kind, job.previous) == ("reassign", elsewhere)


# --- Steps that come too late ---


def test_step_is_confirmed_once_and_by_its_name(acme: Partner) -> None:
    job = begun()
    for kind in ("transport", "registration"):
        with pytest.raises(Refusal, match="This step does not wait for anybody any more"):
            jobs_actions.confirm(BEN, job, kind)
    jobs_actions.confirm(BEN, job, "license_mode")

    with pytest.raises(Refusal, match="This step does not wait for anybody any more"):
        jobs_actions.confirm(ANNA, job, "license_mode")


def test_only_what_failed_is_tried_again(acme: Partner) -> None:
    with pytest.raises(Refusal, match="has not failed"):
        jobs_actions.retry(BEN, begun())


def test_job_is_cancelled_once_and_leaves_the_assignment(acme: Partner) -> None:
    job = jobs_actions.cancel(BEN, begun())

    assert (job.state, job.finished_at is None) == ("cancelled", False)
    assert Assignment.objects.current().count() == 1
    with pytest.raises(Refusal, match="is over"):
        jobs_actions.cancel(BEN, job)


def test_job_that_was_cancelled_is_not_run(acme: Partner) -> None:
    made = decisions.assign(ANNA, make.make_cluster(), make.make_pool())
    job = jobs_actions.cancel(BEN, made.jobs.get())

    assert runner.run(job).state == "cancelled"


def test_job_that_was_cancelled_while_a_worker_is_at_it_is_left(acme: Partner) -> None:
    job = decisions.assign(ANNA, make.make_cluster(), make.make_pool()).jobs.get()
    records.begin(job)
    AssignmentJob.objects.update(state="cancelled")

    with pytest.raises(records.JobTaken):
        records.start_stage(stage(job, "verification"))

    assert stage(job, "verification").state == "waiting"


def test_error_of_ours_fails_the_stage_without_its_words(acme: Partner, caplog: Any) -> None:
    made = decisions.assign(ANNA, make.make_cluster(), make.make_pool())
    AssignmentStage.objects.filter(kind="transport").update(kind="no_such_stage")

    job = runner.run(made.jobs.get())

    failed = stage(job, "no_such_stage")
    assert (job.state, failed.cause) == ("failed", "The portal made an error.")
    assert failed.next_step == "Report it: the log of the worker holds the details."
    assert "Stage no_such_stage of assignment job" in caplog.text
