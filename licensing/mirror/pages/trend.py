"""Gather what the section "Trend and forecast" of the license page shows."""

from typing import Any

from django.utils import timezone

from licensing.mirror import trend
from licensing.mirror.forecast import Forecast
from licensing.mirror.models import License


def trend_context(row: License) -> dict[str, Any]:
    found = trend.of(row, timezone.now().date())  # samples are of days in UTC
    forecast = found.forecast if isinstance(found.forecast, Forecast) else None
    return {
        "samples": found.samples,
        "endings": found.endings,
        "forecast": forecast,
        "unknown": None if forecast else found.forecast,
        "short_already": found.short_already,
        "gap": found.gap,
        "pace": pace_words(forecast.pace) if forecast else "",
        "today": found.today,
    }


def pace_words(a_day: float) -> str:
    """Word the pace in the first unit in which it is at least one, weeks or months: "+3.5 a week"."""
    for days, word in ((7, "week"), (30, "month")):
        if abs(a_day * days) >= 1 or word == "month":
            return f"{a_day * days:+,.1f} a {word}".replace("-", "−")
    return ""
