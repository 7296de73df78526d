"""The portal's own processes on this machine: started, watched and ended together."""

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
from portal.local.servers import fresh

PATIENCE = 8  # seconds that children get to end by themselves
WATCH_EVERY = 0.25  # seconds
SETUP_HINT = "The set-up of the database has failed."


class EndedBySignalError(BaseException):
    """Ctrl-C, SIGTERM or SIGHUP; derives from BaseException so that no handler of errors swallows it."""


class Signals:
    """Raises once, wherever the program stands; what comes while it is ending changes nothing."""

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
    vital: bool  # its end is the end of all

    def last_words(self) -> str:
        status = self.process.returncode
        how = f"was killed by {signal.Signals(-status).name}" if status < 0 else f"has ended with status {status}"
        return f"{self.name} (process {self.process.pid}) {how}. Last words ({self.log}):{tail(self.log)}"


def say(text: str, error: bool = False) -> None:
    """Unbuffered, and of no consequence where nobody listens any more."""
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
        """Watch a server that somebody else ends."""
        if process:
            self.children.append(Child(name, process, self.logs / f"{name}.log", vital=True))

    def start(
        self, name: str, *arguments: str, vital: bool = False, orphaned: signal.Signals = signal.SIGTERM
    ) -> Child:
        """`orphaned` reaches it when this process is killed: the servers are gone then, too."""
        log = fresh(self.logs / f"{name}.log")
        with log.open("ab") as file:
            process = spawn([sys.executable, *arguments], file, cwd=self.root, env=self.environment, ended_by=orphaned)
        child = Child(name, process, log, vital)
        self.children.append(child)
        self.register.add(process.pid, orphaned)
        return child

    def run(self, name: str, *arguments: str) -> None:
        """One that has to end, and well."""
        child = self.start(name, *arguments)
        child.process.wait()
        self.children.remove(child)
        if child.process.returncode:
            raise LocalError(f"{SETUP_HINT} Last words ({child.log}):{tail(child.log)}")

    def wait_for(self, condition: Callable[[], bool], seconds: float) -> bool:
        def settled() -> bool:
            self.check()
            return condition()

        return wait_until(settled, seconds)

    def check(self) -> None:
        """Report who has ended; raises where the rest cannot go on without it."""
        for child in list(self.children):
            if child.process.poll() is None:
                continue
            self.children.remove(child)
            kill_group(child.process.pid)
            if child.vital:
                raise LocalError(f"{child.last_words()}\nThe portal cannot go on without it and ends.")
            say(f"{child.last_words()}\nThe rest goes on without it. `make run` starts it again.", error=True)

    def watch(self) -> None:
        while True:
            self.check()
            time.sleep(WATCH_EVERY)

    def is_running(self, name: str) -> bool:
        return any(child.name == name and child.process.poll() is None for child in self.children)

    def pids(self) -> dict[str, int]:
        return {child.name: child.process.pid for child in self.children}

    def stop(self) -> None:
        """All at once, so that the slowest one decides how long it takes. The servers end later, by their owner."""
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
    """Answer of /readyz, part by part; empty while the web server does not answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", "/readyz")
        answer = json.loads(connection.getresponse().read())
    except (OSError, http.client.HTTPException, ValueError):
        return {}
    finally:
        connection.close()
    return {key: value for key, value in answer.items() if key != "status"}
