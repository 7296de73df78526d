"""The four stages of a cluster that is reached over AXL, against the emulator's publisher: good days, bad days in each
stage, and a worker that ended in the middle.
"""

from typing import Any

import pytest

from kit.refusals import Refusal
from licensing.assignments import decisions
from licensing.assignments.jobs import actions, runner
from licensing.assignments.models import AssignmentJob, AssignmentStage
from licensing.cisco.emulator.axl import PASSWORD, USERNAME
from licensing.cisco.emulator.server import EmulatorThread
from licensing.cisco.emulator.state import Account
from licensing.fleet.models import Cluster, ClusterAccess
from licensing.mirror.models import RegistrationToken, VirtualAccount
from people.audit import Actor
from tenants.models import Partner
from tests import factories as make
from tests.fixtures import account_of

ANNA = Actor(None, "anna@acme.example")
HOST = "cucm-pub.harbor.example"
STAGES = list(AssignmentStage.Kind.values)


@pytest.fixture(autouse=True)
def quickly_settled(settings: Any) -> None:
    settings.AXL_SETTLE_SECONDS = 0.3


@pytest.fixture
def cisco(emulator: EmulatorThread) -> Account:
    cisco = emulator.state.add("acme.example", "Acme")
    cisco.add_pool("Pool")
    cisco.add_pool("Other")
    return cisco


@pytest.fixture
def pool(acme: Partner, cisco: Account, emulator: EmulatorThread) -> VirtualAccount:
    account = account_of(emulator)
    type(account).objects.update(last_synced_at=make.timezone.now(), name="Acme")
    account.refresh_from_db()
    return make.make_pool(name="Pool", smart_account=account)


@pytest.fixture
def cluster(acme: Partner, emulator: EmulatorThread) -> Cluster:
    cluster = make.make_cluster({HOST: "publisher"}, name="Main")
    ClusterAccess.objects.create(
        cluster=cluster, method="axl", url=f"{emulator.origin}/publishers/{HOST}", username=USERNAME, password=PASSWORD
    )
    return cluster


def assigned(cluster: Cluster, pool: VirtualAccount) -> AssignmentJob:
    return runner.run(decisions.assign(ANNA, cluster, pool).jobs.get())


def standing_at(kind: str, cluster: Cluster, pool: VirtualAccount, **values: Any) -> AssignmentJob:
    """A job whose stages before `kind` are done."""
    done = dict.fromkeys(STAGES[: STAGES.index(kind)], "done")
    place = make.make_assignment(cluster=cluster, virtual_account=pool)
    return make.make_assignment_job(done, assignment=place, **values)


def states(job: AssignmentJob) -> list[str]:
    return list(job.stages.values_list("state", flat=True))


def listed(cisco: Account) -> list[tuple[str, str]]:
    return [(raw["hostName"], raw["virtualAccount"]) for raw in cisco.devices]


def test_cluster_is_registered_with_a_new_token(cluster: Cluster, pool: VirtualAccount, cisco: Account) -> None:
    job = assigned(cluster, pool)
    assert (job.state, states(job)) == ("by_hand", ["done", "skipped", "by_hand", "waiting"])

    job = runner.run(actions.confirm(ANNA, job, "transport"))

    assert (job.state, states(job)) == ("done", ["done", "skipped", "done", "done"])
    assert listed(cisco) == [(HOST, "Pool")]
    token = RegistrationToken.objects.get()
    assert (token.virtual_account, token.made_here) == (pool, True)


@pytest.mark.parametrize(("known", "state"), [(False, "done"), (True, "failed")])
def test_other_name_of_the_smart_account_counts_only_where_it_is_another_account(
    cluster: Cluster, pool: VirtualAccount, cisco: Account, known: bool, state: str
) -> None:
    """The product says "Acme"; the portal calls the account otherwise."""
    type(pool.smart_account).objects.filter(pk=pool.smart_account_id).update(name="Our customers")
    if known:
        make.make_smart_account(name="Acme")
    cisco.add_device("Pool", "00001", {}, hostName=HOST)

    assert runner.run(standing_at("registration", cluster, pool)).state == state


