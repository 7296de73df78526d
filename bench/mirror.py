"""Our side of the comparison: the sync, and what a loop over update_or_create would do. Needs Django set up."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db import connection, connections, reset_queries

from bench import recorded
from licensing.accounts.clients import account_ref, client_for
from licensing.accounts.models import LicenseServer, SmartAccount
from licensing.cisco.transport import digest
from licensing.mirror.models import (
    InstanceUsage,
    License,
    LicenseLine,
    ProductInstance,
    RegistrationToken,
    SyncRun,
    VirtualAccount,
)
from licensing.mirror.sync import runs
from licensing.operations import syncing

FULL = recorded.FULL
EVERYTHING = FULL.pools * (2 + FULL.licenses_per_pool) + FULL.instances


@dataclass(frozen=True)
class Counted:
    seconds: float
    statements: int


def account(url: str, prefix: str) -> Callable[[], SyncRun]:
    """Return a function that makes queued runs of the account as it is served there."""

    def new_run() -> SyncRun:
        where = {"api_base_url": url + prefix, "token_url": f"{url}/token", "client_id": "c", "client_secret": "s"}
        server, _ = LicenseServer.objects.update_or_create(name="Bench", defaults=where)
        found, _ = SmartAccount.objects.get_or_create(license_server=server, domain=recorded.DOMAIN)
        run, _ = runs.request(SmartAccount.objects.select_related("license_server").get(pk=found.pk), "bench")
        return run

    return new_run


def sync(run: SyncRun, **expected: int) -> None:
    run = syncing.run_sync(run)
    assert run.status == SyncRun.Status.SUCCEEDED, run.cause
    counts = {name: number for name, number in run.counts.items() if name in expected}
    assert counts == expected, (run.counts, expected)


def empty() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "TRUNCATE accounts_licenseserver, mirror_instanceusage, mirror_licenseforecast, mirror_change CASCADE"
        )
        cursor.execute("VACUUM ANALYZE")


def know_sizes() -> None:
    """Do what autovacuum does within a minute of a first sync; it is long done when the next one starts."""
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def counted(work: Callable[[], object]) -> Counted:
    connections["default"].force_debug_cursor = True
    connections["default"].queries_log = __import__("collections").deque(maxlen=1_000_000)
    reset_queries()
    began = time.perf_counter()
    work()
    seconds = time.perf_counter() - began
    connections["default"].force_debug_cursor = False
    return Counted(seconds, len(connection.queries_log))


def update_or_create(run: SyncRun) -> None:
    """The same listings, row by row."""
    smart_account = run.smart_account
    ref = account_ref(smart_account)
    with client_for(smart_account.license_server, smart_account) as client:
        pools = {
            item.name: VirtualAccount.objects.update_or_create(
                smart_account=smart_account, name=item.name, defaults={"description": item.description}
            )[0]
            for page in client.virtual_accounts(ref)
            for item in page.items
        }
        licenses = [_license(pools, item) for page in client.licenses(ref) for item in page.items]
        known = {(row.virtual_account_id, row.name): row for row in licenses}
        for page in client.product_instances(ref):
            for item in page.items:
                _instance(pools, known, item)
        for name, pool in pools.items():
            for page in client.registration_tokens(ref, name):
                for token in page.items:
                    values = {"description": token.description, "expires_at": token.expires_at}
                    RegistrationToken.objects.update_or_create(
                        virtual_account=pool, digest=digest(token.text), defaults=values
                    )
    run.delete()


def _license(pools: dict[str, VirtualAccount], item: Any) -> License:
    names = ("quantity", "in_use", "available", "reserved", "pending", "status", "billing_type")
    row, _ = License.objects.update_or_create(
        virtual_account=pools[item.virtual_account],
        name=item.name,
        defaults={name: getattr(item, name) for name in names},
    )
    for position, line in enumerate(item.lines):
        values = {
            name: getattr(line, name) for name in ("type", "quantity", "start", "end", "subscription_id", "status")
        }
        LicenseLine.objects.update_or_create(license=row, position=position, defaults=values)
    return row


def _instance(pools: dict[str, VirtualAccount], known: dict[tuple[int, str], License], item: Any) -> None:
    names = (
        "name",
        "host_name",
        "udi_pid",
        "serial",
        "uuid",
        "product_tag",
        "product_type",
        "status",
        "registered_at",
        "last_contact_at",
    )
    pool = pools[item.virtual_account]
    row, _ = ProductInstance.objects.update_or_create(
        virtual_account=pool, identity=item.identity, defaults={name: getattr(item, name) for name in names}
    )
    for part in item.usage:
        InstanceUsage.objects.update_or_create(
            product_instance=row,
            license_name=part.license,
            defaults={"quantity": part.quantity, "license": known.get((pool.pk, part.license))},
        )
