"""Part `sync`: a sync against fetching the same bytes and COPYing the same rows into bare tables.

10,000 product instances with 30,000 usage rows, 40 virtual accounts, 1,200 licenses. Rounds of both sides alternate,
and the ratio is that of the medians.
"""

import os
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median

from bench import baseline, recorded
from bench.memory import Memory, peak_of
from bench.partner import enter_partner, make_partner
from bench.phases import Phases
from bench.results import Figure

ROUNDS = int(os.environ.get("BENCH_ROUNDS", "5"))
DATABASE_URL = os.environ["DATABASE_URL"]
make_partner()

from bench import mirror  # noqa: E402 - needs Django set up


def measure() -> list[Figure]:
    enter_partner()
    baseline.make_tables(DATABASE_URL)
    with tempfile.TemporaryDirectory() as folder:
        account = recorded.make_account(recorded.FULL)
        answers = recorded.record(account, "/full")
        recorded.change_one_percent(account)
        answers |= recorded.record(account, "/changed")
        answers |= recorded.record(recorded.make_account(recorded.TENTH), "/tenth")
        with recorded.Served(answers, Path(folder)) as served:
            figures = [*_speed(served.url), *_against_rows(served.url)]
            del answers, account
        return [*figures, *_memory(Path(folder))]


def _speed(url: str) -> list[Figure]:
    where = (url, "/full", recorded.DOMAIN, recorded.PAGE_SIZE)
    full, changed = mirror.account(url, "/full"), mirror.account(url, "/changed")
    seconds: dict[str, list[float]] = {}

    phases = Phases()

    def clock(name: str, work: Callable[[], object]) -> None:
        began = time.perf_counter()
        with phases.watched(name):
            work()
        seconds.setdefault(name, []).append(time.perf_counter() - began)

    for _ in range(ROUNDS):
        clock("fetch", lambda: baseline.fetch_only(*where))
        clock("fetch and copy", lambda: baseline.fetch_and_copy(DATABASE_URL, *where))
        mirror.empty()
        clock("first", partial(mirror.sync, full(), created=mirror.EVERYTHING))
        mirror.know_sizes()
        clock("unchanged", partial(mirror.sync, full(), unchanged=mirror.EVERYTHING))
        clock("1 % changed", partial(mirror.sync, changed(), changed=recorded.FULL.instances // 100))
    took = {name: median(found) for name, found in seconds.items()}
    return [
        _ratio("(a) first sync / fetch, parse and COPY", took, "first", "fetch and copy", 2.0, phases),
        _ratio("(b) sync without change / fetch and parse", took, "unchanged", "fetch", 1.3, phases),
        _ratio("(c) 1 % changed / fetch and parse", took, "1 % changed", "fetch", 1.4, phases),
    ]


def _ratio(name: str, took: dict[str, float], ours: str, theirs: str, bound: float, phases: Phases) -> Figure:
    note = f"{took[ours]:.3f} s / {took[theirs]:.3f} s: {phases.of(ours)}"
    return Figure(name, took[ours] / took[theirs], bound, note=note)


def _against_rows(url: str) -> list[Figure]:
    """At a tenth of the size, as one row after the other takes its time."""
    tenth = mirror.account(url, "/tenth")
    mirror.empty()
    ours = mirror.counted(lambda: mirror.sync(tenth()))
    mirror.empty()
    theirs = mirror.counted(lambda: mirror.update_or_create(tenth()))
    size = f"{recorded.TENTH.instances} instances"
    return [
        Figure(
            "(d) statements of update_or_create / of a sync",
            theirs.statements / ours.statements,
            20,
            at_least=True,
            note=f"{theirs.statements} / {ours.statements}, {size}",
        ),
        Figure(
            "(d) time of update_or_create / of a sync",
            theirs.seconds / ours.seconds,
            8,
            at_least=True,
            note=f"{theirs.seconds:.2f} s / {ours.seconds:.2f} s, {size}",
        ),
    ]


def _memory(folder: Path) -> list[Figure]:
    """Each in a process of its own, on an emptied mirror."""
    small, large = (_peak(size, folder) for size in (recorded.FULL, recorded.TEN_TIMES))
    note = f"{large.above:.0f} MB / {small.above:.0f} MB above an idle worker's {small.idle:.0f} MB"
    return [
        Figure("(e) peak memory, 100,000 instances / 10,000", large.above / small.above, 1.5, note=note),
        Figure("(e) peak memory in all, 100,000 instances", large.idle + large.above, 250, unit="MB"),
    ]


def _peak(size: recorded.Size, folder: Path) -> Memory:
    answers = recorded.record(recorded.make_account(size), "/memory")
    mirror.empty()
    with recorded.Served(answers, folder) as served:
        del answers
        return peak_of(served.url, "/memory")
