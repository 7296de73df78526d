"""What a sync and a connection test bring for alerts: Cisco's own, and the end of the server's certificate."""

from licensing.accounts.models import SmartAccount
from licensing.alerts.models import Alert, AlertRule
from licensing.cisco.client import CssmClient
from licensing.cisco.emulator.server import EmulatorThread
from licensing.cisco.emulator.state import Account
from licensing.cisco.transport import ServerConfig, forget_circuits
from licensing.cisco.types import AccountRef
from licensing.mirror.models import CssmAlert, SyncRun
from licensing.mirror.sync import cssm_alerts, runs
from licensing.operations import syncing
from tests.fixtures import BASIC


def sync_now(account: SmartAccount) -> SyncRun:
    run, _ = runs.request(account, "test")
    return syncing.run_sync(run)


def told() -> list[tuple[str, str, str]]:
    return list(CssmAlert.objects.values_list("type", "source", "virtual_account"))


def test_ciscos_alerts_are_kept_and_go_when_cisco_no_longer_lists_them(cisco: Account, account: SmartAccount) -> None:
    assert sync_now(account).status == "succeeded"
    first = CssmAlert.objects.get()
    assert told() == [("Insufficient Licenses", BASIC, "DEFAULT")]

    cisco.set_license("DEFAULT", BASIC, quantity=5, inUse=11)
    sync_now(account)
    again = CssmAlert.objects.get()
    assert (again.pk, again.message) == (first.pk, f"{BASIC} is short by 6.")  # the same story with another number

    cisco.set_license("DEFAULT", BASIC, quantity=50, inUse=9)
    sync_now(account)
    assert told() == []


def test_alert_of_ciscos_opens_ours_and_closes_it_with_the_next_sync(cisco: Account, account: SmartAccount) -> None:
    AlertRule.objects.exclude(kind="cssm_alert").update(enabled=False)
    sync_now(account)
    assert [alert.kind for alert in Alert.objects.open()] == ["cssm_alert"]

    cisco.set_license("DEFAULT", BASIC, quantity=50, inUse=9)
    sync_now(account)
    assert Alert.objects.open().count() == 0


def test_alerts_that_cannot_be_read_are_unknown_and_not_none(emulator: EmulatorThread) -> None:
    """An account whose server nobody answers for: what was known stands, and the sync goes on."""
    config = ServerConfig(
        "cloud",
        "http://127.0.0.1:1/api",
        "http://127.0.0.1:1/token",
        "id",
        "secret",
        allow_http=True,
        allowed_networks=("127.0.0.0/8",),
    )
    with CssmClient(config) as client:
        client.transport.circuit.failures, client.transport.circuit.opened_at = 99, client.transport.circuit.clock()

        assert cssm_alerts.fetch(client, AccountRef("acme.example")) is None
    forget_circuits()


def test_plain_connection_notes_no_certificate(cisco: Account, account: SmartAccount, emulator: EmulatorThread) -> None:
    sync_now(account)

    account.license_server.refresh_from_db()
    assert account.license_server.certificate_not_after is None
