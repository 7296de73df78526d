"""Who watches the watchman: late is said for the provider and for each partner, and an hour without beat is no pile."""

from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.utils import timezone
from django_tenants.utils import schema_context, tenant_context

from licensing.channels import tasks as telling
from licensing.operations import tasks
from tenants import schedule, watchdog
from tenants.models import Partner, ScheduledJob
from tenants.provisioning import resume, suspend
from tenants.tasks import BEAT_SEEN, HEADER, dispatch

HOUR = timedelta(hours=1)


@pytest.fixture
def all_done(acme: Partner, globex: Partner) -> None:
    ScheduledJob.objects.update(last_done_at=timezone.now())


def silent_since(partner: Partner, job: str, ago: timedelta) -> None:
    ScheduledJob.objects.filter(partner=partner, job=job).update(last_done_at=timezone.now() - ago)


@pytest.mark.parametrize(("job", "limit"), [("alerts", 50), ("deliver", 20)])
def test_late_after_three_intervals_and_five_minutes(all_done: None, acme: Partner, job: str, limit: int) -> None:
    silent_since(acme, job, timedelta(minutes=limit, seconds=-5))
    assert watchdog.late_jobs() == []

    silent_since(acme, job, timedelta(minutes=limit, seconds=5))

    (late,) = watchdog.late_jobs()
    assert (late.schema, late.job) == ("acme", job)
    row = ScheduledJob.objects.select_related("partner").get(partner=acme, job=job)
    assert watchdog.is_late(row)


def test_task_that_ends_well_is_done_and_one_that_fails_is_not(all_done: None, acme: Partner, globex: Partner) -> None:
    ScheduledJob.objects.update(last_done_at=timezone.now() - 3 * HOUR)
    with schema_context("public"):
        telling.deliver.apply(headers={HEADER: "acme"}, throw=True)
        telling.deliver.apply(headers={HEADER: "nobody"})

    assert {(late.schema, late.job) for late in watchdog.late_jobs()} == {
        ("acme", "alerts"),
        ("globex", "alerts"),
        ("globex", "deliver"),
    }


def test_suspended_partners_are_not_late_and_after_resuming_not_at_once(all_done: None, acme: Partner) -> None:
    suspend(acme, "unpaid")
    silent_since(acme, "alerts", 9 * HOUR)
    assert watchdog.late_jobs() == []

    resume(acme)

    assert watchdog.late_jobs() == []


def test_one_query_for_all_partners(all_done: None, django_assert_num_queries: Any) -> None:
    for ago in (timedelta(0), 9 * HOUR):
        ScheduledJob.objects.update(last_done_at=timezone.now() - ago)
        with django_assert_num_queries(1):
            watchdog.late_jobs()


def test_readiness_and_metrics_name_what_is_late(all_done: None, acme: Partner, provider: Partner) -> None:
    silent_since(acme, "deliver", 2 * HOUR)
    connection.set_schema_to_public()
    client = Client()

    assert client.get("/readyz").json()["watchdog"] == "late for 1 of 2 partners: deliver"
    figures = client.get("/metrics", headers={"host": "localhost"}).content.decode()
    assert 'portal_late_partners{job="deliver"} 1.0' in figures
    assert 'portal_late_partners{job="alerts"} 0.0' in figures
    assert 'portal_longest_silence_seconds{job="deliver"} 720' in figures


def test_banner_on_the_partners_pages(acme: Partner, globex: Partner, client_of: Any) -> None:
    with tenant_context(acme):
        cache.set("watchdog-alerts", timezone.now() - HOUR)

    assert "Alerts have not been evaluated since" in client_of(acme, "viewer").get("/").content.decode()
    assert "have not been" not in client_of(globex, "viewer").get("/").content.decode()

    with schema_context("public"):
        tasks.evaluate_alerts.apply(headers={HEADER: "acme"}, throw=True)
    assert "have not been" not in client_of(acme, "viewer").get("/").content.decode()


def test_provider_sees_who_is_late(all_done: None, acme: Partner, provider: Partner, client_of: Any) -> None:
    silent_since(acme, "alerts", 9 * HOUR)
    client = client_of(provider, "owner")

    assert "alerts since" in client.get("/admin/tenants/partner/").content.decode()
    assert "Late" in client.get("/admin/tenants/scheduledjob/").content.decode()


def test_hour_without_beat_is_said_and_leaves_no_pile(committed: None) -> None:
    """Four ticks of each job were missed; once beat is back, each is sent once."""
    from portal.celery import app

    hour_ago = timezone.now() - HOUR
    with schema_context("public"):
        ScheduledJob.objects.update(last_done_at=hour_ago, next_run_at=hour_ago)
        cache.set(BEAT_SEEN, hour_ago, timeout=None)

        answer = Client().get("/readyz").json()
        assert answer["beat"].startswith("was last seen 36")
        assert answer["watchdog"] == "late for 2 of 2 partners: alerts, deliver"

        app.control.purge()
        assert dispatch.run() == ScheduledJob.objects.count()
        assert dispatch.run() == 0
        with app.connection_for_read() as broker:
            waiting = broker.default_channel.client.llen("celery")
        assert waiting == ScheduledJob.objects.count()
        assert schedule.take_due() == []
        ScheduledJob.objects.update(last_done_at=timezone.now(), next_run_at=timezone.now() + timedelta(days=1))
    app.control.purge()
