"""The kept forecast of a license is what `project` says of its samples, whatever syncs have written."""

import random
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django_tenants.utils import tenant_context

from licensing.accounts.models import SmartAccount
from licensing.alerts.evaluation import evaluate
from licensing.cisco.emulator.server import EmulatorThread
from licensing.cisco.emulator.state import Account
from licensing.cisco.transport import forget_circuits
from licensing.mirror import kept_forecasts
from licensing.mirror.forecast import Forecast, exhaustion, project, window_start
from licensing.mirror.models import License, LicenseForecast, UsageSample
from licensing.mirror.sync import runs
from licensing.operations import syncing
from tenants.models import Partner
from tests import factories as make
from tests.fixtures import account_of

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
TODAY = NOW.date()
NAMES = ("Basic License", "Enhanced License", "Steady License")


@pytest.fixture(autouse=True)
def clock() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


def sync(account: SmartAccount) -> None:
    forget_circuits()
    run, _ = runs.request(account, "test")
    assert syncing.run_sync(run).status == "succeeded"


def add_history(row: License, dice: random.Random, today: date = TODAY) -> None:
    """Store the days before today: growth and noise, with missing days."""
    pace, noise, days = dice.uniform(-1, 2), dice.choice([0, 0, 3]), dice.choice([5, 13, 30, 120, 200])
    for back in range(1, days):
        if dice.random() < 0.9:
            used = max(0, round(60 - pace * back + dice.uniform(-noise, noise)))
            store(row, today - timedelta(days=back), used)


def store(row: License, day: date, in_use: int, quantity: int = 100) -> None:
    UsageSample.objects.update_or_create(
        license=row,
        day=day,
        defaults={"quantity": quantity, "in_use": in_use, "available": quantity - in_use, "reserved": 0},
    )


def projected(row: License, today: date) -> tuple[date | None, float | None, int]:
    """Return day, pace and number of samples straight from the samples."""
    samples = list(row.samples.filter(day__gte=window_start(today), day__lte=today).order_by("day"))
    if not isinstance(exhaustion(samples, today), Forecast):
        return None, None, len(samples)
    last = samples[-1]
    days, in_use = [each.day.toordinal() for each in samples], [each.in_use for each in samples]
    return *project(days, in_use, last.quantity - last.reserved - last.in_use, today), len(samples)


def assert_kept(today: date) -> int:
    """Compare all licenses, and return how many have a pace. A license without a forecast may have nothing kept."""
    known = 0
    for row in License.objects.filter(gone_at=None):
        kept, (runs_out, pace, count) = LicenseForecast.objects.filter(license=row).first(), projected(row, today)
        if pace is not None:
            assert kept is not None
            assert (kept.day, kept.runs_out, kept.pace, kept.samples) == (today, runs_out, pace, count)
            known += 1
        elif kept:
            assert (kept.runs_out, kept.pace) == (None, None)
    return known


def change(cisco: Account, dice: random.Random) -> None:
    for name in NAMES[:2]:
        cisco.set_license("DEFAULT", name, quantity=dice.randrange(60, 200), inUse=dice.randrange(40, 120))


@pytest.mark.parametrize("seed", range(4))
def test_kept_forecasts_equal_the_projection_after_random_syncs(
    account: SmartAccount, emulator: EmulatorThread, globex: Partner, seed: int
) -> None:
    dice = random.Random(seed)
    cisco, theirs = emulator.state.add("acme.example", "Acme"), emulator.state.add("globex.example", "Globex")
    for side in (cisco, theirs):
        side.set_license("DEFAULT", NAMES[2], quantity=100, inUse=61)
        change(side, dice)
    with tenant_context(globex):
        other = account_of(emulator, "globex.example")
        sync(other)
        add_history(License.objects.earliest("id"), dice)
    sync(account)
    assert not LicenseForecast.objects.exists()
    for row in License.objects.all():
        add_history(row, dice)
    store(License.objects.get(name=NAMES[2]), TODAY - timedelta(days=40), 20)
    for back in range(2, 35):
        store(License.objects.get(name=NAMES[2]), TODAY - timedelta(days=back), 61 - back)

    for later in sorted(dice.choices(range(6), k=5)):
        with time_machine.travel(NOW + timedelta(days=later), tick=False):
            change(cisco, dice)
            sync(account)
            assert assert_kept(TODAY + timedelta(days=later)) >= 1
    with tenant_context(globex):
        assert not LicenseForecast.objects.exists()
        change(theirs, dice)
        sync(other)
        assert_kept(TODAY)


def growing() -> License:
    row = make.make_license(quantity=100, in_use=90, available=10)
    for back in range(40):
        store(row, TODAY - timedelta(days=back), 90 - back)
    return row


def kept(row: License) -> LicenseForecast:
    return LicenseForecast.objects.get(license=row)


@pytest.mark.parametrize("changed", ["last", "quantity", "new day", "pruned", "backfilled", "too few", "none left"])
def test_a_changed_sample_is_projected_again(acme: Partner, globex: Partner, changed: str) -> None:
    row = growing()
    evaluate()
    before = kept(row)
    assert (before.runs_out, before.pace, before.samples) == (TODAY + timedelta(days=11), 1, 40)

    today = TODAY + timedelta(days=changed == "new day")
    match changed:
        case "last" | "quantity":
            store(row, TODAY, 95 if changed == "last" else 90, 100 if changed == "last" else 120)
        case "new day":
            store(row, today, 91)
        case "backfilled":
            store(row, TODAY - timedelta(days=60), 5)
        case _:
            left = {"pruned": 30, "too few": 10, "none left": -1}[changed]
            row.samples.filter(day__lt=TODAY - timedelta(days=left)).delete()
            if left < 0:
                row.samples.all().delete()
    with time_machine.travel(NOW + (today - TODAY), tick=False):
        evaluate()

    after = kept(row)
    assert (after.runs_out, after.pace, after.samples) == projected(row, today)
    assert (after.last_day, after.in_use, after.quantity, after.samples) != (
        before.last_day,
        before.in_use,
        before.quantity,
        before.samples,
    )
    with tenant_context(globex):
        assert not LicenseForecast.objects.exists()


def test_an_unchanged_license_is_projected_once_a_day(acme: Partner) -> None:
    row = growing()
    evaluate()
    LicenseForecast.objects.update(pace=7)

    evaluate()
    assert kept(row).pace == 7
    with time_machine.travel(NOW + timedelta(days=1), tick=False):
        evaluate()
    assert kept(row).pace == 1


def test_one_accounts_refresh_leaves_the_others_alone(acme: Partner) -> None:
    mine, other = growing(), growing()
    assert mine.virtual_account.smart_account_id != other.virtual_account.smart_account_id

    kept_forecasts.refresh(TODAY, mine.virtual_account.smart_account_id)

    assert list(LicenseForecast.objects.values_list("license_id", flat=True)) == [mine.pk]


def test_statements_do_not_grow_with_licenses(acme: Partner) -> None:
    taken = []
    for count in (1, 3):
        LicenseForecast.objects.all().delete()
        while License.objects.count() < count:
            growing()
        with CaptureQueriesContext(connection) as queries:
            kept_forecasts.refresh(TODAY)
        assert LicenseForecast.objects.count() == count
        taken.append(len(queries))

    assert taken == [2, 2]
