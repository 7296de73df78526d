"""Draw the charts of the overview as SVG: use against owned, licenses out of compliance, and terms ahead.

They need no script. Each has a text alternative and the same data as a table.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django import template
from django.utils import timezone

from licensing.figures import outlook
from licensing.figures.growth.growth import for_customers
from licensing.figures.growth.trend import Point, Scope, trend
from licensing.fleet.models import Customer

register = template.Library()

WIDTH, HEIGHT = 1000, 120
DAYS, MONTHS = 180, 12
GAP = 0.25  # of a bar's width


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar in the units of the drawing, with what it stands for."""

    x: str
    y: str
    width: str
    height: str
    label: str
    value: int


@register.inclusion_tag("figures/charts/overview.html")
def overview_charts() -> dict[str, Any]:
    """Draw the last half year and the coming one. Of UTC days, as the history has them."""
    today = timezone.now().date()
    first = today - timedelta(days=DAYS - 1)
    points = trend(first, today).points
    short = outlook.short_by_day(first, today)
    months = outlook.terms_ahead(timezone.localdate(), MONTHS)
    weeks = _weeks(short)
    return {
        "points": points,
        "lines": _lines(points) if len(points) > 1 else None,
        "short_weeks": weeks,
        "short_bars": _bars([(f"week to {day:%-d %b %Y}", number) for day, number in weeks]),
        "short_most": max((number for _, number in weeks), default=0),
        "short_days": sum(1 for number in short.values() if number),
        "months": months,
        "month_bars": _bars([(f"{month.first:%b %Y}", month.licenses) for month in months]),
        "month_most": max((month.licenses for month in months), default=0),
        "days": DAYS,
    }


@register.inclusion_tag("figures/charts/customer.html")
def customer_growth(customer: Customer) -> dict[str, Any]:
    """Draw the last half year of a customer, and show its growth up to each anniversary."""
    today = timezone.now().date()
    points = trend(today - timedelta(days=DAYS - 1), today, scope=Scope(customer=customer.pk)).points
    return {
        "customer": customer,
        "points": points,
        "lines": _lines(points) if len(points) > 1 else None,
        "growth": next(iter(for_customers([customer.pk])), None),
    }


def _weeks(short: Mapping[date, int]) -> list[tuple[date, int]]:
    """Return the most licenses that were out of compliance at once in each week, by its last day."""
    days = sorted(short)
    ends = days[::-1][::7][::-1]
    return [(end, max(short.get(end - timedelta(days=back), 0) for back in range(7))) for end in ends]


def _lines(points: Sequence[Point]) -> dict[str, str]:
    """Return both lines and the area under use, from the first day to the last."""
    first, last = points[0].day, points[-1].day
    top = max(max(point.used, point.owned) for point in points) or 1

    def place(point: Point, value: int) -> str:
        x = WIDTH * (point.day - first).days / max((last - first).days, 1)
        return f"{x:.1f},{HEIGHT - HEIGHT * value / top:.1f}"

    used = [place(point, point.used) for point in points]
    return {
        "used": " ".join(used),
        "owned": " ".join(place(point, point.owned) for point in points),
        "area": " ".join([f"0,{HEIGHT}", *used, f"{WIDTH},{HEIGHT}"]),
    }


def _bars(rows: Sequence[tuple[str, int]]) -> list[Bar]:
    most = max((value for _, value in rows), default=0) or 1
    each = WIDTH / max(len(rows), 1)
    return [
        Bar(
            x=f"{place * each + each * GAP / 2:.1f}",
            y=f"{HEIGHT - HEIGHT * value / most:.1f}",
            width=f"{each * (1 - GAP):.1f}",
            height=f"{HEIGHT * value / most:.1f}",
            label=label,
            value=value,
        )
        for place, (label, value) in enumerate(rows)
    ]
