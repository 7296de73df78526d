"""When a license runs out: page, REST, alert and replay give one answer, whatever its samples are."""

import random
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django_tenants.utils import tenant_context

from licensing.alerts.evaluation import evaluate
from licensing.alerts.models import Alert, AlertRule, Kind
from licensing.alerts.replay.replay import would_have_fired
from licensing.mirror import trend
from licensing.mirror.forecast import Forecast
from licensing.mirror.models import License, UsageSample
from tenants.models import Partner
from tests import factories as make

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
TODAY = NOW.date()
LICENSES = 12


@pytest.fixture(autouse=True)
def clock() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


def store(in_use: list[int], free: int, missing: set[int] = frozenset(), ago: int = 0) -> License:  # type: ignore[assignment]
    """One sample a day without those that are missing, the last one `ago` days ago, with so many free at the end."""
    quantity = in_use[-1] + free
    row = make.make_license(quantity=quantity, in_use=in_use[-1], available=free)
    UsageSample.objects.bulk_create(
        UsageSample(
            license=row,
            day=TODAY - timedelta(days=ago + back),
            quantity=quantity,
            in_use=used,
            available=quantity - used,
            reserved=0,
        )
        for back, used in enumerate(reversed(in_use))
        if not back or back not in missing
    )
    return row


def store_random(dice: random.Random) -> License:
    """Growth, noise, steps up and down, an end of growth, missing days and old ones."""
    days = dice.choice([10, 22, 30, 60, 90, 200])
    pace, noise, ends = dice.uniform(-1, 4), dice.choice([0, 0, 1, 5, 40]), dice.randrange(days * 2)
    steps = [(dice.randrange(days), dice.randrange(-100, 200)) for _ in range(dice.choice([0, 1, 1, 2, 5]))]
    in_use = [
        max(
            0,
            round(200 + pace * min(place, ends) + dice.uniform(-noise, noise))
            + sum(size for day, size in steps if day <= place),
        )
        for place in range(days)
    ]
    missing = {back for back in range(days) if dice.random() < dice.choice([0, 0.3])}
    return store(in_use, dice.randrange(0, 150), missing, dice.choice([0, 0, 1, 7, 8]))


def forecast_of(row: License) -> Forecast | None:
    found = trend.of(row, TODAY).forecast
    return found if isinstance(found, Forecast) else None


def thresholds(rows: list[License]) -> set[int]:
    left = {(found.date - TODAY).days for row in rows if (found := forecast_of(row)) and found.date}
    return {days for near in left for days in (near - 1, near, near + 1) if 0 <= days <= 730}


def alerts_with(threshold: int) -> dict[int, Alert]:
    AlertRule.objects.filter(kind=Kind.EXHAUSTION).update(enabled=True, threshold=threshold)
    evaluate()
    return {alert.subject_id: alert for alert in Alert.objects.filter(kind=Kind.EXHAUSTION)}


def due_within(rows: list[License], threshold: int) -> dict[int, tuple[date, float]]:
    return {
        row.pk: (found.date, round(found.pace * 30, 1))
        for row in rows
        if (found := forecast_of(row)) and found.date and (found.date - TODAY).days <= threshold
    }


@pytest.mark.parametrize("seed", range(6))
def test_page_rest_alert_and_replay_agree(
    acme: Partner, globex: Partner, client_of: Any, api_of: Any, seed: int
) -> None:
    dice = random.Random(seed)
    with tenant_context(globex):
        strangers = [store_random(dice) for _ in range(3)]
    rows = [store_random(dice) for _ in range(LICENSES)]

    sampled_today = [row for row in rows if row.samples.filter(day=TODAY).exists()]
    assert thresholds(rows)
    for threshold in dice.sample(sorted(thresholds(rows)), k=min(8, len(thresholds(rows)))):
        due = due_within(rows, threshold)
        Alert.objects.all().delete()
        found = alerts_with(threshold)
        assert {key: alert.due_at.date() for key, alert in found.items() if alert.due_at} == {
            key: day for key, (day, _) in due.items()
        }
        for key, (_, pace) in due.items():
            assert found[key].facts["pace"] == pytest.approx(pace, abs=0.1001)
        replay = would_have_fired(AlertRule(kind=Kind.EXHAUSTION, threshold=threshold))
        open_now = {firing.subject for firing in replay.firings if firing.closed_at is None}
        for row in sampled_today:
            assert (f"{row.name} in {row.virtual_account.name}" in open_now) is (row.pk in due)
    assert_shown(rows, client_of(acme, "viewer"), api_of(acme, "viewer", "read"))
    with tenant_context(globex):
        assert len(strangers) == License.objects.count()
        assert not Alert.objects.filter(kind=Kind.EXHAUSTION).exists()


def assert_shown(rows: list[License], client: Any, api: Any) -> None:
    for row in rows:
        found = forecast_of(row)
        body = api.get(f"/api/v1/licenses/{row.pk}/trend/").json()["forecast"]
        page = client.get(f"/licenses/{row.pk}/").content.decode()
        assert (body is None) is (found is None)
        if found:
            day = found.date.isoformat() if found.date else None
            assert (body["date"], body["pace"]) == (day, pytest.approx(found.pace))
        if found and found.date and found.date > TODAY:
            assert f"<strong>{found.date.day} {found.date:%b %Y}</strong>" in page


def test_a_step_opens_no_alert_where_the_page_gives_months(acme: Partner) -> None:
    row = store([*range(50), *[199] * 38], 100)

    assert alerts_with(60) == {}
    assert would_have_fired(AlertRule(kind=Kind.EXHAUSTION, threshold=60), days=7).firings == []
    found = forecast_of(row)
    assert found is not None
    assert found.earliest == date(2027, 3, 5)
    assert found.latest != found.earliest


def test_statements_do_not_grow_with_licenses(acme: Partner) -> None:
    taken = []
    for _ in range(2):
        store(list(range(90)), 10)
        Alert.objects.all().delete()
        with CaptureQueriesContext(connection) as queries:
            assert alerts_with(60)
            would_have_fired(AlertRule(kind=Kind.EXHAUSTION))
        taken.append(len(queries))

    assert taken[0] == taken[1]
