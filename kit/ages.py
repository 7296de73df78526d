"""Decide how old a figure may be that is fetched at an interval."""

from datetime import datetime, timedelta

# One of two fetches may fail. Older figures are outdated: they say nothing about today.
OUTDATED_INTERVALS = 2


def is_outdated(synced_at: datetime | None, every: timedelta, now: datetime) -> bool:
    """Return whether the figures of a sync are too old to rely on. Figures that were never synced always are."""
    return synced_at is None or now - synced_at > every * OUTDATED_INTERVALS


def outdated_after(account: str) -> str:
    """Return SQL for the age at which figures of an account are outdated. `account`: a table or its alias."""
    return f"{account}.sync_every * {OUTDATED_INTERVALS}"
