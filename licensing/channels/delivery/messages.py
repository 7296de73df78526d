"""Compose one message about one alert or many, as text, HTML, JSON and a line for a subject."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from django.template.loader import render_to_string
from django.urls import reverse

from licensing.alerts.models import Severity

# A mail of more is not read; the rest is a number and a link.
LISTED = 20
# A program reads more, and has REST for what is beyond.
IN_BODY = 1_000
RANK = {severity: place for place, severity in enumerate(Severity.values)}
OURS = {"event_id", "kind_name"}  # of an item: not told to receivers


@dataclass(frozen=True, slots=True)
class Item:
    """One alert as it stands in a message. `event` is an AlertEvent.Kind; times are ISO 8601 in UTC."""

    alert: int
    event_id: int
    event: str
    kind: str
    kind_name: str
    severity: str
    subject: str
    summary: str
    next_step: str
    opened_at: datetime
    closed_at: datetime | None
    due_at: datetime | None

    @property
    def url_path(self) -> str:
        return reverse("alert", args=[self.alert])

    @property
    def closed(self) -> bool:
        return self.event == "closed"

    @property
    def severity_name(self) -> str:
        return str(Severity(self.severity).label)

    def as_json(self, base_url: str) -> dict[str, Any]:
        values = {name: value for name, value in asdict(self).items() if name not in OURS}
        values["id"] = values.pop("alert")
        times = {name: value.isoformat() for name, value in values.items() if isinstance(value, datetime)}
        return {**values, **times, "url": base_url + self.url_path}


@dataclass(frozen=True, slots=True)
class Message:
    """Ready to be stored: nothing of it is computed when it is sent."""

    subject: str
    text: str
    html: str
    body: str
    alert_count: int


def about_alerts(items: Sequence[Item], base_url: str, delivery_id: str, unsubscribe_url: str = "") -> Message:
    """One message for all of `items`: the severe ones first, of them what is due first, and the closed ones last."""
    ordered = sorted(items, key=_urgency)
    subject = _one_line(_subject(ordered))
    context = {
        "subject": subject,
        "items": ordered[:LISTED],
        "single": ordered[0] if len(ordered) == 1 else None,
        "more": max(len(ordered) - LISTED, 0),
        "counts": _counts(ordered),
        "base_url": base_url,
        "list_url": base_url + reverse("alerts"),
        "unsubscribe_url": unsubscribe_url,
    }
    body = {
        "alerts": [item.as_json(base_url) for item in ordered[:IN_BODY]],
        "alert_count": len(ordered),
        "truncated": len(ordered) > IN_BODY,
    }
    return _message(context, "alerts", delivery_id, body)


def about_channel(
    kind: str, subject: str, paragraphs: Sequence[str], base_url: str, delivery_id: str, unsubscribe_url: str = ""
) -> Message:
    """A message without alerts: a test, or that another channel has died or works again."""
    context = {
        "subject": _one_line(subject),
        "paragraphs": paragraphs,
        "base_url": base_url,
        "list_url": base_url + reverse("channels"),
        "unsubscribe_url": unsubscribe_url,
    }
    return _message(context, kind, delivery_id, {"message": " ".join(paragraphs)})


def _urgency(item: Item) -> tuple[bool, int, bool, float, str, int]:
    due = item.due_at.timestamp() if item.due_at else 0.0
    return item.closed, RANK[item.severity], item.due_at is None, due, item.subject, item.alert


def _message(context: dict[str, Any], kind: str, delivery_id: str, body: dict[str, Any]) -> Message:
    subject = context["subject"]
    envelope = {"type": kind, "id": delivery_id, "subject": subject, "portal": context["base_url"], **body}
    return Message(
        subject=subject,
        text=render_to_string("channels/notify/message.txt", context).strip() + "\n",
        html=render_to_string("channels/notify/message.html", context),
        body=json.dumps(envelope, ensure_ascii=False, separators=(",", ":")),
        alert_count=body.get("alert_count", 0),
    )


def _subject(items: Sequence[Item]) -> str:
    if len(items) == 1:
        item = items[0]
        return f"{'Closed' if item.closed else item.severity_name}: {item.kind_name}: {item.subject}"
    still_open = [item for item in items if not item.closed]
    words = [f"{number} {name.lower()}" for name, number in _by_severity(still_open)]
    if closed := len(items) - len(still_open):
        words.append(f"{closed} closed")
    return f"{len(items):,} alerts: {', '.join(words)}"


def _by_severity(items: Sequence[Item]) -> list[tuple[str, str]]:
    found = Counter(item.severity for item in items)
    return [(str(Severity(severity).label), f"{found[severity]:,}") for severity in RANK if found[severity]]


def _counts(items: Sequence[Item]) -> list[tuple[str, str]]:
    """(kind, how many) for an overview of many; empty where the list says it all."""
    if len(items) <= LISTED:
        return []
    found = Counter(f"{item.kind_name}{', closed' if item.closed else ''}" for item in items)
    return [(name, f"{number:,}") for name, number in found.most_common()]


def _one_line(text: str) -> str:
    """A subject line: without line breaks, which mail headers refuse, and cut where it would not be read."""
    line = " ".join(text.split())
    return line if len(line) <= 200 else line[:199] + "…"
