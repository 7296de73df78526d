"""Draw the small charts of a statement as SVG. `{% load statements %}`, then `{% statement_chart trend %}`."""

from collections.abc import Iterable
from typing import Any

from django import template
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

register = template.Library()

WIDTH, HEIGHT = 1000, 100
Part = list[tuple[int, int]]


@register.simple_tag
def statement_chart(trend: dict[str, Any]) -> SafeString:
    """Return the chart of one license: a line for what was used, dashes for what was owned."""
    scale = (max(trend["days"] - 1, 1), trend["top"])
    areas = (
        (f"{_point(part[0][0], 0, scale)} {_points(part, scale)} {_point(part[-1][0], 0, scale)}",)
        for part in trend["used"]
    )
    return format_html(
        '<svg class="statement-chart" viewBox="0 0 {} {}" preserveAspectRatio="none" role="img"'
        ' aria-label="{}">{}{}{}</svg>',
        WIDTH,
        HEIGHT,
        trend["alt"],
        format_html_join("", '<polygon class="statement-area" points="{}"></polygon>', areas),
        _lines("statement-owned", trend["owned"], scale),
        _lines("statement-used", trend["used"], scale),
    )


def _lines(kind: str, parts: Iterable[Part], scale: tuple[int, int]) -> SafeString:
    rows = ((kind, _points(part, scale)) for part in parts)
    return format_html_join("", '<polyline class="{}" points="{}"></polyline>', rows)


def _points(part: Part, scale: tuple[int, int]) -> str:
    return " ".join(_point(place, value, scale) for place, value in part)


def _point(place: int, value: int, scale: tuple[int, int]) -> str:
    return f"{place * WIDTH / scale[0]:.1f},{HEIGHT - value * HEIGHT / scale[1]:.1f}"
