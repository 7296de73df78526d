"""Celery tasks that reach clusters."""

from celery import shared_task

from licensing.fleet.access import settings
from licensing.fleet.models import ClusterAccess


@shared_task
def check_cluster_access(access_id: int) -> None:
    """Test the access to a cluster."""
    found = ClusterAccess.objects.select_related("cluster").filter(pk=access_id).first()
    if found:
        settings.check(found)
