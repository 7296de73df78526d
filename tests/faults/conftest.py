"""Servers, a worker and a partner of these tests alone: they are killed and restarted here."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest
from aiohttp import web
from django.conf import settings
from django.db import connection
from django_tenants.utils import tenant_context
from kombu import Connection
from redis import Redis

from licensing.accounts.models import SmartAccount
from licensing.cisco.emulator.scenarios import SCENARIOS, Handler
from licensing.cisco.emulator.server import EmulatorThread
from licensing.cisco.emulator.state import Account
from licensing.mirror.models import SyncRun
from licensing.mirror.sync import runs
from licensing.operations import syncing
from portal.celery import app
from portal.local.servers import LocalServers
from portal.settings import _database
from tenants.models import Partner
from tenants.tasks import HEADER
from tests.factories import make_server, make_smart_account

ROOT = Path(__file__).resolve().parent.parent.parent
PATIENCE_SECONDS = 60


def wait_for(condition: Callable[[], Any]) -> Any:
    end = time.monotonic() + PATIENCE_SECONDS
    while not (found := condition()):
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)
    return found


class Stack:
    """Own PostgreSQL and Valkey with the partner acme, and processes that work on them."""

    def __init__(self, folder: Path) -> None:
        self.servers = LocalServers(folder, durable=False)
        self.urls = self.servers.start()
        self.environment = {**os.environ, "DATABASE_URL": self.urls.database_url, "REDIS_URL": self.urls.redis_url}
        with psycopg.connect(self.urls.database_url) as session:
            # What was committed must outlive a crash, as it does in production.
            session.execute("ALTER ROLE portal SET synchronous_commit = on")
        self.manage("setup_portal")
        owner = ("--owner-email", "owner@acme.example", "--owner-password", "demo-pass-1")
        self.manage("create_partner", "acme", "--name", "Acme", "--domain", "acme.localhost", *owner)
        self.workers: list[subprocess.Popen[bytes]] = []

    def stop(self) -> None:
        self.end_workers()
        self.servers.stop()

    def manage(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*words), cwd=ROOT, env=self.environment, capture_output=True, text=True, check=True
        )

    def command(self, *words: str) -> list[str]:
        return [sys.executable, "manage.py", *words]

    def start_worker(self, name: str = "one") -> subprocess.Popen[bytes]:
        """One child that does the work; when it is killed, its parent makes another."""
        words = ["-A", "portal", "worker", "--concurrency", "1", "--loglevel", "ERROR", "-n", f"{name}@test"]
        worker = subprocess.Popen([sys.executable, "-m", "celery", *words], cwd=ROOT, env=self.environment)
        self.workers.append(worker)
        return worker

    def end_workers(self) -> None:
        """They and what they had still to do; the next ones begin with nothing."""
        while self.workers:
            end_with_children(self.workers.pop())
        with Redis.from_url(self.urls.redis_url) as broker:
            broker.flushdb()

    def unfinished_messages(self) -> int:
        """That wait or are with a worker, which acknowledges them when it is done."""
        with Redis.from_url(self.urls.redis_url) as broker:
            return int(broker.llen("celery")) + int(broker.hlen("unacked"))

    def settle(self) -> None:
        """Until the workers have done what follows from earlier tests, such as a sync after a transfer."""
        # Asked twice: a message between queue and worker is in neither for a moment.
        wait_for(lambda: not self.unfinished_messages() and not time.sleep(0.1) and not self.unfinished_messages())

    def send(self, task: str, *arguments: int) -> None:
        with Connection(self.urls.redis_url) as broker:
            name = task if "." in task else f"licensing.operations.tasks.{task}"
            app.send_task(name, arguments, headers={HEADER: "acme"}, connection=broker)

    @contextmanager
    def partner(self) -> Iterator[None]:
        """This process in acme's schema of these servers."""
        before = dict(connection.settings_dict)
        connection.close()
        connection.settings_dict.update(_database(self.urls.database_url))
        try:
            with tenant_context(Partner.objects.get(schema_name="acme")):
                yield
        finally:
            connection.close()
            connection.settings_dict.update(before)

    def request(self, account: SmartAccount) -> SyncRun:
        run, created = runs.request(account, "test")
        assert created
        return run

    def ended(self, run: SyncRun) -> SyncRun:
        """The run, once it is over."""
        wait_for(lambda: not SyncRun.objects.get(pk=run.pk).unfinished)
        return SyncRun.objects.get(pk=run.pk)

    @contextmanager
    def locked(self, *statements: str) -> Iterator[psycopg.Connection[Any]]:
        """A session of somebody else that holds locks."""
        with psycopg.connect(self.urls.database_url) as other:
            other.execute("SET search_path = acme")
            for statement in statements:
                other.execute(statement)
            yield other

    def somebody_waits(self) -> bool:
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
            return bool(cursor.fetchone()[0])

    def sync_in_its_own_process(self) -> subprocess.Popen[str]:
        return subprocess.Popen(
            self.command("sync", "acme", "--json"),
            cwd=ROOT,
            env=self.environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )


