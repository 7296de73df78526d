"""Tell whether the jobs that every partner needs are done: the provider by the registry, pages by the cache.

A job that has not succeeded for three of its intervals and five minutes is late, whatever the reason: beat does not
run, no worker takes the message, or the task fails. licensing.channels reports deliveries that fail.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.db.models import DateTimeField, ExpressionWrapper, F
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.utils import timezone
from django.utils.functional import SimpleLazyObject
from redis.exceptions import RedisError

from tenants.models import Partner, ScheduledJob

# job -> the words of its warning
WATCHED = {"alerts": "Alerts have not been evaluated", "deliver": "Notifications have not been sent"}
INTERVALS, GRACE = 3, timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Late:
    """A job of a partner is late. It last succeeded at `since`."""

    partner: str
    schema: str
    job: str
    since: datetime


def late_jobs(now: datetime | None = None) -> list[Late]:
    """Return the late jobs of all active partners, the longest silence first, with one query."""
    now = now or timezone.now()
    since = Coalesce("last_done_at", "partner__created_at")
    limit = ExpressionWrapper(F("since") + F("every") * INTERVALS, output_field=DateTimeField())
    rows = (
        ScheduledJob.objects.filter(job__in=WATCHED, partner__in=Partner.objects.active())
        .annotate(since=since)
        .annotate(limit=limit)
        .filter(limit__lt=now - GRACE)
        .order_by("since", "pk")
    )
    return [Late(*row) for row in rows.values_list("partner__name", "partner__schema_name", "job", "since")]


def since(job: ScheduledJob) -> datetime:
    """Return when a job last succeeded, or when its partner was created if it never did."""
    return job.last_done_at or job.partner.created_at


def is_late(job: ScheduledJob, now: datetime | None = None) -> bool:
    """Return whether a job is late, by the same rule as `late_jobs`. The row needs its partner at hand."""
    return job.job in WATCHED and since(job) + job.every * INTERVALS < (now or timezone.now()) - GRACE


def record_done(task: str) -> None:
    """Record in the cache, for the partner's own pages, that a watched task has succeeded."""
    for job in WATCHED:
        if settings.SCHEDULED_TASKS[job] == task:
            cache.set(_key(job), timezone.now(), timeout=None)


def warnings(request: HttpRequest) -> dict[str, Any]:
    """Return the template context of a partner's pages: `watchdog`, sentences about late jobs. Makes no query."""
    return {"watchdog": SimpleLazyObject(_list_warnings)}


def _list_warnings() -> list[str]:
    try:
        done = cache.get_many([_key(job) for job in WATCHED])
    except RedisError:
        return []
    now, found = timezone.now(), []
    for job, words in WATCHED.items():
        at = done.get(_key(job))
        if at and now - at > settings.PARTNER_JOBS[job] * INTERVALS + GRACE:
            found.append(f"{words} since {timezone.localtime(at):%-d %b %Y, %H:%M %Z}.")
    return found


def _key(job: str) -> str:
    return f"watchdog-{job}"
