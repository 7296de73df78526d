"""Hold Cisco's license names for collaboration, their families, and Table 1 of Cisco's guide, as versioned data.

Sources: names (docs/cisco-api.md#license-names), Table 1 (docs/domain.md#H12), families (docs/domain.md#families).
Names are matched ignoring case, repeated blanks and a closing version such as `(12.x)`: Cisco's own spelling varies
(`(12.X)`, two blanks before the version). They are never rewritten on the way back to Cisco.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property, lru_cache

_VERSION = re.compile(r"\s*\(\d{1,2}(?:\.(?:x|\d{1,2}))?\)$")
_REGID = re.compile(r"regid\.\d{4}-\d{2}\.com\.cisco\.([^,\s]+)(?:,.*)?")


class Side(StrEnum):
    """The side is the license mode of the applications that ask for a family's licenses."""

    ENTERPRISE = "enterprise"
    HCS = "hcs"


@dataclass(frozen=True)
class Family:
    """A family is a row of licenses in which a higher one serves requests for the lower ones."""

    name: str
    side: Side
    tags: tuple[str, ...]  # higher to lower


@dataclass(frozen=True)
class Rules:
    """The rules say which license may serve which, according to one release of Cisco's guide."""

    version: str
    families: tuple[Family, ...]
    mapping: Mapping[str, str]  # Table 1: Enterprise tag -> HCS tag
    names: Mapping[str, tuple[str, ...]]  # every known tag -> its display names, the one to show first

    def find(self, name: str) -> str | None:
        """Return the tag name for a display name, tag name or full tag; None for a license that we do not know."""
        return self.index.get(normalised(name))

    @cached_property
    def compared(self) -> "_Compared":
        """Map a name to what tells its license apart: the tag name, or the compared form of an unknown name."""
        return _Compared(self)

    def display_name(self, tag: str) -> str:
        return next(iter(self.names.get(tag, ())), tag)

    def family_of(self, tag: str) -> Family | None:
        return self._families.get(tag)

    def rank(self, tag: str) -> int:
        """Return the place of a license when all families follow one another, each from higher to lower."""
        return self._ranks.get(tag, len(self._ranks))

    def higher(self, tag: str) -> tuple[str, ...]:
        """Return the higher licenses of the same family, nearest first."""
        family = self.family_of(tag)
        return tuple(reversed(family.tags[: family.tags.index(tag)])) if family else ()

    def parents(self, tag: str) -> tuple[str, ...]:
        """Return the HCS licenses that serve an Enterprise license: the mapped one, then higher ones, nearest first."""
        mapped = self.mapping.get(tag)
        return (mapped, *self.higher(mapped)) if mapped else ()

    @cached_property
    def index(self) -> dict[str, str]:
        """Map every known name, in its compared form, to its tag name."""
        return {normalised(name): tag for tag, names in self.names.items() for name in (tag, *names)}

    @cached_property
    def _families(self) -> dict[str, Family]:
        return {tag: family for family in self.families for tag in family.tags}

    @cached_property
    def _ranks(self) -> dict[str, int]:
        return {tag: place for place, tag in enumerate(self._families)}


class _Compared(dict[str, str]):
    """Names and what they were found to be. An account has hundreds of names, and sums ask for them over and over."""

    MOST = 10_000

    def __init__(self, rules: Rules) -> None:
        super().__init__()
        self._rules = rules

    def __missing__(self, name: str) -> str:
        found = self._rules.find(name) or normalised(name)
        if len(self) < self.MOST:
            self[name] = found
        return found


@lru_cache(maxsize=4096)
def normalised(name: str) -> str:
    """Return the compared form of a name: of a full tag (`regid.….com.cisco.UCM_CUWL,12.0_…`) the tag name alone."""
    text = " ".join(name.split()).casefold()
    tag = _REGID.fullmatch(text)
    return tag[1] if tag else _VERSION.sub("", text)


FAMILIES_12_5 = (
    Family(
        "Unified CM",
        Side.ENTERPRISE,
        ("UCM_CUWL", "UCM_EnhancedPlus", "UCM_Enhanced", "UCM_Basic", "UCM_Essential"),
    ),
    Family("Unity Connection", Side.ENTERPRISE, ("CUC_EnhancedMessaging", "CUC_BasicMessaging")),
    Family("Telepresence Room", Side.ENTERPRISE, ("UCM_TelePresenceRoom",)),
    Family("Emergency Responder", Side.ENTERPRISE, ("CER_USER",)),
    Family("HCS Unified CM", Side.HCS, ("HUCM_Standard", "HUCM_Foundation")),
    Family("HCS Unity Connection", Side.HCS, ("HCUC_StandardMessaging", "HCUC_BasicMessaging")),
    Family("HCS Telepresence Room", Side.HCS, ("HUCM_TelePresenceRoom",)),
    Family("HCS Emergency Responder", Side.HCS, ("HCER_User",)),
)

