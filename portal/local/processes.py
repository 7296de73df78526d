"""Start processes that end with this one, end them in order, and find those that a killed run left."""

import json
import os
import pwd
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import psutil

from portal.local.files import LocalError, write_private

CHILD = Path(__file__).with_name("child.py")
Command = Sequence[str | Path]
POLL = 0.03  # seconds
# The users to run the database as when root starts it. The first that exists is used.
UNPRIVILEGED = ("postgres", "nobody")


@dataclass(frozen=True)
class Account:
    """An account is a user to run as; 0 keeps the present. `access`: keep root's right to open files (child.py)."""

    uid: int = 0
    gid: int = 0
    access: bool = False

    def own(self, path: Path) -> None:
        """Make this user the owner of a file, or of a folder and its content."""
        if not self.uid:
            return
        for each in (path, *path.rglob("*")):
            if each.lstat().st_uid != self.uid:
                os.chown(each, self.uid, self.gid, follow_symlinks=False)


def account_for(data: Path, program: Path) -> Account:
    """Return the user to run a server as. Existing `data` keep their owner."""
    if os.geteuid() != 0:
        return Account()
    owner = data.stat().st_uid if data.exists() else 0
    entry = next((entry for entry in map(_entry, (owner or "", *UNPRIVILEGED)) if entry), None)
    if entry is None:
        raise LocalError(
            "PostgreSQL does not run as root, and this system has no user 'nobody' for it."
            " Start as an ordinary user, or set DATABASE_URL."
        )
    uid, gid = entry.pw_uid, entry.pw_gid
    return Account(uid, gid, not (_may_enter(data.absolute(), uid, gid) and _may_enter(program, uid, gid)))


def _entry(user: str | int) -> pwd.struct_passwd | None:
    with suppress(KeyError):
        return pwd.getpwuid(user) if isinstance(user, int) else pwd.getpwnam(user)
    return None


def _may_enter(path: Path, uid: int, gid: int) -> bool:
    return all(_may_search(parent.stat(), uid, gid) for parent in path.parents)


def _may_search(found: os.stat_result, uid: int, gid: int) -> bool:
    if found.st_uid == uid:
        return bool(found.st_mode & stat.S_IXUSR)
    return bool(found.st_mode & (stat.S_IXGRP if found.st_gid == gid else stat.S_IXOTH))


def spawn(
    command: Command,
    log: IO[bytes],
    *,
    cwd: Path,
    account: Account = Account(),
    ended_by: signal.Signals = signal.SIGTERM,
    env: Mapping[str, str] | None = None,
    stdin: bytes = b"",
) -> subprocess.Popen[bytes]:
    """Start a process in a session of its own, which Ctrl-C does not reach.

    It gets the signal `ended_by` when this process dies.
    """
    words = (os.getpid(), int(ended_by), account.uid, account.gid, int(account.access))
    process = subprocess.Popen(
        [sys.executable, "-I", "-S", CHILD, *map(str, words), *map(str, command)],
        stdin=subprocess.PIPE,
        stdout=log,
        stderr=log,
        cwd=cwd,
        env=env,
        start_new_session=True,
    )
    assert process.stdin
    with suppress(BrokenPipeError):
        process.stdin.write(stdin)
        process.stdin.close()
    return process


def end(process: subprocess.Popen[bytes], *signals: signal.Signals, patience: float = 10) -> None:
    """End a process: send each signal in turn, wait `patience` seconds for each, then kill it and its children."""
    for number in signals or (signal.SIGTERM,):
        if process.poll() is not None:
            break
        process.send_signal(number)
        with suppress(subprocess.TimeoutExpired):
            process.wait(patience)
    kill_group(process.pid)
    process.wait()


def kill_group(pid: int) -> None:
    """Kill the process that began a group, if it still runs, and all that it has started."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def wait_until(answers: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not answers():
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL)
    return True


class Register:
    """List running processes in a file, so that the next run can end what a killed one has left."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.entries: list[dict[str, float]] = []

    def add(self, pid: int, ended_by: signal.Signals = signal.SIGTERM) -> None:
        with suppress(psutil.NoSuchProcess):
            created = psutil.Process(pid).create_time()
            self.entries.append({"pid": pid, "created": created, "signal": int(ended_by)})
            write_private(self.path, json.dumps(self.entries))

    def clear(self) -> None:
        self.entries = []
        self.path.unlink(missing_ok=True)

    def end_leftovers(self) -> None:
        left = []
        for entry in self._read():
            if process := same_process(int(entry["pid"]), entry["created"]):
                with suppress(psutil.NoSuchProcess):
                    process.send_signal(int(entry["signal"]))
                left.append(process)
        _, stubborn = psutil.wait_procs(left, timeout=10)
        for process in stubborn:
            kill_group(process.pid)
        psutil.wait_procs(stubborn, timeout=10)
        self.clear()

    def _read(self) -> list[dict[str, float]]:
        try:
            entries = json.loads(self.path.read_text())
            return [{key: float(entry[key]) for key in ("pid", "created", "signal")} for entry in entries]
        except (OSError, ValueError, KeyError, TypeError):
            return []


def same_process(pid: int, created: float) -> psutil.Process | None:
    """Return the process if it is still the same: ids are reused, so the start time decides, to a second."""
    with suppress(psutil.Error, ValueError):
        process = psutil.Process(pid)
        if abs(process.create_time() - created) < 1:
            return process
    return None
