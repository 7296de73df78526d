"""Recompute positions from Cisco's raw answers, independently of the product.

Plain Python, written from docs/figures.md and docs/domain.md. It imports nothing of the product, so it cannot agree by
sharing a mistake. A `Snapshot` is what Cisco answered at one sync, and which host was whose; `Facts` are what only the
partner knows. Licenses are told apart by `TAGS`, as docs/domain.md#families names them.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

Raw = dict[str, Any]
Owner = tuple[int, int]  # customer and cluster, 0 for none
Rows = dict[tuple[Any, str], Counter[str]]  # (owner, license) -> figures

TAGS = {
    "UC Manager CUWL License (12.X)": "UCM_CUWL",
    "UC Manager Enhanced Plus License (12.x)": "UCM_EnhancedPlus",
    "UC Manager Enhanced License (12.x)": "UCM_Enhanced",
    "UC Manager  Enhanced License (14.x)": "UCM_Enhanced",
    "UC Manager Basic License  (12.x)": "UCM_Basic",
    "HCS Cisco UCM Standard License": "HUCM_Standard",
    "HCS Cisco UCM Foundation License": "HUCM_Foundation",
    "Unity Connection Enhanced Messaging User Licenses (12.x)": "CUC_EnhancedMessaging",
    "Unity Connection Basic Messaging User Licenses (12.x)": "CUC_BasicMessaging",
    "HCS Unity Connection Standard License": "HCUC_StandardMessaging",
    "Another License": "another license",
}
# Requests for a license, highest first, with those that may serve them, nearest first: by a higher license, then by
# dual parenting, then a HCS request by a higher HCS license (docs/domain.md#H10, #H11, #H12).
HIGHER = {
    "UCM_EnhancedPlus": ["UCM_CUWL"],
    "UCM_Enhanced": ["UCM_EnhancedPlus", "UCM_CUWL"],
    "UCM_Basic": ["UCM_Enhanced", "UCM_EnhancedPlus", "UCM_CUWL"],
    "CUC_BasicMessaging": ["CUC_EnhancedMessaging"],
}
DUAL = {
    "UCM_CUWL": ["HUCM_Standard"],
    "UCM_EnhancedPlus": ["HUCM_Standard"],
    "UCM_Enhanced": ["HUCM_Foundation", "HUCM_Standard"],
    "UCM_Basic": ["HUCM_Foundation", "HUCM_Standard"],
    "CUC_EnhancedMessaging": ["HCUC_StandardMessaging"],
    "CUC_BasicMessaging": ["HCUC_StandardMessaging"],
}
HIGHER_HCS = {"HUCM_Foundation": ["HUCM_Standard"]}
PHASES = (("higher", HIGHER), ("dual_parenting", DUAL), ("higher", HIGHER_HCS))


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


def recompute(seen: Snapshot, facts: Facts, at: datetime) -> dict[str, Rows]:
    """Return the figures by customer, cluster, virtual account and license; those that are 0 are left out."""
    rows: dict[str, Rows] = {name: defaultdict(Counter) for name in ("customer", "cluster", "virtual_account")}
    bought = purchases(seen, facts, at)
    for pool in {raw["virtualAccount"] for raw in [*seen.licenses, *seen.devices]}:
        _add_pool(rows, pool, seen, facts, bought, at.date())
    for one in bought:
        of = rows["customer"][one.customer, one.tag]
        of.update(ordered=one.ordered, delivered=one.delivered, undelivered=one.undelivered)
    for customer in {customer for customer, _ in rows["customer"]}:
        mine = {tag: of for (owner, tag), of in rows["customer"].items() if owner == customer}
        ordered, used = ({tag: of[name] for tag, of in mine.items()} for name in ("ordered", "used"))
        for tag, quantity in serve(ordered, used, {}).short.items():
            rows["customer"][customer, tag]["true_forward"] += quantity
    rows["license"] = defaultdict(Counter)
    for (_, tag), of in rows["customer"].items():
        rows["license"][None, tag].update({name: of[name] for name in of if name != "reserved_short"})
    for (_, tag), of in rows["virtual_account"].items():
        rows["license"][None, tag].update({name: of[name] for name in ("used_by_cisco", "unexplained_use")})
    return {name: {key: +of for key, of in found.items() if +of} for name, found in rows.items()}


# --- What was bought ---


def supply(raw: Raw, on: date) -> Iterator[tuple[str, int]]:
    """Return which purchases account for a license's quantity: those that run first, and "" for the rest."""
    left = max(raw["quantity"], 0)
    runs = [line for line in raw["licenseDetails"] if line["status"] == "ACTIVE" and _ends(line) >= on]
    for line in [*runs, *(line for line in raw["licenseDetails"] if line not in runs)]:
        part = min(line["quantity"], left)
        left -= part
        yield line.get("subscriptionId") or line.get("orderNumber") or "", part
    yield "", left


def _ends(line: Raw) -> date:
    return date.fromisoformat(line["endDate"]) if line["endDate"] else date.max


