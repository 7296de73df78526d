"""Assignments when several act at the same moment: people, workers, syncs."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from kit.worker_lock import WorkerLock
from licensing.accounts.models import SmartAccount
from licensing.assignments import batches, decisions
from licensing.assignments.jobs import actions, registration_check, runner
from licensing.assignments.models import Assignment, AssignmentJob
from licensing.cisco.emulator.axl import PASSWORD, USERNAME
from licensing.cisco.emulator.server import EmulatorThread
from licensing.fleet.models import Cluster, ClusterAccess
from licensing.mirror.models import ProductInstance, VirtualAccount
from licensing.mirror.sync import runs
from licensing.operations import syncing, virtual_accounts
from people.audit import Actor
from tenants.models import Partner
from tests import factories as make
from tests.assignments.test_assignment import at_once
from tests.fixtures import account_of

ANNA, BEN = Actor(None, "anna@acme.example"), Actor(None, "ben@acme.example")
HOST = "cucm-pub.harbor.example"


@contextmanager
def in_another_session(in_partner: Any, lock: WorkerLock, number: int) -> Iterator[None]:
    """The lock as a worker holds it, on a connection of its own."""
    taken, over = Event(), Event()

    def hold() -> None:
        try:
            with in_partner("acme"):
                assert lock.take(number)
                taken.set()
                over.wait(20)
                lock.release(number)  # the end of a session takes the server a moment
        finally:
            connection.close()

    worker = Thread(target=hold)
    worker.start()
    assert taken.wait(10)
    try:
        yield
    finally:
        over.set()
        worker.join(10)


def test_of_two_operators_one_is_refused_and_one_job_is_made(committed: None, in_partner: Any) -> None:
    with in_partner("acme"):
        cluster, pool = make.make_cluster(name="Main"), make.make_pool(name="Pool")

    said = at_once(
        in_partner,
        lambda: decisions.assign(ANNA, cluster, pool),
        lambda: decisions.assign(BEN, cluster, pool),
    )

    assert said == ["Main is already assigned to Pool.", "done"]
    with in_partner("acme"):
        assert (Assignment.objects.count(), AssignmentJob.objects.count()) == (1, 1)


def test_step_is_confirmed_by_one_of_two(committed: None, in_partner: Any) -> None:
    with in_partner("acme"):
        cluster = make.make_cluster(deployment="enterprise")
        job = runner.run(decisions.assign(ANNA, cluster, make.make_pool()).jobs.get())

    said = at_once(
        in_partner,
        lambda: actions.confirm(ANNA, AssignmentJob.objects.get(), "license_mode"),
        lambda: actions.report_failure(BEN, AssignmentJob.objects.get(), "license_mode", "No window."),
    )

    assert said == ["This step does not wait for anybody any more.", "done"]
    with in_partner("acme"):
        assert job.stages.get(kind="license_mode").state in ("done", "failed")


def test_batch_that_two_workers_advance_starts_one_cluster(committed: None, in_partner: Any) -> None:
    with in_partner("acme"):
        batch = make.make_batch([make.make_cluster() for _ in range(3)], state="planned", needs_approval=False)

    at_once(in_partner, *(lambda: batches.advance(batch.pk) for _ in range(2)))

    with in_partner("acme"):
        assert (AssignmentJob.objects.count(), batch.clusters.exclude(tried_at=None).count()) == (1, 1)


def test_job_that_two_workers_take_up_runs_once(committed: None, in_partner: Any) -> None:
    with in_partner("acme"):
        cluster = make.make_cluster(deployment="enterprise")
        job = decisions.assign(ANNA, cluster, make.make_pool()).jobs.get()

    said = at_once(in_partner, *(lambda: runner.run(AssignmentJob.objects.get()) for _ in range(2)))

    assert said == ["done", "done"]
    with in_partner("acme"):
        job.refresh_from_db()
        assert (job.state, job.stages.filter(state="by_hand").count()) == ("by_hand", 1)


def test_end_and_confirmation_at_once_leave_one_truth(committed: None, in_partner: Any) -> None:
    with in_partner("acme"):
        cluster = make.make_cluster(deployment="enterprise")
        job = runner.run(decisions.assign(ANNA, cluster, make.make_pool()).jobs.get())

    at_once(
        in_partner,
        lambda: decisions.end(ANNA, Assignment.objects.get()),
        lambda: actions.confirm(BEN, AssignmentJob.objects.get(), "license_mode"),
    )

    with in_partner("acme"):
        job.refresh_from_db()
        assert (job.state, Assignment.objects.current().count()) == ("cancelled", 0)


def test_cancellation_and_sync_at_once_leave_one_truth(committed: None, in_partner: Any) -> None:
    with in_partner("acme"):
        pool = make.make_pool()
        job = make.make_assignment_job({"registration": "running"}, virtual_account=pool, state="verifying")
        make.make_instance(cluster=job.cluster, virtual_account=pool)
        run = make.make_sync_run(smart_account=pool.smart_account, started_at=timezone.now())

    at_once(
        in_partner,
        lambda: registration_check.look(run),
        lambda: actions.cancel(ANNA, AssignmentJob.objects.get()),
    )

    with in_partner("acme"):
        job.refresh_from_db()
        expected = {"done": "done", "cancelled": "skipped"}
        assert job.stages.get(kind="registration").state == expected[job.state]


@pytest.mark.parametrize("by", ["page", "rest", "batch"])
def test_nothing_is_assigned_to_what_is_being_deleted_at_cisco(
    acme: Partner, in_partner: Any, client_of: Any, api_of: Any, by: str
) -> None:
    cluster, pool = make.make_cluster(), make.make_pool(name="Pool")
    batch = make.make_batch([cluster], virtual_account=pool, state="running", needs_approval=False)
    body = {"cluster": cluster.pk, "virtual_account": pool.pk}

    with in_another_session(in_partner, virtual_accounts.DELETION, pool.pk):
        if by == "page":
            page = client_of(acme, "operator").post(f"/clusters/{cluster.pk}/assign/", body)
            said = page.context["form"].errors["virtual_account"][0]
        elif by == "rest":
            answer = api_of(acme, "operator").post("/api/v1/assignments/", body)
            said = answer.json()["errors"]["virtual_account"][0]
        else:
            batches.advance(batch.pk)
            said = batch.clusters.get().refused

    assert said == "Pool is being deleted at Cisco right now. Choose another virtual account."
    assert Assignment.objects.count() == 0
    decisions.assign(ANNA, cluster, pool)  # it stayed after all


def test_assignment_and_deletion_at_once_leave_no_cluster_in_a_deleted_one(
    committed: None, in_partner: Any, emulator: EmulatorThread
) -> None:
    cisco = emulator.state.add("acme.example", "Acme")
    with in_partner("acme"):
        account = account_of(emulator)
        SmartAccount.objects.update(last_synced_at=timezone.now())
        clusters = [make.make_cluster() for _ in range(6)]
        pools = [make.make_pool(name=f"Pool {number}", smart_account=account) for number in range(6)]
        for pool in pools:
            cisco.add_pool(pool.name)

    for cluster, pool in zip(clusters, pools, strict=True):
        said = at_once(
            in_partner,
            lambda cluster=cluster, pool=pool: decisions.assign(ANNA, cluster, pool),
            lambda pool=pool: virtual_accounts.delete(BEN, pool),
        )
        assert said.count("done") == 1

    with in_partner("acme"):
        assigned = {row.virtual_account.name for row in Assignment.objects.current().select_related("virtual_account")}
    assert assigned <= {raw["name"] for raw in cisco.virtual_accounts}


@pytest.fixture
def at_registration(committed: None, in_partner: Any, emulator: EmulatorThread) -> SmartAccount:
    """A job at its registration, over AXL; the account has been synced once."""
    cisco = emulator.state.add("acme.example", "Acme")
    cisco.add_pool("Pool")
    for number in range(300):
        cisco.add_device("Pool", f"{number:05d}", {})
    with in_partner("acme"):
        account = account_of(emulator)
        syncing.run_sync(runs.request(account, "test")[0])
        VirtualAccount.objects.filter(name="Pool").update(license_mode="hcs")
        cluster = make.make_cluster({HOST: "publisher"})
        ClusterAccess.objects.create(
            cluster=cluster,
            method="axl",
            url=f"{emulator.origin}/publishers/{HOST}",
            username=USERNAME,
            password=PASSWORD,
        )
        place = make.make_assignment(cluster=cluster, virtual_account=VirtualAccount.objects.get(name="Pool"))
        done = dict.fromkeys(("verification", "license_mode", "transport"), "done")
        make.make_assignment_job(done, assignment=place)
        return account


def test_registration_while_a_sync_is_running(at_registration: SmartAccount, in_partner: Any) -> None:
    account = at_registration
    said = at_once(
        in_partner,
        lambda: syncing.run_sync(runs.request(account, "test")[0]),
        lambda: runner.run(AssignmentJob.objects.get()),
    )

    assert said == ["done", "done"]
    with in_partner("acme"):
        assert AssignmentJob.objects.get().state == "done"
        assert syncing.run_sync(runs.request(account, "test")[0]).status == "succeeded"
        instance = ProductInstance.objects.present().get(host_name=HOST)
        assert (instance.cluster, instance.virtual_account.name) == (Cluster.objects.get(), "Pool")


def test_virtual_account_that_a_sync_finds_gone_while_the_job_waits(
    at_registration: SmartAccount, in_partner: Any, emulator: EmulatorThread
) -> None:
    cisco = emulator.state.accounts["acme.example"]
    cisco.devices.clear()
    cisco.virtual_accounts[:] = [pool for pool in cisco.virtual_accounts if pool["name"] != "Pool"]
    with in_partner("acme"):
        assert syncing.run_sync(runs.request(at_registration, "test")[0]).status == "succeeded"

        job = runner.run(AssignmentJob.objects.get())

        failed = job.stages.get(kind="registration")
        assert (job.state, failed.cause) == ("failed", "Pool is gone at Cisco since this began.")
