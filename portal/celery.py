"""Create the Celery application. Its tasks derive from PartnerTask, which binds each run to one partner."""

import os
from typing import Any

from celery.signals import setup_logging
from django.conf import settings
from tenant_schemas_celery.app import CeleryApp

from portal.logs import configure_logging

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")

app = CeleryApp("portal", task_cls="tenants.tasks:PartnerTask")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@setup_logging.connect
def use_our_logging(**_: Any) -> None:
    """Keep Celery from replacing the logging configuration of the settings."""
    configure_logging(settings.LOG_LEVEL, json=settings.LOG_JSON)
