"""Word the values of a change: "Status changed from out of compliance to in compliance".

Pages show the first few parts of a list and count the rest. Files show all of them.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any

from django.utils import timezone
from django.utils.dateformat import format as date_format

from kit.wording import counted
from licensing.mirror.models import License

PARTS_SHOWN = 5  # of each list, on a page
LABELS = {
    "is_default": "Default virtual account",
    "udi_pid": "Product",
    "uuid": "UUID",
    "registered_at": "Registration",
    "export_controlled": "Export control",
}
STATUS_LABELS = {value: label.lower() for value, label in License.Status.choices}
# What tells two lines apart. A line of the same order that differs in the rest has changed.
LINE_IDENTITY = ("type", "start", "end", "subscription_id", "order_number", "sku")

Parts = Mapping[str, Any]


def describe(values: Mapping[str, Any], parts_shown: int | None = None) -> list[str]:
    """Return a sentence for each field of {field: [old, new]}, and for the parts of lists.

    `parts_shown` limits the parts of each list; the last sentence counts the rest. None shows all parts.
    """
    sentences = [_describe_value(field, *pair) for field, pair in values.items() if field not in LISTS]
    for field in LISTS:
        if field in values:
            old, new = values[field]
            sentences += _describe_list(field, old, new, parts_shown)
    return sentences


def _describe_value(field: str, old: Any, new: Any) -> str:
    if field == "virtual_account":
        return f"Moved from {_word(old)} to {_word(new)}"
    label = LABELS.get(field, field.replace("_", " ").capitalize())
    if old in (None, ""):
        return f"{label} set to {_word(new)}"
    if new in (None, ""):
        return f"{label} {_word(old)} removed"
    return f"{label} changed from {_word(old)} to {_word(new)}"


def _word(value: Any) -> str:
    """Return a value as pages write it: numbers with their thousands apart, states with their label."""
    match value:
        case None | "":
            return "none"
        case bool():
            return "yes" if value else "no"
        case int():
            return f"{value:,}".replace("-", "−")
        case list() | dict():
            return counted(len(value), "entry", "entries")
    return STATUS_LABELS.get(value, _moment(str(value)))


def _moment(text: str) -> str:
    """Return a text that is an ISO date or time as pages write it, and any other text as it is."""
    try:
        if len(text) == len("2026-01-31"):
            return date_format(date.fromisoformat(text), "j M Y")
        if "T" in text and len(text) >= len("2026-01-31T00:00"):
            moment = datetime.fromisoformat(text)
            return date_format(timezone.localtime(moment) if timezone.is_aware(moment) else moment, "j M Y, H:i")
    except ValueError:
        pass
    return text


def _describe_list(field: str, old: Any, new: Any, parts_shown: int | None) -> list[str]:
    """Return "3 purchase lines (1 added)", then a sentence for each part that differs."""
    read, one, many, word = LISTS[field]
    before, after = read(old or ()), read(new or ())
    differing = [key for key in {**after, **before} if before.get(key) != after.get(key)]
    tally = Counter(_verb(before, after, key) for key in differing)
    counts = ", ".join(f"{tally[verb]:,} {verb}" for verb in ("added", "removed", "changed") if tally[verb])
    number = sum(len(each) for each in after.values())
    head = f"{counted(number, one, many)} ({counts})" if counts else counted(number, one, many)
    sentences = [head, *(_describe_part(key, before, after, word) for key in differing[:parts_shown])]
    more = len(differing) - len(sentences) + 1
    return [*sentences, f"And {counted(more, f'more {one}', f'more {many}')}"] if more else sentences


def _verb(before: Parts, after: Parts, key: Any) -> str:
    return "added" if key not in before else "removed" if key not in after else "changed"


def _describe_part(key: Any, before: Parts, after: Parts, word: Callable[[Any], str]) -> str:
    verb = _verb(before, after, key)
    if verb == "changed":
        return f"Changed: {word(key)}: {_states(before[key])} → {_states(after[key])}"
    return f"{verb.capitalize()}: {word(key)}: {_states((before if verb == 'removed' else after)[key])}"


def _states(states: list[tuple[Any, ...]]) -> str:
    """Return the quantities of equal parts, with their status where Cisco names one."""
    return " and ".join(" ".join(_word(part) for part in state if part not in (None, "")) for state in states)


def _lines(rows: Any) -> dict[Any, list[tuple[Any, ...]]]:
    found: dict[Any, list[tuple[Any, ...]]] = {}
    for row in rows:
        key = tuple(row.get(name) for name in LINE_IDENTITY)
        found.setdefault(key, []).append((row.get("quantity"), row.get("status")))
    return found


def _line_words(key: tuple[Any, ...]) -> str:
    kind, start, end, subscription, order, sku = key
    term = f"{_word(start)} to {_word(end)}" if start and end else f"until {_word(end)}" if end else ""
    named = (kind, subscription, order and f"order {order}", sku, term)
    return ", ".join(str(part) for part in named if part) or "line"


def _usage(rows: Any) -> dict[Any, list[tuple[Any, ...]]]:
    return {name: [(quantity,)] for name, quantity in dict(rows).items()}


def _substitutions(rows: Any) -> dict[Any, list[tuple[Any, ...]]]:
    found: dict[Any, list[tuple[Any, ...]]] = {}
    for row in rows:
        key = (row.get("license"), row.get("substituted_license"), row.get("type"))
        found.setdefault(key, []).append((row.get("quantity"),))
    return found


def _substitution_words(key: tuple[Any, ...]) -> str:
    license_, substituted, kind = key
    return f"{license_ or 'license'} for {substituted or 'license'}" + (f" ({kind})" if kind else "")


# Fields whose values are lists: how to read them, their noun, and how to word one part.
LISTS: dict[str, tuple[Callable[[Any], dict[Any, list[tuple[Any, ...]]]], str, str, Callable[[Any], str]]] = {
    "lines": (_lines, "purchase line", "purchase lines", _line_words),
    "usage": (_usage, "license in use", "licenses in use", str),
    "substitutions": (_substitutions, "substitution", "substitutions", _substitution_words),
}
