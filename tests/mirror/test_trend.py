"""Trend and forecast of a license: chart, table, ends, and what is said when nothing can be said."""

from datetime import date, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from licensing.mirror.forecast import exhaustion
from licensing.mirror.models import License, UsageSample
from licensing.mirror.pages.trend import pace_words
from licensing.mirror.templatetags.charts import HEIGHT, WIDTH, trend_chart
from tenants.models import Partner
from tests import factories as make

TODAY = date(2026, 6, 30)


def today() -> date:
    return timezone.now().date()


def sampled(in_use: list[int], quantity: int = 100, ago: int = 0, **values: Any) -> License:
    """One sample a day, the last one `ago` days ago."""
    row = make.make_license(quantity=quantity, in_use=in_use[-1], **values)
    first = today() - timedelta(days=ago + len(in_use) - 1)
    UsageSample.objects.bulk_create(
        UsageSample(
            license=row,
            day=first + timedelta(days=place),
            quantity=quantity,
            in_use=used,
            available=quantity - used,
            reserved=0,
        )
        for place, used in enumerate(in_use)
    )
    return row


def text(response: Any) -> str:
    assert response.status_code == 200
    return str(response.content.decode())


@pytest.mark.parametrize(
    ("in_use", "said"),
    [
        (list(range(40)), "At the present pace (+7.0 a week) it runs out on"),
        ([50] * 40, "Use does not grow"),
        ([50] * 3, "3 days are recorded: a trend needs 14"),
        ([10] * 30 + [200], "More is in use than owned already."),
    ],
)
def test_page_says_where_it_goes(acme: Partner, client_of: Any, in_use: list[int], said: str) -> None:
    row = sampled(in_use)

    assert said in text(client_of(acme, "viewer").get(f"/licenses/{row.pk}/"))


def test_page_has_chart_ends_and_the_same_as_a_table(acme: Partner, client_of: Any) -> None:
    row = sampled(list(range(20, 60)))
    make.make_line(license=row, quantity=70, end=today() + timedelta(days=30))
    make.make_line(license=row, quantity=30, end=today() - timedelta(days=3))

    answer = text(client_of(acme, "viewer").get(f"/licenses/{row.pk}/"))

    for part in (
        "quantity 100 to 100, in use 20 to 59",
        "the term of 70 ends",
        "<strong>29 are short</strong>",
        "The same as a table",
        "trend-wedge",
        "Quantity if no term is renewed",
    ):
        assert part in answer, part
    assert answer.count('data-label="Available"') >= 40
    assert "the term of 30 ends" not in answer


def test_license_without_history_says_so_and_draws_nothing(acme: Partner, client_of: Any) -> None:
    fresh, gone = make.make_license(), make.make_license(gone_at=timezone.now())
    client = client_of(acme, "viewer")

    answer = text(client.get(f"/licenses/{fresh.pk}/"))

    assert "No forecast. Nothing is recorded of the last 180 days." in answer
    assert "trend-plot" not in answer
    assert "Cisco no longer lists this license." in text(client.get(f"/licenses/{gone.pk}/"))


def test_rest_gives_days_ends_and_forecast(acme: Partner, api_of: Any) -> None:
    row = sampled(list(range(40)), quantity=49)
    make.make_line(license=row, quantity=49, end=today() + timedelta(days=30))
    make.make_line(license=row, quantity=49, end=today() + timedelta(days=10), status="Cancelled")
    api = api_of(acme, "viewer", "read")

    body = api.get(f"/api/v1/licenses/{row.pk}/trend/").json()
    unknown = api.get(f"/api/v1/licenses/{make.make_license().pk}/trend/").json()

    due = (today() + timedelta(days=11)).isoformat()
    assert body["forecast"] == {
        "date": due,
        "earliest": due,
        "latest": due,
        "pace": 1.0,
        "samples": 40,
        "since": (today() - timedelta(days=39)).isoformat(),
    }
    assert body["endings"] == [{"day": (today() + timedelta(days=30)).isoformat(), "quantity": 49}]
    assert body["gap"] == {"last_day": (today() + timedelta(days=30)).isoformat(), "short": 39}
    assert (len(body["samples"]), body["unknown"]) == (40, "")
    assert (unknown["forecast"], unknown["gap"], unknown["unknown"][:7]) == (None, None, "Nothing")


def test_statements_do_not_grow_with_days_and_lines(acme: Partner, client_of: Any) -> None:
    client, taken = client_of(acme, "viewer"), []
    for days in (1, 40):
        row = sampled([5] * days)
        for number in range(days // 10 + 1):
            make.make_line(license=row, quantity=1, end=today() + timedelta(days=number))
        with CaptureQueriesContext(connection) as queries:
            assert client.get(f"/licenses/{row.pk}/").status_code == 200
        taken.append(len(queries))

    assert taken[0] == taken[1]


@pytest.mark.parametrize(
    ("pace", "words"), [(1.0, "+7.0 a week"), (0.05, "+1.5 a month"), (-2.0, "−14.0 a week"), (0.0, "+0.0 a month")]
)
def test_pace_is_said_in_a_unit_that_fits(pace: float, words: str) -> None:
    assert pace_words(pace) == words


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(st.tuples(st.integers(0, 900), st.integers(0, 900)), min_size=2, max_size=60),
    st.lists(st.tuples(st.integers(0, 900), st.integers(1, 900)), max_size=5),
)
def test_chart_draws_whatever_comes_within_its_frame(
    figures: list[tuple[int, int]], ends: list[tuple[int, int]]
) -> None:
    samples = [
        SimpleNamespace(
            day=TODAY - timedelta(days=len(figures) - 1 - place),
            quantity=quantity,
            in_use=used,
            available=0,
            reserved=0,
        )
        for place, (quantity, used) in enumerate(figures)
    ]
    endings = sorted((TODAY + timedelta(days=days), quantity) for days, quantity in ends)
    forecast = exhaustion(samples, TODAY)

    drawn = trend_chart(samples, endings, forecast, TODAY)

    for name in ("in_use", "quantity", "area"):
        points = [tuple(map(float, point.split(","))) for point in drawn[name].split()]
        assert all(0 <= x <= WIDTH and 0 <= y <= HEIGHT for x, y in points), name
    assert all(0 <= float(mark.place.rstrip("%")) <= 100 for mark in drawn["marks"])
    assert len(drawn["days"]) <= 7
