"""Check that requirements.lock fits pyproject.toml: pins with hashes for every requirement, no address of an index."""

import re
import sys
import tomllib
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PIN = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^ ;\\]+)")


def problems(pyproject: str, lock: str) -> list[str]:
    """Return the problems as sentences."""
    project = tomllib.loads(pyproject)["project"]
    wanted = [
        *project["dependencies"],
        *(item for extra in project["optional-dependencies"].values() for item in extra),
    ]
    pins = read_pins(lock)
    found = [f"{text} is not met by the lock." for text in wanted if not is_met(Requirement(text), pins)]
    found += [
        f"{line} is not a pin." for line in lock.splitlines() if re.match(r"[^\s#]", line) and not PIN.match(line)
    ]
    found += [f"{name} has no hash." for name, block in blocks(lock) if "--hash=sha256:" not in block]
    if re.search(r"https?://|--(extra-)?index-url|--find-links", lock):
        found.append("The lock names an address; it must hold pins and hashes alone.")
    return found


def blocks(lock: str) -> list[tuple[str, str]]:
    """Return the name of each pin, with its line and those that follow."""
    parts = re.split(r"(?m)^(?=[A-Za-z0-9])", lock)
    return [(match["name"], part) for part in parts if (match := PIN.match(part))]


def read_pins(lock: str) -> dict[str, list[str]]:
    """Return the versions by name. A name has several if they differ by platform or Python."""
    pins: dict[str, list[str]] = {}
    for name, block in blocks(lock):
        match = PIN.match(block)
        assert match
        pins.setdefault(canonicalize_name(name), []).append(match["version"])
    return pins


def is_met(requirement: Requirement, pins: dict[str, list[str]]) -> bool:
    versions = pins.get(canonicalize_name(requirement.name), [])
    fits = all(requirement.specifier.contains(version, prereleases=True) for version in versions)
    return bool(versions) and fits and all(canonicalize_name(part.name) in pins for part in parts_of(requirement))


def parts_of(requirement: Requirement) -> list[Requirement]:
    """Return what the extras of an installed requirement need."""
    try:
        needed = [Requirement(text) for text in requires(requirement.name) or []]
    except PackageNotFoundError:
        return []
    return [
        part
        for part in needed
        for extra in requirement.extras
        if part.marker and part.marker.evaluate({"extra": extra}) and not part.marker.evaluate({"extra": ""})
    ]


if __name__ == "__main__":
    root = Path(__file__).resolve().parent.parent.parent
    found = problems((root / "pyproject.toml").read_text(), (root / "requirements.lock").read_text())
    for problem in found:
        print(problem, file=sys.stderr)
    print("Renew it with `make lock`." if found else "requirements.lock fits pyproject.toml.", file=sys.stderr)
    sys.exit(bool(found))
