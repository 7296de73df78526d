"""How many calls of ours a sync and a list page take, from their entry to the SQL: docs/architecture.md names them."""

import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection

from licensing.accounts.models import SmartAccount
from licensing.cisco.emulator.state import Account
from licensing.operations.tasks import sync_smart_account
from tenants.models import Partner
from tests import factories as make

OURS = tuple(str(settings.BASE_DIR / name) for name in ("kit", "licensing"))


@contextmanager
def calls_at(wanted: Callable[[str], bool]) -> Iterator[list[list[str]]]:
    """Collect our functions on the stack, outermost first, whenever a wanted statement runs."""
    found: list[list[str]] = []

    def look(execute: Any, sql: str, *rest: Any) -> Any:
        if wanted(sql):
            frames = [frame for frame in traceback.extract_stack() if frame.filename.startswith(OURS)]
            found.append([f"{Path(frame.filename).stem}.{frame.name}" for frame in frames])
        return execute(sql, *rest)

    with connection.execute_wrapper(look):
        yield found


def test_sync_takes_six_calls_from_its_task_to_the_merge(account: SmartAccount, cisco: Account) -> None:
    with calls_at(lambda sql: "INSERT INTO mirror_license " in sql or "INTO mirror_license (" in sql) as found:
        sync_smart_account(account.pk)

    assert found != []
    assert found[0] == [
        "tasks.sync_smart_account",
        "syncing.run_sync",
        "running.run",
        "running._mirror",
        "merging.merge",
        "merging.reconcile",
        "merging.execute",
    ]


def test_list_page_takes_four_calls_at_most(acme: Partner, client_of: Any) -> None:
    make.make_license()
    client = client_of(acme, "viewer")
    with calls_at(lambda sql: 'FROM "mirror_license"' in sql) as found:
        assert client.get("/licenses/").status_code == 200

    assert found != []
    assert max(len(calls) for calls in found) <= 4, max(found, key=len)
