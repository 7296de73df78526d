"""Plan which licenses to move between virtual accounts so that shortages end. Pure: no database, no network.

Movable is what nobody uses now: what the allocation engine leaves in a virtual account, as far as its type may be
transferred, and not in the ordered pool unless that is allowed. Taking such licenses away leaves every request that is
served today served, so the steps of a plan can be executed one by one, in any order, and stopped after each.

The plan covers as many requests as movable licenses can cover at all, and among all such plans it moves the fewest
licenses: a minimum-cost maximum flow, computed by networkx. In a short virtual account all its own licenses take part,
because an arriving license may serve a request that so far borrows, and so set free the one that is needed (a CUWL that
arrives frees an HCS Standard for a Foundation request). The ordered pool is never a target: nothing belongs there.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import networkx as nx

from licensing.allocation.engine import Allocation, allocate, license_of, servers, totals
from licensing.allocation.license_names import CURRENT, Rules

LARGEST_TRANSFER = 998  # licenses per call (docs/cisco-api.md#units-per-transfer)

# Nodes of the flow: what is on its way between pools, by license name; what a target owns, by license name; what it has
# in the end, whatever its spelling; what it needs.
Node = tuple[str, ...]
Flow = Mapping[Node, Mapping[Node, int]]
SOURCE, SINK = ("source",), ("sink",)
MOVING, OWNED, HELD, REQUEST, RESERVED = "moving", "owned", "held", "request", "reserved"


@dataclass(frozen=True)
class Pool:
    """One virtual account: quantities per license name, as Cisco spells it."""

    name: str
    supply: Mapping[str, int]
    demand: Mapping[str, int] = field(default_factory=dict)
    reserved: Mapping[str, int] = field(default_factory=dict)
    immovable: Mapping[str, int] = field(default_factory=dict)  # part of supply whose type cannot be transferred
    ordered: bool = False


@dataclass(frozen=True)
class Move:
    license: str  # as the source spells it
    source: str
    target: str
    quantity: int


@dataclass(frozen=True)
class Plan:
    moves: tuple[Move, ...]  # one per license, source and target
    still_short: Mapping[str, Mapping[str, int]]  # what no move can help: virtual account -> license -> quantity

    @property
    def moved(self) -> int:
        return sum(move.quantity for move in self.moves)

    @property
    def steps(self) -> tuple[Move, ...]:
        """The moves in pieces that one call to Cisco accepts."""
        return tuple(step for move in self.moves for step in _pieces(move))

    @property
    def to_order(self) -> dict[str, int]:
        """Return what to buy so that nothing is short, per license."""
        return totals(missing for short in self.still_short.values() for missing in short.items())


def plan(pools: Iterable[Pool], from_ordered: bool = False, rules: Rules = CURRENT) -> Plan:
    """The fewest licenses to move within one smart account. Names of pools are unique."""
    pools = tuple(pools)
    states = [_State(pool, allocate(pool.supply, pool.demand, pool.reserved, rules), from_ordered) for pool in pools]
    targets = [state for state in states if state.is_target]
    lenders = [state for state in states if not state.is_target]
    moves = tuple(_moves(_cheapest_flow(_graph(targets, lenders, rules)), lenders)) if targets else ()
    return Plan(moves, _still_short(applied(pools, moves), rules))


def applied(pools: Iterable[Pool], moves: Iterable[Move]) -> tuple[Pool, ...]:
    """The pools as they are when the moves are done."""
    pools = tuple(pools)
    supply = {pool.name: dict(pool.supply) for pool in pools}
    for move in moves:
        supply[move.source][move.license] -= move.quantity
        supply[move.target][move.license] = supply[move.target].get(move.license, 0) + move.quantity
    return tuple(replace(pool, supply=supply[pool.name]) for pool in pools)


@dataclass(frozen=True)
class _State:
    pool: Pool
    allocation: Allocation
    from_ordered: bool

    @property
    def is_target(self) -> bool:
        return not self.allocation.covered and not self.pool.ordered

    @cached_property
    def free(self) -> dict[str, int]:
        """License -> quantity that may leave this pool."""
        if self.pool.ordered and not self.from_ordered:
            return {}
        movable = {
            name: min(left, self.pool.supply[name] - self.pool.immovable.get(name, 0))
            for name, left in self.allocation.left.items()
        }
        return {name: quantity for name, quantity in movable.items() if quantity > 0}


def _graph(targets: list[_State], lenders: list[_State], rules: Rules) -> "nx.DiGraph[Node]":
    """Every license that enters the node of what is MOVING costs 1; pools that only lend need no nodes of their own."""
    graph: nx.DiGraph[Node] = nx.DiGraph()
    graph.add_nodes_from((SOURCE, SINK))
    for state in targets:
        _add_needs(graph, state.pool, rules)
        _add_stock(graph, state, rules)
    for name, quantity in totals(item for state in lenders for item in state.free.items()).items():
        graph.add_edge(SOURCE, (MOVING, name), capacity=quantity, weight=1)
    for moving in [node for node in graph if node[0] == MOVING]:
        held = ((HELD, state.pool.name, license_of(moving[1], rules)) for state in targets)
        graph.add_edges_from((moving, node) for node in held if node in graph)
    return graph


def _add_needs(graph: "nx.DiGraph[Node]", pool: Pool, rules: Rules) -> None:
    """Reservations take their own license alone."""
    for kind, wanted in ((REQUEST, pool.demand), (RESERVED, pool.reserved)):
        for tag, quantity in totals((license_of(name, rules), quantity) for name, quantity in wanted.items()).items():
            need = (kind, pool.name, tag)
            graph.add_edge(need, SINK, capacity=quantity)
            able = servers(tag, rules) if kind == REQUEST else (tag,)
            graph.add_edges_from(((HELD, pool.name, server), need) for server in able)


def _add_stock(graph: "nx.DiGraph[Node]", state: _State, rules: Rules) -> None:
    for name, quantity in state.pool.supply.items():
        owned, held = (OWNED, state.pool.name, name), (HELD, state.pool.name, license_of(name, rules))
        graph.add_edge(SOURCE, owned, capacity=quantity)
        if held in graph:
            graph.add_edge(owned, held)
        if free := state.free.get(name):
            graph.add_edge(owned, (MOVING, name), capacity=free, weight=1)


def _cheapest_flow(graph: "nx.DiGraph[Node]") -> Flow:
    flow: dict[Node, Mapping[Node, int]] = {}
    for part in _parts(graph):
        if SOURCE in part and SINK in part:
            flow.update(nx.max_flow_min_cost(part, SOURCE, SINK))
    return {node: out for node, out in flow.items() if node != SOURCE}


def _parts(graph: "nx.DiGraph[Node]") -> Iterable["nx.DiGraph[Node]"]:
    """One graph per group of licenses that have to do with each other: small problems are quicker than one.

    Edges keep their order, so that the same pools give the same plan in every process.
    """
    inner = graph.subgraph(set(graph) - {SOURCE, SINK})
    group = {node: number for number, nodes in enumerate(nx.weakly_connected_components(inner)) for node in nodes}
    parts: dict[int, nx.DiGraph[Node]] = {}
    for node, other, values in graph.edges(data=True):
        part = parts.setdefault(group[other if node == SOURCE else node], nx.DiGraph())
        part.add_edge(node, other, **values)
    return parts.values()


def _moves(flow: Flow, lenders: list[_State]) -> Iterator[Move]:
    """Pair who gives with who takes, the large ones first: few steps."""
    taken, given = _taken_and_given(flow)
    for name in sorted(taken):
        from_targets = given.get(name, {})
        missing = sum(taken[name].values()) - sum(from_targets.values())
        givers = [*from_targets.items(), *_draw(name, missing, lenders)]
        yield from _paired(name, _largest_first(givers), _largest_first(taken[name].items()))


def _taken_and_given(flow: Flow) -> tuple[dict[str, dict[str, int]], dict[str, dict[str, int]]]:
    """License name -> pool -> quantity: what arrives in the targets, and what targets give themselves."""
    taken: dict[str, dict[str, int]] = {}
    given: dict[str, dict[str, int]] = {}
    for node, out in flow.items():
        for other, quantity in out.items():
            if quantity and node[0] == MOVING:
                taken.setdefault(node[1], {})[other[1]] = quantity
            elif quantity and other[0] == MOVING:
                given.setdefault(other[1], {})[node[1]] = quantity
    return taken, given


def _draw(name: str, quantity: int, lenders: list[_State]) -> Iterator[tuple[str, int]]:
    for lender, free in _largest_first((state.pool.name, state.free.get(name, 0)) for state in lenders):
        if drawn := min(free, quantity):
            quantity -= drawn
            yield lender, drawn


def _paired(name: str, givers: list[tuple[str, int]], takers: list[tuple[str, int]]) -> Iterator[Move]:
    waiting = givers[::-1]
    for target, wanted in takers:
        missing = wanted
        while missing:
            source, has = waiting.pop()
            quantity = min(missing, has)
            yield Move(name, source, target, quantity)
            missing -= quantity
            if has > quantity:
                waiting.append((source, has - quantity))


def _largest_first(quantities: Iterable[tuple[str, int]]) -> list[tuple[str, int]]:
    return sorted(quantities, key=lambda item: (-item[1], item[0]))


def _pieces(move: Move) -> Iterator[Move]:
    for done in range(0, move.quantity, LARGEST_TRANSFER):
        yield replace(move, quantity=min(LARGEST_TRANSFER, move.quantity - done))


def _still_short(pools: Iterable[Pool], rules: Rules) -> dict[str, dict[str, int]]:
    short = {}
    for pool in pools:
        allocation = allocate(pool.supply, pool.demand, pool.reserved, rules)
        if not allocation.covered:
            short[pool.name] = totals([*allocation.short.items(), *allocation.reserved_short.items()])
    return short
