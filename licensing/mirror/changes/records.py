"""Find the recorded changes of a sync run, and decide how long changes are kept."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import QuerySet

from licensing.mirror.models import Change, SyncRun


def of_run(run: SyncRun) -> QuerySet[Change]:
    """Return the changes of a run in the order in which they were recorded.

    The bounds make PostgreSQL begin at the first of them, whichever index it takes. It finds them by `change_of_run`
    because it cannot tell that the range holds one run.
    """
    ordered = Change.objects.filter(sync_run__gte=run.pk, sync_run__lte=run.pk)
    first = ordered.order_by("sync_run_id", "id").values_list("id", flat=True).first()
    last = ordered.order_by("-sync_run_id", "-id").values_list("id", flat=True).first()
    if first is None or last is None:
        return Change.objects.none()
    return Change.objects.filter(sync_run=run, id__gte=first, id__lte=last).order_by("id")


def of_object(object_type: str, number: int) -> QuerySet[Change]:
    """Return the changes of one mirrored row, the newest first."""
    return Change.objects.filter(object_type=object_type, object_id=number).order_by("-at", "-id")


def kept_since(now: datetime) -> datetime:
    """Return the moment before which changes are deleted."""
    return now - timedelta(days=settings.CHANGE_DAYS)


def explain_none(run: SyncRun) -> str:
    """Return why a run without recorded changes has none."""
    if run.unfinished:
        return "This sync has not finished yet. Its changes appear when it succeeds."
    if run.status == SyncRun.Status.FAILED:
        return "This sync failed, so it changed nothing."
    if run.created or run.changed or run.gone or run.back:
        return f"The changes of this sync are no longer kept. The portal keeps changes for {settings.CHANGE_DAYS} days."
    return "This sync found everything as it was before."
