"""The calendar of due dates: one entry per open alert that has one, as iCalendar (RFC 5545)."""

import hashlib
import secrets
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from urllib.parse import urlsplit

from django.db import transaction
from django.urls import reverse
from django.utils import timezone
from icalendar import Calendar, Event

from licensing.alerts.models import Alert
from licensing.channels.models import CalendarFeed
from people import audit
from people.audit import Actor
from people.models import User

MOST = 2_000


def feed_of(secret: str) -> CalendarFeed | None:
    """The feed that this secret opens, of an active person."""
    digest = hashlib.sha256(secret.encode()).hexdigest()
    return CalendarFeed.objects.select_related("user").filter(digest=digest, user__is_active=True).first()


@transaction.atomic
def new_link(actor: Actor, user: User) -> str:
    """The secret part of the person's address, shown once. An earlier address stops working."""
    secret = secrets.token_urlsafe(32)
    digest = hashlib.sha256(secret.encode()).hexdigest()
    feed, _ = CalendarFeed.objects.update_or_create(
        user=user, defaults={"digest": digest, "created_at": timezone.now(), "last_used_at": None}
    )
    audit.record(actor, "made an address for", feed, changes={})
    return secret


@transaction.atomic
def revoke_link(actor: Actor, user: User) -> None:
    """Calendars that ask for it get nothing any more. Without one, nothing happens."""
    for feed in CalendarFeed.objects.filter(user=user):
        audit.record(actor, "revoked", feed, changes={})
        feed.delete()


def used(feed: CalendarFeed, now: datetime) -> None:
    """Remember it, once an hour: calendars ask often."""
    if feed.last_used_at is None or feed.last_used_at < now - timedelta(hours=1):
        CalendarFeed.objects.filter(pk=feed.pk).update(last_used_at=now)


def render(name: str, base_url: str) -> bytes:
    """The calendar. The same alerts give the same bytes, so that an unchanged feed can be told by its digest."""
    calendar = Calendar()
    calendar.add("prodid", "-//Smart Licensing Partner Portal//Due dates//EN")
    calendar.add("version", "2.0")
    calendar.add("method", "PUBLISH")
    calendar.add("x-wr-calname", f"{name}: licensing due dates")
    calendar.add("refresh-interval", timedelta(hours=1), parameters={"VALUE": "DURATION"})
    calendar.add("x-published-ttl", timedelta(hours=1))
    for entry in _entries(_due_alerts(), base_url):
        calendar.add_component(entry)
    return bytes(calendar.to_ical())


def _due_alerts() -> Iterable[Alert]:
    return Alert.objects.open().exclude(due_at=None).order_by("due_at", "pk")[:MOST]


def _entries(alerts: Iterable[Alert], base_url: str) -> Iterable[Event]:
    host = urlsplit(base_url).hostname
    for alert in alerts:
        assert alert.due_at
        entry, url = Event(), base_url + reverse("alert", args=[alert.pk])
        entry.add("uid", f"alert-{alert.pk}@{host}")
        entry.add("dtstamp", alert.opened_at.astimezone(UTC))
        entry.add("summary", f"{alert.get_kind_display()}: {alert.subject}")
        entry.add("description", "\n".join(filter(None, [alert.summary, alert.next_step, url])))
        entry.add("url", url)
        entry.add("categories", [alert.get_severity_display()])
        entry.add("transp", "TRANSPARENT")  # a due date is no meeting
        begin, end = _span(alert.due_at)
        entry.add("dtstart", begin)
        entry.add("dtend", end)
        yield entry


def _span(due: datetime) -> tuple[date, date] | tuple[datetime, datetime]:
    """A day where only the day is known (midnight where the portal stands), otherwise a moment in UTC.

    A day has no zone: it stays the same one in every calendar and over every change of clocks.
    """
    local = due.astimezone(timezone.get_default_timezone())
    if (local.hour, local.minute, local.second) == (0, 0, 0):
        return local.date(), local.date() + timedelta(days=1)
    moment = due.astimezone(UTC).replace(microsecond=0)
    return moment, moment + timedelta(minutes=15)