TABLE_1_12_5 = {
    "UCM_Basic": "HUCM_Foundation",
    "UCM_Essential": "HUCM_Foundation",
    "UCM_Enhanced": "HUCM_Foundation",
    "UCM_CUWL": "HUCM_Standard",
    "UCM_EnhancedPlus": "HUCM_Standard",
    "UCM_TelePresenceRoom": "HUCM_TelePresenceRoom",
    "CUC_BasicMessaging": "HCUC_BasicMessaging",
    "CUC_EnhancedMessaging": "HCUC_StandardMessaging",
    "CER_USER": "HCER_User",
}

# Those outside every family are known and serve themselves alone: no source says more about them.
NAMES = {
    "UCM_CUWL": ("UC Manager CUWL License (12.X)",),
    "UCM_EnhancedPlus": ("UC Manager Enhanced Plus License (12.x)",),
    "UCM_Enhanced": ("UC Manager Enhanced License (12.x)",),
    "UCM_Basic": ("UC Manager Basic License  (12.x)",),
    "UCM_Essential": ("UC Manager Essential License (12.x)",),
    "UCM_TelePresenceRoom": ("UC Manager Telepresence Room License (12.x)",),
    "CUC_EnhancedMessaging": ("Unity Connection Enhanced Messaging User Licenses (12.x)",),
    "CUC_BasicMessaging": ("Unity Connection Basic Messaging User Licenses (12.x)",),
    "CUC_SpeechView": (),
    "CUC_SpeechViewPro": (),
    "CUC_SpeechConnectPort": (),
    "CUC_SpeechConnectGuestUser": (),
    "CER_USER": ("Emergency Responder User License", "CER User License"),
    "LIC-EXP-RMS": ("Cisco Expressway Rich Media Session License",),  # the order item: its tag is not public
    "HUCM_Standard": ("HCS Cisco UCM Standard License",),
    "HUCM_Foundation": ("HCS Cisco UCM Foundation License",),
    "HUCM_TelePresenceRoom": ("HCS Cisco UCM TelePresence Room License",),
    "HUCM_Basic": (),
    "HUCM_Essential": (),
    "HCUC_StandardMessaging": ("HCS Unity Connection Standard License",),
    "HCUC_BasicMessaging": ("HCS Unity Connection Basic License",),
    "HCUC_EnhancedMessaging": (),
    "HCUC_SpeechConnectPort": (),
    "HCUC_SpeechView": (),
    "HCER_User": ("HCS Emergency Responder User License",),
    "HLECUC_BasicMessaging": (),
    "HLECUC_EnhancedMessaging": (),
    "HLECUC_StandardMessaging": (),
    "HLECUC_SpeechConnectPort": (),
}

RULES = {"12.5": Rules("12.5", FAMILIES_12_5, TABLE_1_12_5, NAMES)}
CURRENT = RULES["12.5"]

# In SQL, engine.license_of is coalesce(known.tag, written.compared), where a
# statement names KNOWN_NAMES among its WITH, takes the parameters `known_names()`, and joins with_license_of.
KNOWN_NAMES = "known AS (SELECT * FROM unnest(%(known_names)s::text[], %(known_tags)s::text[]) AS pair (name, tag))"


def known_names(rules: Rules = CURRENT) -> dict[str, list[str]]:
    return {"known_names": list(rules.index), "known_tags": list(rules.index.values())}


def with_license_of(column: str) -> str:
    """Return the SQL joins for a FROM that has the column. OFFSET 0 prevents repeated evaluation of expressions."""
    return rf"""
    CROSS JOIN LATERAL (
        SELECT lower(btrim(regexp_replace({column}, '\s+', ' ', 'g'))) AS text OFFSET 0
    ) plain
    CROSS JOIN LATERAL (
        SELECT coalesce(
            CASE WHEN starts_with(plain.text, 'regid.')
                THEN substring(plain.text FROM '^regid\.\d{{4}}-\d{{2}}\.com\.cisco\.([^,\s]+)(?:,.*)?$') END,
            CASE WHEN right(plain.text, 1) = ')'
                THEN regexp_replace(plain.text, '\s*\(\d{{1,2}}(?:\.(?:x|\d{{1,2}}))?\)$', '') END,
            plain.text
        ) AS compared OFFSET 0
    ) written
    LEFT JOIN known ON known.name = written.compared
    """
