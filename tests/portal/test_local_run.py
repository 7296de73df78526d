"""The supervisor of `make run`: what it refuses, what it reports, what it ends."""

import socket
from pathlib import Path

import pytest

from portal.local.files import LocalError
from portal.local.find import Urls
from portal.local.processes import Register, same_process
from portal.local.run import Plan, check_ports, read_plan, ready_block
from portal.local.supervisor import Child, Supervisor

PLAN = Plan(port=8000, emulator=True, demo=True, database_url="", redis_url="")
VARIABLES = ("PORT", "EMULATOR", "DEMO", "DATABASE_URL", "REDIS_URL", "DATABASE_URL_FILE", "REDIS_URL_FILE")


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


@pytest.fixture
def supervisor(tmp_path: Path) -> Supervisor:
    (tmp_path / ".local" / "logs").mkdir(parents=True)
    return Supervisor(tmp_path, Urls("", ""), Register(tmp_path / ".local" / "processes.json"))


def begin(supervisor: Supervisor, program: str, vital: bool = False) -> Child:
    return supervisor.start("part", "-c", program, vital=vital)


def test_plan_without_variables_has_demo_and_emulator(environment: pytest.MonkeyPatch) -> None:
    assert read_plan() == PLAN
    assert PLAN.emulator_url == "http://127.0.0.1:8001"


def test_plan_with_a_database_of_ones_own_has_no_demo(environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "url").write_text("postgresql://portal@db.example/portal\n")
    environment.setenv("DATABASE_URL_FILE", str(tmp_path / "url"))
    environment.setenv("EMULATOR", "0")

    plan = read_plan()

    assert plan == Plan(
        8000, emulator=False, demo=False, database_url="postgresql://portal@db.example/portal", redis_url=""
    )
    assert plan.emulator_url == ""


def test_plan_with_a_database_of_ones_own_has_a_demo_on_demand(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("DATABASE_URL", "postgresql://portal@db.example/portal")
    environment.setenv("DEMO", "1")

    assert read_plan().demo


@pytest.mark.parametrize("text", ["web", "0", "65535", "-1", "80.5"])
def test_port_that_is_none_is_refused(environment: pytest.MonkeyPatch, text: str) -> None:
    environment.setenv("PORT", text)

    with pytest.raises(LocalError) as refused:
        read_plan()

    assert str(refused.value) == (
        f"PORT is {text!r}. Set it to a number from 1 to 65534; the emulator takes the next one."
    )


def test_port_in_use_is_named_with_its_use() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = other.getsockname()[1]

        with pytest.raises(LocalError) as refused:
            check_ports(Plan(taken, emulator=False, demo=True, database_url="", redis_url=""))

    assert str(refused.value) == (
        f"Port {taken}, for the portal, is in use by another program or closed to this user."
        f" Choose another one, for example `make run PORT={taken + 100}`."
    )


def test_ready_block_begins_with_its_line_and_names_each_process() -> None:
    lines = ready_block(PLAN, {"web": 11, "worker": 12}).splitlines()

    assert lines[0] == "Portal ready"
    assert lines[1].split() == [
        "Acme",
        "http://acme.localhost:8000",
        "owner@acme.example,",
        "operator@acme.example,",
        "viewer@acme.example",
    ]
    assert "  Processes  web 11, worker 12" in lines


def test_death_of_a_part_is_reported_and_the_rest_goes_on(
    supervisor: Supervisor, capfd: pytest.CaptureFixture[str]
) -> None:
    child = begin(supervisor, "print('out of coffee'); raise SystemExit(3)")
    child.process.wait()

    supervisor.check()

    assert capfd.readouterr().err == (
        f"part (process {child.process.pid}) ended with status 3. The end of its log ({child.log}):\n"
        "    out of coffee\n"
        "The rest keeps running. `make run` starts it again.\n"
    )
    assert supervisor.pids() == {}


def test_death_of_a_vital_part_ends_all(supervisor: Supervisor) -> None:
    child = begin(supervisor, "import os; os.kill(os.getpid(), 9)", vital=True)
    child.process.wait()

    with pytest.raises(LocalError) as ended:
        supervisor.check()

    assert str(ended.value) == (
        f"part (process {child.process.pid}) was killed by SIGKILL. The end of its log ({child.log}):\n"
        "The portal cannot run without it and ends."
    )


def test_stop_ends_a_part_with_all_that_it_started(supervisor: Supervisor) -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    program = f"""
import socket, subprocess
ours = socket.create_connection(("127.0.0.1", {listener.getsockname()[1]}))
subprocess.run(["sleep", "600"], pass_fds=[ours.fileno()])
"""
    begin(supervisor, program)
    with listener, listener.accept()[0] as theirs:
        theirs.settimeout(10)

        supervisor.stop()

        assert theirs.recv(1) == b""  # the last holder of the connection is gone


def test_failed_set_up_shows_its_last_words(supervisor: Supervisor) -> None:
    with pytest.raises(LocalError) as failed:
        supervisor.run("setup", "-c", "raise SystemExit('The database does not answer.')")

    assert str(failed.value) == (
        "The set-up of the database failed."
        f" The end of its log ({supervisor.logs}/setup.log):\n    The database does not answer."
    )


def test_next_run_ends_what_a_killed_one_left(supervisor: Supervisor) -> None:
    child = begin(supervisor, "import signal; signal.pause()")

    child_born = supervisor.register.entries[0]["created"]

    Register(supervisor.register.path).end_leftovers()

    assert same_process(child.process.pid, child_born) is None
