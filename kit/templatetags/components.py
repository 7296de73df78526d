"""Render the small parts of a page. `{% load components %}`; templates/components/README.html shows each."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any
from urllib.parse import urlencode

from django import template
from django.db.models import Model
from django.template.context import Context
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from lucide.templatetags.lucide import lucide

from kit import wording
from kit.ages import is_outdated
from kit.templatetags.words import state_of

register = template.Library()

DAY = timedelta(days=1)
# Largest first: the first unit that fits at least once is used.
UNITS = ((365 * 86400, "year"), (30 * 86400, "month"), (86400, "day"), (3600, "hour"), (60, "minute"))
# Syncs start with jitter and take a while: a figure is late from this many intervals on, and stale from the second.
LATE = 1.25
NO_RESULT = ""


@register.simple_tag
@lru_cache(maxsize=256)
def icon(name: str, size: int = 16) -> SafeString:
    """Return a lucide icon. Screen readers skip it, because a word follows it."""
    return mark_safe(lucide(name, size=size, aria_hidden="true", focusable="false", **{"class": "icon"}))


@register.simple_tag
def badge(value: str, label: str = "") -> SafeString:
    """Return a state as icon and word: `{% badge license.status %}`. An empty value has no badge."""
    if not value:
        return mark_safe(NO_RESULT)
    state = state_of(str(value), label)
    return format_html('<span class="badge {}">{}{}</span>', state.tone, icon(state.icon, 14), state.label)


# --- Time ---


def duration_words(seconds: float) -> str:
    """Return a duration in one unit, rounded down: "3 hours", "less than a minute"."""
    for size, name in UNITS:
        count = int(seconds // size)
        if count:
            return f"{count} {name}{'' if count == 1 else 's'}"
    return "less than a minute"


@register.simple_tag
def lasted(span: timedelta) -> str:
    """Return how long something lasted, or has lasted so far: "3 hours"."""
    return duration_words(span.total_seconds())


def ago(moment: datetime) -> str:
    seconds = (timezone.now() - moment).total_seconds()
    if 0 <= seconds < 60:
        return "moments ago"
    return f"{duration_words(seconds)} ago" if seconds >= 0 else f"in {duration_words(-seconds)}"


def exact(moment: datetime) -> str:
    local = timezone.localtime(moment)
    return f"{date_format(local, 'j M Y, H:i')} {local.tzname()}"


def freshness(moment: datetime, every: timedelta) -> str:
    """Return fresh, late or stale. How old a figure may be depends on its interval (docs/domain.md#X21)."""
    now = timezone.now()
    if is_outdated(moment, every, now):
        return "stale"
    return "late" if now - moment > every * LATE else "fresh"


@register.simple_tag
def when(moment: datetime | None) -> SafeString:
    """Return the exact time, for histories. Hovering shows how long ago it was."""
    if moment is None:
        return mark_safe(NO_RESULT)
    return format_html('<time datetime="{}" title="{}">{}</time>', moment.isoformat(), ago(moment), exact(moment))


@register.simple_tag
def since(moment: datetime | None) -> SafeString:
    """Return how long ago it was, for what is going on. Hovering shows the exact time."""
    if moment is None:
        return mark_safe(NO_RESULT)
    return format_html(
        '<time class="since" datetime="{}" title="{}">{}</time>', moment.isoformat(), exact(moment), ago(moment)
    )


@register.simple_tag
def age(moment: datetime | None, every: timedelta = DAY, prefix: str = "as of ") -> SafeString:
    """Return the age of mirrored figures: `{% age account.last_synced_at account.sync_every %}`."""
    if moment is None:
        return format_html('<span class="age stale">{}never synced</span>', icon("clock-alert", 14))
    state = freshness(moment, every)
    sign = icon("clock" if state == "fresh" else "clock-alert", 14)
    words = format_html(
        '<time datetime="{}" title="{}">{}{}</time>', moment.isoformat(), exact(moment), prefix, ago(moment)
    )
    return format_html('<span class="age {}">{}{}</span>', state, sign, words)


@register.simple_tag
def ends(day: date | None, warn_days: int = 90) -> SafeString:
    """Return a last day with its distance, marked when it is near or past. A moment counts as its local day."""
    if day is None:
        return mark_safe('<span class="muted">no end</span>')
    if isinstance(day, datetime):
        day = timezone.localtime(day).date()
    left = (day - timezone.localdate()).days
    tone = "bad" if left < 0 else "warn" if left <= warn_days else ""
    words = f"ended {-left} days ago" if left < 0 else "ends today" if not left else f"in {left} days"
    words = words.replace(" 1 days", " 1 day")
    return format_html(
        '<time class="ends-on" datetime="{}">{}</time> <span class="{}">{}</span>',
        day.isoformat(),
        date_format(day, "j M Y"),
        f"ends {tone}".strip(),
        words,
    )


@register.simple_tag
def days_left(overage: Any) -> SafeString:
    """Return how long a license may stay out of compliance: `{% days_left overage %}`, an alerts.Overage."""
    return format_html(
        '<span class="ends {}">{}</span>', "bad" if overage.days_left < 30 else "warn", overage.time_left
    )


@register.simple_tag
def clock_start(overage: Any) -> SafeString:
    """Return when a clock started, as `since 24 Nov 2026` or `since before 24 Nov 2026`, for an alerts.Overage."""
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        overage.since.isoformat(),
        exact(overage.since),
        overage.clock.started,
    )


