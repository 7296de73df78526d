"""The house stays as docs/architecture.md draws it: small folders, small apps, a room for every module."""

import re
import tomllib
from pathlib import Path
from typing import Any

import grimp
import pytest

from portal.local.storeys import StoreysContract

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("kit", "people", "tenants", "portal", "licensing")
MOST_FILES_IN_A_FOLDER = 16
LARGEST_SHARE = 0.25


def modules() -> list[Path]:
    """Return the application's Python files, without migrations."""
    found = [path for package in PACKAGES for path in (ROOT / package).rglob("*.py")]
    return [path.relative_to(ROOT) for path in found if "migrations" not in path.parts]


def app_of(module: Path) -> str:
    return "/".join(module.parts[: 2 if module.parts[0] == "licensing" else 1])


def rooms() -> list[tuple[str, str]]:
    """Return (app, room) for each room that the contract of the domain names."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    lines = [line for contract in settings["contracts"] for line in contract.get("apps", ())]
    return [(app, room) for app, _, named in (line.partition(":") for line in lines) for room in named.split()]


def test_folders_are_small() -> None:
    counts: dict[str, int] = {}
    for module in modules():
        counts[str(module.parent)] = counts.get(str(module.parent), 0) + 1

    assert len(counts) > 20
    assert {folder: count for folder, count in counts.items() if count > MOST_FILES_IN_A_FOLDER} == {}


def test_each_app_has_one_migration() -> None:
    found = {str(path.relative_to(ROOT)) for package in PACKAGES for path in (ROOT / package).rglob("migrations/0*.py")}
    folders = {path.rpartition("/")[0] for path in found}

    assert len(folders) > 5
    assert found == {f"{folder}/0001_initial.py" for folder in folders}


def test_no_app_is_larger_than_a_quarter() -> None:
    lines: dict[str, int] = {}
    for module in modules():
        lines[app_of(module)] = lines.get(app_of(module), 0) + len((ROOT / module).read_text().splitlines())
    whole = sum(lines.values())

    assert len(lines) > 10
    assert {app: count / whole for app, count in lines.items() if count > whole * LARGEST_SHARE} == {}


def test_architecture_names_every_room() -> None:
    page = (ROOT / "docs/architecture.md").read_text()
    apps = {app for app, _ in rooms()}

    assert len(apps) > 10
    assert sorted(app for app in apps if f"{app}/" not in page) == []
    assert sorted(f"{app}: {room}" for app, room in rooms() if not re.search(rf"\b{room}\b", page)) == []


# --- the contract of the storeys, on a house with one fault of each kind ---

HOUSE = {
    "cellar/__init__.py": "",
    "cellar/models.py": "",
    "cellar/digging.py": "import fakehouse.attic.roofing\n",
    "cellar/counting.py": "from fakehouse.cellar import pages\n",
    "cellar/pages.py": "from fakehouse.attic import models\n",
    "cellar/unnamed.py": "",
    "attic/__init__.py": "",
    "attic/models.py": "",
    "attic/roofing.py": "from fakehouse.cellar import models\n",
    "attic/tables.py": "from fakehouse.cellar import pages\n",
    "shed/__init__.py": "",
}
APPS = ["cellar: counting digging", "attic: roofing"]


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> grimp.ImportGraph:
    for name, text in {"__init__.py": "", **HOUSE}.items():
        path = tmp_path / "fakehouse" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    return grimp.build_graph("fakehouse", cache_dir=None)


def faults(graph: grimp.ImportGraph, storey: str, apps: list[str]) -> list[str]:
    options: dict[str, Any] = {"container": "fakehouse", "storey": storey, "apps": apps}
    contract = StoreysContract("fake", {}, options)
    checked = contract.check(graph, verbose=False)
    assert checked.kept is not bool(checked.metadata["wrong"])
    found: list[str] = checked.metadata["wrong"]
    return found


def test_contract_of_the_domain_finds_each_fault(house: grimp.ImportGraph) -> None:
    assert faults(house, "domain", APPS) == [
        "fakehouse.cellar.counting imports fakehouse.cellar.pages: the domain does not know faces.",
        "fakehouse.cellar.digging imports fakehouse.attic.roofing: attic stands above cellar.",
        "fakehouse.cellar.unnamed has no room: name unnamed among those of cellar in the contract.",
        "fakehouse.shed belongs to no app: name shed in the contract.",
    ]


def test_contract_of_the_faces_finds_a_borrowed_one(house: grimp.ImportGraph) -> None:
    assert faults(house, "faces", []) == [
        "fakehouse.attic.tables imports fakehouse.cellar.pages, a face of cellar.",
    ]


def test_contract_is_kept_by_a_house_in_order(house: grimp.ImportGraph) -> None:
    for module in ("cellar.digging", "cellar.counting", "cellar.unnamed", "attic.tables", "shed"):
        house.remove_module(f"fakehouse.{module}")

    assert faults(house, "domain", APPS) == faults(house, "faces", []) == []
