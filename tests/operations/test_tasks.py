"""What is queued and planned, and what the worker makes of it."""

from datetime import timedelta

import pytest
from django.utils import timezone
from django_tenants.utils import tenant_context

from kit.broker import BrokerUnavailable
from licensing.accounts import clients, schedules, smart_accounts
from licensing.accounts.models import LicenseServer, SmartAccount
from licensing.alerts.models import Alert
from licensing.cisco.emulator.server import EmulatorThread
from licensing.cisco.emulator.state import Account
from licensing.mirror.models import Change, License, ProductInstance, SyncRun, UsageSample
from licensing.mirror.sync import runs
from licensing.operations import lifecycle, retries, syncing, tasks
from people.audit import SYSTEM, snapshot
from tenants import schedule
from tenants.models import Partner, ScheduledJob
from tests.factories import make_license
from tests.fixtures import account_of, commit_for_real
from tests.mirror_rows import listed, mirrored

DAY = timedelta(days=1)


def planned(account: SmartAccount) -> list[timedelta]:
    return list(ScheduledJob.objects.filter(job="sync", subject_id=account.pk).values_list("every", flat=True))


def minutes_until(account: SmartAccount) -> float:
    due = schedule.next_run_at("sync", account.pk)
    assert due
    return (due - timezone.now()).total_seconds() / 60


def test_scheduled_sync_mirrors_the_account(account: SmartAccount, cisco: Account) -> None:
    schedules.plan_sync(account)

    tasks.sync_smart_account(account.pk)

    run = SyncRun.objects.get()
    assert (run.status, run.requested_by) == ("succeeded", "schedule")
    assert mirrored(account) == listed(cisco)


def test_scheduled_sync_of_a_paused_or_removed_account_is_unplanned(account: SmartAccount) -> None:
    schedules.plan_sync(account)
    SmartAccount.objects.update(paused_at=timezone.now())

    tasks.sync_smart_account(account.pk)

    assert (SyncRun.objects.count(), planned(account)) == (0, [])


def test_scheduled_sync_after_a_lost_worker_waits(account: SmartAccount, cisco: Account) -> None:
    schedules.plan_sync(account)
    run, _ = runs.request(account, "schedule")
    SyncRun.objects.update(status="running", started_at=timezone.now())
    ScheduledJob.objects.filter(job="sync").update(next_run_at=timezone.now() + DAY)

    tasks.sync_smart_account(account.pk)

    run.refresh_from_db()
    assert (run.reason, SyncRun.objects.count()) == ("lost", 1)
    assert 14 < minutes_until(account) < 19
    assert Alert.objects.open().filter(kind="sync_failed").count() == 1


def test_message_of_a_run_that_is_over_does_nothing(account: SmartAccount, cisco: Account) -> None:
    run, _ = runs.request(account, "test")
    tasks.run_sync(run.pk)
    cisco.devices.clear()

    tasks.run_sync(run.pk)

    assert ProductInstance.objects.present().count() == 3


def test_message_of_a_run_that_is_gone_does_nothing(account: SmartAccount) -> None:
    tasks.run_sync(4711)

    assert SyncRun.objects.count() == 0


@pytest.mark.parametrize(("failures", "least", "most"), [(1, 15, 18), (2, 30, 36), (3, 60, 72), (9, 1440, 1440)])
def test_unavailable_side_is_asked_again_soon_and_ever_later(
    account: SmartAccount, emulator: EmulatorThread, failures: int, least: int, most: int
) -> None:
    schedules.plan_sync(account)
    ScheduledJob.objects.filter(job="sync").update(next_run_at=timezone.now() + DAY)
    LicenseServer.objects.update(api_base_url="http://127.0.0.1:1/x", token_url="http://127.0.0.1:1/t")
    for number in range(1, failures):
        SyncRun.objects.create(
            smart_account=account,
            status="failed",
            reason="unavailable",
            queued_at=timezone.now() - timedelta(hours=number),
        )
    SyncRun.objects.create(smart_account=account, status="succeeded", queued_at=timezone.now() - DAY)
    run = SyncRun.objects.create(smart_account=account, status="failed", reason="unavailable")

    retries.bring_forward(account)

    assert run.reason == "unavailable"
    assert least - 1 < minutes_until(account) < most + 1


def test_refusal_is_not_asked_again_before_its_time(account: SmartAccount) -> None:
    schedules.plan_sync(account)
    ScheduledJob.objects.filter(job="sync").update(next_run_at=timezone.now() + DAY)
    LicenseServer.objects.update(client_secret="")

    tasks.sync_smart_account(account.pk)

    assert SyncRun.objects.get().reason == "refused"
    assert minutes_until(account) > 1430


def test_sync_without_broker_leaves_no_run_behind(account: SmartAccount, no_broker: None) -> None:
    with pytest.raises(BrokerUnavailable):
        syncing.start_sync(account, "owner@acme.example")

    assert SyncRun.objects.count() == 0


def test_check_without_broker_leaves_the_server_as_it_was(account: SmartAccount, no_broker: None) -> None:
    with pytest.raises(BrokerUnavailable):
        clients.start_check(account.license_server)

    assert LicenseServer.objects.get().check_status == ""


