"""What Cisco's side may send and PostgreSQL does not take: never a run without an end, or one without its cause."""

from collections.abc import Callable
from typing import Any

import pytest
from aiohttp import web
from django_tenants.utils import tenant_context

from licensing import connect, sync
from licensing.cssm.emulator import SCENARIOS, Account, EmulatorThread
from licensing.cssm.emulator.scenarios import Handler
from licensing.models import CssmAlert, LicenseServer, SmartAccount, SyncRun
from tenants.models import Partner
from tests.licensing.mirror import listed, mirrored

Answering = Callable[..., None]
ODD = "a\0b\ud800c"


@pytest.fixture
def answering(emulator: EmulatorThread, monkeypatch: pytest.MonkeyPatch) -> Answering:
    """Calls whose path ends so get this answer, all others the emulator's."""

    def install(end: str, status: int = 200, **members: Any) -> None:
        async def scenario(request: web.Request, handler: Handler) -> web.StreamResponse:
            if request.path.endswith(end):
                return web.json_response(members, status=status)
            return await handler(request)

        monkeypatch.setitem(SCENARIOS, "answering", scenario)
        emulator.scenario("answering")

    return install


def synced(account: SmartAccount) -> SyncRun:
    run, _ = sync.request(account, "test")
    return sync.run(run)


def test_refusal_in_words_that_no_database_takes_is_recorded(
    account: SmartAccount, cisco: Account, answering: Answering, globex: Partner
) -> None:
    answering("/devices", 400, statusMessage=ODD)

    run = synced(account)

    assert (run.status, run.reason) == ("failed", "refused")
    assert run.cause.endswith("refused the call with 400: a b c.")
    with tenant_context(globex):
        assert not SyncRun.objects.exists()


def test_ciscos_alerts_in_odd_letters_do_not_fail_the_sync(
    account: SmartAccount, cisco: Account, answering: Answering
) -> None:
    odd = dict.fromkeys(("messageType", "severity", "source", "message", "virtualAccount"), ODD)
    answering("/alerts", alerts=[odd])

    assert synced(account).status == "succeeded"
    assert mirrored(account) == listed(cisco)
    found = CssmAlert.objects.get()
    assert (found.type, found.message, found.virtual_account) == ("ab?c", "ab?c", "ab?c")


def test_pool_without_a_name_is_none(account: SmartAccount, cisco: Account, answering: Answering) -> None:
    answering("/virtual-accounts", virtualAccounts=[*cisco.virtual_accounts, {"name": None}, {"description": "x"}])

    assert synced(account).status == "succeeded"
    assert mirrored(account) == listed(cisco)


def test_connection_test_shows_accounts_with_odd_letters(
    account: SmartAccount, cisco: Account, answering: Answering
) -> None:
    answering("/accounts", accounts=[{"accountDomain": "acme.example", "accountName": ODD, "roles": [{"role": ODD}]}])

    connect.check(account.license_server)

    server = LicenseServer.objects.get()
    assert server.check_status == "ok"
    assert server.visible_accounts == [
        {"domain": "acme.example", "name": "ab?c", "type": "CUSTOMER", "roles": ["ab?c"]}
    ]
