"""Make and revoke the addresses that show one statement without a sign-in, until they expire."""

import hashlib
import secrets
from datetime import datetime, timedelta

from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from kit.refusals import Refusal
from licensing.statements.models import Statement, StatementLink
from people import audit
from people.audit import Actor

DEFAULT_DAYS, MOST_DAYS = 30, 365
# A link that is followed often writes its last use once an hour.
NOTED_EVERY = timedelta(hours=1)


@transaction.atomic
def make(actor: Actor, statement: Statement, days: int = DEFAULT_DAYS) -> tuple[StatementLink, str]:
    """Return a new link and its path. The path holds the secret and is shown this one time."""
    if not 1 <= days <= MOST_DAYS:
        raise Refusal("A link works for 1 to 365 days.", "Enter 1 to 365.", "expires_after_days")
    secret = secrets.token_urlsafe(32)
    link = StatementLink.objects.create(
        statement=statement,
        digest=digest_of(secret),
        created_by=actor.label,
        expires_at=timezone.now() + timedelta(days=days),
    )
    audit.record(actor, "made a link to", statement, changes={"expires_at": [None, link.expires_at.isoformat()]})
    return link, reverse("statement-shared", args=[secret])


@transaction.atomic
def revoke(actor: Actor, link: StatementLink) -> None:
    """End a link now. A link that no longer works is left as it is."""
    row = StatementLink.objects.select_for_update().get(pk=link.pk)
    if row.state == "active":
        row.revoked_at = timezone.now()
        row.save(update_fields=["revoked_at"])
        audit.record(actor, "revoked a link to", row.statement, changes={})


def find(secret: str) -> StatementLink | None:
    """Return the working link that this secret opens."""
    rows = StatementLink.objects.working().select_related("statement__logo", "statement__corrected_by")
    return rows.filter(digest=digest_of(secret)).first()


def note_use(link: StatementLink, now: datetime) -> None:
    if link.last_used_at is None or link.last_used_at < now - NOTED_EVERY:
        StatementLink.objects.filter(pk=link.pk).update(last_used_at=now)


def digest_of(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
