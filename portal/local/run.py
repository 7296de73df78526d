"""Run the whole portal on this machine (`make run`). Ctrl-C or SIGTERM ends it."""

import os
import signal
import sys

if __name__ == "__main__":  # end at once and quietly while the rest is being imported
    for _number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(_number, lambda *_: os._exit(0))

from dataclasses import dataclass
from functools import partial
from pathlib import Path

from portal.local.files import LocalError, file_trouble
from portal.local.find import load_or_make_keys, state_file, write_state
from portal.local.servers import LocalServers
from portal.local.supervisor import EndedBySignalError, Signals, Supervisor, is_free, is_listening, readiness, say

ROOT = Path(__file__).resolve().parent.parent.parent
READY_SECONDS = 90
OFF = {"0", "no", "off", "false"}
# The users of the demo (setup_portal creates them).
PARTNERS = ("acme", "globex")
ROLES = ("owner", "operator", "viewer")


@dataclass(frozen=True)
class Plan:
    port: int
    emulator: bool
    demo: bool
    database_url: str
    redis_url: str

    @property
    def emulator_url(self) -> str:
        return f"http://127.0.0.1:{self.port + 1}" if self.emulator else ""


def read_plan() -> Plan:
    text = os.environ.get("PORT") or "8000"
    if not text.isdecimal() or not 0 < int(text) < 65535:
        raise LocalError(f"PORT is {text!r}. Set it to a number from 1 to 65534; the emulator takes the next one.")
    database_url = read_variable("DATABASE_URL")
    # A database of the user's own gets a demo only on request.
    demo = os.environ.get("DEMO") or ("0" if database_url else "1")
    emulator = os.environ.get("EMULATOR") or "1"
    return Plan(
        int(text), emulator.lower() not in OFF, demo.lower() not in OFF, database_url, read_variable("REDIS_URL")
    )


def read_variable(name: str) -> str:
    """Return a variable, or the content of the file that `<name>_FILE` names, as the settings read it."""
    if path := os.environ.get(f"{name}_FILE"):
        return Path(path).read_text().strip()
    return os.environ.get(name, "")


def main() -> int:
    Signals()
    stack = None
    try:
        stack = Stack(read_plan())
        stack.start().watch()
    except EndedBySignalError:
        say("Ending ...")
        return 0
    except LocalError as error:
        say(str(error), error=True)
    except OSError as error:
        say(str(file_trouble(error, ROOT)), error=True)
    finally:
        if stack:
            stack.stop()
    return 1


class Stack:
    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.servers = LocalServers(ROOT / ".local", database_url=plan.database_url, redis_url=plan.redis_url)
        self.supervisor: Supervisor | None = None

    def start(self) -> Supervisor:
        plan = self.plan
        self.servers.claim()
        state_file(ROOT).unlink(missing_ok=True)
        check_ports(plan)
        if not os.environ.get("PORTAL_SECRET_KEY"):
            load_or_make_keys(ROOT)
        say("Starting the servers ...")
        urls = self.servers.start()
        supervisor = self.supervisor = Supervisor(ROOT, urls, self.servers.register)
        for name, server in (("postgres", self.servers.postgres), ("valkey", self.servers.valkey)):
            supervisor.adopt(name, server.process if server else None)
        start_processes(supervisor, plan)
        write_state(ROOT, urls, plan.emulator_url, supervisor.pids())
        say(ready_block(plan, supervisor.pids()))
        return supervisor

    def stop(self) -> None:
        if self.supervisor:
            state_file(ROOT).unlink(missing_ok=True)
            self.supervisor.stop()
        self.servers.stop()


def start_processes(supervisor: Supervisor, plan: Plan) -> None:
    if plan.emulator:
        supervisor.start("emulator", "manage.py", "cssm_emulator", "--port", str(plan.port + 1))
        # The first sync of the demo reads from the emulator.
        supervisor.wait_for(partial(emulator_settled, supervisor, plan.port + 1), READY_SECONDS)
    say("Setting up the database ...")
    demo = ["--demo"] if plan.demo else []
    address = ["--emulator-url", plan.emulator_url] if plan.emulator else []
    supervisor.run("setup", "manage.py", "setup_portal", *demo, *address)
    say("Starting the portal ...")
    web = ("--interface", "wsgi", "--host", "127.0.0.1", "--port", str(plan.port), "--no-ws", "--no-access-log")
    # A worker that is asked to end while it starts ignores that.
    threads = ("--workers", "1", "--blocking-threads", "2", "--workers-kill-timeout", "2")
    supervisor.start("web", "-m", "granian", *web, *threads, "portal.wsgi:application", vital=True)
    celery = ("-m", "celery", "-A", "portal")
    worker = ("worker", "--concurrency", "2", "--without-gossip", "--without-mingle")
    # A gentler signal would wait for tasks that cannot end well without servers; its pool ends with it.
    supervisor.start("worker", *celery, *worker, orphaned=signal.SIGKILL)
    supervisor.start("beat", *celery, "beat", "--schedule", str(ROOT / ".local" / "beat-schedule"))
    if not supervisor.wait_for(partial(portal_settled, supervisor, plan.port), READY_SECONDS):
        explain(plan.port)


def emulator_settled(supervisor: Supervisor, port: int) -> bool:
    return not supervisor.is_running("emulator") or is_listening(port)


def portal_settled(supervisor: Supervisor, port: int) -> bool:
    """Return whether every process that runs is ready. Those that have died have been reported."""
    answers = readiness(port)
    awaited = {"workers": "worker", "beat": "beat"}
    return bool(answers) and all(
        answer == "ok" or (part in awaited and not supervisor.is_running(awaited[part]))
        for part, answer in answers.items()
    )


def explain(port: int) -> None:
    """Report the parts that are not ready and go on. Raises LocalError if the web server does not answer."""
    answers = readiness(port)
    if not answers:
        raise LocalError(f"The web server does not answer after {READY_SECONDS} seconds. See .local/logs/web.log.")
    for part, answer in answers.items():
        if answer != "ok":
            say(f"Not ready: {part} {answer}. See .local/logs/.", error=True)


def check_ports(plan: Plan) -> None:
    ports = {plan.port: "the portal", plan.port + 1: "the emulator"} if plan.emulator else {plan.port: "the portal"}
    for port, user in ports.items():
        if not is_free(port):
            raise LocalError(
                f"Port {port}, for {user}, is in use by another program or closed to this user."
                f" Choose another one, for example `make run PORT={plan.port + 100}`."
            )


def ready_block(plan: Plan, pids: dict[str, int]) -> str:
    lines = ["Portal ready"]
    if plan.demo:
        for partner in PARTNERS:
            people = ", ".join(f"{role}@{partner}.example" for role in ROLES)
            lines.append(f"  {partner.title():<10} http://{partner}.localhost:{plan.port}  {people}")
        lines.append(f"  {'Provider':<10} http://localhost:{plan.port}  provider@portal.example")
        lines.append(f"  {'Password':<10} demo (for all of them)")
    else:
        lines.append(f"  {'Address':<10} http://127.0.0.1:{plan.port} and the partners' host names")
    if plan.emulator_url:
        lines.append(f"  {'Emulator':<10} {plan.emulator_url}")
    lines.append(f"  {'Processes':<10} {', '.join(f'{name} {pid}' for name, pid in pids.items())}")
    lines.append(f"  {'Logs':<10} .local/logs/")
    lines.append(f"  {'End':<10} Ctrl-C")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
