"""A run whose worker has died is failed by whoever looks at it, also where no worker is left that could find it."""

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django_tenants.utils import tenant_context

from licensing.accounts.models import SmartAccount
from licensing.accounts.schedules import next_sync_at, plan_sync
from licensing.alerts.models import Alert
from licensing.mirror.models import SyncRun
from licensing.mirror.sync import runs
from licensing.operations.tasks import watch_sync
from tenants import schedule
from tenants.models import Partner
from tests import factories as make


def dead(account: SmartAccount, **silent: int) -> SyncRun:
    moment = timezone.now() - timedelta(**silent or {"minutes": 2})
    return SyncRun.objects.create(
        smart_account=account,
        status="running",
        started_at=moment,
        heartbeat_at=moment,
        progress=runs.progress("Licenses", 5, 10),
    )


@pytest.fixture
def run(acme: Partner) -> SyncRun:
    account = make.make_smart_account(domain="acme.example", sync_every=timedelta(days=1))
    plan_sync(account)
    return dead(account)


@pytest.fixture
def others(globex: Partner) -> Iterator[SyncRun]:
    with tenant_context(globex):
        run = dead(make.make_smart_account(domain="globex.example"))
    yield run
    with tenant_context(globex):
        run.refresh_from_db()
        assert run.status == "running"


@pytest.mark.parametrize(
    "address", ["/", "/smart-accounts/", "/sync-runs/", "/sync-runs/{run}/", "/smart-accounts/{account}/"]
)
def test_pages_show_it_as_failed(acme: Partner, client_of: Any, run: SyncRun, others: SyncRun, address: str) -> None:
    page = client_of(acme, "viewer").get(address.format(run=run.pk, account=run.smart_account_id)).content.decode()

    assert page.replace(">Running</option>", "").count("Running") == 0
    assert re.search("Failed|Last sync failed", page.replace(">Failed</option>", ""))
    run.refresh_from_db()
    assert (run.status, run.reason, run.cause) == ("failed", "lost", runs.LOST_CAUSE)
    next_at = next_sync_at(run.smart_account)
    assert next_at is not None
    assert next_at < timezone.now() + timedelta(minutes=20)
    assert Alert.objects.open().get(kind="sync_failed").summary.startswith(f"The last sync failed. {runs.LOST_CAUSE}")


@pytest.mark.parametrize("address", ["/", "/sync-runs/{run}/", "/smart-accounts/{account}/sync/"])
def test_page_that_shows_its_progress_is_read_anew(acme: Partner, client_of: Any, run: SyncRun, address: str) -> None:
    path = address.format(run=run.pk, account=run.smart_account_id)

    answer = client_of(acme, "viewer").get(path, headers={"HX-Request": "true"})

    assert answer["HX-Refresh"] == "true"


def test_rest_answers_it_as_failed(acme: Partner, api_of: Any, run: SyncRun, others: SyncRun) -> None:
    [row] = api_of(acme, "viewer").get("/api/v1/sync-runs/").json()["results"]
    one = api_of(acme, "viewer").get(f"/api/v1/sync-runs/{run.pk}/").json()

    assert row == one
    assert (one["status"], one["reason"], one["cause"]) == ("failed", "lost", runs.LOST_CAUSE)
    assert (one["progress"], one["next_step"]) == ({}, runs.LOST_NEXT_STEP)


def test_rest_answers_one_of_them_as_failed(acme: Partner, api_of: Any, run: SyncRun) -> None:
    assert api_of(acme, "viewer").get(f"/api/v1/sync-runs/{run.pk}/").json()["status"] == "failed"


def test_list_of_running_ones_has_it_no_more(acme: Partner, api_of: Any, run: SyncRun) -> None:
    assert api_of(acme, "viewer").get("/api/v1/sync-runs/?status=running").json()["results"] == []


def test_silent_run_that_holds_its_lock_goes_on(acme: Partner, api_of: Any, run: SyncRun) -> None:
    assert runs.LOCK.take(run.smart_account_id)
    try:
        found = api_of(acme, "viewer").get(f"/api/v1/sync-runs/{run.pk}/").json()
    finally:
        runs.LOCK.release(run.smart_account_id)

    assert (found["status"], found["progress"]) == ("running", {"step": "Licenses", "done": 5, "total": 10})


def test_run_that_has_just_been_heard_is_not_looked_into(
    acme: Partner, api_of: Any, django_assert_num_queries: Any
) -> None:
    run = dead(make.make_smart_account(), seconds=5)

    assert api_of(acme, "viewer").get(f"/api/v1/sync-runs/{run.pk}/").json()["status"] == "running"


@pytest.mark.parametrize("address", ["/", "/smart-accounts/"])
def test_looking_for_them_takes_as_many_queries_for_three_as_for_one(
    acme: Partner, client_of: Any, run: SyncRun, address: str
) -> None:
    """Of those that go on: they are silent, and hold their locks."""
    client = client_of(acme, "viewer")
    runs.LOCK.take(run.smart_account_id)

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert "Running" in client.get(address).content.decode()
        return len(captured)

    queries()
    one = queries()
    others = [dead(make.make_smart_account(license_server=run.smart_account.license_server)) for _ in range(2)]
    for other in others:
        runs.LOCK.take(other.smart_account_id)
    try:
        assert queries() == one
    finally:
        for each in (run, *others):
            runs.LOCK.release(each.smart_account_id)


def test_watch_finds_it_and_ends(acme: Partner, run: SyncRun, others: SyncRun) -> None:
    schedule.plan("watch_sync", timedelta(minutes=1), run.pk)

    watch_sync(run.pk)

    run.refresh_from_db()
    assert (run.status, run.reason) == ("failed", "lost")
    assert schedule.next_run_at("watch_sync", run.pk) is None
    assert Alert.objects.open().filter(kind="sync_failed").exists()


def test_watch_of_a_run_that_goes_on_stays(acme: Partner, run: SyncRun) -> None:
    schedule.plan("watch_sync", timedelta(minutes=1), run.pk)
    runs.LOCK.take(run.smart_account_id)
    try:
        watch_sync(run.pk)
    finally:
        runs.LOCK.release(run.smart_account_id)

    run.refresh_from_db()
    assert run.status == "running"
    assert schedule.next_run_at("watch_sync", run.pk) is not None


def test_watch_of_a_run_that_is_gone_ends(acme: Partner) -> None:
    schedule.plan("watch_sync", timedelta(minutes=1), 7)

    watch_sync(7)

    assert schedule.next_run_at("watch_sync", 7) is None
