"""Recompute positions from Cisco's raw answers, independently of the product.

Plain Python, written from docs/figures.md and docs/domain.md. It imports nothing of the product, so it cannot agree by
sharing a mistake. A `Snapshot` is what Cisco answered at one sync, and which host was whose; `Facts` are what only the
partner knows.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any

from tests.figures.oracle_rules import TAGS, Owner, by_customer, serve, spread

Raw = dict[str, Any]
Rows = dict[tuple[Any, str], Counter[str]]  # (owner, license) -> figures
Place = tuple[str, str]  # license and purchase


@dataclass(frozen=True)
class Snapshot:
    licenses: list[Raw]
    devices: list[Raw]
    hosts: Mapping[str, Owner]  # whose a host was known to be


@dataclass(frozen=True)
class EnteredOrder:
    id: int
    number: str
    subscription: str
    on: date
    customer: int
    lines: Mapping[str, int]  # tag -> quantity

    @property
    def key(self) -> str:
        return self.subscription or self.number


@dataclass(frozen=True)
class Move:
    """What really moved: so many of one license of one purchase, from one pool to another."""

    at: datetime
    source: str
    target: str
    tag: str
    key: str
    quantity: int


@dataclass
class Facts:
    account: str
    ordered_pools: set[str]
    customers: dict[str, int] = field(default_factory=dict)  # subscription -> customer
    first_seen: dict[str, date] = field(default_factory=dict)
    orders: list[EnteredOrder] = field(default_factory=list)
    moves: list[Move] = field(default_factory=list)


@dataclass(frozen=True)
class Purchase:
    tag: str
    key: str
    order: int
    customer: int
    ordered: int
    delivered: int

    @property
    def undelivered(self) -> int:
        return max(self.ordered - self.delivered, 0)


Part = tuple[Snapshot, Facts]  # of one smart account


def recompute(parts: Iterable[Part], at: datetime) -> dict[str, Rows]:
    """Return the figures by customer, cluster, virtual account and license; those that are 0 are left out."""
    rows: dict[str, Rows] = {name: defaultdict(Counter) for name in ("customer", "cluster", "virtual_account")}
    for seen, facts in parts:
        bought = purchases(seen, facts, at)
        for pool in {raw["virtualAccount"] for raw in [*seen.licenses, *seen.devices]}:
            _add_pool(rows, pool, seen, facts, bought, at.date())
        for one in bought:
            of = rows["customer"][one.customer, one.tag]
            of.update(ordered=one.ordered, delivered=one.delivered, undelivered=one.undelivered)
    _add_true_forward(rows["customer"])
    rows["license"] = defaultdict(Counter)
    for (_, tag), of in rows["customer"].items():
        rows["license"][None, tag].update(of)
    for (_, tag), of in rows["virtual_account"].items():
        rows["license"][None, tag].update({name: of[name] for name in ("used_by_cisco", "unexplained_use")})
    return {name: {key: +of for key, of in found.items() if +of} for name, found in rows.items()}


def _add_true_forward(rows: Rows) -> None:
    """Add what each customer uses beyond its purchases in all smart accounts together."""
    for customer in {customer for customer, _ in rows}:
        mine = {tag: of for (owner, tag), of in rows.items() if owner == customer}
        ordered, used = ({tag: of[name] for tag, of in mine.items()} for name in ("ordered", "used"))
        for tag, quantity in serve(ordered, used, {}).short.items():
            rows[customer, tag]["true_forward"] += quantity


# --- What was bought ---


def supply(raw: Raw, on: date) -> Iterator[tuple[str, int]]:
    """Return which purchases account for a license's quantity: those that run first, and "" for the rest."""
    left = max(raw["quantity"], 0)
    runs = [line for line in raw["licenseDetails"] if runs_on(line, on)]
    for line in [*runs, *(line for line in raw["licenseDetails"] if line not in runs)]:
        part = min(line["quantity"], left)
        left -= part
        yield line.get("subscriptionId") or line.get("orderNumber") or "", part
    yield "", left