# --- Numbers ---


@register.filter
def number(value: int | None) -> str:
    """Return a number with its thousands apart: 12,345."""
    return "" if value is None else f"{value:,}".replace("-", "−")


@register.filter
def counted(value: int, words: str) -> str:
    """Return a number with its noun: `{{ rows|counted:"license,licenses" }}` is "1 license" or "3 licenses"."""
    one, _, many = words.partition(",")
    return wording.counted(value, one, many)


@register.simple_tag
def change(before: int, after: int) -> str:
    """Return a figure before and after: "60 → 55", or the figure alone where nothing changes."""
    return number(after) if before == after else f"{number(before)} → {number(after)}"


@register.filter
def field_words(name: str) -> str:
    """Return the name of a column or model as words: `last_contact_at` is "Last contact at"."""
    return name.replace("_", " ").capitalize()


@register.simple_tag
def bar(used: int, total: int) -> SafeString:
    """Return a thin bar that shows how much of a quantity is used. The numbers appear next to it."""
    share = 100 if used > total else round(100 * used / total) if total else 0
    tone = "bad" if used > total else "warn" if share >= 90 else "good"
    return format_html(
        '<svg class="bar {}" viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true">'
        '<rect class="bar-rest" width="100" height="6"></rect>'
        '<rect class="bar-used" width="{}" height="6"></rect></svg>',
        tone,
        share,
    )


@register.inclusion_tag("components/progress.html")
def progress(step: str, done: int | None = None, total: int | None = None) -> dict[str, Any]:
    """Show work under way: a sentence, and a bar that is full at `total`. Without a total the bar only moves."""
    return {"step": step, "done": done, "total": total}


# --- Tables, facts and links ---


@register.simple_tag
def column(label: str, classes: str = "") -> SafeString:
    """Return the heading of a table's column, with the role that it keeps where style sheets lay tables out as blocks.

    `{% column "License" %}`, or with classes: `{% column "Quantity" "num" %}`.
    """
    if classes:
        return format_html('<th role="columnheader" scope="col" class="{}">{}</th>', classes, label)
    return format_html('<th role="columnheader" scope="col">{}</th>', label)


@register.simple_tag
def fact(label: str, value: Any, href: str = "") -> SafeString:
    """Return one pair of a `<dl class="facts">`, or nothing if there is no value."""
    if value is None or value == "":
        return mark_safe(NO_RESULT)
    shown = format_html('<a href="{}">{}</a>', href, value) if href else value
    return format_html("<div><dt>{}</dt><dd>{}</dd></div>", label, shown)


@register.simple_tag
def link_to(row: Model | None, route: str) -> SafeString:
    """Return a link to the page of a row: `{% link_to license.virtual_account "virtual-account" %}`."""
    if row is None:
        return mark_safe(NO_RESULT)
    return format_html('<a href="{}">{}</a>', reverse(route, args=[row.pk]), row)


@register.simple_tag
def crumb(label: str, route: str, pk: int | None = None) -> SafeString:
    """Return one step of `{% block crumbs %}`."""
    address = reverse(route, args=[pk] if pk is not None else [])
    return format_html('<li><a href="{}">{}</a></li>', address, label)


@register.simple_tag
def address(route: str, pk: int | None = None, **query: Any) -> str:
    """Return the address of a page, with filters: `{% address "licenses" virtual_account=pool.pk %}`."""
    path = reverse(route, args=[pk] if pk is not None else [])
    return f"{path}?{urlencode(query)}" if query else path


@register.simple_tag
def tag_links(tags: Sequence[str]) -> SafeString:
    """Return the tags of a customer. Each links to the customers that share it."""
    links = ((address("customers", tag=tag), tag) for tag in tags)
    return format_html_join(" ", '<a class="tag" href="{}">{}</a>', links)


# --- The page around ---


@register.inclusion_tag("components/navigation.html", takes_context=True)
def navigation(context: Context) -> dict[str, Any]:
    """Show the menu. The settings put `navigation` into the context of every page."""
    return {"sections": context["navigation"]}


@register.simple_tag
def figure(label: str, value: Any) -> SafeString:
    """Show one of an alert's figures as a fact: numbers with thousands apart, moments and days as pages write them."""
    if isinstance(value, bool):
        return fact(label, "yes" if value else "no")
    if isinstance(value, int):
        return fact(label, number(value))
    if isinstance(value, str):
        return fact(label, _format_date(value))
    return fact(label, value)


def _format_date(text: str) -> Any:
    """Return a text that looks like a date as pages write dates, because JSON has none."""
    try:
        return (
            date_format(date.fromisoformat(text), "j M Y") if len(text) == 10 else exact(datetime.fromisoformat(text))
        )
    except ValueError:
        return text
