"""A worker is killed in the middle of an assignment job: another one goes on there and registers nothing twice."""

import asyncio
from collections.abc import Iterator

import pytest
from aiohttp import web
from kombu import Connection

from licensing.accounts.models import SmartAccount
from licensing.assignments.models import AssignmentJob
from licensing.cisco.emulator.axl import PASSWORD, USERNAME
from licensing.cisco.emulator.scenarios import SCENARIOS, Handler
from licensing.cisco.emulator.server import EmulatorThread
from licensing.cisco.emulator.state import Account
from licensing.fleet.models import ClusterAccess
from licensing.mirror.models import RegistrationToken, VirtualAccount
from portal.celery import app
from tenants.tasks import HEADER
from tests import factories as make
from tests.faults.conftest import Stack, kill_child, wait_for

HOST = "cucm-pub.harbor.example"
STAGES = ("verification", "license_mode", "transport", "registration")


class Held:
    """A publisher that does what it is asked at `call`, and then keeps its answer back until it is let go."""

    def __init__(self) -> None:
        self.reached = asyncio.Event()
        self.released = False
        self.call = "none"

    async def __call__(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        asked = request.path.endswith("/axl/") and self.call in await request.text()
        answer = await handler(request)
        if asked and not self.released:
            self.reached.set()
            while not self.released:
                await asyncio.sleep(0.02)
        return answer


@pytest.fixture
def held(emulator: EmulatorThread, monkeypatch: pytest.MonkeyPatch) -> Iterator[Held]:
    held = Held()
    monkeypatch.setitem(SCENARIOS, "held", held)
    emulator.scenario("held")
    yield held
    held.released = True


@pytest.fixture(autouse=True)
def worker(stack: Stack) -> Iterator[None]:
    stack.start_worker()
    yield
    stack.end_workers()


def job_at(stage: str, emulator: EmulatorThread) -> AssignmentJob:
    """Of a cluster reached over AXL, with the stages before `stage` done."""
    VirtualAccount.objects.filter(name="A").update(license_mode="hcs")
    cluster = make.make_cluster({HOST: "publisher"}, name="Main")
    ClusterAccess.objects.create(
        cluster=cluster, method="axl", url=f"{emulator.origin}/publishers/{HOST}", username=USERNAME, password=PASSWORD
    )
    place = make.make_assignment(cluster=cluster, virtual_account=VirtualAccount.objects.get(name="A"))
    return make.make_assignment_job(dict.fromkeys(STAGES[: STAGES.index(stage)], "done"), assignment=place)


def send(stack: Stack, job: AssignmentJob) -> None:
    with Connection(stack.urls.redis_url) as broker:
        app.send_task("licensing.assignments.tasks.carry_out", [job.pk], headers={HEADER: "acme"}, connection=broker)


def registered(cisco: Account) -> list[str]:
    return [raw["virtualAccount"] for raw in cisco.devices if raw.get("hostName") == HOST]


@pytest.mark.parametrize(
    ("stage", "call", "ends"),
    [
        ("verification", "getSmartLicenseStatus", "by_hand"),
        ("registration", "getSmartLicenseStatus", "done"),
        ("registration", "doSmartLicenseRegister", "done"),
    ],
)
def test_killed_worker_is_followed_by_one_that_goes_on(
    stack: Stack,
    held: Held,
    account: SmartAccount,
    cisco: Account,
    emulator: EmulatorThread,
    stage: str,
    call: str,
    ends: str,
) -> None:
    job = job_at(stage, emulator)
    held.call = call
    send(stack, job)
    wait_for(held.reached.is_set)
    assert AssignmentJob.objects.get().state == "running"
    before = registered(cisco)

    kill_child(stack.workers[0])  # its parent puts the message back, and another child takes it
    held.released = True

    wait_for(lambda: AssignmentJob.objects.get().state == ends)
    assert before == (["A"] if call == "doSmartLicenseRegister" else [])
    assert registered(cisco) == (["A"] if ends == "done" else [])
    assert RegistrationToken.objects.filter(made_here=True).count() == (1 if ends == "done" else 0)
    expected = ["done"] * 4 if ends == "done" else ["done", "skipped", "by_hand", "waiting"]
    assert list(job.stages.values_list("state", flat=True)) == expected
