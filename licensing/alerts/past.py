"""Alerts and out-of-compliance clocks at a day in the past, as the portal itself kept them."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from django.db.models import OuterRef, Subquery

from kit.past import Past
from licensing.alerts.models import Alert, AlertEvent, Overage
from licensing.figures.dates import is_past
from licensing.figures.past import lasting_at
from licensing.history import reading
from licensing.history.models import LicenseState
from licensing.mirror.changes import rewinding

KINDS = AlertEvent.Kind
FOUND = (KINDS.OPENED, KINDS.REOPENED, KINDS.CLOSED, KINDS.SEVERITY, KINDS.LEAD)


def overages(day: date) -> Past | None:
    """Return the clocks that ran at the end of a day; None for today. Corrected starts count as they are corrected."""
    if not is_past(day):
        return None
    at = reading.end_of(day)
    states = LicenseState.objects.filter(license=OuterRef("license"), valid__contains=at)
    rows = lasting_at(Overage.objects.filter(since__lte=at), at, "ended_at").annotate(
        quantity_then=Subquery(states.values("quantity")[:1]), in_use_then=Subquery(states.values("in_use")[:1])
    )
    return Past(day, at, rows.select_related("license__virtual_account__smart_account"))


def alerts(day: date) -> Past | None:
    """Return the alerts that were open at the end of a day; None for today.

    Each says what it said at its last event up to then: what its figures were in between is not recorded.
    """
    if not is_past(day):
        return None
    at = reading.end_of(day)
    events = AlertEvent.objects.filter(alert=OuterRef("pk"), at__lte=at).order_by("-at", "-pk")
    listing = events.filter(kind__in=(KINDS.OPENED, KINDS.REOPENED, KINDS.CLOSED))
    found = events.filter(kind__in=FOUND)
    rows = Alert.objects.filter(opened_at__lte=at).annotate(
        listing=Subquery(listing.values("kind")[:1]),
        severity_then=Subquery(events.values("severity")[:1]),
        facts_then=Subquery(found.values("facts")[:1]),
        reopened_then=Subquery(events.filter(kind=KINDS.REOPENED).values("at")[:1]),
    )
    rows = rows.filter(listing__in=(KINDS.OPENED, KINDS.REOPENED))
    return Past(day, at, rewinding.finished(rows, lambda found: _set_alerts(found, at)))


def _set_alerts(found: Sequence[Any], at: datetime) -> None:
    for row in found:
        row.past_at, row.closed_at = at, None
        row.severity, row.facts, row.reopened_at = row.severity_then, row.facts_then, row.reopened_then
        # What people did with it, and what it then warned of, is in its events alone.
        row.due_at, row.lead, row.acknowledged_at, row.snoozed_until, row.owner = None, None, None, None, None
