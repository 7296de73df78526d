"""Start, watch and end the portal's own processes on this machine together."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from portal.local.files import LocalError, tail
from portal.local.find import Urls
from portal.local.processes import Register, end, kill_group, spawn, wait_until
from portal.local.servers import empty_log

PATIENCE = 8  # seconds that children get to end by themselves
WATCH_EVERY = 0.25  # seconds
SETUP_HINT = "The set-up of the database failed."


class EndedBySignalError(BaseException):
    """Ctrl-C, SIGTERM or SIGHUP ended the run. It derives from BaseException, so no handler of errors catches it."""


class Signals:
    """Raise EndedBySignalError once. Later signals do not disturb the ending."""

    def __init__(self) -> None:
        self.received = False
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._receive)

    def _receive(self, *_: object) -> None:
        if not self.received:
            self.received = True
            raise EndedBySignalError


@dataclass
class Child:
    name: str
    process: subprocess.Popen[bytes]
    log: Path
    vital: bool  # the others end with it

    def last_words(self) -> str:
        status = self.process.returncode
        how = f"was killed by {signal.Signals(-status).name}" if status < 0 else f"ended with status {status}"
        return f"{self.name} (process {self.process.pid}) {how}. The end of its log ({self.log}):{tail(self.log)}"


def say(text: str, error: bool = False) -> None:
    """Write a line without buffering, and ignore that the reader may be gone."""
    with suppress(OSError):
        os.write(2 if error else 1, f"{text}\n".encode())


class Supervisor:
    def __init__(self, root: Path, urls: Urls, register: Register) -> None:
        self.root = root
        self.logs = root / ".local" / "logs"
        self.register = register
        self.children: list[Child] = []
        self.environment = {
            "PORTAL_ALLOWED_NETWORKS": "127.0.0.0/8",
            "PORTAL_ALLOW_HTTP": "1",
            **os.environ,
            "PORTAL_LOCAL": "1",
            "PYTHONUNBUFFERED": "1",
            "DATABASE_URL": urls.database_url,
            "REDIS_URL": urls.redis_url,
        }

    def adopt(self, name: str, process: subprocess.Popen[bytes] | None) -> None:
        """Watch a server that its owner ends."""
        if process:
            self.children.append(Child(name, process, self.logs / f"{name}.log", vital=True))

    def start(
        self, name: str, *arguments: str, vital: bool = False, orphaned: signal.Signals = signal.SIGTERM
    ) -> Child:
        """Start a process. It gets the signal `orphaned` when this process is killed, which ends the servers too."""
        log = empty_log(self.logs / f"{name}.log")
        with log.open("ab") as file:
            process = spawn([sys.executable, *arguments], file, cwd=self.root, env=self.environment, ended_by=orphaned)
        child = Child(name, process, log, vital)
        self.children.append(child)
        self.register.add(process.pid, orphaned)
        return child

    def run(self, name: str, *arguments: str) -> None:
        """Run a process to its end. Raises LocalError if it fails."""
        child = self.start(name, *arguments)
        child.process.wait()
        self.children.remove(child)
        if child.process.returncode:
            raise LocalError(f"{SETUP_HINT} The end of its log ({child.log}):{tail(child.log)}")

    def wait_for(self, condition: Callable[[], bool], seconds: float) -> bool:
        def settled() -> bool:
            self.check()
            return condition()

        return wait_until(settled, seconds)

    def check(self) -> None:
        """Report processes that have ended. Raises LocalError if the rest cannot go on without one."""
        for child in list(self.children):
            if child.process.poll() is None:
                continue
            self.children.remove(child)
            kill_group(child.process.pid)
            if child.vital:
                raise LocalError(f"{child.last_words()}\nThe portal cannot run without it and ends.")
            say(f"{child.last_words()}\nThe rest keeps running. `make run` starts it again.", error=True)

    def watch(self) -> None:
        while True:
            self.check()
            time.sleep(WATCH_EVERY)

    def is_running(self, name: str) -> bool:
        return any(child.name == name and child.process.poll() is None for child in self.children)

    def pids(self) -> dict[str, int]:
        return {child.name: child.process.pid for child in self.children}

    def stop(self) -> None:
        """End all processes at once, to wait no longer than the slowest takes. Their owner ends the servers later."""
        own = [child for child in self.children if child.name not in {"postgres", "valkey"}]
        for child in own:
            if child.process.poll() is None:
                child.process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + PATIENCE
        for child in own:
            with suppress(subprocess.TimeoutExpired):
                child.process.wait(max(0, deadline - time.monotonic()))
            end(child.process, patience=0)
        self.children = []


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def is_listening(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def readiness(port: int) -> dict[str, str]:
    """Return the answer of /readyz by part, empty while the web server does not answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", "/readyz")
        answer = json.loads(connection.getresponse().read())
    except (OSError, http.client.HTTPException, ValueError):
        return {}
    finally:
        connection.close()
    return {key: value for key, value in answer.items() if key != "status"}
