"""Plan what is done regularly for batches and for auto registration."""

from datetime import datetime, timedelta

from django.utils import timezone

from tenants import schedule

# How often a batch is looked at while its window is open; its jobs move it on as well.
BATCH_EVERY = timedelta(minutes=1)
AUTO_REGISTRATION_EVERY = timedelta(minutes=15)


def plan_batch(batch_id: int, window_start: datetime) -> None:
    """Look at a batch from the start of its window on, until it is over."""
    schedule.plan("batch", BATCH_EVERY, batch_id, window_start)


def unplan_batch(batch_id: int) -> None:
    schedule.unplan("batch", batch_id)


def plan_auto_registration(option_id: int) -> None:
    """Register automatically from the next tick of beat on."""
    schedule.plan("auto_registration", AUTO_REGISTRATION_EVERY, option_id, timezone.now())


def unplan_auto_registration(option_id: int) -> None:
    schedule.unplan("auto_registration", option_id)
