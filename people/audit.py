"""Write audit entries. There is no other way to write one.

before = audit.snapshot(server)
... change and save ...
audit.record(actor, "changed", server, before=before)
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import models

from people.models import ApiToken, AuditEntry, User

MASK = "••••••"
# Columns whose values never enter the audit, by name. Secret columns (`secret = True`) do not either.
SECRET_NAMES = {"password", "digest"}
# Columns that say nothing about what a person did.
SILENT_NAMES = {"id", "uuid", "last_login", "last_used_at"}


@dataclass(frozen=True, slots=True)
class Actor:
    """An actor is a person, a person's API token, or (user None) the portal itself. `label` names it."""

    user: User | None
    label: str


SYSTEM = Actor(None, "portal")


@dataclass(frozen=True, slots=True)
class Event:
    """An event becomes one audit entry."""

    action: str
    row: models.Model
    before: dict[str, Any] | None = None
    changes: dict[str, list[Any]] | None = None


def actor_of(request: Any) -> Actor:
    """Return the actor of a request, of a page or of REST."""
    token = getattr(request, "auth", None)
    label = request.user.email + (f" (token {token.name})" if isinstance(token, ApiToken) else "")
    return Actor(request.user, label)


def snapshot(row: models.Model) -> dict[str, Any]:
    """Return the row's columns as JSON values. A mask tells only whether secrets are set or changed."""
    return {field.name: _json(field, row) for field in row._meta.concrete_fields if field.name not in SILENT_NAMES}


def record(
    actor: Actor,
    action: str,
    row: models.Model,
    before: dict[str, Any] | None = None,
    changes: dict[str, list[Any]] | None = None,
) -> AuditEntry | None:
    """Write what `actor` did to `row`. With `before`, the entry holds the differences; without any, none is written."""
    entry = _build_entry(actor, Event(action, row, before, changes))
    if entry:
        entry.save()
    return entry


def change(actor: Actor, action: str, row: models.Model, **values: Any) -> None:
    """Set and save these columns of a row, and record the differences. Without any, no entry is written."""
    before = snapshot(row)
    for name, value in values.items():
        setattr(row, name, value)
    row.save(update_fields=list(values))
    record(actor, action, row, before=before)


def record_many(actor: Actor, events: Iterable[Event]) -> None:
    """Write the entries of any number of events in few statements."""
    entries = (_build_entry(actor, event) for event in events)
    AuditEntry.objects.bulk_create([entry for entry in entries if entry], batch_size=1_000)


def latest(rows: Iterable[models.Model]) -> dict[models.Model, datetime]:
    """Return the time of the last entry of each row that has one, with one query per kind of row."""
    by_kind: dict[str, dict[str, models.Model]] = {}
    for row in rows:
        by_kind.setdefault(row._meta.model_name or "", {})[str(row.pk)] = row
    found: dict[models.Model, datetime] = {}
    for kind, known in by_kind.items():
        entries = AuditEntry.objects.filter(object_type=kind, object_id__in=list(known)).order_by()
        for number, at in entries.values_list("object_id").annotate(at=models.Max("at")):
            found[known[number]] = at
    return found


def _build_entry(actor: Actor, event: Event) -> AuditEntry | None:
    row, changes = event.row, event.changes
    if event.before is not None:
        changes = _find_differences(event.before, snapshot(row))
        if not changes:
            return None
    return AuditEntry(
        user=actor.user,
        actor=actor.label,
        action=event.action,
        object_type=row._meta.model_name or "",
        object_id=str(row.pk or ""),
        object_label=str(row)[:300],
        changes=changes or {},
    )


def _find_differences(before: dict[str, Any], after: dict[str, Any]) -> dict[str, list[Any]]:
    changed = (name for name in after if before.get(name) != after[name])
    return {name: [_mask(before.get(name)), _mask(after[name])] for name in changed}


class _Secret(str):
    """Stand in for a secret. The text compares by the stored value and is written as a mask."""


def _mask(value: Any) -> Any:
    return (MASK if value else "") if isinstance(value, _Secret) else value


def _json(field: Any, row: models.Model) -> Any:
    value = field.value_from_object(row)
    if field.name in SECRET_NAMES or getattr(field, "secret", False):
        return _Secret(field.get_prep_value(value) or "")
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, timedelta):
        return str(value)
    return str(value) if isinstance(value, Decimal | UUID) else value
