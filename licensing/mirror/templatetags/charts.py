"""Draw the chart of one license as SVG: its days, the ends of its terms and its forecast. It needs no script.

Shapes stand in an inner drawing that is stretched to the page's width; words and numbers stand outside of it, placed by
percent, so that they keep their size on a phone. The same data follow as a table.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django import template
from django.utils.formats import date_format

from licensing.mirror.forecast import Forecast

register = template.Library()

WIDTH, HEIGHT = 1000, 200
AHEAD = 180  # days shown of the future, where there is something in it
MOST_TICKS = 6
TOPS = (10, 12, 16, 20, 24, 30, 40, 50, 60, 80)


@dataclass(frozen=True, slots=True)
class Mark:
    """A line from top to bottom. `place` is in percent from the left; `number` stands at its head."""

    place: str
    kind: str
    number: str = ""


@dataclass(frozen=True, slots=True)
class Scale:
    first: date
    last: date
    top: int

    def x(self, day: date) -> float:
        return WIDTH * (day - self.first).days / max((self.last - self.first).days, 1)

    def percent(self, day: date) -> str:
        return f"{self.x(day) * 100 / WIDTH:.2f}%"

    def y(self, value: float) -> float:
        return HEIGHT - HEIGHT * max(value, 0) / self.top

    def point(self, day: date, value: float) -> str:
        return f"{self.x(day):.1f},{self.y(value):.1f}"


@register.inclusion_tag("components/trend.html")
def trend_chart(
    samples: Sequence[Any], endings: Sequence[tuple[date, int]], forecast: Any, today: date
) -> dict[str, Any]:
    """Draw the chart from at least two `samples`, by day.

    `endings` are the last day and quantity of the terms to come, by day.
    """
    known = forecast if isinstance(forecast, Forecast) else None
    scale = _scale(samples, endings, known, today)
    shown = [(day, quantity) for day, quantity in endings if day <= scale.last]
    return {
        "samples": samples,
        "first": samples[0],
        "last": samples[-1],
        "forecast": known if known and known.possible else None,
        "endings": shown,
        **_lines(samples, scale),
        "planned": _planned(samples[-1], shown, scale) if shown else "",
        **(_projected(samples[-1], known, scale) if known and scale.last > samples[-1].day else {}),
        "marks": list(_marks(shown, known, scale, today)),
        "days": [(scale.percent(day), date_format(day, "j M")) for day in _ticks(scale)],
        "levels": [(f"{scale.y(level) * 100 / HEIGHT:.2f}%", level) for level in (scale.top // 2, scale.top)],
    }


def _scale(
    samples: Sequence[Any], endings: Sequence[tuple[date, int]], forecast: Forecast | None, today: date
) -> Scale:
    """Scale the chart to today, or up to AHEAD days further where a term ends or the license may run out."""
    horizon = today + timedelta(days=AHEAD)
    coming = [day for day, _ in endings]
    if forecast:
        coming += [day for day in (forecast.date, forecast.earliest) if day and day > today]
    last = max([today, samples[-1].day, *(min(day + timedelta(days=7), horizon) for day in coming)])
    most = max([1, *(max(sample.quantity, sample.in_use) for sample in samples)])
    return Scale(samples[0].day, last, _round_up(round(most * 1.08)))


def _round_up(value: int) -> int:
    """Round up to a number that halves well: 4, 8, 10, 12, 16, 20 …"""
    size = 1
    while value > TOPS[-1] * size:
        size *= 10
    small = (top for top in (2, 4, 6, 8) if value <= top)
    return next(small, 0) or next(top * size for top in TOPS if value <= top * size)


def _lines(samples: Sequence[Any], scale: Scale) -> dict[str, str]:
    used = [scale.point(sample.day, sample.in_use) for sample in samples]
    area = [scale.point(samples[0].day, 0), *used, scale.point(samples[-1].day, 0)]
    quantity = [scale.point(sample.day, sample.quantity) for sample in samples]
    return {"in_use": " ".join(used), "area": " ".join(area), "quantity": " ".join(quantity)}


def _planned(last: Any, endings: Iterable[tuple[date, int]], scale: Scale) -> str:
    """Draw how many licenses remain when no term is renewed."""
    quantity, points = last.quantity, [scale.point(last.day, last.quantity)]
    for day, ending in endings:
        points += [scale.point(day, quantity), scale.point(day, quantity - ending)]
        quantity -= ending
    return " ".join([*points, scale.point(scale.last, quantity)])


def _projected(last: Any, forecast: Forecast, scale: Scale) -> dict[str, str]:
    """Draw the median pace as a line, and its range as a wedge around it."""
    start = scale.point(last.day, last.in_use)

    def end(pace: float) -> str:
        return scale.point(scale.last, last.in_use + pace * (scale.last - last.day).days)

    low, high = (_pace(last, day) for day in (forecast.latest, forecast.earliest))
    return {"projected": f"{start} {end(forecast.pace)}", "wedge": f"{start} {end(high)} {end(low)}"}


def _pace(last: Any, day: date | None) -> float:
    """Return the pace at which the license would run out that day; 0 where it does not run out."""
    if day is None or day <= last.day:
        return 0
    room: int = last.quantity - last.reserved - last.in_use
    days: int = (day - last.day).days
    return room / days


def _marks(endings: Iterable[tuple[date, int]], forecast: Forecast | None, scale: Scale, today: date) -> Iterable[Mark]:
    if scale.last > today:
        yield Mark(scale.percent(today), "today")
    for number, (day, _) in enumerate(endings, 1):
        yield Mark(scale.percent(day), "end", str(number))
    if forecast and forecast.date and today < forecast.date <= scale.last:
        yield Mark(scale.percent(forecast.date), "out")


def _ticks(scale: Scale) -> list[date]:
    span = (scale.last - scale.first).days
    step = max(-(-span // MOST_TICKS), 1)
    return [scale.first + timedelta(days=place) for place in range(step, span - step // 3, step)]
