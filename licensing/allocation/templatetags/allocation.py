"""What the allocation engine says, in words. `{% load allocation %}`"""

from collections.abc import Iterable

from django import template
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from kit.templatetags.components import number
from licensing.allocation.engine import Explanation, Grant, Rule, totals
from licensing.allocation.license_names import CURRENT

register = template.Library()

RULES = {Rule.OWN: "own", Rule.HIERARCHY: "higher license", Rule.DUAL_PARENTING: "dual parenting"}


@register.filter
def rule_words(rule: str) -> str:
    return RULES[Rule(rule)]


@register.simple_tag
def covers(grants: Iterable[Grant]) -> SafeString:
    """Who serves a request, one line each: "480 own", "30 from UC Manager CUWL License (higher license)"."""
    return _lines(
        format_html("{} own", number(quantity))
        if rule == Rule.OWN
        else format_html("{} from {} <span>({})</span>", number(quantity), name, rule_words(rule))
        for (name, rule), quantity in _summed((grant.granted, grant) for grant in grants)
    )


@register.simple_tag
def lent_to(grants: Iterable[Grant]) -> SafeString:
    """Whom a license serves besides its own requests, one line each."""
    return _lines(
        format_html("{} to {} <span>({})</span>", number(quantity), name, rule_words(rule))
        for (name, rule), quantity in _summed((grant.requested, grant) for grant in grants)
    )


@register.simple_tag
def summed_up(figures: Explanation) -> str:
    """One line: "510 needed: 480 own, 30 borrowed; 0 left"."""
    own = figures.needed - figures.borrowed - figures.short
    parts = [f"{number(own)} own"] if own or not figures.borrowed else []
    parts += [f"{number(figures.borrowed)} borrowed"] if figures.borrowed else []
    lent = f", {number(figures.lent)} lent" if figures.lent else ""
    end = f"{number(figures.short)} short" if figures.short else f"{number(figures.left)} left"
    return f"{number(figures.needed)} needed: {', '.join(parts)}{lent}; {end}"


def _summed(named: Iterable[tuple[str, Grant]]) -> Iterable[tuple[tuple[str, str], int]]:
    """Spellings of one license are one line, own licenses too."""
    parts = (((_shown(name), str(grant.rule)), grant.quantity) for name, grant in named)
    return totals(parts).items()  # type: ignore[arg-type, return-value]


def _shown(name: str) -> str:
    tag = CURRENT.find(name)
    return CURRENT.display_name(tag) if tag else name


def _lines(lines: Iterable[SafeString]) -> SafeString:
    return format_html_join("", '<span class="cover">{}</span>', ((line,) for line in lines))
