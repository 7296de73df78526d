"""Cisco's licenses and rules of borrowing, and how a number is shared out, written anew for the oracle."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Owner = tuple[int, int]  # customer and cluster, 0 for none

# How Cisco spells a license, and what tells licenses apart (docs/domain.md#families).
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


def spread(total: int, rooms: Mapping[Any, int]) -> Counter[Any]:
    """Share `total` in proportion to the rooms. Largest remainders, then lowest ids, get what rounding leaves."""
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
