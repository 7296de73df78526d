"""Word alerts, in one place for each kind: a finding gives facts, and these modules word them when they are read.

`pools`, `fleet` and `servers` have one function per kind of rule. Pages, REST, mails, webhooks, the calendar and the
admin read them all, through Alert and AlertEvent or through `words`.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from licensing.alerts.wording import fleet, pools, servers
from licensing.alerts.wording.base import FactMissingError, Facts, Figure, Words, minute, say

__all__ = ["ALL", "Figure", "Words", "owner_set", "snoozed", "subject", "words"]

ALL = {**pools.WORDS, **fleet.WORDS, **servers.WORDS}


def words(kind: str, facts: Mapping[str, Any], at: datetime) -> Words:
    """Return what an alert of this kind says at a moment. Days left and days past are counted from that moment."""
    try:
        return ALL[kind](Facts(facts, at))
    except FactMissingError:
        return Words(say("The portal has no details of this alert."))


def subject(subject_type: str, name: str, place: str) -> str:
    """Return what an alert is about, with the place that tells it from others of its name."""
    if subject_type == "registration_token":
        name = name or say("Token")
    if place and subject_type in ("license", "registration_token"):
        return say("{name} in {place}", name=name, place=place)
    if place and subject_type == "cluster":
        return say("{name} of {place}", name=name, place=place)
    if place and subject_type == "cssm_alert":
        return say("{name}: {place}", name=name, place=place)
    return name


def owner_set(facts: Mapping[str, Any]) -> str:
    """Return what is said of a new owner (`owner`), or that there is none any more."""
    return say("Owner: {owner}.", owner=facts["owner"]) if facts.get("owner") else say("Owner removed.")


def snoozed(facts: Mapping[str, Any]) -> str:
    """Return until when an alert is snoozed (`until`, ISO 8601)."""
    return say("Until {moment}.", moment=minute(datetime.fromisoformat(facts["until"]))) if "until" in facts else ""
