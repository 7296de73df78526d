"""Part `allocation`: 100,000 requests over 1,000 licenses (100 virtual accounts of 10 licenses each).

Against the least that any answer has to do, which is to read every request once and add it up; and against the maximum
flow of a library over the same sums, which says how much can be covered but neither by which rule nor in which order.
Rounds of all sides alternate, and the ratios are those of the medians.
"""

import os
import random
import time
from collections.abc import Callable
from statistics import median

import networkx as nx

from bench.results import Figure
from licensing.allocation.engine import Allocation, allocate, servers

ROUNDS = int(os.environ.get("BENCH_ROUNDS", "5"))
REQUESTS, ACCOUNTS = 100_000, 100
LICENSES = (
    "UCM_CUWL",
    "UCM_EnhancedPlus",
    "UCM_Enhanced",
    "UCM_Basic",
    "UCM_Essential",
    "CUC_EnhancedMessaging",
    "CUC_BasicMessaging",
    "HUCM_Standard",
    "HUCM_Foundation",
    "HCUC_StandardMessaging",
)

Request = tuple[int, str, int]  # virtual account, license, quantity
Sums = list[dict[str, int]]  # per virtual account: license -> quantity


def measure() -> list[Figure]:
    requests, supply = _case()
    demand = _sums(requests)
    work: dict[str, Callable[[], object]] = {
        "sum": lambda: _sums(requests),
        "sum and allocate": lambda: _allocate(supply, _sums(requests)),
        "allocate": lambda: _allocate(supply, demand),
        "flow": lambda: _flow(supply, demand),
    }
    took = _medians(work)
    assert sum(grant.quantity for pool in _allocate(supply, demand) for grant in pool.grants) == _flow(supply, demand)
    return [
        Figure(
            "sum and allocate / sum alone",
            took["sum and allocate"] / took["sum"],
            3.0,
            note=f"{took['sum and allocate'] * 1000:.0f} ms for {REQUESTS:,} requests",
        ),
        Figure(
            "maximum flow / allocate",
            took["flow"] / took["allocate"],
            5.0,
            at_least=True,
            note="the same coverage, of 1,000 licenses",
        ),
    ]


def _case() -> tuple[list[Request], Sums]:
    """Supply is three quarters of what is asked on average, so that every rule has work to do."""
    chance = random.Random(4)
    requests = [(chance.randrange(ACCOUNTS), chance.choice(LICENSES), chance.randint(1, 20)) for _ in range(REQUESTS)]
    average = REQUESTS * 10.5 / ACCOUNTS / len(LICENSES)
    supply = [{name: chance.randint(0, int(1.5 * average)) for name in LICENSES} for _ in range(ACCOUNTS)]
    return requests, supply


def _sums(requests: list[Request]) -> Sums:
    sums: Sums = [dict.fromkeys(LICENSES, 0) for _ in range(ACCOUNTS)]
    for account, name, quantity in requests:
        sums[account][name] += quantity
    return sums


def _allocate(supply: Sums, demand: Sums) -> list[Allocation]:
    return [allocate(owned, wanted) for owned, wanted in zip(supply, demand, strict=True)]


def _flow(supply: Sums, demand: Sums) -> int:
    graph = nx.DiGraph()
    for account in range(ACCOUNTS):
        for name in LICENSES:
            graph.add_edge("source", (account, name), capacity=supply[account][name])
            graph.add_edge((account, name, "asked"), "sink", capacity=demand[account][name])
            for server in servers(name):
                graph.add_edge((account, server), (account, name, "asked"))
    return int(nx.maximum_flow_value(graph, "source", "sink"))


def _medians(work: dict[str, Callable[[], object]]) -> dict[str, float]:
    seconds: dict[str, list[float]] = {name: [] for name in work}
    for _ in range(ROUNDS):
        for name, task in work.items():
            began = time.perf_counter()
            task()
            seconds[name].append(time.perf_counter() - began)
    return {name: median(found) for name, found in seconds.items()}
