"""Save the filters of a list for one person, by the list's route."""

from django.db import transaction
from django.http import QueryDict

from kit.refusals import Refusal
from people import audit
from people.models import SavedFilter, User

MOST = 20
LONGEST = 1000


@transaction.atomic
def save(actor: audit.Actor, user: User, page: str, name: str, query: str) -> SavedFilter:
    """Save filters under a name, and replace those of the same name. Page and format are not saved."""
    kept = QueryDict(query, mutable=True)
    for passing in ("page", "format"):
        kept.pop(passing, None)
    text, name = kept.urlencode(), name.strip()
    if not name:
        raise Refusal("The filters need a name.", "Enter one.", "name")
    if not any(kept.values()):
        raise Refusal("No filter is set.", "Set the filters that you want to save first.", "name")
    if len(text) > LONGEST:
        raise Refusal("These filters are too long to save.", "Set fewer of them.", "name")
    mine = SavedFilter.objects.filter(user=user, page=page)
    if not mine.filter(name=name).exists() and mine.count() >= MOST:
        raise Refusal(f"You have saved {MOST} filters for this list already.", "Delete one first.", "name")
    row, added = SavedFilter.objects.update_or_create(user=user, page=page, name=name, defaults={"query": text})
    audit.record(actor, "added" if added else "changed", row)
    return row


@transaction.atomic
def delete(actor: audit.Actor, row: SavedFilter) -> None:
    audit.record(actor, "deleted", row, changes={})
    row.delete()
