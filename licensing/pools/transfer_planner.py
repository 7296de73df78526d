"""Plan which licenses to move between virtual accounts so that shortages end. Pure: no database, no network.

A license may leave its virtual account unless a request for this very license uses it there: Cisco does not give those
up. What serves a request for another license may leave as soon as something else serves that request, so a plan also
exchanges licenses between two virtual accounts. The ordered pool gives only where that is allowed, and is never a
target: nothing belongs there.

The plan covers as many requests as moves can cover at all, and leaves every request that is served today served. Among
all such plans it takes the fewest licenses from below a pool's reserve (`Pool.reserve`), and of those it moves the
fewest: a minimum-cost maximum flow, computed by networkx. The steps are in an order in which each takes only what
nobody needs by then, so a plan can be stopped after each of them.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import networkx as nx

from licensing.allocation.engine import Allocation, Rule, allocate, license_of, servers, totals
from licensing.allocation.license_names import CURRENT, Rules

LARGEST_TRANSFER = 998  # licenses per call (docs/cisco-api.md#units-per-transfer)

# Nodes of the flow: what is on its way between pools, by license name; what comes from below a reserve; what a pool
# owns, by license name; what it has in the end, whatever its spelling; what it needs, and what of that is short today.
Node = tuple[str, ...]
Flow = Mapping[Node, Mapping[Node, int]]
SOURCE, SINK = ("source",), ("sink",)
MOVING, BELOW, OWNED, HELD, REQUEST, RESERVED = "moving", "below", "owned", "held", "request", "reserved"
SHORT = "short"


@dataclass(frozen=True)
class Pool:
    """One virtual account: quantities per license name, as Cisco spells it."""

    name: str
    supply: Mapping[str, int]
    demand: Mapping[str, int] = field(default_factory=dict)
    reserved: Mapping[str, int] = field(default_factory=dict)
    immovable: Mapping[str, int] = field(default_factory=dict)  # part of supply whose type cannot be transferred
    ordered: bool = False
    reserve: Mapping[str, int] = field(default_factory=dict)  # part of supply that is taken last


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
    """Return the fewest licenses to move within one smart account. Names of pools are unique."""
    pools = tuple(pools)
    states = [_State(pool, allocate(pool.supply, pool.demand, pool.reserved, rules), from_ordered) for pool in pools]
    moves: tuple[Move, ...] = ()
    if any(state.is_target for state in states):
        lenders = [state for state in states if not state.takes_part]
        flow = _cheapest_flow(_graph([state for state in states if state.takes_part], lenders, rules))
        moves = tuple(_in_order(pools, _moves(flow, lenders), rules))
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

    @property
    def takes_part(self) -> bool:
        """Return whether the pool needs nodes of its own: it is short, or what it gives may serve a request there."""
        lends = any(grant.rule != Rule.OWN for grant in self.allocation.grants)
        return self.is_target or (lends and bool(self.gives))

    @cached_property
    def gives(self) -> dict[str, int]:
        """License -> quantity that may leave this pool at most."""
        if self.pool.ordered and not self.from_ordered:
            return {}
        own = totals((grant.granted, grant.quantity) for grant in self.allocation.grants if grant.rule == Rule.OWN)
        movable = {
            name: quantity - max(own.get(name, 0), self.pool.immovable.get(name, 0))
            for name, quantity in self.pool.supply.items()
        }
        return {name: quantity for name, quantity in movable.items() if quantity > 0}

    def above_reserve(self, name: str) -> int:
        """Return the part of `gives` that leaves the reserve whole."""
        spare = self.pool.supply.get(name, 0) - self.pool.reserve.get(name, 0)
        return max(min(self.gives.get(name, 0), spare), 0)

    def below_reserve(self, name: str) -> int:
        return self.gives.get(name, 0) - self.above_reserve(name)


def _graph(parts: list[_State], lenders: list[_State], rules: Rules) -> "nx.DiGraph[Node]":
    """Every license that enters the node of what is MOVING costs; pools that only lend need no nodes of their own."""
    graph: nx.DiGraph[Node] = nx.DiGraph()
    graph.add_nodes_from((SOURCE, SINK))
    # More than all moves together, and more than all moves from below a reserve.
    dear = 1 + sum(sum(state.gives.values()) for state in (*parts, *lenders))
    for state in parts:
        _add_needs(graph, state, rules, kept=-dear * dear)
        _add_stock(graph, state, rules, dear)
    for name in totals(item for state in lenders for item in state.gives.items()):
        above = sum(state.above_reserve(name) for state in lenders)
        below = sum(state.below_reserve(name) for state in lenders)
        _add_way(graph, SOURCE, "", name, (above, below), dear)
    for moving in [node for node in graph if node[0] == MOVING]:
        held = ((HELD, state.pool.name, license_of(moving[1], rules)) for state in parts if not state.pool.ordered)
        graph.add_edges_from((moving, node) for node in held if node in graph)
    return graph


def _add_needs(graph: "nx.DiGraph[Node]", state: _State, rules: Rules, kept: int) -> None:
    """Reservations take their own license alone. What is served today is worth more than all moves (`kept`)."""
    found = state.allocation
    for kind, wanted, missing in (
        (REQUEST, state.pool.demand, found.short),
        (RESERVED, state.pool.reserved, found.reserved_short),
    ):
        short = totals((license_of(name, rules), quantity) for name, quantity in missing.items())
        for tag, quantity in totals((license_of(name, rules), quantity) for name, quantity in wanted.items()).items():
            need = (kind, state.pool.name, tag)
            lacking = short.get(tag, 0)
            graph.add_edge(need, SINK, capacity=quantity - lacking, weight=kept)
            if lacking and not state.pool.ordered:
                graph.add_edge(need, (SHORT, *need), capacity=lacking)
                graph.add_edge((SHORT, *need), SINK, capacity=lacking)
            able = servers(tag, rules) if kind == REQUEST else (tag,)
            graph.add_edges_from(((HELD, state.pool.name, server), need) for server in able)


def _add_stock(graph: "nx.DiGraph[Node]", state: _State, rules: Rules, dear: int) -> None:
    for name, quantity in state.pool.supply.items():
        owned, held = (OWNED, state.pool.name, name), (HELD, state.pool.name, license_of(name, rules))
        graph.add_edge(SOURCE, owned, capacity=quantity)
        if held in graph:
            graph.add_edge(owned, held)
        _add_way(graph, owned, state.pool.name, name, (state.above_reserve(name), state.below_reserve(name)), dear)


def _add_way(
    graph: "nx.DiGraph[Node]", start: Node, pool: str, name: str, capacities: tuple[int, int], dear: int
) -> None:
    """Add the ways out of a pool: what is above its reserve, and for a high price what is below."""
    above, below = capacities
    if above:
        graph.add_edge(start, (MOVING, name), capacity=above, weight=1)
    if below:
        graph.add_edge(start, (BELOW, pool, name), capacity=below, weight=dear)
        graph.add_edge((BELOW, pool, name), (MOVING, name))


def _cheapest_flow(graph: "nx.DiGraph[Node]") -> Flow:
    flow: dict[Node, dict[Node, int]] = {}
    for part in _parts(graph):
        if SOURCE in part and any(node[0] == SHORT for node in part):
            for node, out in nx.max_flow_min_cost(part, SOURCE, SINK).items():
                flow.setdefault(node, {}).update(out)
    return flow


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
        from_parts = given.get(name, {})
        missing = sum(taken[name].values()) - sum(from_parts.values())
        givers = [*from_parts.items(), *_draw(name, missing, lenders)]
        yield from _paired(name, _largest_first(givers), _largest_first(taken[name].items()))


def _taken_and_given(flow: Flow) -> tuple[dict[str, dict[str, int]], dict[str, dict[str, int]]]:
    """License name -> pool -> quantity: what arrives in pools of the graph, and what these give themselves."""
    taken: dict[str, dict[str, int]] = {}
    given: dict[str, dict[str, int]] = {}
    for node, out in flow.items():
        for other, quantity in out.items():
            if quantity and node[0] == MOVING:
                taken.setdefault(node[1], {})[other[1]] = quantity
            elif quantity and node[0] == OWNED and other[0] in (MOVING, BELOW):
                _, pool, name = node
                given.setdefault(name, {})[pool] = given.get(name, {}).get(pool, 0) + quantity
    return taken, given


def _draw(name: str, quantity: int, lenders: list[_State]) -> list[tuple[str, int]]:
    """Take a quantity from pools that only lend: what is above their reserves first, the large ones first."""
    drawn: dict[str, int] = {}
    for part in (_State.above_reserve, _State.below_reserve):
        for lender, spare in _largest_first((state.pool.name, part(state, name)) for state in lenders):
            if taken := min(spare, quantity):
                quantity -= taken
                drawn[lender] = drawn.get(lender, 0) + taken
    return list(drawn.items())


def _in_order(pools: Iterable[Pool], moves: Iterable[Move], rules: Rules) -> Iterator[Move]:
    """Yield the moves in an order in which each harms nobody: what arrives somewhere sets the next license free.

    A move that no order carries out would be left out, and counted among what is still short.
    """
    waiting, now = list(moves), {pool.name: pool for pool in pools}
    while move := next((move for move in waiting if _harmless(move, now[move.source], rules)), None):
        for pool in applied((now[move.source], now[move.target]), (move,)):
            now[pool.name] = pool
        waiting.remove(move)
        yield move


def _harmless(move: Move, source: Pool, rules: Rules) -> bool:
    without = {**source.supply, move.license: source.supply[move.license] - move.quantity}
    before = allocate(source.supply, source.demand, source.reserved, rules)
    return _missing(allocate(without, source.demand, source.reserved, rules)) <= _missing(before)


def _missing(found: Allocation) -> int:
    return sum(found.short.values()) + sum(found.reserved_short.values())


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