def runs_on(line: Raw, day: date) -> bool:
    return line["status"] == "ACTIVE" and line["startDate"] <= day.isoformat() <= line["endDate"]


def purchases(seen: Snapshot, facts: Facts, at: datetime) -> list[Purchase]:
    """Return ordered, delivered and undelivered of each purchase, as docs/figures.md#ordered defines them."""
    recorded, serving, moved = _quantities(seen, facts, at)
    orders = sorted((one for one in facts.orders if one.on <= at.date()), key=lambda one: (one.on, one.id))
    places = {*recorded, *serving, *moved, *((tag, one.key) for one in orders for tag in one.lines)}
    found: list[Purchase] = []
    loose = {tag: (0, 0) for tag, _ in places}
    named: dict[str, list[tuple[tuple[date, str], Purchase]]] = defaultdict(list)
    for tag, key in sorted(places):
        place = tag, key
        kept = min(max(moved[place], -recorded[place]), serving[place])  # what moved and has not ended since
        bought, came = recorded[place] + kept, serving[place] - kept
        mine = [one for one in orders if one.key == key and tag in one.lines]
        customer = facts.customers.get(key, 0)
        if not key:
            loose[tag] = bought, came
        elif not mine:
            since = facts.first_seen.get(key, date.max), key
            named[tag].append((since, Purchase(tag, key, 0, customer, bought or came, came)))
        for one in mine:
            part = came if one is mine[-1] else min(came, one.lines[tag])
            came -= part
            whose = one.customer or customer
            named[tag].append(((one.on, key), Purchase(tag, key, one.id, whose, one.lines[tag], part)))
    for tag, (bought, came) in loose.items():
        own = min(bought, came)
        left = came - own
        for _, one in sorted(named[tag], key=lambda pair: (pair[0], pair[1].order)):
            part = min(one.undelivered, left)
            left -= part
            found.append(replace(one, delivered=one.delivered + part))
        found.append(Purchase(tag, "", 0, 0, bought or left, own + left))
    return [one for one in found if one.ordered or one.delivered]


def _quantities(seen: Snapshot, facts: Facts, at: datetime) -> tuple[Counter[Place], Counter[Place], Counter[Place]]:
    """Return what the ordered pool records, what serving pools hold, and what moved from the one to the others."""
    recorded, serving, moved = Counter[Place](), Counter[Place](), Counter[Place]()
    for raw in seen.licenses:
        into = recorded if raw["virtualAccount"] in facts.ordered_pools else serving
        for key, quantity in supply(raw, at.date()):
            into[TAGS[raw["license"]], key] += quantity
    for move in facts.moves:
        if move.at <= at:
            source, target = move.source in facts.ordered_pools, move.target in facts.ordered_pools
            moved[move.tag, move.key] += (source - target) * move.quantity
    return recorded, serving, moved


# --- Who is served by what ---


