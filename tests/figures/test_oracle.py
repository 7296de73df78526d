"""Positions of random months, now and at every month's end, against an independent oracle over Cisco's raw answers."""

import calendar
import os
import random
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.utils import timezone
from django_tenants.utils import tenant_context

from licensing.cisco.emulator.server import EmulatorThread
from licensing.figures.dates import open_books_of
from licensing.figures.positions import Books, By, open_books
from licensing.pools.transfers import executing
from tenants.models import Partner
from tests.figures.oracle import Rows, recompute
from tests.figures.world import World, later, rows_of

START = datetime(2027, 1, 4, 9, tzinfo=UTC)
# Two partners each: 5 worlds of 20 months are 200 random months.
WORLDS = int(os.environ.get("ORACLE_WORLDS", "5"))
MONTHS = int(os.environ.get("ORACLE_MONTHS", "20"))


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(executing, "PAUSE_SECONDS", 0.01)


def month_ends(count: int) -> list[datetime]:
    """Return the last hour of each month."""
    found, year, month = [], START.year, START.month
    for _ in range(count):
        found.append(datetime(year, month, calendar.monthrange(year, month)[1], 23, tzinfo=UTC))
        year, month = (year, month + 1) if month < 12 else (year + 1, 1)
    return found


def figures(books: Books) -> dict[str, Rows]:
    return {by.value: rows_of(books.positions(by)) for by in By}


def assert_equal(ours: dict[str, Rows], theirs: dict[str, Rows], world: World) -> None:
    for by, rows in theirs.items():
        found = ours[by]
        odd = {key: (found.get(key), rows.get(key)) for key in {*found, *rows} if found.get(key) != rows.get(key)}
        assert not odd, f"{by} (ours, the oracle's): {odd}\n" + "\n".join(world.log[-3:])


@pytest.mark.parametrize("seed", range(WORLDS))
def test_positions_of_random_months(acme: Partner, globex: Partner, emulator: EmulatorThread, seed: int) -> None:
    chance, moment = random.Random(seed), START
    with time_machine.travel(moment) as clock:
        worlds = [World(partner, emulator, str(seed)) for partner in (acme, globex)]
        past = []
        for end in month_ends(MONTHS):
            while (moment := later(moment, chance)) < end:
                clock.move_to(moment)
                for world in worlds:
                    world.happen()
            clock.move_to(moment := end)
            for world in worlds:
                with tenant_context(world.partner):
                    seen = world.snapshot()
                    past.append((world, seen, end.date(), timezone.now()))
                    assert_equal(figures(open_books()), recompute(seen, world.facts, timezone.now()), world)
        clock.move_to(moment + timedelta(days=3))
        for world, seen, day, then in past:
            with tenant_context(world.partner):
                assert_equal(figures(open_books_of(day)), recompute(seen, world.facts, then), world)