def test_starting_twice_gives_the_same_run(account: SmartAccount) -> None:
    first = syncing.start_sync(account, "owner@acme.example")
    second = syncing.start_sync(account, "operator@acme.example")

    assert (first, first.status, second.requested_by) == (second, "queued", "owner@acme.example")


def test_forgotten_queued_run_is_sent_again(account: SmartAccount, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[int] = []
    commit_for_real(monkeypatch)
    monkeypatch.setattr(tasks.run_sync, "delay", sent.append)
    run, _ = runs.request(account, "test")

    tasks.evaluate_alerts()
    assert sent == []
    SyncRun.objects.update(queued_at=timezone.now() - timedelta(minutes=6))
    tasks.evaluate_alerts()
    syncing.start_sync(account, "test")

    assert sent == [run.pk, run.pk]


def test_alert_evaluation_fails_lost_runs_and_brings_the_next_forward(account: SmartAccount) -> None:
    schedules.plan_sync(account)
    ScheduledJob.objects.filter(job="sync").update(next_run_at=timezone.now() + DAY)
    run, _ = runs.request(account, "test")
    SyncRun.objects.update(status="running", started_at=timezone.now())

    tasks.evaluate_alerts()

    run.refresh_from_db()
    assert (run.status, run.reason) == ("failed", "lost")
    assert 14 < minutes_until(account) < 19


def test_connection_check_writes_what_the_credentials_see(account: SmartAccount, cisco: Account) -> None:
    tasks.check_connection(account.license_server_id)

    server = LicenseServer.objects.get()
    assert (server.check_status, server.check_message) == ("ok", "Connected. The credentials see 1 smart account.")
    assert server.visible_accounts == [
        {"domain": "acme.example", "name": "Acme", "type": "CUSTOMER", "roles": ["Smart Account User"]}
    ]


@pytest.mark.parametrize(
    ("change", "status"),
    [({"client_secret": "wrong"}, "refused"), ({"token_url": "http://127.0.0.1:1/"}, "unavailable")],
)
def test_failed_connection_check_says_why_and_what_to_do(
    account: SmartAccount, change: dict[str, str], status: str
) -> None:
    server = account.license_server
    for name, value in change.items():
        setattr(server, name, value)
    server.save()

    tasks.check_connection(server.pk)

    server.refresh_from_db()
    assert server.check_status == status
    assert server.check_message
    assert server.check_next_step
    assert server.checked_at


def test_added_account_is_synced_at_the_next_tick(account: SmartAccount) -> None:
    added = smart_accounts.add_smart_account(SYSTEM, account.license_server, "second.example")

    assert planned(added) == [DAY]
    assert minutes_until(added) <= 0


def test_paused_account_is_unplanned_and_resumed_one_planned(account: SmartAccount) -> None:
    schedules.plan_sync(account)
    lifecycle.pause(SYSTEM, account)
    paused = planned(account)

    lifecycle.resume(SYSTEM, account)

    assert (paused, planned(account)) == ([], [DAY])


def test_changed_interval_is_planned(account: SmartAccount) -> None:
    schedules.plan_sync(account)
    before = snapshot(account)
    account.sync_every = timedelta(hours=1)

    smart_accounts.save_smart_account(SYSTEM, account, before)

    assert planned(account) == [timedelta(hours=1)]
    assert minutes_until(account) <= 60


def test_removed_account_is_unplanned_and_its_alerts_close(account: SmartAccount, cisco: Account) -> None:
    schedules.plan_sync(account)
    tasks.sync_smart_account(account.pk)
    assert Alert.objects.open().filter(kind="out_of_compliance").count() == 1

    lifecycle.remove(SYSTEM, account)

    assert (SmartAccount.objects.count(), ScheduledJob.objects.filter(job="sync").count()) == (0, 0)
    assert Alert.objects.open().count() == 0


def test_prune_keeps_what_is_younger_than_the_settings_say(account: SmartAccount, settings: object) -> None:
    settings.CHANGE_DAYS, settings.USAGE_SAMPLE_DAYS = 10, 20
    run = SyncRun.objects.create(smart_account=account, status="succeeded")
    license_ = make_license()
    now = timezone.now()
    for days in (1, 9, 11, 19, 21):
        Change.objects.create(
            sync_run=run,
            at=now - timedelta(days=days),
            kind="gone",
            object_type="license",
            object_id=1,
            label=str(days),
        )
        UsageSample.objects.create(
            license=license_, day=(now - timedelta(days=days)).date(), quantity=days, in_use=0, available=0, reserved=0
        )

    tasks.prune()

    assert list(Change.objects.values_list("label", flat=True)) == ["1", "9"]
    assert list(UsageSample.objects.values_list("quantity", flat=True)) == [19, 11, 9, 1]


def test_tasks_of_one_partner_leave_the_other_alone(
    account: SmartAccount, globex: Partner, cisco: Account, emulator: EmulatorThread
) -> None:
    with tenant_context(globex):
        there = account_of(emulator, "globex.example")
        running, _ = runs.request(there, "test")
        SyncRun.objects.update(status="running", started_at=timezone.now())

    tasks.sync_smart_account(account.pk)
    tasks.evaluate_alerts()

    with tenant_context(globex):
        running.refresh_from_db()
        assert (running.status, License.objects.count()) == ("running", 0)
