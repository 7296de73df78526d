"""Measure where the time of a sync goes: what its phases take, round by round."""

import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from statistics import median
from typing import Any
from unittest.mock import patch

# What is timed, under the name by which its caller knows it.
PHASES = {
    "fetching and staging": "licensing.mirror.sync.running.fetch_whole",
    "merging": "licensing.mirror.sync.merging.merge",
    "alerts": "licensing.alerts.evaluation.evaluate",
}


class Phases:
    def __init__(self) -> None:
        self.seconds: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
        self.sync = ""

    @contextmanager
    def watched(self, sync: str) -> Iterator[None]:
        self.sync = sync
        with ExitStack() as patches:
            for phase, place in PHASES.items():
                patches.enter_context(patch(place, self._timed(phase)))
            yield

    def of(self, sync: str) -> str:
        """`fetching and staging 0.120 s, merging 0.300 s`: medians."""
        return ", ".join(f"{phase} {median(found):.3f} s" for phase, found in self.seconds[sync].items())

    def _timed(self, phase: str) -> Callable[..., Any]:
        module, _, name = PHASES[phase].rpartition(".")
        work = getattr(__import__(module, fromlist=[name]), name)

        def timed(*arguments: Any, **options: Any) -> Any:
            began = time.perf_counter()
            try:
                return work(*arguments, **options)
            finally:
                self.seconds[self.sync][phase].append(time.perf_counter() - began)

        return timed
