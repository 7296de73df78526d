"""Starts processes that end with this one, ends them in order, and finds those that an earlier, killed run left."""

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
# What the database runs as when root starts it: the first one that this system has.
UNPRIVILEGED = ("postgres", "nobody")


@dataclass(frozen=True)
class Account:
    """A user to run as; 0 stays who we are. `access`: keep root's right to open files (child.py)."""

    uid: int = 0
    gid: int = 0
    access: bool = False

    def own(self, path: Path) -> None:
        """Give a file, or a folder with all that is in it."""
        if not self.uid:
            return
        for each in (path, *path.rglob("*")):
            if each.lstat().st_uid != self.uid:
                os.chown(each, self.uid, self.gid, follow_symlinks=False)


def account_for(data: Path, program: Path) -> Account:
    """Who runs a server whose data stand in `data`. Keeps to the owner of data that exist already."""
    if os.geteuid() != 0:
        return Account()
    owner = data.stat().st_uid if data.exists() else 0
    entry = next((entry for entry in map(_entry, (owner or "", *UNPRIVILEGED)) if entry), None)
    if entry is None:
        raise LocalError(
            "PostgreSQL does not run as root, and there is no user 'nobody' to run it as."
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
    """In a session of its own: Ctrl-C reaches this process alone. `ended_by` reaches it when this process dies."""
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
    """Ask with each signal in turn, give each `patience` seconds, then kill it and all that it started."""
    for number in signals or (signal.SIGTERM,):
        if process.poll() is not None:
            break
        process.send_signal(number)
        with suppress(subprocess.TimeoutExpired):
            process.wait(patience)
    kill_group(process.pid)
    process.wait()


def kill_group(pid: int) -> None:
    """The process that began the group, if it is still there, and what it has started."""
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
    """Who is running, in a file, so that the next run can end what a killed one has left."""

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
    """Process ids are used again: the time of birth tells (to a second, as clocks get adjusted)."""
    with suppress(psutil.Error, ValueError):
        process = psutil.Process(pid)
        if abs(process.create_time() - created) < 1:
            return process
    return None
