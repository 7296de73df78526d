"""The allocation engine against an independent maximum flow, on random cases."""

import networkx as nx
from hypothesis import given, settings
from hypothesis import strategies as st

from licensing.allocation.engine import Allocation, Grant, Rule, allocate

# What may serve a request besides its own license, in the order of the rules; written out, not derived.
FOUNDATION = ["HUCM_Foundation", "HUCM_Standard"]
ENTERPRISE_LENDERS = {
    "UCM_CUWL": [],
    "UCM_EnhancedPlus": ["UCM_CUWL"],
    "UCM_Enhanced": ["UCM_EnhancedPlus", "UCM_CUWL"],
    "UCM_Basic": ["UCM_Enhanced", "UCM_EnhancedPlus", "UCM_CUWL"],
    "UCM_Essential": ["UCM_Basic", "UCM_Enhanced", "UCM_EnhancedPlus", "UCM_CUWL"],
    "CUC_EnhancedMessaging": [],
    "CUC_BasicMessaging": ["CUC_EnhancedMessaging"],
}
HCS_PARENTS = {
    "UCM_CUWL": ["HUCM_Standard"],
    "UCM_EnhancedPlus": ["HUCM_Standard"],
    "UCM_Enhanced": FOUNDATION,
    "UCM_Basic": FOUNDATION,
    "UCM_Essential": FOUNDATION,
    "CUC_EnhancedMessaging": ["HCUC_StandardMessaging"],
    "CUC_BasicMessaging": ["HCUC_BasicMessaging", "HCUC_StandardMessaging"],
    "UCM_TelePresenceRoom": ["HUCM_TelePresenceRoom"],
    "CER_USER": ["HCER_User"],
}
HCS_LENDERS = {"HUCM_Foundation": ["HUCM_Standard"], "HCUC_BasicMessaging": ["HCUC_StandardMessaging"]}
OWN = {
    name: [name]
    for name in [
        *HCS_PARENTS,
        "HUCM_Standard",
        "HUCM_Foundation",
        "HCUC_StandardMessaging",
        "HCUC_BasicMessaging",
        "HUCM_TelePresenceRoom",
        "HCER_User",
    ]
}
PHASES = [OWN, ENTERPRISE_LENDERS, HCS_PARENTS, HCS_LENDERS]
RULES = [Rule.OWN, Rule.HIERARCHY, Rule.DUAL_PARENTING, Rule.HIERARCHY]

quantities = st.dictionaries(st.sampled_from(list(OWN)), st.integers(0, 7))
# Few licenses of one family: where requests compete most.
ucm = ["UCM_CUWL", "UCM_EnhancedPlus", "UCM_Enhanced", "UCM_Basic", "HUCM_Standard", "HUCM_Foundation"]
crowded = st.dictionaries(st.sampled_from(ucm), st.integers(0, 3))
cases = st.one_of(st.tuples(quantities, quantities, quantities), st.tuples(crowded, crowded, crowded))


def most(supply: dict[str, int], demand: dict[str, int], reserved: dict[str, int], phases: list[dict]) -> int:
    """The most that can be covered when only these phases' pairs are allowed."""
    graph = nx.DiGraph()
    graph.add_nodes_from(["source", "sink"])
    for name, quantity in supply.items():
        graph.add_edge("source", ("license", name), capacity=quantity)
    for name, quantity in reserved.items():
        graph.add_edge(("license", name), ("reserved", name))
        graph.add_edge(("reserved", name), "sink", capacity=quantity)
    for name, quantity in demand.items():
        graph.add_edge(("request", name), "sink", capacity=quantity)
        for phase in phases:
            graph.add_edges_from((("license", lender), ("request", name)) for lender in phase.get(name, []))
    return nx.maximum_flow_value(graph, "source", "sink")


def phase_of(grant: Grant) -> int:
    return next(place for place, phase in enumerate(PHASES) if grant.granted in phase.get(grant.requested, []))


@settings(max_examples=400, deadline=None)
@given(cases)
def test_every_phase_covers_as_much_as_a_maximum_flow(case: tuple[dict, dict, dict]) -> None:
    supply, demand, reserved = case
    allocation = allocate(supply, demand, reserved)

    for upto in range(1, len(PHASES) + 1):
        covered = sum(grant.quantity for grant in allocation.grants if phase_of(grant) < upto)
        assert covered == most(supply, demand, reserved, PHASES[:upto])


@settings(max_examples=400, deadline=None)
@given(cases)
def test_books_balance(case: tuple[dict, dict, dict]) -> None:
    supply, demand, reserved = case
    allocation = allocate(supply, demand, reserved)

    granted, served = dict.fromkeys(supply, 0), dict.fromkeys([*demand, *reserved], 0)
    for grant in allocation.grants:
        granted[grant.granted] += grant.quantity
        served[grant.requested] += grant.quantity
    assert {name: supply[name] - granted[name] for name in supply} == allocation.left
    wanted = {name: demand.get(name, 0) + reserved.get(name, 0) for name in served}
    short = {name: allocation.short.get(name, 0) + allocation.reserved_short.get(name, 0) for name in served}
    assert {name: wanted[name] - served[name] for name in served} == short
    assert min([*allocation.left.values(), *short.values(), 0]) == 0
    assert all(quantity > 0 for quantity in [*allocation.short.values(), *allocation.reserved_short.values()])
    assert len({(grant.requested, grant.granted) for grant in allocation.grants}) == len(allocation.grants)
    assert all(grant.quantity > 0 and grant.rule == RULES[phase_of(grant)] for grant in allocation.grants)


def preferences(name: str) -> list[str]:
    return [lender for phase in PHASES for lender in phase.get(name, [])]


def used(allocation: Allocation, name: str) -> list[str]:
    return [grant.granted for grant in allocation.grants if grant.requested == name]


@settings(max_examples=400, deadline=None)
@given(cases)
def test_nobody_takes_a_later_choice_while_an_earlier_one_is_left(case: tuple[dict, dict, dict]) -> None:
    supply, demand, reserved = case
    allocation = allocate(supply, demand, reserved)

    for name in demand:
        choices = preferences(name)
        last = max((choices.index(lender) for lender in used(allocation, name)), default=0)
        reached = choices if name in allocation.short else choices[:last]
        assert [lender for lender in reached if allocation.left.get(lender)] == []


@settings(max_examples=400, deadline=None)
@given(cases)
def test_lower_request_borrows_nothing_that_a_higher_one_still_wanted(case: tuple[dict, dict, dict]) -> None:
    supply, demand, reserved = case
    allocation = allocate(supply, demand, reserved)

    for grant in allocation.grants:
        phase = PHASES[phase_of(grant)]
        for higher in phase.get(grant.requested, []) if phase is ENTERPRISE_LENDERS else []:
            if grant.granted in phase[higher]:
                assert higher not in allocation.short
                assert all(phase_of(other) < 2 for other in allocation.grants if other.requested == higher)


@settings(max_examples=200, deadline=None)
@given(cases, st.randoms(use_true_random=False))
def test_order_of_the_input_does_not_matter(case: tuple[dict, dict, dict], random: object) -> None:
    shuffled = [dict(random.sample(list(part.items()), len(part))) for part in case]  # type: ignore[attr-defined]

    first, second = allocate(*case), allocate(*shuffled)

    assert set(first.grants) == set(second.grants)
    assert (first.left, first.short, first.reserved_short) == (second.left, second.short, second.reserved_short)