def purchases(seen: Snapshot, facts: Facts, at: datetime) -> list[Purchase]:
    """Return ordered, delivered and undelivered of each purchase, as docs/figures.md#ordered and following define it."""
    recorded: Counter[tuple[str, str]] = Counter()
    serving: Counter[tuple[str, str]] = Counter()
    for raw in seen.licenses:
        into = recorded if raw["virtualAccount"] in facts.ordered_pools else serving
        for key, quantity in supply(raw, at.date()):
            into[TAGS[raw["license"]], key] += quantity
    moved: Counter[tuple[str, str]] = Counter()
    for move in facts.moves:
        if move.at <= at:
            source, target = move.source in facts.ordered_pools, move.target in facts.ordered_pools
            moved[move.tag, move.key] += (source - target) * move.quantity
    orders = sorted((one for one in facts.orders if one.on <= at.date()), key=lambda one: (one.on, one.id))
    found: list[Purchase] = []
    entered = {(tag, one.subscription or one.number) for one in orders for tag in one.lines}
    for tag in {tag for tag, _ in [*recorded, *serving, *moved, *entered]}:
        open_: list[tuple[tuple[date, str], str, int, int, int, int]] = []
        loose = (0, 0)
        for key in {key for of, key in [*recorded, *serving, *moved, *entered] if of == tag}:
            place = tag, key
            kept = min(max(moved[place], -recorded[place]), serving[place])  # what moved and has not ended since
            bought, came = recorded[place] + kept, serving[place] - kept
            if not key:
                loose = bought, came
                continue
            mine = [one for one in orders if (one.subscription or one.number) == key and tag in one.lines]
            customer = facts.customers.get(key, 0)
            if not mine:
                open_.append(((facts.first_seen.get(key, date.max), key), key, 0, customer, bought or came, came))
            for one in mine:
                part = came if one is mine[-1] else min(came, one.lines[tag])
                came -= part
                open_.append(((one.on, key), key, one.id, one.customer or customer, one.lines[tag], part))
        bought, came = loose
        own = min(bought, came)
        came -= own
        for _, key, order, customer, wanted, had in sorted(open_):
            part = min(max(wanted - had, 0), came)
            came -= part
            found.append(Purchase(tag, key, order, customer, wanted, had + part))
        found.append(Purchase(tag, "", 0, 0, bought or came, own + came))
    return [one for one in found if one.ordered or one.delivered]


# --- Who is served by what ---


@dataclass
class Served:
    covered: Counter[tuple[str, str]]  # (license asked for, way)
    lent: Counter[str]
    short: Counter[str]
    reserved_short: Counter[str]


def serve(stock: Mapping[str, int], asked: Mapping[str, int], reserved: Mapping[str, int]) -> Served:
    """Serve reservations and requests from their own license, then lend, by Cisco's rules."""
    left, missing = Counter(stock), Counter(asked)
    served = Served(Counter(), Counter(), Counter(), Counter())
    for tag, quantity in reserved.items():
        taken = min(left[tag], quantity)
        left[tag] -= taken
        served.reserved_short[tag] += quantity - taken

    def take(tag: str, lender: str, way: str) -> None:
        taken = min(left[lender], missing[tag])
        left[lender] -= taken
        missing[tag] -= taken
        served.covered[tag, way] += taken
        served.lent[lender] += taken if way != "own" else 0

    for tag in asked:
        take(tag, tag, "own")
    for way, lenders in PHASES:
        order = list(DUAL) if way == "dual_parenting" else list(lenders)
        for tag in order:
            for lender in lenders.get(tag, []):
                take(tag, lender, way)
    served.short = +missing
    return served


def _add_pool(
    rows: dict[str, Rows], pool: str, seen: Snapshot, facts: Facts, bought: Iterable[Purchase], on: date
) -> None:
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
            for by, key in (("customer", owner[0]), ("cluster", owner[1]), ("virtual_account", pool)):
                rows[by][key, tag].update(part)
        for customer, quantity in owned[tag].items():
            rows["customer"][customer, tag]["owned"] += quantity
            rows["virtual_account"][pool, tag]["owned"] += quantity
        whole = rows["virtual_account"][pool, tag]
        whole.update(used_by_cisco=sums["inUse"][tag], unexplained_use=unexplained[tag])


def _owned(listed: Iterable[Raw], bought: Iterable[Purchase], on: date) -> dict[str, Counter[int]]:
    """Return whose the licenses of a serving pool are: those of the customer that their purchase belongs to."""
    owned: dict[str, Counter[int]] = defaultdict(Counter)
    whose = {(one.tag, one.key): one.customer for one in bought if one.key}
    for raw in listed:
        for key, quantity in supply(raw, on):
            owned[TAGS[raw["license"]]][whose.get((TAGS[raw["license"]], key), 0)] += quantity
    return owned


# --- Sharing ---


def spread(total: int, rooms: Mapping[Any, int]) -> Counter[Any]:
    """Share `total` in proportion to the rooms; the largest remainders, then the lowest ids, get what rounding leaves."""
    whole = sum(rooms.values())
    total = min(total, whole)
    parts = Counter({key: total * room // whole for key, room in rooms.items() if room})
    left = total - parts.total()
    for key in sorted(rooms, key=lambda key: (-(total * rooms[key] % whole if whole else 0), key))[:left]:
        parts[key] += 1
    return parts


def by_customer(total: int, rooms: Mapping[Owner, int]) -> Counter[Owner]:
    """Share `total` among customers, and each customer's part among its clusters."""
    of_customer: Counter[int] = Counter()
    for (customer, _), room in rooms.items():
        of_customer[customer] += room
    parts: Counter[Owner] = Counter()
    for customer, part in spread(total, of_customer).items():
        parts += spread(part, {owner: room for owner, room in rooms.items() if owner[0] == customer})
    return parts


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
