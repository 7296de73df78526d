"""Pure: when a channel may tell. Wall clocks of the channel's zone, moments in UTC."""

from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

from licensing.alerts.models import Severity


class Hours(Protocol):
    """The hours of a channel: it is silent from `quiet_from` to `quiet_until`, and sends everything at `digest_at`."""

    quiet_from: time | None
    quiet_until: time | None
    quiet_except_critical: bool
    digest_at: time | None
    zone: str


def release_at(hours: Hours, now: datetime, severity: str) -> datetime:
    """The first moment from `now` on at which this channel may tell of something so severe."""
    zone = ZoneInfo(hours.zone)
    moment = next_time(now, hours.digest_at, zone) if hours.digest_at else now
    passes = hours.quiet_except_critical and severity == Severity.CRITICAL
    if passes or hours.quiet_from is None or hours.quiet_until is None:
        return moment
    wall = moment.astimezone(zone).time()
    return next_end(moment, hours.quiet_until, zone) if within(wall, hours.quiet_from, hours.quiet_until) else moment


def within(wall: time, begin: time, end: time) -> bool:
    """Return whether a wall clock is between `begin` and `end`, which may go over midnight."""
    return begin <= wall < end if begin <= end else wall >= begin or wall < end


def next_time(now: datetime, wall: time, zone: ZoneInfo) -> datetime:
    """The next moment at which the clock shows `wall`; where it does so twice (in autumn), the first of them.

    Where it skips `wall` (in spring), an hour later by the clock: as long after midnight as on other days.
    """
    return next(moment for moment, fold in _moments(now, wall, zone) if moment > now and fold == 0)


def next_end(now: datetime, wall: time, zone: ZoneInfo) -> datetime:
    """Return the last such time: when the clock shows 02:30 twice, quiet hours until 02:30 end at the second one."""
    return next(moment for moment, _ in _moments(now, wall, zone) if moment > now)


def _moments(now: datetime, wall: time, zone: ZoneInfo) -> Iterator[tuple[datetime, int]]:
    today = now.astimezone(zone).date()
    for ahead in range(-1, 4):
        for fold in (0, 1):
            local = datetime.combine(today + timedelta(days=ahead), wall, zone).replace(fold=fold)
            if fold == 0 or _comes_twice(local):
                yield local.astimezone(UTC), fold


def _comes_twice(local: datetime) -> bool:
    return local.replace(fold=0).utcoffset() > local.replace(fold=1).utcoffset()  # type: ignore[operator]
