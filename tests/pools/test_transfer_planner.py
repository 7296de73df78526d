"""Which licenses to move so that shortages end: cases by hand, and random accounts against independent optima."""

from collections.abc import Iterator
from itertools import product

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


def test_two_pools_exchange_licenses_where_no_pool_has_the_one_to_spare() -> None:
    """North's only Standard serves a Foundation request there; South has a Foundation that cannot serve Standard."""
    north = Pool("North", {"HUCM_Standard": 1}, {"HUCM_Foundation": 1})
    south = Pool("South", {"HUCM_Foundation": 1}, {"HUCM_Standard": 1})

    found = plan([north, south])

    assert found.moves == (
        Move("HUCM_Foundation", "South", "North", 1),
        Move("HUCM_Standard", "North", "South", 1),
    )
    assert found.still_short == {}


def test_exchange_goes_through_a_third_pool() -> None:
    """The free Foundation is in West: it goes to North, which then gives its Standard to South."""
    found = plan(
        [
            Pool("North", {"HUCM_Standard": 5}, {"HUCM_Foundation": 5}),
            Pool("South", {}, {"HUCM_Standard": 5}),
            Pool("West", {"HUCM_Foundation": 5}),
        ]
    )

    assert found.moves == (
        Move("HUCM_Foundation", "West", "North", 5),
        Move("HUCM_Standard", "North", "South", 5),
    )


def test_license_in_use_under_its_own_name_is_not_exchanged() -> None:
    """The CUWL could serve North's Basic request, but Cisco gives up no Basic license that is in use."""
    found = plan(
        [
            Pool("North", {"UCM_CUWL": 1, "UCM_Basic": 1}, {"UCM_Basic": 1}),
            Pool("South", {}, reserved={"UCM_Basic": 1}),
        ]
    )

    assert found.moves == ()
    assert found.still_short == {"South": {"UCM_Basic": 1}}


def test_pool_gives_its_reserve_last() -> None:
    pools = [
        Pool("Large", {"CER_USER": 9}, reserve={"CER_USER": 8}),
        Pool("Small", {"CER_USER": 3}),
        Pool("South", {}, {"CER_USER": 3}),
    ]

    assert plan(pools).moves == (Move("CER_USER", "Small", "South", 3),)
    assert plan([*pools[:2], Pool("South", {}, {"CER_USER": 5})]).moves == (
        Move("CER_USER", "Small", "South", 3),
        Move("CER_USER", "Large", "South", 2),
    )


names = ["UCM_CUWL", "UCM_Enhanced", "UCM_Basic", "HUCM_Standard", "HUCM_Foundation", "CER_USER"]
quantities = st.dictionaries(st.sampled_from(names), st.integers(0, 4), max_size=4)
few = st.dictionaries(st.sampled_from(names), st.integers(0, 2), max_size=1)
accounts = st.lists(st.tuples(quantities, quantities, few, few, st.booleans()), min_size=1, max_size=5).map(
    lambda parts: [Pool(f"pool {place}", *part) for place, part in enumerate(parts)]
)


def may_leave(pool: Pool, from_ordered: bool) -> dict[str, int]:
    """What requests for the license itself leave of it, as far as its type may move."""
    if pool.ordered and not from_ordered:
        return {}
    used = {name: pool.demand.get(name, 0) + pool.reserved.get(name, 0) for name in pool.supply}
    return {
        name: max(quantity - max(min(quantity, used[name]), pool.immovable.get(name, 0)), 0)
        for name, quantity in pool.supply.items()
    }


