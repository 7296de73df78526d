"""Check the two storeys of licensing's apps, as a contract of import-linter (docs/architecture.md).

The domain of an app (models, verbs, tasks) may import the domain of the apps below it. Its faces (pages, forms,
tables, filters, REST, admin) may import any domain, and the faces of their own app alone. Every module stands in a room
that the contract names, so a new one needs a place before `make lint` passes.
"""

from collections.abc import Iterator
from typing import Any, cast

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output

# Rooms that every app may have without naming them.
FACES = frozenset({"pages", "forms", "tables", "filters", "rest", "admin", "urls", "templatetags", "management"})
PLUMBING = frozenset({"migrations", "models", "tasks"})


class StoreysContract(Contract):  # type: ignore[misc]
    """Check one `storey`: domain or faces. `apps`, for the domain: "name: room room …" from bottom to top."""

    type_name = "storeys"

    container = fields.StringField()
    storey = fields.StringField()
    apps = fields.ListField(subfield=fields.StringField(), required=False)

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        house = _House(cast("str", self.container), cast("list[str]", self.apps or []), graph)
        wrong = sorted(house.misplaced() if str(self.storey) == "domain" else house.borrowed_faces())
        return ContractCheck(kept=not wrong, metadata={"wrong": wrong})

    def render_broken_contract(self, check: ContractCheck) -> None:
        for line in check.metadata["wrong"]:
            output.print_error(line, bold=False)


class _House:
    def __init__(self, container: str, apps: list[str], graph: ImportGraph) -> None:
        named = [line.partition(":") for line in apps]
        self.rooms = {name.strip(): set(rooms.split()) for name, _, rooms in named}
        self.floor = {name: number for number, name in enumerate(self.rooms)}
        self.depth = container.count(".") + 1
        self.graph, self.container = graph, container

    def misplaced(self) -> Iterator[str]:
        """Yield modules without a room, and imports of the domain that lead up or to a face."""
        for module in self._modules():
            app, room = self._place(module)
            if app not in self.floor:
                yield f"{module} belongs to no app: name {app} in the contract."
            elif room and room not in self.rooms[app] | FACES | PLUMBING:
                yield f"{module} has no room: name {room} among those of {app} in the contract."
            elif room not in FACES:
                yield from self._wrong_ways(module, app)

    def borrowed_faces(self) -> Iterator[str]:
        """Yield imports of a face by another app."""
        for module in self._modules():
            app, _ = self._place(module)
            for target in self._imports(module):
                other, room = self._place(target)
                if room in FACES and other != app:
                    yield f"{module} imports {target}, a face of {other}."

    def _wrong_ways(self, module: str, app: str) -> Iterator[str]:
        for target in self._imports(module):
            other, room = self._place(target)
            if room in FACES:
                yield f"{module} imports {target}: the domain does not know faces."
            elif self.floor.get(other, 0) > self.floor[app]:
                yield f"{module} imports {target}: {other} stands above {app}."

    def _modules(self) -> Iterator[str]:
        return (name for name in self.graph.modules if name.startswith(f"{self.container}."))

    def _imports(self, module: str) -> list[str]:
        found: Any = self.graph.find_modules_directly_imported_by(module)
        return [name for name in found if name.startswith(f"{self.container}.")]

    def _place(self, module: str) -> tuple[str, str]:
        """Return the app and the room, empty for the package of the app itself."""
        parts = [*module.split(".")[self.depth :], "", ""]
        return parts[0], parts[1]
