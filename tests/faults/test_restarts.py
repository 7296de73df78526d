"""PostgreSQL and the broker restart in the middle of a sync, and two workers race for one."""

import os
import signal
from itertools import pairwise

import psycopg
from django.db import connection

from licensing.accounts.models import SmartAccount
from licensing.cisco.emulator.state import Account
from licensing.mirror.models import SyncRun
from tests.faults.conftest import Stack, Stuck, change_much, outcome, wait_for
from tests.mirror_rows import linked_wrongly, listed, mirrored


def crash_postgres(stack: Stack) -> None:
    """Kill one of its processes: it ends all sessions, recovers, and starts again in its place."""
    with psycopg.connect(stack.urls.database_url) as victim:
        os.kill(victim.info.backend_pid, signal.SIGKILL)
    connection.close()


def test_postgres_restarts(stack: Stack, stuck: Stuck, account: SmartAccount, cisco: Account) -> None:
    before = mirrored(account)
    change_much(cisco)
    stuck.path, stuck.offset = "/devices", 500
    process = stack.sync_in_its_own_process()
    wait_for(stuck.reached.is_set)

    crash_postgres(stack)
    stuck.released = True

    status, run = outcome(process)
    assert (status, run["status"]) == (1, "failed")
    assert run["cause"] == "The connection to the database was lost. The next sync starts automatically."
    assert mirrored(account) == before
    assert outcome(stack.sync_in_its_own_process())[0] == 0
    assert mirrored(account) == listed(cisco)


def test_broker_restarts(stack: Stack, stuck: Stuck, account: SmartAccount, cisco: Account) -> None:
    stack.start_worker()
    change_much(cisco)
    stuck.path = "/devices"
    run = stack.request(account)
    stack.send("run_sync", run.pk)
    wait_for(stuck.reached.is_set)

    broker = stack.servers.valkey
    password, _, address = stack.urls.redis_url.removeprefix("redis://:").partition("@")
    broker.stop()
    stuck.released = True
    assert stack.ended(run).status == "succeeded"
    broker._serve(int(address.partition("/")[0].partition(":")[2]), password)

    assert mirrored(account) == listed(cisco)
    again = stack.request(account)
    stack.send("run_sync", again.pk)
    assert stack.ended(again).counts["changed"] == 0
    stack.end_workers()


def test_two_workers_race(stack: Stack, account: SmartAccount, cisco: Account) -> None:
    for name in ("left", "right"):
        stack.start_worker(name)
    change_much(cisco)
    run = stack.request(account)
    for _ in range(4):
        stack.send("run_sync", run.pk)
        stack.send("sync_smart_account", account.pk)

    assert stack.ended(run).status == "succeeded"
    wait_for(lambda: not stack.unfinished_messages() and not SyncRun.objects.unfinished().exists())
    times = list(SyncRun.objects.order_by("started_at").values_list("status", "started_at", "finished_at"))
    assert {status for status, *_ in times} == {"succeeded"}
    assert all(first[2] <= second[1] for first, second in pairwise(times))
    assert SyncRun.objects.filter(created__gt=0).count() == 2  # the fixture's, and one of the race
    stack.end_workers()
    assert mirrored(account) == listed(cisco)
    assert linked_wrongly(account) == 0
