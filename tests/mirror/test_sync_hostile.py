"""What Cisco's side may send and PostgreSQL does not take: never a run without an end, or one without its cause."""

from collections.abc import Callable
from typing import Any

import pytest
from aiohttp import web
from django_tenants.utils import tenant_context

from licensing.accounts import clients
from licensing.accounts.models import LicenseServer, SmartAccount
from licensing.cisco import transport
from licensing.cisco.emulator.scenarios import SCENARIOS, Handler
from licensing.cisco.emulator.server import EmulatorThread
from licensing.cisco.emulator.state import Account
from licensing.cisco.formats import MOST
from licensing.mirror.models import CssmAlert, InstanceUsage, License, SyncRun
from licensing.mirror.sync import runs as sync_runs
from licensing.operations import syncing
from tenants.models import Partner
from tests.fixtures import BASIC, ENHANCED
from tests.mirror_rows import listed, mirrored

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
    run, _ = sync_runs.request(account, "test")
    return syncing.run_sync(run)


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


def test_numbers_that_cannot_be_are_taken_and_told_each_time(
    account: SmartAccount, cisco: Account, globex: Partner
) -> None:
    huge, line = 10**25, {"licenseType": "TERM", "quantity": 10**25}
    lent = {"license": ENHANCED, "substitutedLicense": BASIC, "substitutedQuantity": huge}
    members = {"inUse": float("nan"), "licenseDetails": [line], "licenseSubstitutions": [lent]}
    cisco.licenses[0].update(quantity="5,000,000,000", **members)
    used = [{"license": ENHANCED, "quantity": number} for number in (float("-inf"), "many")]
    cisco.add_device("DEFAULT", "00004", {}, licenseUsage=used)

    runs = [synced(account) for _ in range(2)]

    assert [run.status for run in runs] == ["succeeded"] * 2
    assert {run.remark for run in runs} == {
        f"Cisco sends invalid numbers for {ENHANCED} in DEFAULT. The portal used 5,000,000,000 as 999,999,999, "
        "nan as 0, 10000000000000000000000000 as 999,999,999. "
        "Cisco sends invalid numbers for UCM 00004  regid.2016-07.com.cisco.UCM,12.0 in DEFAULT. The portal used "
        "-inf as -999,999,999, many as 0."
    }
    assert (runs[1].created, runs[1].changed, runs[1].unchanged) == (0, 0, 10)
    row = License.objects.get(name=ENHANCED, virtual_account__name="DEFAULT")
    assert (row.quantity, row.in_use, row.lines.get().quantity) == (MOST, 0, MOST)
    assert row.substitutions[0]["quantity"] == MOST
    assert InstanceUsage.objects.get(product_instance__serial="00004").quantity == -MOST
    with tenant_context(globex):
        assert not SyncRun.objects.exists()


def test_sum_of_twins_is_bounded(account: SmartAccount, cisco: Account) -> None:
    cisco.licenses += [{**cisco.licenses[0], "quantity": MOST, "available": -MOST} for _ in range(3)]

    assert synced(account).status == "succeeded"
    row = License.objects.get(name=ENHANCED, virtual_account__name="DEFAULT")
    assert (row.quantity, row.available) == (MOST, -MOST)


def test_remark_ends_with_the_odd_number(account: SmartAccount, cisco: Account) -> None:
    cisco.set_license("DEFAULT", ENHANCED, quantity=10**12)
    assert synced(account).remark

    cisco.set_license("DEFAULT", ENHANCED, quantity=20)

    assert (synced(account).remark, mirrored(account)) == ("", listed(cisco))


def test_listing_without_words_is_an_empty_one_only_by_its_code(
    account: SmartAccount, cisco: Account, silent: Callable[[int], None]
) -> None:
    synced(account)
    before = mirrored(account)

    silent(200)
    run = synced(account)

    assert (run.status, run.reason, mirrored(account)) == ("failed", "unavailable", before)
    silent(204)
    assert synced(account).status == "succeeded"
    assert mirrored(account) == {**listed(cisco), "registration tokens": []}


@pytest.fixture
def silent(emulator: EmulatorThread, monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Listings of tokens are answered by this code alone."""

    def install(status: int) -> None:
        async def scenario(request: web.Request, handler: Handler) -> web.StreamResponse:
            return web.Response(status=status) if request.path.endswith("/tokens") else await handler(request)

        monkeypatch.setattr(transport, "ATTEMPTS", 1)
        monkeypatch.setitem(SCENARIOS, "silent", scenario)
        emulator.scenario("silent")

    return install


def test_virtual_account_that_is_deleted_meanwhile_is_no_refusal(
    account: SmartAccount, cisco: Account, emulator: EmulatorThread, monkeypatch: pytest.MonkeyPatch, globex: Partner
) -> None:
    synced(account)
    before = mirrored(account)

    async def scenario(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path.endswith("/tokens"):
            cisco.virtual_accounts = cisco.virtual_accounts[:1]
            del cisco.licenses[2:], cisco.devices[2:]
            cisco.tokens.pop("R&D / Lab", None)
        return await handler(request)

    monkeypatch.setitem(SCENARIOS, "deleted", scenario)
    emulator.scenario("deleted")
    run = synced(account)

    assert (run.status, run.reason) == ("failed", "unavailable")
    assert run.cause == "The listing of virtual accounts changed while it was being read."
    assert mirrored(account) == before
    emulator.scenario("none")
    assert synced(account).status == "succeeded"
    assert mirrored(account) == listed(cisco)
    with tenant_context(globex):
        assert not SyncRun.objects.exists()


@pytest.mark.parametrize("reason", ["no_role", "unknown_account"])
def test_tokens_that_are_refused_are_told_as_that(
    account: SmartAccount, cisco: Account, answering: Answering, reason: str
) -> None:
    status, words = {"no_role": (403, "No role."), "unknown_account": (404, "Not found.")}[reason]
    answering("/tokens", status, statusMessage=words)

    run = synced(account)

    assert (run.status, run.reason) == ("failed", "refused")
    assert words in run.cause


def test_connection_test_shows_accounts_with_odd_letters(
    account: SmartAccount, cisco: Account, answering: Answering
) -> None:
    answering("/accounts", accounts=[{"accountDomain": "acme.example", "accountName": ODD, "roles": [{"role": ODD}]}])

    clients.check(account.license_server)

    server = LicenseServer.objects.get()
    assert server.check_status == "ok"
    assert server.visible_accounts == [
        {"domain": "acme.example", "name": "ab?c", "type": "CUSTOMER", "roles": ["ab?c"]}
    ]