def test_token_that_is_there_is_used(cluster: Cluster, pool: VirtualAccount, cisco: Account) -> None:
    text = cisco.add_token("Pool", "there", 30)["token"]
    token = make.make_token(virtual_account=pool, text=text, uses_allowed=3, uses=2)

    job = runner.run(standing_at("registration", cluster, pool))

    assert (job.state, RegistrationToken.objects.count(), listed(cisco)) == ("done", 1, [(HOST, "Pool")])
    token.refresh_from_db()
    assert (token.uses, token.used_up) == (3, True)


def test_used_up_token_gives_way_to_a_new_one(cluster: Cluster, pool: VirtualAccount, cisco: Account) -> None:
    text = cisco.add_token("Pool", "there", 30)["token"]
    make.make_token(virtual_account=pool, text=text, uses_allowed=3, uses=3)

    job = runner.run(standing_at("registration", cluster, pool))

    assert (job.state, list(RegistrationToken.objects.order_by("id").values_list("uses", flat=True))) == (
        "done",
        [3, 1],
    )


def test_transport_that_an_earlier_job_has_set_is_not_asked_for_again(
    cluster: Cluster, pool: VirtualAccount, cisco: Account
) -> None:
    job = runner.run(actions.confirm(ANNA, assigned(cluster, pool), "transport"))
    other = make.make_pool(name="Other", smart_account=pool.smart_account)

    moved = runner.run(decisions.reassign(ANNA, cluster, other).jobs.get())

    assert (moved.kind, moved.previous, moved.state) == ("reassign", pool, "done")
    assert states(moved) == ["done", "done", "skipped", "done"]
    causes = dict(moved.stages.values_list("kind", "cause"))
    assert causes["license_mode"] == "Deregistered from Pool. Main runs in HCS mode."
    assert causes["transport"].startswith("Set already.")
    assert (job.state, listed(cisco)) == ("done", [(HOST, "Other")])


def test_unassigned_cluster_is_deregistered(cluster: Cluster, pool: VirtualAccount, cisco: Account) -> None:
    job = runner.run(actions.confirm(ANNA, assigned(cluster, pool), "transport"))

    decisions.end(ANNA, job.assignment)
    gone = runner.run(AssignmentJob.objects.open().get())

    assert (gone.kind, gone.state, states(gone)) == ("unassign", "done", ["done", "skipped", "skipped", "done"])
    assert listed(cisco) == []


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("scenario", ["axl-missing", "axl-not-xml"])
def test_each_stage_fails_with_what_the_publisher_said_and_is_tried_again(
    cluster: Cluster, pool: VirtualAccount, cisco: Account, emulator: EmulatorThread, stage: str, scenario: str
) -> None:
    job = standing_at(stage, cluster, pool)
    emulator.scenario(scenario)

    job = runner.run(job)

    failed = job.stages.get(kind=stage)
    assert (job.state, failed.state) == ("failed", "failed")
    assert failed.cause
    assert failed.next_step
    assert (listed(cisco), RegistrationToken.objects.count()) == ([], 0)
    emulator.scenario("none")
    job = runner.run(actions.retry(ANNA, job))
    if job.state == "by_hand":
        job = runner.run(actions.confirm(ANNA, job, "transport"))
    assert (job.state, listed(cisco)) == ("done", [(HOST, "Pool")])


@pytest.mark.parametrize("scenario", ["axl-fault", "axl-lost"])
def test_registration_that_was_refused_or_lost_is_tried_again_with_the_same_token(
    cluster: Cluster, pool: VirtualAccount, cisco: Account, emulator: EmulatorThread, scenario: str
) -> None:
    job = standing_at("registration", cluster, pool)
    emulator.scenario(scenario)

    job = runner.run(job)

    assert (job.state, listed(cisco), RegistrationToken.objects.count()) == ("failed", [], 1)
    emulator.scenario("none")
    job = runner.run(actions.retry(ANNA, job))
    assert (job.state, listed(cisco), RegistrationToken.objects.count()) == ("done", [(HOST, "Pool")], 1)
    assert RegistrationToken.objects.get().uses == 1


def test_registration_whose_answer_was_lost_has_happened(
    cluster: Cluster, pool: VirtualAccount, cisco: Account, emulator: EmulatorThread
) -> None:
    job = standing_at("registration", cluster, pool)
    emulator.scenario("axl-dropped")

    job = runner.run(job)

    assert (job.state, listed(cisco)) == ("done", [(HOST, "Pool")])


