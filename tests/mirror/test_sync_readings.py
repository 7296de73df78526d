"""Listings that move while they are read, rows that share an identity, and rows that the mirror knows already."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from aiohttp import web

from licensing.accounts.models import SmartAccount
from licensing.cisco.emulator.scenarios import SCENARIOS, Handler
from licensing.cisco.emulator.server import EmulatorThread
from licensing.cisco.emulator.state import Account
from licensing.mirror.models import Change, License, ProductInstance, SyncRun, VirtualAccount
from licensing.mirror.sync import fetching, runs
from licensing.operations import syncing
from tests.fixtures import BASIC, ENHANCED
from tests.mirror.test_sync import changes, counted, versions
from tests.mirror_rows import listed, mirrored

Readings = Callable[[Callable[[web.Request, int], None]], list[int]]
MANY = 600  # more than one page


def synced(account: SmartAccount) -> SyncRun:
    run, _ = runs.request(account, "test")
    return syncing.run_sync(run)


@pytest.fixture
def many(cisco: Account) -> Account:
    for number in range(MANY):
        cisco.add_device("DEFAULT", f"1{number:04d}", {ENHANCED: 1}, hostName=f"cucm-{number}.harbor.example")
    return cisco


@pytest.fixture
def at_later_pages(emulator: EmulatorThread, monkeypatch: pytest.MonkeyPatch) -> Readings:
    """Does something to each request for a later page of product instances; counts them."""

    def install(disturb: Callable[[web.Request, int], None]) -> list[int]:
        asked: list[int] = []

        async def scenario(request: web.Request, handler: Handler) -> web.StreamResponse:
            body = json.loads(await request.text() or "{}")
            if request.path.endswith("/devices") and body["offset"]:
                asked.append(body["offset"])
                disturb(request, len(asked))
            return await handler(request)

        monkeypatch.setitem(SCENARIOS, "disturbed", scenario)
        emulator.scenario("disturbed")
        return asked

    return install


class Backwards:
    """Takes the place of a random order."""

    def shuffle(self, found: list[Any]) -> None:
        found.reverse()


def test_listing_that_shifted_once_is_read_again(
    account: SmartAccount, many: Account, at_later_pages: Readings
) -> None:
    def grow(request: web.Request, reading: int) -> None:
        if reading == 1:
            request["grow"] = 4  # one row fewer than there are

    asked = at_later_pages(grow)

    run = synced(account)

    assert (run.status, run.remark, len(asked)) == ("succeeded", "", 2)
    assert mirrored(account) == listed(many)


def test_pages_that_overlap_are_read_again_and_nothing_goes(
    account: SmartAccount, many: Account, at_later_pages: Readings
) -> None:
    counted(account)

    def overlap(request: web.Request, reading: int) -> None:
        if reading == 1:
            request["order"] = Backwards()

    asked = at_later_pages(overlap)

    assert counted(account) == {"unchanged": MANY + 9}
    assert len(asked) == 2
    assert Change.objects.filter(kind="gone").count() == 0
    assert mirrored(account) == listed(many)


def test_listing_that_keeps_shifting_fails_as_a_whole(
    account: SmartAccount, many: Account, at_later_pages: Readings
) -> None:
    counted(account)
    before = mirrored(account)
    many.licenses.pop()

    def grow(request: web.Request, reading: int) -> None:
        request["grow"] = 4

    asked = at_later_pages(grow)

    run = synced(account)

    assert (run.status, run.reason) == ("failed", "unavailable")
    assert run.cause == "The listing of devices changed while it was being read."
    assert len(asked) == fetching.READINGS
    assert mirrored(account) == before


def twin(cisco: Account, number: int, **members: Any) -> dict[str, Any]:
    """A product without serial number or name, as another one is."""
    nameless = {"displayName": "", "sudi": {}, "registrationDate": f"2026-0{number}-01T00:00:00Z"}
    return cisco.add_device("DEFAULT", "", {ENHANCED: number}, **{**nameless, **members})


def test_instances_of_one_identity_are_kept_apart_each_with_its_usage(account: SmartAccount, cisco: Account) -> None:
    twin(cisco, 1)
    twin(cisco, 2)

    run = synced(account)

    assert (run.status, run.created) == ("succeeded", 11)
    assert run.remark == (
        "Cisco lists 2 product instances as regid.2016-07.com.cisco.UCM,12.0 in DEFAULT; the portal keeps them apart "
        "by a number, each with its usage."
    )
    assert mirrored(account) == listed(cisco)
    rows = ProductInstance.objects.filter(serial="").order_by("identity")
    assert [row.identity.rpartition("|")[2] for row in rows] == [
        "regid.2016-07.com.cisco.UCM,12.0",
        "regid.2016-07.com.cisco.UCM,12.0 #2",
    ]


def test_instances_of_one_identity_stay_the_same_rows(account: SmartAccount, cisco: Account) -> None:
    first, second = twin(cisco, 1), twin(cisco, 2)
    counted(account)
    before = versions()

    cisco.devices.reverse()
    assert counted(account) == {"unchanged": 11}
    assert versions() == before

    second["licenseUsage"][0]["quantity"] = 7
    assert counted(account) == {"changed": 1, "unchanged": 10}
    assert [values for *_, values in changes(kind="changed")] == [{"usage": [{ENHANCED: 2}, {ENHANCED: 7}]}]
    assert mirrored(account) == listed(cisco)

    cisco.devices.remove(first)
    run = synced(account)
    assert run.gone == 1
    assert mirrored(account) == listed(cisco)


def test_license_that_is_listed_twice_is_added_up(account: SmartAccount, cisco: Account) -> None:
    again = {
        **cisco.license("DEFAULT", BASIC),
        "quantity": 3,
        "inUse": 1,
        "available": 2,
        "status": "In Compliance",
        "licenseDetails": [{"licenseType": "DEMO", "quantity": 3}],
    }
    cisco.licenses.append(again)

    run = synced(account)

    row = License.objects.get(name=BASIC)
    assert (run.created, row.quantity, row.in_use, row.available, row.status) == (9, 8, 10, -2, "out_of_compliance")
    assert [line.type for line in row.lines.all()] == ["DEMO"]
    assert run.remark == f"Cisco lists {BASIC} in DEFAULT 2 times; the portal adds them up."
    before = versions()
    assert counted(account) == {"unchanged": 9}
    assert versions() == before


def test_pool_and_token_that_are_listed_twice_are_one_row(account: SmartAccount, cisco: Account) -> None:
    cisco.virtual_accounts.append({**cisco.virtual_accounts[1], "description": "again"})
    cisco.tokens["R&D / Lab"].append({**cisco.tokens["R&D / Lab"][0], "description": "again"})

    assert counted(account) == {"created": 9}
    assert counted(account) == {"unchanged": 9}


def test_row_whose_bytes_alone_differ_is_not_written(account: SmartAccount, cisco: Account) -> None:
    counted(account)
    before = versions()
    for number, raw in enumerate([*cisco.devices, *cisco.licenses, *cisco.virtual_accounts]):
        raw["unheardOf"] = number

    assert counted(account) == {"unchanged": 9}
    assert versions() == before


def test_rows_without_fingerprint_are_compared_and_get_one(account: SmartAccount, cisco: Account) -> None:
    counted(account)
    ProductInstance.objects.update(fingerprint=None, host_name="wrong")
    License.objects.update(fingerprint=None)

    assert counted(account) == {"changed": 3, "unchanged": 6}
    assert mirrored(account) == listed(cisco)
    assert not ProductInstance.objects.filter(fingerprint=None).exists()
    assert not License.objects.filter(fingerprint=None).exists()


def test_pool_that_is_only_named_by_its_rows_stays_while_they_do(account: SmartAccount, cisco: Account) -> None:
    cisco.set_license("Hidden", ENHANCED, quantity=3)
    counted(account)
    before = versions()

    assert counted(account) == {"unchanged": 11}
    assert versions() == before

    cisco.virtual_accounts.append(
        {"name": "Hidden", "description": "seen now", "isDefault": "false", "commerceAccessLevel": "PUBLIC"}
    )
    assert counted(account) == {"changed": 1, "unchanged": 10}

    cisco.virtual_accounts.pop()
    assert counted(account) == {"changed": 1, "unchanged": 10}
    assert VirtualAccount.objects.present().filter(name="Hidden").exists()

    cisco.licenses.pop()
    assert counted(account) == {"gone": 2, "unchanged": 9}


def test_odd_json_is_read_all_the_same(account: SmartAccount, cisco: Account) -> None:
    cisco.devices[0]["oddity"] = float("nan")
    cisco.devices[1]["hostName"] = "half \ud800 of a pair"

    assert counted(account) == {"created": 9}
    assert ProductInstance.objects.get(serial="00002").host_name == "half ? of a pair"
