"""Bind every task to one partner, and dispatch the jobs that are due."""

from typing import Any

from celery import current_app, shared_task
from django.conf import settings
from django.core.cache import cache
from django.db import connection
from django.utils import timezone
from django_tenants.utils import get_public_schema_name
from tenant_schemas_celery.task import TenantTask

from tenants import schedule, watchdog
from tenants.models import Partner

HEADER = "_schema_name"
BEAT_SEEN = "beat-seen"


class PartnerUnavailable(Exception):
    """The message names no partner, or one that is unknown, not ready or suspended. The task did not run."""


class PartnerTask(TenantTask):
    """Run in the schema of the partner that the message names, or not at all.

    tenant-schemas-celery switches the schema in a signal handler, and Celery goes on when a handler fails: a task for
    an unknown partner would run in public. `before_start` therefore checks what the switch did.
    `public=True` marks the few tasks that work on the registry.
    """

    abstract = True
    public = False

    def apply_async(self, *args: Any, **options: Any) -> Any:
        """Send the task. Raises PartnerUnavailable for a partner's task that is sent from outside of a partner."""
        headers = options.get("headers") or {}
        if not self.public and headers.get(HEADER, connection.schema_name) == get_public_schema_name():
            raise PartnerUnavailable(f"{self.name} was sent from outside of a partner. Send it within tenant_context.")
        return super().apply_async(*args, **options)

    def before_start(self, task_id: str, args: Any, kwargs: Any) -> None:
        named = (self.request.headers or {}).get(HEADER) or self.request.get(HEADER)
        if self.public:
            connection.set_schema_to_public()
        elif not named or named == get_public_schema_name():
            raise PartnerUnavailable(f"{self.name} names no partner, so it did not run.")
        elif connection.schema_name != named or not Partner.objects.active().filter(schema_name=named).exists():
            raise PartnerUnavailable(f"{self.name} is for partner {named!r}, who is unknown, suspended or not ready.")
        super().before_start(task_id, args, kwargs)

    def on_success(self, retval: Any, task_id: str, args: Any, kwargs: Any) -> None:
        if not self.public and self.name in settings.SCHEDULED_TASKS.values():
            schedule.record_done(self.name, args)
            watchdog.record_done(self.name)
        super().on_success(retval, task_id, args, kwargs)


@shared_task(name="tenants.tasks.dispatch", base=PartnerTask, public=True)
def dispatch() -> int:
    """Send every due job to the workers. Returns how many were sent."""
    cache.set(BEAT_SEEN, timezone.now(), timeout=None)
    due = schedule.take_due()
    for job in due:
        current_app.send_task(
            settings.SCHEDULED_TASKS[job.job],
            args=[job.subject_id] if job.subject_id else [],
            headers={HEADER: job.schema},
            expires=max(job.every.total_seconds() * 0.9, 60),
        )
    return len(due)