def test_worker_that_died_after_the_registration_registers_nothing_twice(
    cluster: Cluster, pool: VirtualAccount, cisco: Account, emulator: EmulatorThread
) -> None:
    job = standing_at("registration", cluster, pool, state="running")
    job.stages.filter(kind="registration").update(state="running")
    cisco.add_device("Pool", "00001", {}, hostName=HOST)
    emulator.scenario("axl-fault")  # refuses any write

    assert runner.lost() == [job.pk]
    job = runner.run(job)

    assert (job.state, states(job)) == ("done", ["done"] * 4)
    assert (listed(cisco), RegistrationToken.objects.count()) == ([(HOST, "Pool")], 0)


@pytest.mark.parametrize("stage", STAGES)
def test_worker_that_died_in_a_stage_goes_on_there(
    cluster: Cluster, pool: VirtualAccount, cisco: Account, stage: str
) -> None:
    job = standing_at(stage, cluster, pool, state="running")
    job.stages.filter(kind=stage).update(state="running")
    before = states(job)[: STAGES.index(stage)]

    job = runner.run(job)

    assert states(job)[: STAGES.index(stage)] == before
    assert job.state == ("done" if stage == "registration" else "by_hand")


def test_cluster_that_is_registered_elsewhere_by_itself_is_refused(
    cluster: Cluster, pool: VirtualAccount, cisco: Account
) -> None:
    cisco.add_device("Other", "00001", {}, hostName=HOST)

    job = runner.run(standing_at("registration", cluster, pool))

    failed = job.stages.get(kind="registration")
    assert (job.state, failed.cause) == ("failed", "Main is registered in Other already.")
    assert failed.next_step == "Deregister it there, or move it with a reassignment."
    assert listed(cisco) == [(HOST, "Other")]


def test_mixed_mode_registers_with_the_one_token_made_by_hand(
    cluster: Cluster, pool: VirtualAccount, cisco: Account
) -> None:
    Cluster.objects.update(mixed_mode=True)
    text = cisco.add_token("Pool", "export", 30, export=True)["token"]
    make.make_token(virtual_account=pool, text=text, export_controlled=True)

    job = runner.run(standing_at("registration", cluster, pool))

    assert (job.state, cisco.devices[0]["exportControl"]) == ("done", "Allowed")
    assert RegistrationToken.objects.count() == 1


def test_mixed_mode_takes_no_token_that_is_used_up(cluster: Cluster, pool: VirtualAccount, cisco: Account) -> None:
    Cluster.objects.update(mixed_mode=True)
    text = cisco.add_token("Pool", "export", 30, export=True)["token"]
    make.make_token(virtual_account=pool, text=text, export_controlled=True, uses_allowed=1, uses=1)

    job = runner.run(standing_at("registration", cluster, pool))

    assert (job.state, listed(cisco)) == ("failed", [])


def test_mixed_mode_never_makes_a_token(cluster: Cluster, pool: VirtualAccount, cisco: Account) -> None:
    Cluster.objects.update(mixed_mode=True)

    job = runner.run(standing_at("registration", cluster, pool))

    failed = job.stages.get(kind="registration")
    assert (job.state, RegistrationToken.objects.count(), listed(cisco)) == ("failed", 0, [])
    assert failed.cause == "Pool does not hold one token with export control and no other."


def test_no_stage_keeps_a_token_or_password(cluster: Cluster, pool: VirtualAccount, cisco: Account) -> None:
    text = cisco.add_token("Pool", "there", 30)["token"]
    make.make_token(virtual_account=pool, text=text)

    job = runner.run(standing_at("license_mode", cluster, pool))

    said = " ".join(str(row) for row in job.stages.values("cause", "next_step", "instructions"))
    assert text not in said
    assert PASSWORD not in said


def test_job_that_a_worker_is_at_gives_way_to_nobody(cluster: Cluster, pool: VirtualAccount) -> None:
    job = standing_at("registration", cluster, pool, state="running")

    with pytest.raises(Refusal, match="is changing the cluster right now"):
        decisions.end(ANNA, job.assignment)
    with pytest.raises(Refusal, match="is changing the cluster right now"):
        actions.cancel(ANNA, job)

    job.refresh_from_db()
    assert (job.state, job.assignment.ended_at) == ("running", None)
