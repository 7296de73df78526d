"""Word the values of a change on a page: `{% for sentence in change.values|value_sentences %}`."""

from typing import Any

from django import template

from licensing.mirror.changes import words

register = template.Library()


@register.filter
def value_sentences(values: dict[str, Any]) -> list[str]:
    """Return a sentence for each value that changed, and for the first parts of each list."""
    return words.describe(values, words.PARTS_SHOWN)
