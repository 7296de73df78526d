"""Plan and dispatch recurring work, in the registry.

A table replaces one beat entry per partner: a short query finds what is due, and row locks let any number of beats and
workers dispatch at once. A job that could not run is sent once afterwards, not once for each missed tick.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from tenants.models import Partner, ScheduledJob

JITTER = 0.1
# One statement each: every sync plans and unplans the job that looks after it.
PLAN = """
INSERT INTO tenants_scheduledjob AS planned (partner_id, job, subject_id, every, next_run_at)
SELECT id, %(job)s, %(subject)s, %(every)s, %(at)s
FROM tenants_partner WHERE schema_name = %(schema)s AND kind = 'partner'
ON CONFLICT (partner_id, job, subject_id) DO UPDATE SET every = excluded.every,
    next_run_at = coalesce(%(first_at)s::timestamptz, least(planned.next_run_at, %(interval_ends)s::timestamptz))
WHERE planned.every <> excluded.every OR %(first_at)s::timestamptz IS NOT NULL
"""
UNPLAN = """
DELETE FROM tenants_scheduledjob planned USING tenants_partner partner
WHERE partner.id = planned.partner_id AND partner.schema_name = %(schema)s
    AND planned.job = %(job)s AND planned.subject_id = %(subject)s
"""
MOST_PER_ROUND = 200


@dataclass(frozen=True, slots=True)
class DueJob:
    schema: str
    job: str
    subject_id: int
    every: timedelta


def plan(job: str, every: timedelta, subject_id: int = 0, first_at: datetime | None = None) -> None:
    """Run `job` for the present partner from `first_at` (default: a random moment of the first interval) on.

    Planning again changes the interval and brings the next run forward where the new interval ends earlier.
    """
    now = timezone.now()
    wanted = {
        "schema": connection.schema_name,
        "job": job,
        "subject": subject_id,
        "every": every,
        "at": first_at or now + every * random.random(),  # noqa: S311 - spreading load
        "first_at": first_at,
        "interval_ends": now + every,
    }
    with connection.cursor() as cursor:
        cursor.execute(PLAN, wanted)
        if not cursor.rowcount:  # planned already, or the partner is unknown
            Partner.objects.partners().get(schema_name=connection.schema_name)


def unplan(job: str, subject_id: int = 0) -> None:
    with connection.cursor() as cursor:
        cursor.execute(UNPLAN, {"schema": connection.schema_name, "job": job, "subject": subject_id})


def next_run_at(job: str, subject_id: int = 0) -> datetime | None:
    """Return when the present partner's job is due, None if it is not planned (paused)."""
    rows = ScheduledJob.objects.filter(partner__schema_name=connection.schema_name, job=job, subject_id=subject_id)
    return rows.values_list("next_run_at", flat=True).first()


@transaction.atomic
def take_due(now: datetime | None = None) -> list[DueJob]:
    """Return at most MOST_PER_ROUND due jobs and plan the next run of each, after its interval give or take 10 %."""
    now = now or timezone.now()
    rows = list(
        ScheduledJob.objects.due(now)
        .select_related("partner")
        .select_for_update(skip_locked=True, of=("self",))
        .order_by("next_run_at")[:MOST_PER_ROUND]
    )
    for row in rows:
        row.last_sent_at = now
        row.next_run_at = now + row.every * random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311 - spreading load
    ScheduledJob.objects.bulk_update(rows, ["last_sent_at", "next_run_at"])
    return [DueJob(row.partner.schema_name, row.job, row.subject_id, row.every) for row in rows]


def record_done(task: str, args: Sequence[Any], now: datetime | None = None) -> None:
    """Record that a task of the present partner has succeeded. tenants.watchdog relies on it."""
    jobs = [job for job, name in settings.SCHEDULED_TASKS.items() if name == task]
    rows = ScheduledJob.objects.filter(partner__schema_name=connection.schema_name, job__in=jobs)
    rows.filter(subject_id=args[0] if args else 0).update(last_done_at=now or timezone.now())
