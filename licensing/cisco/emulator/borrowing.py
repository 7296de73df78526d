"""Serve requests by Cisco's published rules: own license, hierarchy, dual parenting (docs/domain.md#allocation).

This is the emulator's own reading of the rules. The portal's engine explains the figures that result from it, so the
two share no code.
"""

from collections.abc import Mapping
from dataclasses import dataclass

CUWL = "UC Manager CUWL License (12.X)"
ENHANCED_PLUS = "UC Manager Enhanced Plus License (12.x)"
ENHANCED = "UC Manager Enhanced License (12.x)"
BASIC = "UC Manager Basic License  (12.x)"
ESSENTIAL = "UC Manager Essential License (12.x)"
ROOM = "UC Manager Telepresence Room License (12.x)"
UNITY = "Unity Connection Enhanced Messaging User Licenses (12.x)"
UNITY_BASIC = "Unity Connection Basic Messaging User Licenses (12.x)"
RESPONDER = "Emergency Responder User License"
EXPRESSWAY = "Cisco Expressway Rich Media Session License"
HCS_STANDARD = "HCS Cisco UCM Standard License"
HCS_FOUNDATION = "HCS Cisco UCM Foundation License"
HCS_ROOM = "HCS Cisco UCM TelePresence Room License"
HCS_UNITY = "HCS Unity Connection Standard License"
HCS_UNITY_BASIC = "HCS Unity Connection Basic License"
HCS_RESPONDER = "HCS Emergency Responder User License"

# Families, from higher to lower.
ENTERPRISE = ((CUWL, ENHANCED_PLUS, ENHANCED, BASIC, ESSENTIAL), (UNITY, UNITY_BASIC), (ROOM,), (RESPONDER,))
HCS = ((HCS_STANDARD, HCS_FOUNDATION), (HCS_UNITY, HCS_UNITY_BASIC), (HCS_ROOM,), (HCS_RESPONDER,))
# Table 1 of Cisco's guide, with the higher licenses of the HCS family behind the mapped one.
PARENTS = {
    CUWL: (HCS_STANDARD,),
    ENHANCED_PLUS: (HCS_STANDARD,),
    ENHANCED: (HCS_FOUNDATION, HCS_STANDARD),
    BASIC: (HCS_FOUNDATION, HCS_STANDARD),
    ESSENTIAL: (HCS_FOUNDATION, HCS_STANDARD),
    UNITY: (HCS_UNITY,),
    UNITY_BASIC: (HCS_UNITY_BASIC, HCS_UNITY),
    ROOM: (HCS_ROOM,),
    RESPONDER: (HCS_RESPONDER,),
}
SUBSTITUTION = "SUBSTITUTION"  # A guess: the values of the type are unknown (docs/cisco-api.md#substitutions).


@dataclass
class Served:
    """Hold what is left and what is missing by license, and what was borrowed: borrower -> lender -> quantity."""

    left: dict[str, int]
    short: dict[str, int]
    borrowed: dict[str, dict[str, int]]

    def available(self, name: str) -> int:
        return self.left.get(name, 0) - self.short.get(name, 0)

    def substitutions(self, name: str) -> list[dict[str, object]]:
        return [
            {
                "license": name,
                "substitutedLicense": lender,
                "substitutedQuantity": quantity,
                "substitutionType": SUBSTITUTION,
            }
            for lender, quantity in self.borrowed.get(name, {}).items()
        ]


def serve(owned: Mapping[str, int], asked: Mapping[str, int]) -> Served:
    """Serve each request from its own license first, then from those that may lend to it."""
    served = Served(
        left={name: max(quantity - asked.get(name, 0), 0) for name, quantity in owned.items()},
        short={name: max(quantity - owned.get(name, 0), 0) for name, quantity in asked.items()},
        borrowed={},
    )
    for family in ENTERPRISE:
        _lend(served, {name: tuple(reversed(family[:place])) for place, name in enumerate(family)})
    _lend(served, PARENTS)
    for family in HCS:
        _lend(served, {name: tuple(reversed(family[:place])) for place, name in enumerate(family)})
    return served


def _lend(served: Served, lenders: Mapping[str, tuple[str, ...]]) -> None:
    """Lend to the licenses in the order of `lenders`, from the first of their lenders that has something left."""
    for name, others in lenders.items():
        for lender in others:
            part = min(served.short.get(name, 0), served.left.get(lender, 0))
            if part:
                served.short[name] -= part
                served.left[lender] -= part
                served.borrowed.setdefault(name, {})[lender] = part
