"""Quiet hours and digests by the wall clock, over both changes of clocks."""

from dataclasses import dataclass
from datetime import UTC, datetime, time

import pytest

from licensing.channels.delivery.quiet_hours import release_at


@dataclass
class Hours:
    quiet_from: time | None = None
    quiet_until: time | None = None
    quiet_except_critical: bool = True
    digest_at: time | None = None
    zone: str = "Europe/Berlin"


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


NIGHT = Hours(time(22), time(6, 30))


@pytest.mark.parametrize(
    ("now", "released"),
    [
        ("2026-01-15T20:59", "2026-01-15T20:59"),  # 21:59 in Berlin
        ("2026-01-15T21:00", "2026-01-16T05:30"),  # 22:00: until 06:30
        ("2026-01-16T05:29", "2026-01-16T05:30"),
        ("2026-01-16T05:30", "2026-01-16T05:30"),
        ("2026-03-28T22:00", "2026-03-29T04:30"),  # clocks go forward: 06:30 is summer time
        ("2026-10-24T21:00", "2026-10-25T05:30"),  # clocks go back: 06:30 is winter time
    ],
)
def test_quiet_over_midnight_and_over_clock_changes(now: str, released: str) -> None:
    assert release_at(NIGHT, utc(now), "minor") == utc(released)


def test_critical_comes_through_unless_it_must_not() -> None:
    now = utc("2026-01-15T23:00")
    assert release_at(NIGHT, now, "critical") == now
    deaf = Hours(time(22), time(6, 30), quiet_except_critical=False)
    assert release_at(deaf, now, "critical") == utc("2026-01-16T05:30")


def test_quiet_that_ends_in_the_hour_that_comes_twice_ends_when_no_clock_shows_less() -> None:
    hours = Hours(time(22), time(2, 30))
    assert release_at(hours, utc("2026-10-25T00:10"), "minor") == utc("2026-10-25T00:30")  # 02:10 summer time
    assert release_at(hours, utc("2026-10-25T01:10"), "minor") == utc("2026-10-25T01:30")  # 02:10 winter time


def test_quiet_that_ends_in_the_hour_that_is_skipped_ends() -> None:
    assert release_at(Hours(time(22), time(2, 30)), utc("2026-03-29T00:59"), "minor") == utc("2026-03-29T01:30")


@pytest.mark.parametrize(
    ("now", "released"),
    [
        ("2026-03-28T06:59", "2026-03-28T07:00"),
        ("2026-03-28T07:00", "2026-03-29T06:00"),  # the next day is 23 hours long
        ("2026-10-24T06:00", "2026-10-25T07:00"),  # and this one 25
    ],
)
def test_digest_comes_at_the_same_time_by_the_clock(now: str, released: str) -> None:
    assert release_at(Hours(digest_at=time(8)), utc(now), "critical") == utc(released)


def test_digest_in_the_hour_that_comes_twice_comes_once() -> None:
    hours = Hours(digest_at=time(2, 30))
    first = release_at(hours, utc("2026-10-24T12:00"), "minor")
    assert first == utc("2026-10-25T00:30")
    assert release_at(hours, first, "minor") == utc("2026-10-26T01:30")


def test_digest_within_quiet_hours_waits_for_their_end() -> None:
    hours = Hours(time(22), time(6), digest_at=time(5))
    assert release_at(hours, utc("2026-01-15T12:00"), "minor") == utc("2026-01-16T05:00")
