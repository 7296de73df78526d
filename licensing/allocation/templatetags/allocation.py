"""Put the results of the allocation engine into words. `{% load allocation %}`"""

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
    """List which licenses serve a request, one line each.

    For example "480 own", "30 from UC Manager CUWL License (higher license)".
    """
    return _join_lines(
        format_html("{} own", number(quantity))
        if rule == Rule.OWN
        else format_html("{} from {} <span>({})</span>", number(quantity), name, rule_words(rule))
        for (name, rule), quantity in _sum_grants((grant.granted, grant) for grant in grants)
    )


@register.simple_tag
def lent_to(grants: Iterable[Grant]) -> SafeString:
    """List which other requests a license serves, one line each."""
    return _join_lines(
        format_html("{} to {} <span>({})</span>", number(quantity), name, rule_words(rule))
        for (name, rule), quantity in _sum_grants((grant.requested, grant) for grant in grants)
    )


@register.simple_tag
def summed_up(figures: Explanation) -> str:
    """Sum up a license in one line: "510 needed: 480 own, 30 borrowed; 0 left"."""
    own = figures.needed - figures.borrowed - figures.short
    parts = [f"{number(own)} own"] if own or not figures.borrowed else []
    parts += [f"{number(figures.borrowed)} borrowed"] if figures.borrowed else []
    lent = f", {number(figures.lent)} lent" if figures.lent else ""
    end = f"{number(figures.short)} short" if figures.short else f"{number(figures.left)} left"
    return f"{number(figures.needed)} needed: {', '.join(parts)}{lent}; {end}"


def _sum_grants(grants: Iterable[tuple[str, Grant]]) -> Iterable[tuple[tuple[str, str], int]]:
    """Add up grants by license and rule; all spellings of one license share a line."""
    parts = (((_display_name(name), str(grant.rule)), grant.quantity) for name, grant in grants)
    return totals(parts).items()  # type: ignore[arg-type, return-value]


def _display_name(name: str) -> str:
    tag = CURRENT.find(name)
    return CURRENT.display_name(tag) if tag else name


def _join_lines(lines: Iterable[SafeString]) -> SafeString:
    return format_html_join("", '<span class="cover">{}</span>', ((line,) for line in lines))
