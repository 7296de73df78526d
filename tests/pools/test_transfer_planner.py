"""Which licenses to move so that shortages end: cases by hand, and random accounts against an independent optimum."""

import networkx as nx
from hypothesis import given, settings
from hypothesis import strategies as st

from licensing.allocation.engine import allocate, servers
from licensing.pools.transfer_planner import LARGEST_TRANSFER, Move, Pool, applied, plan


def test_free_licenses_move_to_the_shortage() -> None:
    found = plan(
        [Pool("North", {"UCM_Basic": 10}, {"UCM_Basic": 4}), Pool("South", {"UCM_Basic": 1}, {"UCM_Basic": 3})]
    )

    assert found.moves == (Move("UCM_Basic", "North", "South", 2),)
    assert found.still_short == {}
    assert found.moved == 2


def test_without_a_shortage_nothing_moves() -> None:
    found = plan([Pool("North", {"UCM_Basic": 10}), Pool("South", {"UCM_CUWL": 3}, {"UCM_Basic": 3})])

    assert (found.moves, found.still_short) == ((), {})


def test_no_pools_give_an_empty_plan() -> None:
    assert plan([]).moves == ()


def test_what_is_used_stays() -> None:
    found = plan([Pool("North", {"UCM_CUWL": 5}, {"UCM_Basic": 5}), Pool("South", {}, {"UCM_CUWL": 2})])

    assert found.moves == ()
    assert found.still_short == {"South": {"UCM_CUWL": 2}}
    assert found.to_order == {"UCM_CUWL": 2}


def test_license_of_a_higher_level_or_of_hcs_moves_too() -> None:
    found = plan(
        [
            Pool("North", {"UCM_CUWL": 1}),
            Pool("West", {"HUCM_Foundation": 1}),
            Pool("South", {}, {"UCM_Basic": 1, "UCM_EnhancedPlus": 1}),
        ]
    )

    assert found.moves == (Move("HUCM_Foundation", "West", "South", 1), Move("UCM_CUWL", "North", "South", 1))
    assert found.still_short == {}


def test_arriving_license_frees_the_one_that_is_needed() -> None:
    short = Pool("South", {"HUCM_Standard": 1}, {"UCM_CUWL": 1, "HUCM_Foundation": 1})

    found = plan([Pool("North", {"UCM_CUWL": 1}), short])

    assert found.moves == (Move("UCM_CUWL", "North", "South", 1),)
    assert found.still_short == {}


def test_two_short_pools_help_each_other() -> None:
    found = plan([Pool("North", {"CER_USER": 2}, {"UCM_Basic": 1}), Pool("South", {"UCM_Basic": 2}, {"CER_USER": 1})])

    assert found.moves == (Move("CER_USER", "North", "South", 1), Move("UCM_Basic", "South", "North", 1))
    assert found.still_short == {}


def test_ordered_pool_lends_only_when_allowed() -> None:
    pools = [Pool("Ordered", {"UCM_Basic": 5}, ordered=True), Pool("South", {}, {"UCM_Basic": 3})]

    assert plan(pools).moves == ()
    assert plan(pools, from_ordered=True).moves == (Move("UCM_Basic", "Ordered", "South", 3),)


def test_nothing_moves_into_the_ordered_pool() -> None:
    found = plan([Pool("North", {"UCM_Basic": 5}), Pool("Ordered", {}, {"UCM_Basic": 3}, ordered=True)])

    assert found.moves == ()
    assert found.still_short == {"Ordered": {"UCM_Basic": 3}}


def test_types_that_cannot_be_transferred_stay() -> None:
    found = plan([Pool("North", {"UCM_Basic": 5}, immovable={"UCM_Basic": 4}), Pool("South", {}, {"UCM_Basic": 3})])

    assert found.moves == (Move("UCM_Basic", "North", "South", 1),)
    assert found.still_short == {"South": {"UCM_Basic": 2}}


def test_reservation_needs_its_own_license() -> None:
    pools = [Pool("North", {"UCM_CUWL": 5, "UCM_Basic": 1}), Pool("South", {}, reserved={"UCM_Basic": 2})]

    found = plan(pools)

    assert found.moves == (Move("UCM_Basic", "North", "South", 1),)
    assert found.still_short == {"South": {"UCM_Basic": 1}}


def test_other_spelling_of_the_license_keeps_the_spelling_of_its_source() -> None:
    name = "UC Manager Basic License  (12.x)"

    found = plan([Pool("North", {name: 5}), Pool("South", {}, {"UCM_Basic": 3})])

    assert found.moves == (Move(name, "North", "South", 3),)
    assert applied([Pool("North", {name: 5}), Pool("South", {})], found.moves) == (
        Pool("North", {name: 2}),
        Pool("South", {name: 3}),
    )


