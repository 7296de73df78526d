"""The peak memory of one sync, in a process that holds what a Celery worker holds.

python -m bench.memory URL PREFIX      prints idle and peak resident memory in kB
"""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Memory:
    """Memory in MB."""

    idle: float
    above: float


def peak_of(url: str, prefix: str) -> Memory:
    command = [sys.executable, "-m", "bench.memory", url, prefix]
    idle, peak = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.split()
    return Memory(int(idle) / 1024, (int(peak) - int(idle)) / 1024)


def _resident(name: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name))


def main() -> None:
    import django  # noqa: PLC0415 - only in the process that is measured

    django.setup()
    from bench import mirror  # noqa: PLC0415 - needs Django set up
    from bench.partner import enter_partner  # noqa: PLC0415 - the same
    from portal.celery import app  # noqa: PLC0415 - the same

    app.loader.import_default_modules()
    enter_partner()
    run = mirror.account(sys.argv[1], sys.argv[2])()
    idle = _resident("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # resets the peak
    mirror.sync(run)
    sys.stdout.write(f"{idle} {_resident('VmHWM')}\n")


if __name__ == "__main__":
    main()
