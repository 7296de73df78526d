"""`python -m bench [part ...]`: run all parts, or those that are named, and print a table of ratios.

A part is a module of this package with `measure() -> list[Figure]`. Exit 1 where a bound does not hold.
"""

import importlib
import os
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.results import Figure
from portal.local.find import Urls
from portal.local.servers import LocalServers

PARTS = [
    name for name in ("sync", "allocation", "alerts", "figures") if (Path(__file__).parent / f"{name}.py").exists()
]


def main() -> int:
    parts = sys.argv[1:] or PARTS
    unknown = sorted(set(parts) - set(PARTS))
    if unknown:
        sys.stderr.write(f"There is no part {', '.join(unknown)}. Parts: {', '.join(PARTS)}.\n")
        return 2
    with tempfile.TemporaryDirectory(prefix="portal-bench-") as folder:
        servers = LocalServers(Path(folder), False, os.environ.get("DATABASE_URL", ""), os.environ.get("REDIS_URL", ""))
        try:
            return _measure(parts, servers.start())
        finally:
            servers.stop()


def _measure(parts: list[str], urls: Urls) -> int:
    os.environ.update(
        DJANGO_SETTINGS_MODULE="portal.settings",
        DATABASE_URL=urls.database_url,
        REDIS_URL=urls.redis_url,
        PORTAL_LOCAL="1",
        PORTAL_ALLOWED_NETWORKS="127.0.0.0/8",
        PORTAL_ALLOW_HTTP="1",
        PORTAL_LOG_LEVEL="ERROR",
    )
    figures = {part: importlib.import_module(f"bench.{part}").measure() for part in parts}
    Console().print(_table(figures))
    return int(not all(figure.holds for found in figures.values() for figure in found))


def _table(figures: dict[str, list[Figure]]) -> Table:
    table = Table("part", "figure", "reached", "bound", "", "note")
    for part, found in figures.items():
        for figure in found:
            table.add_row(
                part,
                figure.name,
                f"{figure.value:.2f} {figure.unit}",
                f"{'≥' if figure.at_least else '≤'} {figure.bound:g} {figure.unit}",
                "[green]holds[/]" if figure.holds else "[red]missed[/]",
                figure.note,
            )
    return table


if __name__ == "__main__":
    raise SystemExit(main())
