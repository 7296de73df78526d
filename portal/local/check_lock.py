"""Whether requirements.lock fits pyproject.toml: every requirement pinned with hashes, no address of any index."""

import re
import sys
import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PIN = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^ ;\\]+)")


def problems(pyproject: str, lock: str) -> list[str]:
    """Sentences, none where all is well."""
    project = tomllib.loads(pyproject)["project"]
    wanted = [
        *project["dependencies"],
        *(item for extra in project["optional-dependencies"].values() for item in extra),
    ]
    pins = pinned(lock)
    found = [f"{text} is not met by the lock." for text in wanted if not is_met(Requirement(text), pins)]
    found += [f"{name} has no hash." for name, block in blocks(lock) if "--hash=sha256:" not in block]
    if re.search(r"https?://|--(extra-)?index-url|--find-links", lock):
        found.append("The lock names an address; it must hold pins and hashes alone.")
    return found


def blocks(lock: str) -> list[tuple[str, str]]:
    """Each pin with the lines that follow it."""
    parts = re.split(r"(?m)^(?=[A-Za-z0-9])", lock)
    return [(match["name"], part) for part in parts if (match := PIN.match(part))]


def pinned(lock: str) -> dict[str, list[str]]:
    """Name to versions: several where they differ by platform or Python."""
    pins: dict[str, list[str]] = {}
    for name, block in blocks(lock):
        match = PIN.match(block)
        assert match
        pins.setdefault(canonicalize_name(name), []).append(match["version"])
    return pins


def is_met(requirement: Requirement, pins: dict[str, list[str]]) -> bool:
    versions = pins.get(canonicalize_name(requirement.name), [])
    return bool(versions) and all(requirement.specifier.contains(version, prereleases=True) for version in versions)


if __name__ == "__main__":
    root = Path(__file__).resolve().parent.parent.parent
    found = problems((root / "pyproject.toml").read_text(), (root / "requirements.lock").read_text())
    for problem in found:
        print(problem, file=sys.stderr)
    print("Renew it with `make lock`." if found else "requirements.lock fits pyproject.toml.", file=sys.stderr)
    sys.exit(bool(found))
