"""Turn events into deliveries, each exactly once: set-wise, in one transaction, one worker at a time for a partner."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from django.db import connection, transaction
from django.utils import timezone

from licensing.alerts import wording
from licensing.alerts.findings.catalogue import CONCERNED, IN_ACCOUNTS, IN_PARTS
from licensing.alerts.models import AlertEvent, Kind, Severity
from licensing.channels.delivery import mail, messages
from licensing.channels.delivery.messages import Item, Message
from licensing.channels.delivery.quiet_hours import release_at
from licensing.channels.models import Channel, Delivery, Notice

# The table's oid differs from schema to schema.
LOCK = "SELECT pg_advisory_xact_lock(hashtextextended(concat('notify ', 'channels_notice'::regclass::oid), 0))"

TAKE = "UPDATE alerts_alertevent SET collected_at = %(now)s WHERE collected_at IS NULL RETURNING id"

KIND_NAMES = {value: str(label) for value, label in Kind.choices}

RANK = "array_position(ARRAY['critical', 'major', 'minor', 'info'], {}::text)"

# Channels are narrowed as rules are. Only what belongs to no smart account passes a channel's smart accounts.
SCOPES = f"""
WITH rule AS (
    SELECT id, smart_accounts, virtual_accounts, licenses, customers, tags FROM channels_channel
    WHERE id = ANY(%(channels)s)
),
{CONCERNED}
"""
WANTED = f"""
FROM alerts_alertevent event
JOIN alerts_alert found ON found.id = event.alert_id
CROSS JOIN channels_channel channel
JOIN rule ON rule.id = channel.id
JOIN unnest(%(channels)s::bigint[], %(at)s::timestamptz[], %(critical_at)s::timestamptz[])
    AS release (channel_id, at, critical_at) ON release.channel_id = channel.id
WHERE event.id = ANY(%(events)s) AND {RANK.format("event.severity")} <= {RANK.format("channel.min_severity")}
    AND (channel.kinds = '{{}}' OR found.kind = ANY(channel.kinds))
    AND (found.smart_account_id IS NULL OR {IN_ACCOUNTS}) AND {IN_PARTS}
"""

INSERT = """
INSERT INTO channels_notice (channel_id, event_id, alert_id, not_before)
SELECT channel.id, event.id, event.alert_id,
    CASE event.severity WHEN 'critical' THEN release.critical_at ELSE release.at END
"""

# A severity that falls is no news; one that rises is, and the more so where it had not been told before. Who snoozed an
# alert has said that it may wait.
OPENINGS = f"""
{SCOPES} {INSERT} {WANTED} AND (
    event.kind IN ('opened', 'reopened', 'woken')
    OR event.kind = 'lead' AND coalesce(found.snoozed_until < event.at, true)
    OR event.kind = 'severity' AND coalesce(found.snoozed_until < event.at, true)
        AND {RANK.format("event.severity")} < coalesce((
        SELECT {RANK.format("earlier.severity")} FROM alerts_alertevent earlier
        WHERE earlier.alert_id = event.alert_id AND earlier.id < event.id ORDER BY earlier.id DESC LIMIT 1
    ), 99)
)
ON CONFLICT DO NOTHING
"""

# Whom it was told, or is about to be told, is told of its end, whatever the channel's filter says by now.
CLOSINGS = f"""
{INSERT}
FROM alerts_alertevent event
JOIN channels_channel channel ON channel.tell_closed
JOIN unnest(%(channels)s::bigint[], %(at)s::timestamptz[], %(critical_at)s::timestamptz[])
    AS release (channel_id, at, critical_at) ON release.channel_id = channel.id
WHERE event.id = ANY(%(events)s) AND event.kind = 'closed' AND EXISTS (
    SELECT FROM channels_notice told WHERE told.alert_id = event.alert_id AND told.channel_id = channel.id
)
ON CONFLICT DO NOTHING
"""

# What happened before goes with it, also where it waits for the end of quiet hours: told later, it would be untrue.
MARK = """
UPDATE channels_notice notice SET message = told.message
FROM unnest(%(channels)s::bigint[], %(alerts)s::bigint[], %(events)s::bigint[], %(messages)s::uuid[])
    AS told (channel_id, alert_id, event_id, message)
WHERE notice.channel_id = told.channel_id AND notice.alert_id = told.alert_id AND notice.message IS NULL
    AND notice.event_id <= told.event_id
