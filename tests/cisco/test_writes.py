"""Transfers, removal, virtual accounts, subscriptions and alerts: the client against the emulator's state."""

import pytest

from licensing.cisco.client import CssmClient
from licensing.cisco.emulator.server import EmulatorThread
from licensing.cisco.emulator.state import Account
from licensing.cisco.errors import CssmRefused
from licensing.cisco.types import AccountRef, CssmAlert, ItemResult, LicenseTransfer
from tests.wire import term_line

ACME = AccountRef("acme.example")
NAME = "UC Manager Enhanced License (12.x)"


@pytest.fixture
def account(emulator: EmulatorThread) -> Account:
    account = emulator.state.add("acme.example", "Acme")
    account.add_pool("From & here")
    account.add_pool("To/there")
    return account


def test_large_transfer_goes_in_parts_of_998(client: CssmClient, account: Account) -> None:
    line = {"licenseType": "TERM", "quantity": 2500, "subscriptionId": "Sub1"}
    account.set_license("From & here", NAME, quantity=2500, inUse=10, licenseDetails=[line])

    results = client.transfer_licenses(ACME, "From & here", [LicenseTransfer(NAME, "TERM", 2000, "To/there")])

    assert results == [ItemResult(NAME, True, "")] * 3
    assert [(raw["virtualAccount"], raw["quantity"]) for raw in account.licenses] == [
        ("From & here", 500),
        ("To/there", 2000),
    ]
    assert sum(line["quantity"] for line in account.license("To/there", NAME)["licenseDetails"]) == 2000


def test_transfer_splits_purchase_lines_and_the_way_back_joins_them(client: CssmClient, account: Account) -> None:
    first = term_line(300, subscriptionId="Sub1", orderNumber="1001", endDate="2027-01-31")
    second = term_line(200, subscriptionId="Sub2", orderNumber="1002", endDate="2028-01-31")
    account.set_license("From & here", NAME, quantity=500, licenseDetails=[dict(first), dict(second)])

    client.transfer_licenses(ACME, "From & here", [LicenseTransfer(NAME, "TERM", 296, "To/there")])
    there = [dict(line) for line in account.license("To/there", NAME)["licenseDetails"]]
    here = [dict(line) for line in account.license("From & here", NAME)["licenseDetails"]]
    client.transfer_licenses(ACME, "To/there", [LicenseTransfer(NAME, "TERM", 296, "From & here")])
    back = account.license("From & here", NAME)["licenseDetails"]

    assert there == [second, {**first, "quantity": 96}]
    assert here == [{**first, "quantity": 204}]
    assert back == [first, second]


def test_transfer_stops_at_the_first_failure(client: CssmClient, account: Account) -> None:
    account.set_license("From & here", NAME, quantity=1000)

    results = client.transfer_licenses(ACME, "From & here", [LicenseTransfer(NAME, "TERM", 3000, "To/there")])

    assert results == [ItemResult(NAME, True, ""), ItemResult(NAME, False, "Not enough licenses are available.")]
    assert account.license("From & here", NAME)["quantity"] == 2


def test_product_instances_move_and_go_each_by_itself(client: CssmClient, account: Account) -> None:
    for serial in ("aaaaa", "bbbbb", "ccccc"):
        account.add_device("From & here", serial, {})
    found = client.search_product_instances(ACME, "From & here")
    account.devices = [raw for raw in account.devices if raw["sudi"]["udiSerialNumber"] != "bbbbb"]

    moved = client.transfer_product_instances(ACME, "From & here", "To/there", found[:2])
    removed = client.remove_product_instances(ACME, "From & here", found[2:])

    missing = "The product instance does not exist."
    assert moved == [ItemResult("aaaaa", True, ""), ItemResult("bbbbb", False, missing)]
    assert removed == [ItemResult("ccccc", True, "")]
    assert [(raw["sudi"]["udiSerialNumber"], raw["virtualAccount"]) for raw in account.devices] == [
        ("aaaaa", "To/there")
    ]


def test_virtual_account_is_created_and_deleted(client: CssmClient, account: Account) -> None:
    client.create_virtual_account(ACME, "100% Süd", "South")
    assert account.has_pool("100% Süd")

    client.delete_virtual_account(ACME, "100% Süd")
    assert not account.has_pool("100% Süd")


def test_virtual_account_with_instances_is_not_deleted(client: CssmClient, account: Account) -> None:
    account.add_device("To/there", "aaaaa", {})

    with pytest.raises(CssmRefused) as refusal:
        client.delete_virtual_account(ACME, "To/there")

    assert refusal.value.reason == "rejected"
    assert account.has_pool("To/there")


def test_subscriptions_and_alerts_are_read(client: CssmClient, account: Account) -> None:
    line = {"licenseType": "TERM", "quantity": 5, "subscriptionId": "Sub1", "endDate": "2027-01-31"}
    account.set_license("To/there", NAME, quantity=10, inUse=13, licenseDetails=[line, dict(line)])

    [page] = client.subscriptions(ACME)

    assert [(row.subscription_id, row.quantity, row.virtual_account) for row in page.items] == [
        ("Sub1", 5, "To/there")
    ] * 2
    words = f"{NAME} is short by 3."
    assert client.alerts(ACME) == [CssmAlert("Insufficient Licenses", "major", NAME, words, "To/there")]


def test_search_compares_the_whole_domain(client: CssmClient, account: Account, emulator: EmulatorThread) -> None:
    emulator.state.add("we-acme.example", "Another")

    assert [found.domain for found in client.search_smart_accounts("ACME.example")] == ["acme.example"]