def kill_child(worker: subprocess.Popen[bytes]) -> None:
    (child,) = psutil.Process(worker.pid).children()
    child.send_signal(signal.SIGKILL)


def end_with_children(worker: subprocess.Popen[bytes]) -> None:
    children = psutil.Process(worker.pid).children() if worker.poll() is None else []
    worker.kill()
    worker.wait()
    for child in children:
        child.kill()


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    stack = Stack(tmp_path_factory.mktemp("faults"))
    yield stack
    stack.stop()


@pytest.fixture
def cisco(emulator: EmulatorThread) -> Account:
    """More than one page of product instances."""
    cisco = emulator.state.add("acme.example", "Acme")
    for name in ("A", "B"):
        cisco.add_pool(name)
        cisco.set_license(name, "License", quantity=100)
        cisco.add_token(name, "token", 3)
    for number in range(600):
        cisco.add_device("AB"[number % 2], f"{number:05d}", {"License": number})
    return cisco


def change_much(cisco: Account) -> None:
    """Something is gone, something new, something else, in every listing."""
    del cisco.devices[::7], cisco.licenses[0], cisco.tokens["A"]
    cisco.add_pool("C")
    cisco.set_license("C", "New", quantity=1)
    for number, device in enumerate(cisco.devices):
        device["hostName"] = f"host-{number}"
        device["licenseUsage"][0]["quantity"] += number % 2
    for number in range(50):
        cisco.add_device("C", f"n{number}", {"New": 1})


@pytest.fixture
def account(stack: Stack, emulator: EmulatorThread, cisco: Account, django_db_blocker: Any) -> Iterator[SmartAccount]:
    """The account, mirrored once; the test stands in its schema."""
    assert settings.ALLOW_HTTP
    with django_db_blocker.unblock(), stack.partner():
        if stack.workers:
            stack.settle()
        with connection.cursor() as cursor:
            cursor.execute(
                "TRUNCATE accounts_licenseserver, mirror_instanceusage, mirror_licenseforecast, mirror_change CASCADE"
            )
        server = make_server(api_base_url=emulator.base_url, token_url=emulator.token_url)
        account = make_smart_account(license_server=server, domain="acme.example", last_synced_at=None)
        assert syncing.run_sync(stack.request(account)).status == "succeeded"
        yield account


class Stuck:
    """A call at which Cisco's side waits until it is let go."""

    def __init__(self) -> None:
        self.reached = asyncio.Event()
        self.released = False
        self.path, self.offset = "/none", 0

    async def __call__(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        body = await request.json() if request.can_read_body else {}
        if request.path.endswith(self.path) and int(body.get("offset") or 0) >= self.offset and not self.released:
            self.reached.set()
            while not self.released:
                await asyncio.sleep(0.02)
        return await handler(request)


@pytest.fixture
def stuck(emulator: EmulatorThread, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stuck]:
    stuck = Stuck()
    monkeypatch.setitem(SCENARIOS, "stuck", stuck)
    emulator.scenario("stuck")
    yield stuck
    stuck.released = True


def outcome(process: subprocess.Popen[str]) -> tuple[int, dict[str, Any]]:
    out, _ = process.communicate(timeout=PATIENCE_SECONDS)
    return process.returncode, json.loads(out)["runs"][0]
