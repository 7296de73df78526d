"""Two partners, made once a run, and the ways to act as one of their people."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import setup_databases
from django.utils import timezone
from django_tenants.utils import schema_context, tenant_context
from pytest_django.live_server_helper import LiveServer
from rest_framework.test import APIClient

from licensing.alerts.models import AlertRule
from licensing.cisco.emulator.server import EmulatorThread
from licensing.cisco.transport import forget_circuits
from people.models import ApiToken, Role, User
from portal.celery import app as celery_app
from tenants.models import Domain, Partner, ScheduledJob
from tenants.provisioning import NewPartner, create_partner
from tests.fixtures import account, cisco, mailbox, no_broker, receiver  # noqa: F401 - fixtures of all tests

PASSWORD = "demo-pass-1"
PARTNERS = ("acme", "globex")
# What a migration put there and a test that commits must leave.
KEPT_TABLES = {"django_migrations", "django_content_type", "auth_permission"}
ROOT = Path(__file__).resolve().parent.parent


def make_partner(schema: str) -> Partner:
    new = NewPartner(schema, schema.title(), f"{schema}.localhost", f"owner@{schema}.example")
    partner = create_partner(new, PASSWORD)
    with tenant_context(partner):
        make_colleagues(schema)
    return partner


def make_colleagues(schema: str) -> None:
    for role in (Role.OPERATOR, Role.VIEWER):
        User.objects.create_user(f"{role}@{schema}.example", PASSWORD, role=role)


def make_provider() -> Partner:
    new = NewPartner("provider", "Provider", "localhost", "provider@portal.example", Partner.Kind.PROVIDER)
    return create_partner(new, PASSWORD, superuser=True)


@pytest.fixture(scope="session", autouse=True)
def quick_passwords() -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture(scope="session")
def django_db_setup(
    django_test_environment: None, django_db_modify_db_settings: None, django_db_blocker: Any, quick_passwords: None
) -> None:
    """In place of pytest-django's, which leaves the database out where no collected test asks for `db`.

    It ends with the servers of the run, so nothing is torn down.
    """
    with django_db_blocker.unblock():
        setup_databases(verbosity=0, interactive=False, aliases={"default"})
        make_provider()
        for schema in PARTNERS:
            make_partner(schema)
        later = timezone.now() + timedelta(days=1)  # nothing is due but what a test plans
        ScheduledJob.objects.update(next_run_at=later)


@pytest.fixture(autouse=True)
def clean_cache(request: pytest.FixtureRequest) -> None:
    """Rate limits and the like of one test do not reach the next."""
    if "db" in request.fixturenames or "committed" in request.fixturenames:
        cache.clear()


@pytest.fixture(autouse=True)
def back_to_public(request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    connection.set_schema_to_public()


@pytest.fixture
def globex(db: None) -> Partner:
    return Partner.objects.get(schema_name="globex")


@pytest.fixture
def acme(db: None) -> Partner:
    """The partner whose schema the test stands in."""
    partner = Partner.objects.get(schema_name="acme")
    connection.set_tenant(partner)
    return partner


@pytest.fixture
def provider(db: None) -> Partner:
    return Partner.objects.get(schema_name="provider")


def users_of(partner: Partner) -> dict[str, User]:
    with tenant_context(partner):
        return {user.role: user for user in User.objects.all()}


@pytest.fixture
def acme_users(acme: Partner) -> dict[str, User]:
    return users_of(acme)


@pytest.fixture
def globex_users(globex: Partner) -> dict[str, User]:
    return users_of(globex)


def host_of(partner: Partner) -> str:
    return "localhost" if partner.kind == Partner.Kind.PROVIDER else f"{partner.schema_name}.localhost"


class PartnerClient(Client):
    """Asks on the partner's host and leaves the test in the schema in which it stood."""

    def request(self, **request: Any) -> Any:
        tenant = connection.tenant
        try:
            return super().request(**request)
        finally:
            connection.set_tenant(tenant)


class PartnerApi(APIClient):
    def request(self, **request: Any) -> Any:
        tenant = connection.tenant
        try:
            return super().request(**request)
        finally:
            connection.set_tenant(tenant)


@pytest.fixture
def client_of(db: None) -> Callable[..., PartnerClient]:
    """`client_of(acme, "viewer")`: a browser on acme's host, signed in; without a role, not signed in."""

    def make(partner: Partner, role: str | None = None) -> PartnerClient:
        client = PartnerClient(SERVER_NAME=host_of(partner))
        if role:
            with tenant_context(partner):
                client.force_login(User.objects.filter(role=role).earliest("id"))
        return client

    return make


