"""A sync that fails, and syncs that meet: nothing of the mirror is lost, and somebody is told why."""

import threading
from collections.abc import Iterator
from datetime import timedelta
from itertools import pairwise

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from kit.refusals import Refusal
from licensing.accounts.models import LicenseServer, SmartAccount
from licensing.alerts.models import Alert
from licensing.cisco.emulator.server import EmulatorThread
from licensing.cisco.emulator.state import Account
from licensing.mirror.models import Change, ProductInstance, SyncRun, VirtualAccount
from licensing.mirror.sync import merging, runs
from licensing.mirror.sync import runs as sync_runs
from licensing.operations import syncing
from tenants.models import Partner
from tests.fixtures import account_of
from tests.mirror_rows import listed, mirrored


def synced(account: SmartAccount) -> SyncRun:
    run, created = sync_runs.request(account, "test")
    assert created
    return syncing.run_sync(run)


@pytest.fixture
def mirrored_once(account: SmartAccount, cisco: Account) -> SmartAccount:
    """Synced, and something at Cisco is different since then."""
    assert synced(account).status == "succeeded"
    account.refresh_from_db()
    cisco.devices.pop()
    return account


def changing_nothing(account: SmartAccount) -> Iterator[None]:
    before, age, changes = mirrored(account), account.last_synced_at, Change.objects.count()
    yield
    account.refresh_from_db()
    assert (mirrored(account), account.last_synced_at, Change.objects.count()) == (before, age, changes)


@pytest.fixture
def nothing_changes(mirrored_once: SmartAccount) -> Iterator[None]:
    yield from changing_nothing(mirrored_once)


