"""Write small files under `.local/` that are whole or absent, and that only their owner reads."""

import fcntl
import os
from contextlib import suppress
from pathlib import Path
from typing import IO


class LocalError(Exception):
    """The local stack cannot go on. The message is for the person who started it."""


def file_trouble(error: OSError, folder: Path) -> LocalError:
    advice = " Start as the user who owns the folder." if isinstance(error, PermissionError) else ""
    return LocalError(f"Cannot use {error.filename or folder}: {error.strerror or error}.{advice}")


def write_private(path: Path, text: str) -> None:
    _write_part(path, text).replace(path)


def write_new(path: Path, text: str) -> None:
    """Write a file unless it exists. Two writers at once end up with the same file."""
    part = _write_part(path, text)
    with suppress(FileExistsError):
        os.link(part, path)
    part.unlink()


def _write_part(path: Path, text: str) -> Path:
    part = path.with_name(f"{path.name}.{os.getpid()}")
    part.unlink(missing_ok=True)
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    return part


def lock(path: Path) -> IO[str]:
    """Lock a file as long as it is open, or until the process ends in any way. Raises BlockingIOError."""
    file = path.open("a+")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        raise
    file.truncate(0)
    file.write(str(os.getpid()))
    file.flush()
    return file


def tail(path: Path, lines: int = 5) -> str:
    """Return the last lines of a log, indented."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - 10_000))
            text = file.read().decode(errors="replace")
    except OSError:
        return ""
    return "".join(f"\n    {line}" for line in text.strip().splitlines()[-lines:])