@pytest.fixture
def api_of(db: None) -> Callable[..., PartnerApi]:
    """`api_of(acme, "viewer", "read")`: REST on acme's host with a token of that user; role None: without a token."""

    def make(partner: Partner, role: str | None = "owner", scope: str = "write") -> PartnerApi:
        api = PartnerApi(SERVER_NAME=host_of(partner))
        if role:
            with tenant_context(partner):
                _, text = ApiToken.issue(User.objects.filter(role=role).earliest("id"), f"test {role} {scope}", scope)
            api.credentials(HTTP_AUTHORIZATION=f"Bearer {text}")
        return api

    return make


# --- Cisco's side ---


@pytest.fixture(scope="session")
def running_emulator() -> Iterator[EmulatorThread]:
    with EmulatorThread() as running:
        yield running


@pytest.fixture
def emulator(running_emulator: EmulatorThread) -> EmulatorThread:
    """Cisco's side over HTTP: no account yet, no bad day. `.state.add(domain, name)` adds an account."""
    running_emulator.state.clear()
    running_emulator.scenario("none")
    forget_circuits()
    return running_emulator


# --- Tests that commit: live server, real worker, real kills ---


@pytest.fixture
def committed(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """The database without a transaction around the test; afterwards every schema and the registry are as before."""
    with django_db_blocker.unblock():
        cache.clear()
        rules = stored_rules()
        yield
        connection.close()  # a test may have killed or poisoned it
        end_other_sessions()
        restore_everything(rules)
        celery_app.control.purge()


def end_other_sessions() -> None:
    """Of requests that a page made as its test ended, and of workers that were killed: they would hold locks."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity"
            " WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()"
        )


def stored_rules() -> dict[str, list[dict[str, Any]]]:
    """The alert rules of each partner, which a migration has made."""
    found = {}
    for schema in PARTNERS:
        with schema_context(schema):
            found[schema] = list(AlertRule.objects.values())
    return found


def restore_everything(rules: dict[str, list[dict[str, Any]]]) -> None:
    connection.set_schema_to_public()
    for extra in Partner.objects.exclude(schema_name__in=(*PARTNERS, "provider")):
        extra.delete(force_drop=True)
    Domain.objects.exclude(domain__in=("localhost", *(f"{schema}.localhost" for schema in PARTNERS))).delete()
    Partner.objects.update(suspended_at=None, suspended_reason="", ready=True)
    ScheduledJob.objects.exclude(job__in=settings.PARTNER_JOBS).delete()
    for partner in Partner.objects.all():
        with tenant_context(partner):
            empty_schema(partner)
            AlertRule.objects.bulk_create(
                AlertRule(**{**rule, "id": None, "owner_id": None}) for rule in rules.get(partner.schema_name, ())
            )


def empty_schema(partner: Partner) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = %s", [partner.schema_name])
        tables = sorted({name for (name,) in cursor.fetchall()} - KEPT_TABLES)
        cursor.execute(f"TRUNCATE {', '.join(tables)} RESTART IDENTITY CASCADE")
    if partner.kind == Partner.Kind.PROVIDER:
        User.objects.create_user("provider@portal.example", PASSWORD, role=Role.OWNER, is_superuser=True)
        return
    User.objects.create_user(f"owner@{partner.schema_name}.example", PASSWORD, role=Role.OWNER)
    make_colleagues(partner.schema_name)


@pytest.fixture
def site(committed: None) -> Iterator[str]:
    """A live server; the value is its port. Hosts: acme.localhost, globex.localhost, localhost."""
    server = LiveServer("127.0.0.1")
    yield str(server.thread.port)
    server.stop()


def worker_environment() -> dict[str, str]:
    """The environment in which a process of ours works on this test run's database and broker."""
    database = settings.DATABASE_URL.rpartition("/")[0] + "/" + connection.settings_dict["NAME"]
    return {**os.environ, "DATABASE_URL": database, "REDIS_URL": settings.REDIS_URL}


@pytest.fixture
def worker(committed: None) -> Iterator[subprocess.Popen[bytes]]:
    """A real Celery worker process on this run's database and broker, ready to take tasks."""
    command = [sys.executable, "-m", "celery", "-A", "portal", "worker", "--pool", "solo", "--loglevel", "WARNING"]
    process = subprocess.Popen(command, cwd=ROOT, env=worker_environment())
    try:
        for _ in range(60):
            if celery_app.control.inspect(timeout=1, limit=1).ping():
                break
            assert process.poll() is None, "the worker ended"
        yield process
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@pytest.fixture
def in_partner() -> Callable[[str], Any]:
    """`with in_partner("acme"):` for tests that commit."""
    return lambda schema: tenant_context(Partner.objects.get(schema_name=schema))


@pytest.fixture
def in_public() -> Any:
    return schema_context("public")
