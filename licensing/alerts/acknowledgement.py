"""Who takes care of an alert."""

from django.db import transaction
from django.db.models.functions import Coalesce
from django.utils import timezone

from licensing.models import Alert, AlertEvent
from licensing.refusals import Refusal
from people import audit


@transaction.atomic
def acknowledge(actor: audit.Actor, alert: Alert) -> None:
    """Mark an open alert as seen; whoever is first becomes its owner. A second time changes nothing."""
    before = audit.snapshot(alert)
    values = {"acknowledged_at": timezone.now(), "owner": Coalesce("owner", actor.user.pk if actor.user else None)}
    changed = Alert.objects.open().filter(pk=alert.pk, acknowledged_at=None).update(**values)
    alert.refresh_from_db()
    if changed:
        audit.record(actor, "acknowledged", alert, before=before)
        AlertEvent.objects.create(
            alert=alert,
            kind=AlertEvent.Kind.ACKNOWLEDGED,
            at=alert.acknowledged_at or timezone.now(),
            by=actor.label,
            severity=alert.severity,
        )
    elif alert.acknowledged_at is None:
        raise Refusal(
            "This alert has closed by itself, so nothing is left to acknowledge.", "Reload the list of alerts."
        )