"""


@dataclass(frozen=True, slots=True)
class Collected:
    """The number of events that were taken up, and of deliveries that were made."""

    events: int
    deliveries: int


@dataclass(slots=True)
class _Told:
    """Record which alert of which channel, as of which event, went into which message."""

    channels: list[int] = field(default_factory=list)
    alerts: list[int] = field(default_factory=list)
    events: list[int] = field(default_factory=list)
    messages: list[UUID] = field(default_factory=list)

    def add(self, channel: Channel, items: Iterable[Item], message: UUID) -> None:
        for item in items:
            self.channels.append(channel.pk)
            self.alerts.append(item.alert)
            self.events.append(item.event_id)
            self.messages.append(message)


def anything_new() -> bool:
    return AlertEvent.objects.filter(collected_at=None).exists()


@transaction.atomic
def collect(base_url: str, now: datetime | None = None) -> Collected:
    """Take up new events, and make the deliveries of what is due; `base_url` (https://host) leads the links.

    Killed at any point, nothing has happened; run by two at once, the second finds nothing left.
    """
    now = now or timezone.now()
    with connection.cursor() as cursor:
        cursor.execute(LOCK)
        cursor.execute(TAKE, {"now": now})
        events = [number for (number,) in cursor.fetchall()]
        channels = {channel.pk: channel for channel in Channel.objects.filter(enabled=True)}
        if events and channels:
            parameters = _releases(channels.values(), now) | {"events": events}
            cursor.execute(OPENINGS, parameters)
            cursor.execute(CLOSINGS, parameters)
    deliveries = _compose(channels, base_url, now) if channels else []
    Delivery.objects.bulk_create(deliveries)
    return Collected(len(events), len(deliveries))


def _releases(channels: Iterable[Channel], now: datetime) -> dict[str, list[Any]]:
    rows = [
        (channel.pk, release_at(channel, now, Severity.INFO), release_at(channel, now, Severity.CRITICAL))
        for channel in channels
    ]
    numbers, at, critical_at = map(list, zip(*rows, strict=True))
    return {"channels": numbers, "at": at, "critical_at": critical_at}


def _compose(channels: dict[int, Channel], base_url: str, now: datetime) -> list[Delivery]:
    due: dict[int, list[Item]] = defaultdict(list)
    for channel_id, item in _due_items(list(channels), now):
        due[channel_id].append(item)
    deliveries: list[Delivery] = []
    told = _Told()
    for channel_id, items in due.items():
        channel = channels[channel_id]
        for group in _groups(channel, items):
            message = uuid4()
            told.add(channel, group, message)
            deliveries += _deliveries(channel, group, message, base_url, now)
    if told.alerts:
        with connection.cursor() as cursor:
            cursor.execute(MARK, asdict(told))
    return deliveries


def _groups(channel: Channel, items: list[Item]) -> list[list[Item]]:
    """A message each; one for all in a digest, and where so many come at once that nobody would read them."""
    if channel.digest_at or len(items) > channel.storm_limit:
        return [items]
    return [[item] for item in items]


NOTICE_COLUMNS = ("channel_id", "alert_id", "event_id", "event__kind", "alert__kind", "event__severity")
ALERT_COLUMNS = (
    "alert__subject",
    "alert__summary",
    "alert__next_step",
    "alert__opened_at",
    "alert__closed_at",
    "alert__due_at",
)


def _due_items(channels: list[int], now: datetime) -> Iterable[tuple[int, Item]]:
    """Yield the items that are due. The last of several notices of one alert counts."""
    rows = (
        Notice.objects.filter(message=None, not_before__lte=now, channel__in=channels)
        .order_by("channel_id", "alert_id", "-event_id")
        .distinct("channel_id", "alert_id")
        .values_list(
            "channel_id",
            "alert_id",
            "event_id",
            "event__kind",
            "event__severity",
            "alert__kind",
            "alert__subject_type",
            "alert__subject_name",
            "alert__subject_place",
            "alert__facts",
            "alert__opened_at",
            "alert__closed_at",
            "alert__due_at",
        )
    )
    for channel_id, *columns in rows.iterator():
        yield channel_id, _item(now, *columns)


def _item(
    now: datetime,
    alert: int,
    event_id: int,
    event: str,
    severity: str,
    kind: str,
    subject_type: str,
    name: str,
    place: str,
    facts: dict[str, Any],
    opened_at: datetime,
    closed_at: datetime | None,
    due_at: datetime | None,
) -> Item:
    """Word the alert as it is now; where it has closed, as it was then."""
    words = wording.words(kind, facts, closed_at or now)
    return Item(
        alert=alert,
        event_id=event_id,
        event=event,
        kind=kind,
        kind_name=KIND_NAMES.get(kind, kind),
        severity=severity,
        subject=wording.subject(subject_type, name, place),
        summary=words.summary,
        next_step=words.next_step,
        opened_at=opened_at,
        closed_at=closed_at,
        due_at=due_at,
    )


def _deliveries(channel: Channel, items: list[Item], message: UUID, base_url: str, now: datetime) -> Iterable[Delivery]:
    for recipient in channel.addressees():
        delivery = Delivery(channel=channel, message=message, recipient=recipient, created_at=now, next_try_at=now)
        link = mail.unsubscribe_url(base_url, channel.uuid, recipient) if recipient else ""
        yield fill(delivery, messages.about_alerts(items, base_url, str(delivery.uuid), link))


def fill(delivery: Delivery, content: Message) -> Delivery:
    """Put in what this channel's kind sends."""
    delivery.subject, delivery.alert_count = content.subject, content.alert_count
    if delivery.channel.kind == Channel.Kind.WEBHOOK:
        delivery.body = content.body
    else:
        delivery.text = content.text
    if delivery.channel.kind == Channel.Kind.MAIL:
        delivery.html = content.html
    return delivery
