"""Run PostgreSQL and Valkey for this folder. `make run` keeps their data, tests throw them away."""

import shutil
import tempfile
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from portal.local.files import LocalError, file_trouble, lock
from portal.local.find import Urls
from portal.local.postgres import Postgres
from portal.local.processes import Register
from portal.local.valkey import Valkey

__all__ = ["LocalError", "LocalServers", "Urls"]


class LocalServers:
    """Run both servers. An address that is given replaces one of them.

    durable=False: servers are new at each start, without care for the disk, in a folder inside `data_dir` that stop()
    removes.
    """

    def __init__(self, data_dir: Path, durable: bool = True, database_url: str = "", redis_url: str = "") -> None:
        self.data_dir = data_dir.absolute()
        self.durable = durable
        self.urls = self.given = Urls(database_url, redis_url)
        self.register = Register(self.data_dir / "processes.json")
        self.postgres: Postgres | None = None
        self.valkey: Valkey | None = None
        self._lock: IO[str] | None = None
        self._temporary: Path | None = None

    def start(self) -> Urls:
        try:
            self.urls = self._start()
            return self.urls
        except OSError as error:
            self.stop()
            raise file_trouble(error, self.data_dir) from None
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop the servers. This is safe in any state, any number of times."""
        for server in (self.valkey, self.postgres):
            if server:
                server.stop()
        if self._lock:
            self.register.clear()
            self._lock.close()
        if self._temporary:
            shutil.rmtree(self._temporary, ignore_errors=True)
        self.postgres = self.valkey = self._lock = self._temporary = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def claim(self) -> None:
        """Take the folder for this process and end what a killed run has left in it."""
        if self._lock:
            return
        self.data_dir.mkdir(exist_ok=True)
        try:
            self._lock = lock(self.data_dir / "lock")
        except BlockingIOError:
            holder = (self.data_dir / "lock").read_text() or "unknown"
            raise LocalError(
                f"{self.data_dir} is in use: the portal is running there already (process {holder})."
                " End it first, with Ctrl-C where it runs."
            ) from None
        self.register.end_leftovers()

    def _start(self) -> Urls:
        folder = self._folder()
        logs = folder / "logs"
        logs.mkdir(exist_ok=True)
        if not self.given.redis_url:
            self.valkey = Valkey(folder / "valkey", empty_log(logs / "valkey.log"), self.register, self.durable)
        if not self.given.database_url:
            self.postgres = Postgres(folder / "postgres", empty_log(logs / "postgres.log"), self.register, self.durable)
        return Urls(
            self.postgres.start() if self.postgres else self.given.database_url,
            self.valkey.start() if self.valkey else self.given.redis_url,
        )

    def _folder(self) -> Path:
        if self.durable:
            self.claim()
            return self.data_dir
        self._temporary = Path(tempfile.mkdtemp(prefix="servers-", dir=self.data_dir))
        self.register = Register(self._temporary / "processes.json")
        return self._temporary


def empty_log(log: Path) -> Path:
    """Empty a log, so that it tells of one run only."""
    log.write_bytes(b"")
    return log
