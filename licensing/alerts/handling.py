"""Taking an alert into one's care: acknowledge, own, snooze, comment. Each leaves an AlertEvent and an audit entry.

`collected_at` of what people do is left to licensing.notify, like that of all events.
"""

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models.functions import Coalesce
from django.utils import timezone

from kit.refusals import Refusal
from licensing.alerts.models import Alert, AlertEvent
from people import audit
from people.gate import Need, may
from people.models import User

CLOSED = "This alert has already closed."
RELOAD = "Reload the list of alerts."
# Longer, and what was put off is forgotten.
SNOOZES_AT_MOST = timedelta(days=90)
COMMENT_LENGTH = 2000


@transaction.atomic
def acknowledge(actor: audit.Actor, alert: Alert) -> None:
    """Mark an open alert as seen; whoever is first becomes its owner. A second time changes nothing."""
    before = audit.snapshot(alert)
    values = {"acknowledged_at": timezone.now(), "owner": Coalesce("owner", actor.user.pk if actor.user else None)}
    changed = Alert.objects.open().filter(pk=alert.pk, acknowledged_at=None).update(**values)
    alert.refresh_from_db()
    if changed:
        _add_event(actor, alert, AlertEvent.Kind.ACKNOWLEDGED)
        audit.record(actor, "acknowledged", alert, before=before)
    elif alert.acknowledged_at is None:
        raise Refusal(CLOSED, RELOAD)


@transaction.atomic
def own(actor: audit.Actor, alert: Alert, owner: User | None) -> None:
    """Make somebody who may act on it its owner, or (None) nobody."""
    if owner and not may(owner, Need.OPERATE):
        raise Refusal(
            f"{owner} may not act on alerts.", "Choose an operator or an owner of your organisation.", "owner"
        )
    before = _lock_open(alert)
    if alert.owner == owner:
        return
    alert.owner = owner
    alert.save(update_fields=["owner"])
    _add_event(actor, alert, AlertEvent.Kind.OWNED, facts={"owner": str(owner) if owner else None})
    audit.record(actor, "changed", alert, before=before)


@transaction.atomic
def snooze(actor: audit.Actor, alert: Alert, until: datetime | None) -> None:
    """Say nothing of it until then, or (None) speak of it again. It stays open, and closes by itself as ever."""
    now = timezone.now()
    if until and not now < until <= now + SNOOZES_AT_MOST:
        days = SNOOZES_AT_MOST.days
        raise Refusal("The snooze must end in the future.", f"Choose a time within the next {days} days.", "until")
    before = _lock_open(alert)
    if alert.snoozed_until == until:
        return
    alert.snoozed_until = until
    alert.save(update_fields=["snoozed_until"])
    if until:
        _add_event(actor, alert, AlertEvent.Kind.SNOOZED, facts={"until": until.isoformat()})
    else:
        _add_event(actor, alert, AlertEvent.Kind.WOKEN)
    audit.record(actor, "snoozed" if until else "woken", alert, before=before)


@transaction.atomic
def comment(actor: audit.Actor, alert: Alert, text: str) -> None:
    """A closed alert may be commented too: what was learned from it belongs to its story."""
    text = text.strip()
    if not text:
        raise Refusal("The comment is empty.", "Write what others should know.", "text")
    if len(text) > COMMENT_LENGTH:
        raise Refusal(
            f"The comment has {len(text):,} characters.", f"Shorten it to {COMMENT_LENGTH:,} at most.", "text"
        )
    _add_event(actor, alert, AlertEvent.Kind.COMMENTED, comment=text)
    audit.record(actor, "commented", alert, changes={"comment": ["", text]})


def _lock_open(alert: Alert) -> dict[str, object]:
    """Return the row as it is now, locked until the transaction ends: an evaluation may close it at any moment."""
    current = Alert.objects.select_for_update().get(pk=alert.pk)
    if current.closed_at:
        raise Refusal(CLOSED, RELOAD)
    alert.refresh_from_db()
    return audit.snapshot(alert)


def _add_event(
    actor: audit.Actor, alert: Alert, kind: str, comment: str = "", facts: dict[str, Any] | None = None
) -> None:
    AlertEvent.objects.create(
        alert=alert,
        kind=kind,
        at=timezone.now(),
        by=actor.label[:254],
        comment=comment,
        facts=facts or {},
        severity=alert.severity,
    )
