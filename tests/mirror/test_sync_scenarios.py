"""A sync on every bad day the emulator knows: the mirror is Cisco's side as it is, or stays as it was and says why."""

from typing import Any

import pytest
from django_tenants.utils import tenant_context

from licensing.accounts.models import SmartAccount
from licensing.cisco.emulator.scenarios import SCENARIOS
from licensing.cisco.emulator.server import EmulatorThread
from licensing.cisco.emulator.state import Account
from licensing.cisco.transport import forget_circuits
from licensing.mirror.models import Change, SyncRun
from licensing.mirror.sync import runs
from licensing.operations import syncing
from tenants.models import Partner
from tests.fixtures import account_of
from tests.mirror_rows import linked_wrongly, listed, mirrored

# These may pass by themselves or leave reading alone; every other bad day fails the sync.
PASSING = {
    "none",
    "latency",
    "too-many",
    "too-many-with-hint",
    "flaky",
    "no-totals",
    "item-failures",
    "lost-answers",
    "lost-writes",
    "expiring-tokens",
    "growing-listing",
}
PASSING |= {name for name in SCENARIOS if name.startswith("axl-")}  # bad days of publishers, not of license servers
# The 403 of a starting On-Prem server is a missing access in the cloud, where this account is.
REFUSED = {"business-error", "no-api-access", "no-role", "redirect", "slow-start"}


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three attempts instead of four."""
    monkeypatch.setattr("licensing.cisco.transport.ATTEMPTS", 3)


def synced(account: SmartAccount) -> SyncRun:
    forget_circuits()
    run, _ = runs.request(account, "test")
    return syncing.run_sync(run)


def change(cisco: Account) -> None:
    del cisco.devices[0]
    cisco.devices[0]["hostName"] = "elsewhere.harbor.example"
    for number in range(600):  # more than one page
        cisco.add_device("DEFAULT", f"1{number:04d}", {})
    cisco.tokens.clear()


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_bad_day(
    account: SmartAccount, cisco: Account, emulator: EmulatorThread, globex: Partner, scenario: str
) -> None:
    assert synced(account).status == "succeeded"
    before: Any = mirrored(account)
    change(cisco)
    emulator.scenario(scenario)

    run = synced(account)

    if run.status == SyncRun.Status.SUCCEEDED:
        assert scenario in PASSING
        assert mirrored(account) == listed(cisco)
    else:
        assert (run.status, run.reason) == ("failed", "refused" if scenario in REFUSED else "unavailable")
        assert run.cause.endswith(".")
        assert run.next_step
        assert mirrored(account) == before
        assert not Change.objects.filter(sync_run=run).exists()

    emulator.scenario("none")
    assert synced(account).status == "succeeded"
    assert mirrored(account) == listed(cisco)
    assert linked_wrongly(account) == 0
    with tenant_context(globex):
        assert not SmartAccount.objects.exists()
        assert not SyncRun.objects.exists()


def test_a_bad_day_of_one_partners_account_is_not_the_others(
    account: SmartAccount, cisco: Account, emulator: EmulatorThread, globex: Partner
) -> None:
    theirs = emulator.state.add("globex.example", "Globex")
    theirs.add_device("DEFAULT", "99999", {})
    emulator.scenario("no-role")
    assert synced(account).status == "failed"
    emulator.scenario("none")

    with tenant_context(globex):
        other = account_of(emulator, "globex.example")
        assert synced(other).status == "succeeded"
        assert mirrored(other) == listed(theirs)
    assert mirrored(account)["product instances"] == []
