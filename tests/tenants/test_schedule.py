"""What is due is taken once, moved on and spread."""

from datetime import timedelta

from django.utils import timezone
from django_tenants.utils import tenant_context

from tenants import schedule
from tenants.models import Partner, ScheduledJob
from tenants.provisioning import suspend

HOUR = timedelta(hours=1)


def plan_due(partner: Partner, job: str = "sync", subject_id: int = 1) -> None:
    with tenant_context(partner):
        schedule.plan(job, HOUR, subject_id, first_at=timezone.now() - timedelta(minutes=1))


def test_due_job_is_taken_once_and_moved_on_by_about_its_interval(acme: Partner, globex: Partner) -> None:
    plan_due(acme)
    plan_due(globex, subject_id=7)
    now = timezone.now()

    first, second = schedule.take_due(now), schedule.take_due(now)

    assert [(job.schema, job.job, job.subject_id) for job in first] == [("acme", "sync", 1), ("globex", "sync", 7)]
    assert second == []
    for row in ScheduledJob.objects.filter(job="sync"):
        assert timedelta(minutes=54) <= row.next_run_at - now <= timedelta(minutes=66)


def test_jobs_of_suspended_unready_and_provider_partners_are_left_alone(acme: Partner, globex: Partner) -> None:
    plan_due(acme)
    plan_due(globex)
    suspend(globex, "unpaid")
    Partner.objects.filter(pk=acme.pk).update(ready=False)

    assert schedule.take_due() == []


def test_hour_without_beat_is_caught_up_with_one_run(acme: Partner) -> None:
    schedule.plan("sync", timedelta(minutes=15), first_at=timezone.now() - HOUR)

    taken = [schedule.take_due() for _ in range(4)]

    assert [len(jobs) for jobs in taken] == [1, 0, 0, 0]


def test_shorter_interval_brings_the_next_run_forward(acme: Partner) -> None:
    schedule.plan("sync", timedelta(days=1), 1, first_at=timezone.now() + timedelta(hours=20))

    schedule.plan("sync", HOUR, 1)

    due_at = schedule.next_run_at("sync", 1)
    assert due_at is not None
    assert due_at <= timezone.now() + HOUR


def test_unplanned_job_is_gone_for_this_partner_only(acme: Partner, globex: Partner) -> None:
    plan_due(acme)
    plan_due(globex)

    schedule.unplan("sync", 1)

    assert [job.schema for job in schedule.take_due()] == ["globex"]


def test_first_run_is_spread_over_the_interval(acme: Partner) -> None:
    for number in range(20):
        schedule.plan("sync", timedelta(days=1), number + 1)

    moments = set(ScheduledJob.objects.filter(job="sync").values_list("next_run_at", flat=True))
    assert len(moments) == 20
