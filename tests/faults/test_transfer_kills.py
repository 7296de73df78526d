"""A worker is killed in the middle of a transfer plan, and two workers race for one: what page and emulator say agrees,
and executing again finishes without moving anything twice.
"""

from collections.abc import Iterator

import pytest

from licensing.accounts.models import SmartAccount
from licensing.cisco.emulator.scenarios import SCENARIOS
from licensing.cisco.emulator.server import EmulatorThread
from licensing.cisco.emulator.state import Account
from licensing.mirror.models import License, VirtualAccount
from licensing.operations import syncing
from licensing.pools.models import TransferPlan
from licensing.pools.transfers import lock, planning
from licensing.pools.transfers.planning import Wanted
from people.audit import Actor
from people.models import User
from tests.faults.conftest import Stack, Stuck, kill_child, wait_for

NAME = "License"


@pytest.fixture(scope="module", autouse=True)
def workers(stack: Stack) -> Iterator[None]:
    stack.start_worker("one")
    stack.start_worker("two")
    yield
    stack.end_workers()


@pytest.fixture
def plan(stack: Stack, account: SmartAccount, cisco: Account) -> TransferPlan:
    """Three steps of 5 from A to B, ready to be executed."""
    line = {"licenseType": "TERM", "quantity": 100, "startDate": None, "endDate": "2099-01-01", "status": "ACTIVE"}
    for pool in ("A", "B"):
        cisco.set_license(pool, NAME, licenseDetails=[dict(line)])
    assert syncing.run_sync(stack.request(account)).status == "succeeded"
    row = License.objects.select_related("virtual_account").get(virtual_account__name="A", name=NAME)
    target = VirtualAccount.objects.get(name="B", smart_account=account)
    owner = User.objects.get(role="owner")
    return planning.create(Actor(owner, owner.email), account, [Wanted(row, target, 5)] * 3)


def execute(stack: Stack, plan: TransferPlan, times: int = 1) -> None:
    owner = User.objects.get(role="owner")
    plan.refresh_from_db()
    planning.request(Actor(owner, owner.email), plan)
    for _ in range(times):
        stack.send("run_transfer_plan", plan.pk)


def ended(plan: TransferPlan) -> TransferPlan:
    wait_for(lambda: not TransferPlan.objects.get(pk=plan.pk).executing)
    plan.refresh_from_db()
    return plan


def states(plan: TransferPlan) -> list[str]:
    return list(plan.steps.order_by("position").values_list("state", flat=True))


def held(cisco: Account) -> tuple[int, int]:
    return cisco.license("A", NAME)["quantity"], cisco.license("B", NAME)["quantity"]


def _before(stuck: Stuck) -> None:
    """The call waits at Cisco's door."""
    stuck.path = "/transfer"


@pytest.mark.parametrize("arrives", [True, False], ids=["the write arrives", "the write is lost"])
def test_killed_worker(
    stack: Stack, stuck: Stuck, plan: TransferPlan, cisco: Account, emulator: EmulatorThread, arrives: bool
) -> None:
    stuck.path = "/transfer"
    execute(stack, plan)
    wait_for(stuck.reached.is_set)
    assert states(plan) == ["sending", "waiting", "waiting"]
    worker = next(worker for worker in stack.workers if _is_at_it(worker.pid, emulator))
    if not arrives:
        emulator.scenario("lost-writes")
    kill_child(worker)

    # Its message comes back, and whoever takes it finds the plan begun by a worker that is no more.
    ended(plan)
    assert (plan.state, states(plan)) == ("stopped", ["unclear", "waiting", "waiting"])
    assert plan.cause == lock.LOST_CAUSE

    stuck.released = True
    moved = 5 if arrives else 0
    if arrives:
        wait_for(lambda: held(cisco) == (95, 105))
    assert held(cisco) == (100 - moved, 100 + moved)

    emulator.scenario("none")
    execute(stack, plan)
    assert (ended(plan).state, states(plan)) == ("done", ["verified"] * 3)
    assert held(cisco) == (85, 115)


def _is_at_it(pid: int, emulator: EmulatorThread) -> bool:
    """Whether a child of this worker is connected to the emulator."""
    import psutil

    children = psutil.Process(pid).children()
    return any(
        link.raddr and link.raddr.port == emulator.port for child in children for link in child.net_connections()
    )


def test_two_messages_of_one_plan_execute_it_once(stack: Stack, plan: TransferPlan, cisco: Account) -> None:
    execute(stack, plan, times=2)

    assert (ended(plan).state, states(plan)) == ("done", ["verified"] * 3)
    assert held(cisco) == (85, 115)


def test_sync_follows_by_itself(stack: Stack, plan: TransferPlan, account: SmartAccount, cisco: Account) -> None:
    execute(stack, plan)
    ended(plan)

    wait_for(lambda: set(License.objects.filter(name=NAME).values_list("quantity", flat=True)) == {85, 115})
    assert SCENARIOS  # the emulator is the one of this run
