"""How old a figure may be that is fetched at an interval."""

from datetime import datetime, timedelta

# Of two intervals one may fail. Figures older than that are outdated: they say nothing about today.
OUTDATED_INTERVALS = 2


def is_outdated(synced_at: datetime | None, every: timedelta, now: datetime) -> bool:
    """Return whether figures of that sync are too old to rely on. Figures that were never synced are."""
    return synced_at is None or now - synced_at > every * OUTDATED_INTERVALS


def outdated_after(account: str) -> str:
    """Return SQL for the age at which figures of the account, a table or its alias, are outdated."""
    return f"{account}.sync_every * {OUTDATED_INTERVALS}"
