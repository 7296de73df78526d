"""The servers of a test run, up before the settings are read (loaded with `-p`, ahead of pytest-django).

One PostgreSQL and one Valkey serve all parallel workers: each has a database and a broker database of its own.
"""

import os
import shutil
import tempfile
from pathlib import Path

import pytest

from portal.local.servers import LocalServers

WORKER = os.environ.get("PYTEST_XDIST_WORKER", "")
_servers: LocalServers | None = None
_folder: str | None = None


def _start() -> None:
    global _servers, _folder  # noqa: PLW0603 - one per process, ended in pytest_unconfigure
    _folder = tempfile.mkdtemp(prefix="portal-tests-")
    _servers = LocalServers(Path(_folder), durable=False)
    urls = _servers.start()
    os.environ.update(
        DATABASE_URL=urls.database_url,
        REDIS_URL=urls.redis_url,
        PORTAL_LOCAL="1",
        PORTAL_ALLOWED_NETWORKS="127.0.0.0/8",
        PORTAL_ALLOW_HTTP="1",
        PORTAL_LOG_LEVEL="WARNING",
        PORTAL_DISPATCH_SECONDS="1",
        PORTAL_MAIL_FOLDER=str(Path(_folder) / "mail"),
        DJANGO_ALLOW_ASYNC_UNSAFE="1",  # Playwright runs an event loop in the thread of the test
    )


def _own_broker_database() -> None:
    """gw0 uses broker database 1, gw1 number 2, and so on."""
    base = os.environ["REDIS_URL"].rpartition("/")[0]
    os.environ["REDIS_URL"] = f"{base}/{int(WORKER.removeprefix('gw')) + 1}"


if WORKER:
    _own_broker_database()
else:
    _start()


@pytest.hookimpl(trylast=True)
def pytest_unconfigure() -> None:
    if _servers:
        _servers.stop()
    if _folder:
        shutil.rmtree(_folder, ignore_errors=True)
