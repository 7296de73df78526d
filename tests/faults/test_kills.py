"""A worker is killed at five points of a sync. Nothing is lost or wrongly gone, the cause stands there, and the next
sync ends equal to Cisco's side without anybody cleaning up.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import psycopg
import pytest
from django.utils import timezone

from licensing.accounts.models import SmartAccount
from licensing.alerts import evaluation
from licensing.cisco.emulator.state import Account
from licensing.mirror.models import SyncRun
from licensing.mirror.sync import runs
from tenants.models import ScheduledJob
from tests.faults.conftest import Stack, Stuck, change_much, kill_child, wait_for
from tests.mirror_rows import linked_wrongly, listed, mirrored

HELD = {
    "before the merge": "SELECT 1 FROM accounts_smartaccount FOR UPDATE",
    "in the merge": "LOCK TABLE mirror_usagesample IN EXCLUSIVE MODE",
    "after the merge": evaluation.LOCK,
}
CALLS = {"before the first listing": ("/virtual-accounts", 0), "between two pages": ("/devices", 500)}


@pytest.fixture(scope="module", autouse=True)
def worker(stack: Stack) -> Iterator[None]:
    stack.start_worker()
    yield
    stack.end_workers()


@contextmanager
def held_up(stack: Stack, stuck: Stuck, point: str) -> Iterator[None]:
    """Within, the worker that is at the run waits at that point."""
    if point in CALLS:
        stuck.path, stuck.offset = CALLS[point]
        yield
        stuck.released = True
    else:
        with stack.locked(HELD[point]):
            yield


def is_there(stack: Stack, stuck: Stuck, point: str) -> bool:
    return stuck.reached.is_set() if point in CALLS else stack.somebody_waits()


@pytest.mark.parametrize("point", [*CALLS, *HELD])
def test_killed_worker(stack: Stack, stuck: Stuck, account: SmartAccount, cisco: Account, point: str) -> None:
    before = mirrored(account)
    change_much(cisco)
    run = stack.request(account)
    with held_up(stack, stuck, point):
        stack.send("run_sync", run.pk)
        wait_for(lambda: is_there(stack, stuck, point))
        kill_child(stack.workers[0])
    wait_for(lambda: not stack.somebody_waits())
    wait_for(lambda: not holds_its_lock(stack, account))
    stack.send("evaluate_alerts")
    run = stack.ended(run)

    if point == "after the merge":
        assert (run.status, mirrored(account)) == ("succeeded", listed(cisco))
    else:
        assert (run.status, run.reason, run.cause) == ("failed", "lost", runs.LOST_CAUSE)
        assert mirrored(account) == before

    again = stack.request(account)
    stack.send("run_sync", again.pk)
    assert stack.ended(again).status == "succeeded"
    assert mirrored(account) == listed(cisco)
    assert linked_wrongly(account) == 0


def holds_its_lock(stack: Stack, account: SmartAccount) -> bool:
    with psycopg.connect(stack.urls.database_url, autocommit=True) as other:
        other.execute("SET search_path = acme")
        key = runs.LOCK.key(str(account.pk))
        return not other.execute(f"SELECT pg_try_advisory_lock({key})").fetchone()[0]


@contextmanager
def between_two_pages(stack: Stack, stuck: Stuck, account: SmartAccount) -> Iterator[SyncRun]:
    """Within, a worker is in the middle of this run."""
    run = stack.request(account)
    with held_up(stack, stuck, "between two pages"):
        stack.send("run_sync", run.pk)
        wait_for(stuck.reached.is_set)
        yield run


def test_message_that_is_delivered_again_after_a_kill_does_not_start_it_again(
    stack: Stack, stuck: Stuck, account: SmartAccount, cisco: Account
) -> None:
    with between_two_pages(stack, stuck, account) as run:
        kill_child(stack.workers[0])  # its parent puts the message back, and another child takes it

    assert stack.ended(run).reason == "lost"
    assert SyncRun.objects.count() == 2


def test_worker_that_does_not_come_back_is_missed_within_two_minutes(
    stack: Stack, stuck: Stuck, account: SmartAccount, cisco: Account
) -> None:
    with between_two_pages(stack, stuck, account) as run:
        watch = ScheduledJob.objects.get(job="watch_sync", subject_id=run.pk)
        stack.end_workers()  # and its message with it
    wait_for(lambda: not holds_its_lock(stack, account))
    stack.start_worker()
    stack.send("watch_sync", run.pk)

    assert stack.ended(run).reason == "lost"
    assert watch.every == timedelta(minutes=1)
    assert watch.next_run_at < timezone.now() + timedelta(minutes=1)
    wait_for(lambda: not ScheduledJob.objects.filter(job="watch_sync", subject_id=run.pk).exists())


def test_command_that_is_killed_is_missed_as_well(
    stack: Stack, stuck: Stuck, account: SmartAccount, cisco: Account
) -> None:
    with held_up(stack, stuck, "between two pages"):
        command = stack.sync_in_its_own_process()
        wait_for(stuck.reached.is_set)
        command.kill()
        command.communicate()
    run = SyncRun.objects.get(status=SyncRun.Status.RUNNING)
    assert ScheduledJob.objects.filter(job="watch_sync", subject_id=run.pk).exists()
    wait_for(lambda: not holds_its_lock(stack, account))
    stack.send("watch_sync", run.pk)

    assert stack.ended(run).reason == "lost"


def test_worker_that_ends_its_sync_is_watched_no_more(stack: Stack, account: SmartAccount, cisco: Account) -> None:
    run = stack.request(account)
    stack.send("run_sync", run.pk)

    assert stack.ended(run).status == "succeeded"
    wait_for(lambda: not ScheduledJob.objects.filter(job="watch_sync", subject_id=run.pk).exists())
