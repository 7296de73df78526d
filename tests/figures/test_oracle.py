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
from tests.figures.random_world import World, later, rows_of

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


def assert_equal(ours: dict[str, Rows], theirs: dict[str, Rows], worlds: list[World]) -> None:
    for by, rows in theirs.items():
        found = ours[by]
        odd = {key: (found.get(key), rows.get(key)) for key in {*found, *rows} if found.get(key) != rows.get(key)}
        log = "\n".join(line for world in worlds for line in world.log[-3:])
        assert not odd, f"{by} (ours, the oracle's): {odd}\n{log}"


@pytest.mark.parametrize("seed", range(WORLDS))
def test_positions_of_random_months(acme: Partner, globex: Partner, emulator: EmulatorThread, seed: int) -> None:
    """Acme has two smart accounts, globex one. At the end, each past month is asked again."""
    chance, moment, past = random.Random(seed), START, []
    with time_machine.travel(moment) as clock:
        first = World(acme, emulator, str(seed))
        partners = [[first, World(acme, emulator, str(seed), first)], [World(globex, emulator, str(seed))]]
        for end in month_ends(MONTHS):
            while (moment := later(moment, chance)) < end:
                clock.move_to(moment)
                for worlds in partners:
                    chance.choice(worlds).happen()
            clock.move_to(moment := end)
            for worlds in partners:
                with tenant_context(worlds[0].partner):
                    parts, now = [world.part() for world in worlds], timezone.now()
                    past.append((worlds, parts, now))
                    assert_equal(figures(open_books()), recompute(parts, now), worlds)
        clock.move_to(moment + timedelta(days=3))
        for worlds, parts, then in past:
            with tenant_context(worlds[0].partner):
                assert_equal(figures(open_books_of(then.date())), recompute(parts, then), worlds)
