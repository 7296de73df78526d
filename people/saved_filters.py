"""Filters of a list that a person keeps: theirs alone, by the list's route."""

from django.db import transaction
from django.http import QueryDict

from kit.refusals import Refusal
from people import audit
from people.models import SavedFilter, User

MOST = 20
LONGEST = 1000


@transaction.atomic
def save(actor: audit.Actor, user: User, page: str, name: str, query: str) -> SavedFilter:
    """Under a name that is taken, the filters of that name become these. Pages and sizes are left out."""
    kept = QueryDict(query, mutable=True)
    for passing in ("page", "format"):
        kept.pop(passing, None)
    text, name = kept.urlencode(), name.strip()
    if not name:
        raise Refusal("The filters need a name.", "Enter one.", "name")
    if not any(kept.values()):
        raise Refusal("No filter is set.", "Set the filters that you want to keep, then save them.", "name")
    if len(text) > LONGEST:
        raise Refusal("These filters are too long to keep.", "Set fewer of them.", "name")
    mine = SavedFilter.objects.filter(user=user, page=page)
    if not mine.filter(name=name).exists() and mine.count() >= MOST:
        raise Refusal(f"You keep {MOST} filters here already.", "Delete one first.", "name")
    row, added = SavedFilter.objects.update_or_create(user=user, page=page, name=name, defaults={"query": text})
    audit.record(actor, "added" if added else "changed", row)
    return row


@transaction.atomic
def delete(actor: audit.Actor, row: SavedFilter) -> None:
    audit.record(actor, "deleted", row, changes={})
    row.delete()
