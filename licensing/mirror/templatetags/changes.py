"""Word the values of a change on a page: `{% for sentence in change.values|value_sentences %}`."""

from typing import Any

from django import template
from django.urls import reverse

from licensing.mirror.changes import words
from licensing.mirror.models import Change

register = template.Library()


@register.simple_tag
def history_address(change: Change) -> str:
    """Return the address of the page that lists all changes of the object."""
    return reverse(f"{change.object_type.replace('_', '-')}-changes", args=[change.object_id])


@register.filter
def value_sentences(values: dict[str, Any]) -> list[str]:
    """Return a sentence for each value that changed, and for the first parts of each list."""
    return words.describe(values, words.PARTS_SHOWN)