def _add_pool(
    rows: dict[str, Rows], pool: str, seen: Snapshot, facts: Facts, bought: Iterable[Purchase], on: date
) -> None:
    place = f"{facts.account} {pool}"
    listed = [raw for raw in seen.licenses if raw["virtualAccount"] == pool]
    used: dict[str, Counter[Owner]] = defaultdict(Counter)
    for device in (raw for raw in seen.devices if raw["virtualAccount"] == pool):
        for part in device["licenseUsage"]:
            used[TAGS[part["license"]]][seen.hosts.get(device["hostName"], (0, 0))] += part["quantity"]
    sums = {name: Counter[str]() for name in ("quantity", "inUse", "reserved", "short")}
    for raw in listed:
        tag, is_short = TAGS[raw["license"]], raw["status"] == "Out Of Compliance"
        for name in ("quantity", "inUse", "reserved"):
            sums[name][tag] += max(raw[name], 0)
        sums["short"][tag] += max(-raw["available"], raw["inUse"] - raw["quantity"], 0) if is_short else 0
    asked = Counter({tag: of.total() for tag, of in used.items()})
    lent = serve(sums["quantity"], asked, sums["reserved"]).lent
    unexplained = +Counter({tag: sums["inUse"][tag] - asked[tag] - lent[tag] for tag in sums["inUse"]})
    served = serve(sums["quantity"], asked + unexplained, sums["reserved"])
    owned = _owned([] if pool in facts.ordered_pools else listed, bought, on)
    for tag in {TAGS[raw["license"]] for raw in listed} | set(used):
        figures = Counter(
            short_by_cisco=sums["short"][tag],
            lent=served.lent[tag],
            short=served.short[tag],
            reserved_short=served.reserved_short[tag],
            higher=served.covered[tag, "higher"],
            dual=served.covered[tag, "dual_parenting"],
        )
        wants = used[tag] + Counter({(0, 0): unexplained[tag]})
        parts = _split(figures, wants, owned[tag])
        for owner, part in parts.items():
            part["used"] += used[tag][owner]
            for by, key in (("customer", owner[0]), ("cluster", owner[1]), ("virtual_account", place)):
                rows[by][key, tag].update(part)
        for customer, quantity in owned[tag].items():
            rows["customer"][customer, tag]["owned"] += quantity
            rows["virtual_account"][place, tag]["owned"] += quantity
        whole = rows["virtual_account"][place, tag]
        whole.update(used_by_cisco=sums["inUse"][tag], unexplained_use=unexplained[tag])


def _owned(listed: Iterable[Raw], bought: Iterable[Purchase], on: date) -> dict[str, Counter[int]]:
    """Return whose the licenses of a serving pool are: those of the customer that their purchase belongs to."""
    owned: dict[str, Counter[int]] = defaultdict(Counter)
    whose = {(one.tag, one.key): one.customer for one in bought if one.key}
    for raw in listed:
        for key, quantity in supply(raw, on):
            owned[TAGS[raw["license"]]][whose.get((TAGS[raw["license"]], key), 0)] += quantity
    return owned


def _split(figures: Counter[str], wants: Counter[Owner], owned: Counter[int]) -> dict[Owner, Counter[str]]:
    """Share the figures of one license of one pool: first to customers who want more than they own, by that excess."""
    needs: Counter[int] = Counter()
    for (customer, _), quantity in wants.items():
        needs[customer] += quantity
    excess: Counter[Owner] = Counter()
    for customer, quantity in needs.items():
        mine = {owner: part for owner, part in wants.items() if owner[0] == customer}
        excess += spread(max(quantity - owned[customer], 0), mine)
    left, over, parts = Counter(wants), Counter(excess), defaultdict[Owner, Counter[str]](Counter)
    for figure, name in (
        ("short", "short_with_borrowing"),
        ("higher", "covered_by_higher"),
        ("dual", "covered_by_dual_parenting"),
    ):
        taken = by_customer(figures[figure], over)
        over -= taken
        taken += by_customer(figures[figure] - taken.total(), left - taken - over)
        left -= taken
        for owner, part in taken.items():
            parts[owner][name] += part
    for owner, part in left.items():
        parts[owner]["covered_by_own"] += part
    taken = by_customer(figures["short_by_cisco"], excess)
    taken += by_customer(figures["short_by_cisco"] - taken.total(), wants - excess)
    taken[0, 0] += figures["short_by_cisco"] - taken.total()
    for owner, part in taken.items():
        parts[owner]["short_by_cisco"] += part
    parts[0, 0]["short_with_borrowing"] += figures["reserved_short"]
    spare = Counter({customer: max(part - needs[customer], 0) for customer, part in owned.items()})
    lends = spread(figures["lent"], spare)
    lends += spread(figures["lent"] - lends.total(), owned - spare)
    lends[0] += figures["lent"] - lends.total()
    for customer, part in lends.items():
        parts[customer, 0]["lent"] += part
    return parts
