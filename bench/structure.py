"""Count how the application is built: `python -m bench.structure [ROOT]` prints the table of docs/architecture.md.

Nothing is imported or run: files are read as text. Tests, benchmarks and migrations do not count. A room is an app; in
a tree that has folders by kind instead, a folder below `licensing`. A use is a name in the code that is defined at the
top level of a module of ours, in the same file or imported.
"""

import ast
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import networkx

PACKAGES = ("portal", "licensing", "tenants", "people", "kit")


class Tree:
    """The application's modules below `root`, parsed."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.files = {self._module(path): path for path in self._paths()}
        self.trees = {module: ast.parse(path.read_text()) for module, path in self.files.items()}
        self.defined = {module: set(_definitions(tree)) for module, tree in self.trees.items()}

    def _paths(self) -> Iterator[Path]:
        for package in PACKAGES:
            for path in (self.root / package).rglob("*.py"):
                if "migrations" not in path.parts:
                    yield path

    def _module(self, path: Path) -> str:
        parts = path.relative_to(self.root).with_suffix("").parts
        return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)

    def room(self, module: str) -> str:
        parts = module.split(".")
        below = ".".join(parts[:2])
        is_folder = (self.root / parts[0] / parts[-1 if len(parts) < 2 else 1]).is_dir()
        return below if parts[0] == "licensing" and len(parts) > 1 and is_folder else parts[0]

    def home_of(self, module: str, name: str, depth: int = 0) -> str | None:
        """Return the module in which `name`, imported from `module`, is defined."""
        if f"{module}.{name}" in self.files:
            return f"{module}.{name}"
        if module not in self.files or name in self.defined[module] or depth > 3:
            return module if module in self.files else None
        for node in self.trees[module].body:
            if isinstance(node, ast.ImportFrom) and node.module:
                for alias in node.names:
                    if (alias.asname or alias.name) == name:
                        return self.home_of(node.module, alias.name, depth + 1)
        return module

    def imported(self, module: str) -> dict[str, tuple[str, bool]]:
        """Return local name -> (the module it comes from, whether it is that module itself)."""
        found: dict[str, tuple[str, bool]] = {}
        for node in ast.walk(self.trees[module]):
            if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] in PACKAGES:
                for alias in node.names:
                    home = self.home_of(node.module, alias.name)
                    if home:
                        is_module = f"{node.module}.{alias.name}" in self.files
                        found[alias.asname or alias.name] = (home, is_module)
        return found

    def uses(self) -> Counter[tuple[str, str]]:
        """Return how often each module uses names that are defined in each other one, or in itself."""
        found: Counter[tuple[str, str]] = Counter()
        for module, tree in self.trees.items():
            local, counted = self.imported(module), set()
            for node in ast.walk(tree):
                if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                    home, is_module = local.get(node.value.id, ("", False))
                    if is_module:
                        found[module, self.home_of(home, node.attr) or home] += 1
                        counted.add(id(node.value))
            for node in ast.walk(tree):
                if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and id(node) not in counted:
                    if node.id in local:
                        found[module, local[node.id][0]] += 1
                    elif node.id in self.defined[module]:
                        found[module, module] += 1
        return found


def _definitions(tree: ast.Module) -> Iterator[str]:
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name
        for target in getattr(node, "targets", [getattr(node, "target", None)]):
            for name in target.elts if isinstance(target, ast.Tuple) else [target]:
                if isinstance(name, ast.Name):
                    yield name.id


def figures(root: Path) -> dict[str, str]:
    """Return the figures of one tree, each as it is printed."""
    tree = Tree(root)
    lines: Counter[str] = Counter()
    folders = Counter(path.parent.relative_to(root).as_posix() for path in tree.files.values())
    histories = [path for package in PACKAGES for path in (root / package).rglob("migrations")]
    django_apps = {path.parent.relative_to(root).as_posix() for path in histories}
    for path in tree.files.values():
        lines[_app(path.relative_to(root), django_apps)] += path.read_text().count("\n")
    uses = tree.uses()
    crossing = sum(number for (one, other), number in uses.items() if tree.room(one) != tree.room(other))
    packages = networkx.DiGraph(
        (tree.room(one).split(".")[0], tree.room(other).split(".")[0])
        for one, other in uses
        if tree.room(one).split(".")[0] != tree.room(other).split(".")[0]
    )
    (largest, size), (folder, number) = lines.most_common(1)[0], folders.most_common(1)[0]
    return {
        "lines of the application": f"{lines.total():,}",
        "share of the largest app": f"{size / lines.total():.0%} ({largest})",
        "most .py files in one folder": f"{number} ({folder})",
        "uses that cross rooms": f"{crossing / uses.total():.1%} of {uses.total():,}",
        "package circles": str(len([c for c in networkx.strongly_connected_components(packages) if len(c) > 1])),
        "most migrations in one app": str(max((len([*path.glob("0*.py")]) for path in histories), default=0)),
    }


def _app(path: Path, django_apps: set[str]) -> str:
    """Return the Django app that a file belongs to, or the top folder where there is none."""
    parents = [parent.as_posix() for parent in path.parents]
    below = [f"{parts[0]}/{parts[1]}" for parts in [path.parts] if len(parts) > 2 and parts[0] == "licensing"]
    return next((parent for parent in parents if parent in django_apps), below[0] if below else path.parts[0])


if __name__ == "__main__":
    for name, value in figures(Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve()).items():
        print(f"{name:32} {value}")
