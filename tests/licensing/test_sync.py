"""Sync through the emulator over HTTP into PostgreSQL: what the mirror is afterwards."""

import pytest

from licensing import sync
from licensing.cssm.emulator import EmulatorThread
from licensing.models import License, SmartAccount
from tenants.models import Partner
from tests.factories import make_server, make_smart_account


@pytest.fixture
def account(acme: Partner, emulator: EmulatorThread) -> SmartAccount:
    server = make_server(api_base_url=emulator.base_url, token_url=emulator.token_url)
    return make_smart_account(license_server=server, domain="acme.example", last_synced_at=None)


def test_first(account: SmartAccount, emulator: EmulatorThread) -> None:
    cisco = emulator.state.add("acme.example", "Acme")
    cisco.set_license("DEFAULT", "L1", quantity=10)
    cisco.add_device("DEFAULT", "00001", {"L1": 3})
    cisco.add_token("DEFAULT", "tok", 30)

    run, _ = sync.request(account, "test")
    run = sync.run(run)

    assert (run.status, run.cause, run.counts) == ("succeeded", "", {"created": 4, "changed": 0, "gone": 0, "back": 0, "unchanged": 0})
    assert License.objects.get().quantity == 10
    run, _ = sync.request(account, "test")
    assert sync.run(run).counts["unchanged"] == 4
