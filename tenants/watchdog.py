"""Whether what must be done for every partner is done: by the registry for the provider, by the cache for pages.

A job that has not ended well for three of its intervals and five minutes is late, whatever the reason: beat does not
run, no worker takes the message, or the task fails. Deliveries that fail are another matter: see notify.
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

# job -> what a person is told is not done
WATCHED = {"alerts": "Alerts have not been evaluated", "deliver": "Notifications have not been sent"}
INTERVALS, GRACE = 3, timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Late:
    """A partner's job that has not ended well since `since`."""

    partner: str
    schema: str
    job: str
    since: datetime


def late_jobs(now: datetime | None = None) -> list[Late]:
    """Over all active partners, the longest silence first. One query on the registry."""
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
    """When it last ended well; before the first time, when its partner was made."""
    return job.last_done_at or job.partner.created_at


def is_late(job: ScheduledJob, now: datetime | None = None) -> bool:
    """The same rule as `late_jobs`, for a row with its partner at hand."""
    return job.job in WATCHED and since(job) + job.every * INTERVALS < (now or timezone.now()) - GRACE


def seen(task: str) -> None:
    """Note in the cache, for the partner's own pages, that a watched task has ended well."""
    for job in WATCHED:
        if settings.SCHEDULED_TASKS[job] == task:
            cache.set(_key(job), timezone.now(), timeout=None)


def warnings(request: HttpRequest) -> dict[str, Any]:
    """Template context of a partner's pages: `watchdog`, sentences on what has not been done. No query."""
    return {"watchdog": SimpleLazyObject(_sentences)}


def _sentences() -> list[str]:
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
