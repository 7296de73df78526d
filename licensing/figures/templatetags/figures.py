"""Show costs and ranges. `{% load figures %}`."""

from django import template
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from kit.templatetags.components import number
from kit.wording import counted
from licensing.figures.growth.measures import Measure
from licensing.figures.prices.price_list import Cost

register = template.Library()

LATER = "Price begins later"


@register.simple_tag
def cost(value: Cost, of_one: bool = False) -> SafeString:
    """Return a sum for each currency, never added up, and how many licenses lack a price. `of_one`: one license."""
    parts = [format_html('<span class="nowrap">{} {}</span>', name, f"{amount:,.2f}") for name, amount in value.sums]
    for names, one, many in ((value.unpriced, "No price", "No price for"), (value.partly, LATER, f"{LATER} for")):
        if names:
            words = one if of_one else f"{many} {counted(len(names), 'license')}"
            parts.append(format_html('<span class="muted" title="{}">{}</span>', ", ".join(sorted(names)), words))
    return format_html_join(mark_safe("<br>"), "{}", ((part,) for part in parts))


@register.simple_tag
def between(expected: int, low: int, high: int) -> SafeString:
    """Return an expected figure with its range below it."""
    if low == high:
        return format_html("{}", number(expected))
    return format_html('{}<span class="sub nowrap">{} to {}</span>', number(expected), number(low), number(high))


MEASURED = {Measure.PEAK: "peak use", Measure.AVERAGE: "average use", Measure.END_OF_MONTH: "month-end use"}


@register.filter
def measured_words(measure: str) -> str:
    """Return what a measure measures, before its figure: "peak use"."""
    return MEASURED[Measure(measure)]