def test_large_pools_give_first_so_that_steps_are_few() -> None:
    pools = [Pool("A", {"UCM_Basic": 1}), Pool("B", {"UCM_Basic": 9}), Pool("S", {}, {"UCM_Basic": 9})]

    assert plan(pools).moves == (Move("UCM_Basic", "B", "S", 9),)


def test_steps_are_pieces_that_one_call_accepts() -> None:
    found = plan([Pool("North", {"UCM_Basic": 5000}), Pool("South", {}, {"UCM_Basic": 2000})])

    assert [step.quantity for step in found.steps] == [998, 998, 4]
    assert {(step.license, step.source, step.target) for step in found.steps} == {("UCM_Basic", "North", "South")}


names = ["UCM_CUWL", "UCM_Enhanced", "UCM_Basic", "HUCM_Standard", "HUCM_Foundation", "CER_USER"]
quantities = st.dictionaries(st.sampled_from(names), st.integers(0, 4), max_size=4)
few = st.dictionaries(st.sampled_from(names), st.integers(0, 2), max_size=1)
accounts = st.lists(st.tuples(quantities, quantities, few, few, st.booleans()), min_size=1, max_size=5).map(
    lambda parts: [Pool(f"pool {place}", *part) for place, part in enumerate(parts)]
)


def optimum(pools: list[Pool], from_ordered: bool) -> tuple[int, int]:
    """The most requests that can be served and the fewest moves for that, from a flow of another shape: every pool and
    pair of pools has edges of its own, and a request that stays open is a very dear edge."""
    graph = nx.DiGraph()
    wanted = sum(sum(pool.demand.values()) + sum(pool.reserved.values()) for pool in pools if not pool.ordered)
    dear = 1000
    graph.add_node("start", demand=-wanted)
    graph.add_node("end", demand=wanted)
    graph.add_edge("start", "end", weight=dear)
    takers = [pool for pool in pools if not pool.ordered]
    for pool in pools:
        left = allocate(pool.supply, pool.demand, pool.reserved).left
        for name, quantity in pool.supply.items():
            free = max(0, min(left[name], quantity - pool.immovable.get(name, 0)))
            graph.add_edge("start", (pool.name, name), capacity=quantity, weight=0)
            if pool.ordered and not from_ordered:
                continue
            graph.add_edge((pool.name, name), (pool.name, name, "out"), capacity=free, weight=1)
            for taker in takers:
                if taker is not pool:
                    graph.add_edge((pool.name, name, "out"), (taker.name, name, "in"), weight=0)
    for pool in takers:
        for name in names:
            graph.add_edge((pool.name, name), (pool.name, name, "in"), weight=0)
            for kind, need in (("request", pool.demand), ("reserved", pool.reserved)):
                graph.add_edge((pool.name, name, kind), "end", capacity=need.get(name, 0), weight=0)
                for server in servers(name) if kind == "request" else [name]:
                    graph.add_edge((pool.name, server, "in"), (pool.name, name, kind), weight=0)
    cost, _ = nx.capacity_scaling(graph)
    return wanted - cost // dear, cost % dear


def served(pool: Pool) -> int:
    return sum(grant.quantity for grant in allocate(pool.supply, pool.demand, pool.reserved).grants)


@settings(max_examples=300, deadline=None)
@given(accounts, st.booleans())
def test_plan_serves_the_most_with_the_fewest_moves(pools: list[Pool], from_ordered: bool) -> None:
    found = plan(pools, from_ordered)

    after = applied(pools, found.moves)
    assert (sum(served(pool) for pool in after if not pool.ordered), found.moved) == optimum(pools, from_ordered)


@settings(max_examples=300, deadline=None)
@given(accounts, st.booleans(), st.randoms(use_true_random=False))
def test_every_step_is_allowed_and_harms_nobody(pools: list[Pool], from_ordered: bool, random: object) -> None:
    found = plan(pools, from_ordered)
    ordered = {pool.name for pool in pools if pool.ordered}
    steps = list(found.steps)
    random.shuffle(steps)  # type: ignore[attr-defined]

    state = tuple(pools)
    for step in steps:
        after = applied(state, [step])
        assert 0 < step.quantity <= LARGEST_TRANSFER
        assert step.source != step.target
        assert step.target not in ordered
        assert from_ordered or step.source not in ordered
        assert all(served(new) >= served(old) for new, old in zip(after, state, strict=True))
        assert all(min(pool.supply.values(), default=0) >= 0 for pool in after)
        state = after
    assert all(
        pool.supply[name] >= min(before.supply[name], quantity)
        for pool, before in zip(state, pools, strict=True)
        for name, quantity in before.immovable.items()
        if name in before.supply
    )


@settings(max_examples=100, deadline=None)
@given(accounts)
def test_plan_that_is_carried_out_leaves_nothing_to_do(pools: list[Pool]) -> None:
    found = plan(pools)

    again = plan(applied(pools, found.moves))

    assert again.moves == ()
    assert again.still_short == found.still_short