def optimum(pools: list[Pool], from_ordered: bool) -> tuple[int, int]:
    """The most requests that can be served and the fewest moves for that, from a flow of another shape: every pool and
    pair of pools has edges of its own, a request that stays open is a very dear edge, and one that is served today and
    would not be any more is dearer still."""
    graph = nx.DiGraph()
    wanted = sum(sum(pool.demand.values()) + sum(pool.reserved.values()) for pool in pools)
    dear, dearer = 1000, 1_000_000
    graph.add_node("start", demand=-wanted)
    graph.add_node("end", demand=wanted)
    for pool in pools:
        leaves = may_leave(pool, from_ordered)
        for name, quantity in pool.supply.items():
            graph.add_edge("start", (pool.name, name), capacity=quantity, weight=0)
            graph.add_edge((pool.name, name), (pool.name, name, "out"), capacity=leaves.get(name, 0), weight=1)
            for taker in pools:
                if taker is not pool and not taker.ordered:
                    graph.add_edge((pool.name, name, "out"), (taker.name, name, "in"), weight=0)
    for pool in pools:
        found = allocate(pool.supply, pool.demand, pool.reserved)
        for name in names:
            graph.add_edge((pool.name, name), (pool.name, name, "in"), weight=0)
            for kind, need, short in (
                ("request", pool.demand, found.short),
                ("reserved", pool.reserved, found.reserved_short),
            ):
                number, lacking = need.get(name, 0), short.get(name, 0)
                place = (pool.name, name, kind)
                graph.add_edge(place, "end", capacity=number, weight=0)
                graph.add_edge("start", (*place, "open"), capacity=lacking, weight=0 if pool.ordered else dear)
                graph.add_edge((*place, "open"), place, weight=0)
                graph.add_edge("start", (*place, "lost"), capacity=number - lacking, weight=dearer)
                graph.add_edge((*place, "lost"), place, weight=0)
                for server in servers(name) if kind == "request" else [name]:
                    graph.add_edge((pool.name, server, "in"), place, weight=0)
    cost, _ = nx.capacity_scaling(graph)
    everything = sum(sum(pool.demand.values()) + sum(pool.reserved.values()) for pool in pools if not pool.ordered)
    return everything - cost // dear, cost % dear


def served(pool: Pool) -> int:
    return sum(grant.quantity for grant in allocate(pool.supply, pool.demand, pool.reserved).grants)


@settings(max_examples=300, deadline=None)
@given(accounts, st.booleans())
def test_plan_serves_the_most_with_the_fewest_moves(pools: list[Pool], from_ordered: bool) -> None:
    found = plan(pools, from_ordered)

    after = applied(pools, found.moves)
    assert (sum(served(pool) for pool in after if not pool.ordered), found.moved) == optimum(pools, from_ordered)


@settings(max_examples=300, deadline=None)
@given(accounts, st.booleans())
def test_every_step_is_allowed_and_harms_nobody(pools: list[Pool], from_ordered: bool) -> None:
    found = plan(pools, from_ordered)
    ordered = {pool.name for pool in pools if pool.ordered}
    taken: dict[tuple[str, str], int] = {}

    state = tuple(pools)
    for step in found.steps:
        key = step.source, step.license
        taken[key] = taken.get(key, 0) + step.quantity
        after = applied(state, [step])
        assert 0 < step.quantity <= LARGEST_TRANSFER
        assert step.source != step.target
        assert step.target not in ordered
        assert from_ordered or step.source not in ordered
        assert all(served(new) >= served(old) for new, old in zip(after, state, strict=True))
        assert all(min(pool.supply.values(), default=0) >= 0 for pool in after)
        state = after
    leaves = {pool.name: may_leave(pool, from_ordered) for pool in pools}
    assert all(quantity <= leaves[source].get(name, 0) for (source, name), quantity in taken.items())
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


few_names = ["HUCM_Standard", "HUCM_Foundation", "UCM_Basic"]
few_quantities = st.dictionaries(st.sampled_from(few_names), st.integers(0, 2), max_size=2)
small_accounts = st.lists(st.tuples(few_quantities, few_quantities), min_size=2, max_size=3).map(
    lambda parts: [Pool(f"pool {place}", *part) for place, part in enumerate(parts)]
)


def shares(total: int, places: int) -> Iterator[tuple[int, ...]]:
    """Every way to divide `total` among so many places."""
    if places == 1:
        yield (total,)
        return
    for first in range(total + 1):
        yield from ((first, *rest) for rest in shares(total - first, places - 1))


def least_short(pools: list[Pool]) -> int:
    """Try every distribution of the licenses over the pools that moves can lead to, and count what is short."""
    leaves = [may_leave(pool, from_ordered=False) for pool in pools]
    by_license = []
    for name in few_names:
        held = [pool.supply.get(name, 0) for pool in pools]
        ways = shares(sum(held), len(pools))
        by_license.append(
            [
                way
                for way in ways
                if all(had - has <= free.get(name, 0) for had, has, free in zip(held, way, leaves, strict=True))
            ]
        )
    return min(
        sum(
            sum(
                allocate(
                    {name: way[place] for name, way in zip(few_names, ways, strict=True)}, pool.demand
                ).short.values()
            )
            for place, pool in enumerate(pools)
        )
        for ways in product(*by_license)
    )


@settings(max_examples=150, deadline=None)
@given(small_accounts)
def test_no_set_of_moves_ends_more_shortages_than_the_plan(pools: list[Pool]) -> None:
    found = plan(pools)

    assert sum(sum(short.values()) for short in found.still_short.values()) == least_short(pools)