@pytest.mark.parametrize(
    ("scenario", "reason"),
    [
        ("second-page-fails", "unavailable"),
        ("truncated", "unavailable"),
        ("reset", "unavailable"),
        ("no-role", "refused"),
        ("no-api-access", "refused"),
        ("business-error", "refused"),
    ],
)
def test_failed_fetch_writes_nothing_and_says_why(
    mirrored_once: SmartAccount,
    nothing_changes: None,
    emulator: EmulatorThread,
    cisco: Account,
    scenario: str,
    reason: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("licensing.cisco.transport.ATTEMPTS", 1)
    for number in range(600):  # more than one page
        cisco.add_device("DEFAULT", f"1{number:04d}", {})
    emulator.scenario(scenario)

    run = synced(mirrored_once)

    assert (run.status, run.reason, run.progress) == ("failed", reason, {})
    assert run.cause
    assert run.next_step


def test_refused_listing_of_one_pools_tokens_fails_the_whole(
    mirrored_once: SmartAccount, nothing_changes: None, cisco: Account
) -> None:
    cisco.add_pool("..")  # its path is another one: Cisco does not know it

    assert synced(mirrored_once).status == "failed"


def test_wrong_secret_is_refused_and_opens_an_alert(mirrored_once: SmartAccount, nothing_changes: None) -> None:
    server = mirrored_once.license_server
    server.client_secret = "wrong"
    server.save()

    run = synced(mirrored_once)

    assert (run.status, run.reason, run.cause) == (
        "failed",
        "refused",
        "Cisco's side refused the client ID or secret.",
    )
    assert Alert.objects.open().filter(kind="credentials_refused").count() == 1


def test_unreadable_secret_fails_in_plain_words(
    mirrored_once: SmartAccount, nothing_changes: None, settings: object
) -> None:
    LicenseServer.objects.update(client_secret="v1.unknown.00.00")
    account = SmartAccount.objects.get()

    run = synced(account)

    assert (run.reason, run.cause, run.next_step) == (
        "internal",
        "A stored secret needs the encryption key 'unknown', which is not configured.",
        "Enter the client secret again.",
    )


def test_failure_heals_with_the_next_sync(
    mirrored_once: SmartAccount, emulator: EmulatorThread, cisco: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("licensing.cisco.transport.ATTEMPTS", 1)
    emulator.scenario("reset")
    assert synced(mirrored_once).status == "failed"
    emulator.scenario("none")

    assert synced(mirrored_once).status == "succeeded"
    assert mirrored(mirrored_once) == listed(cisco)
    assert Alert.objects.open().filter(kind="sync_failed").count() == 0


def test_error_of_ours_in_the_merge_takes_everything_back(
    mirrored_once: SmartAccount,
    nothing_changes: None,
    cisco: Account,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cisco.add_pool("new")
    monkeypatch.setattr(merging, "UNLISTED_POOLS", "SELECT nothing")

    run = synced(mirrored_once)

    assert (run.status, run.reason, run.cause) == ("failed", "internal", "The portal made an error.")
    assert 'column "nothing" does not exist' in caplog.text


def test_more_lines_than_a_column_counts_fail_in_plain_words(
    mirrored_once: SmartAccount, nothing_changes: None, cisco: Account
) -> None:
    cisco.licenses[0]["licenseDetails"] = [{}] * 40_000

    assert synced(mirrored_once).cause == "A value that Cisco sent does not fit the portal's tables."


def test_second_request_gets_the_first_run(account: SmartAccount) -> None:
    first, first_created = sync_runs.request(account, "one")
    second, second_created = sync_runs.request(account, "two")

    assert (first_created, second_created) == (True, False)
    assert (first, second.requested_by) == (second, "one")


def test_database_refuses_a_second_unfinished_run(account: SmartAccount) -> None:
    sync_runs.request(account, "one")

    with pytest.raises(IntegrityError), transaction.atomic():
        SyncRun.objects.create(smart_account=account)


def test_paused_account_is_not_synced(account: SmartAccount) -> None:
    account.paused_at = timezone.now()

    with pytest.raises(Refusal) as refused:
        sync_runs.request(account, "test")

    assert (refused.value.message, refused.value.next_step) == ("Account is paused.", "Resume it first.")
    assert SyncRun.objects.count() == 0


def test_finished_run_is_not_run_again(mirrored_once: SmartAccount, nothing_changes: None) -> None:
    run = SyncRun.objects.get()

    assert syncing.run_sync(run).status == "succeeded"


def test_running_run_without_its_lock_is_failed_as_lost(account: SmartAccount, cisco: Account) -> None:
    run, _ = sync_runs.request(account, "test")
    SyncRun.objects.filter(pk=run.pk).update(status="running", started_at=timezone.now())

    assert sync_runs.fail_lost() == [run]
    run.refresh_from_db()
    assert (run.status, run.reason, run.cause) == ("failed", "lost", runs.LOST_CAUSE)


def test_run_that_a_dead_worker_began_is_not_begun_again(account: SmartAccount, cisco: Account) -> None:
    run, _ = sync_runs.request(account, "test")
    SyncRun.objects.filter(pk=run.pk).update(status="running", started_at=timezone.now())

    run = syncing.run_sync(run)

    assert (run.status, run.reason) == ("failed", "lost")
    assert VirtualAccount.objects.count() == 0


def test_request_fails_a_lost_run_and_makes_a_new_one(account: SmartAccount, cisco: Account) -> None:
    lost, _ = sync_runs.request(account, "test")
    SyncRun.objects.filter(pk=lost.pk).update(status="running", started_at=timezone.now())

    run, created = sync_runs.request(account, "again")

    assert (created, run.status, syncing.run_sync(run).status) == (True, "queued", "succeeded")


def test_progress_names_each_step_with_its_rows(account: SmartAccount, cisco: Account) -> None:
    seen: list[tuple[str, int, int | None]] = []
    run, _ = sync_runs.request(account, "test")

    syncing.run_sync(run, lambda step, done, total: seen.append((step, done, total)))

    assert seen == [
        ("Virtual accounts", 0, None),
        ("Virtual accounts", 2, 2),
        ("Licenses", 0, None),
        ("Licenses", 3, 3),
        ("Product instances", 0, None),
        ("Product instances", 3, 3),
        ("Registration tokens of virtual accounts", 0, 2),
        ("Registration tokens of virtual accounts", 1, 2),
        ("Comparing", 0, None),
    ]


def test_progress_is_written_while_it_runs_and_not_at_every_page(
    account: SmartAccount, cisco: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[dict[str, object]] = []
    clock = iter(range(0, 100, 2))
    monkeypatch.setattr("licensing.mirror.sync.fetching.monotonic", lambda: next(clock) / 4)
    run, _ = sync_runs.request(account, "test")

    syncing.run_sync(run, lambda *_: steps.append(SyncRun.objects.get(pk=run.pk).progress))

    written = [step for before, step in pairwise(steps) if step != before]
    assert steps[0] == {"step": "Signing in", "done": 0, "total": None}
    assert 0 < len(written) < len(steps) - 1


def test_run_that_was_failed_meanwhile_writes_nothing(mirrored_once: SmartAccount, nothing_changes: None) -> None:
    run, _ = sync_runs.request(mirrored_once, "test")

    def fail_it(step: str, done: int, total: int | None) -> None:
        SyncRun.objects.filter(pk=run.pk).update(status="failed", reason="lost")

    assert syncing.run_sync(run, fail_it).reason == "lost"


def test_interrupted_sync_says_so_and_ends_the_process(mirrored_once: SmartAccount, nothing_changes: None) -> None:
    run, _ = sync_runs.request(mirrored_once, "test")

    def interrupt(step: str, done: int, total: int | None) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        syncing.run_sync(run, interrupt)

    run.refresh_from_db()
    assert (run.status, run.cause) == ("failed", "The sync was interrupted.")


def test_two_threads_that_sync_at_once_do_it_once(committed: None, emulator: EmulatorThread, cisco: Account) -> None:
    connection.set_tenant(Partner.objects.get(schema_name="acme"))
    account = account_of(emulator)
    inside, go_on = threading.Event(), threading.Event()
    answers: list[str] = []

    def wait(step: str, done: int, total: int | None) -> None:
        inside.set()
        go_on.wait(20)

    def first() -> None:
        connection.set_tenant(Partner.objects.get(schema_name="acme"))
        run, _ = sync_runs.request(account, "first")
        answers.append(syncing.run_sync(run, wait).status)
        connection.close()

    thread = threading.Thread(target=first)
    thread.start()
    inside.wait(20)
    run, created = sync_runs.request(account, "second")
    answers.append(syncing.run_sync(run).status)
    lost = sync_runs.fail_lost()
    go_on.set()
    thread.join(20)

    assert (created, lost, answers) == (False, [], ["running", "succeeded"])
    assert SyncRun.objects.count() == 1
    assert ProductInstance.objects.count() == 3
    assert SyncRun.objects.get().finished_at - SyncRun.objects.get().started_at < timedelta(seconds=20)
