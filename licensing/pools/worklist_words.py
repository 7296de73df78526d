"""Word the items of the worklist: for each reason, why a row is there and what to do about it.

Each function takes the facts that the SELECT of its reason returns, by name (licensing.pools.worklist).
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any, NamedTuple

from django.db.models import TextChoices
from django.utils import timezone
from django.utils.formats import date_format

from kit.wording import choose, counted, shorten


class Reason(TextChoices):
    """The reasons in the order of the page. An item's id holds the place of its reason, so new ones come last."""

    STRANDED = "stranded", "Stranded licenses"
    NOT_DEPOSITED = "not_deposited", "Ordered, not delivered"
    WRONG_DEPOSIT = "wrong_deposit", "Deposit in the wrong virtual account"
    GHOST = "ghost", "Silent, yet using licenses"
    MISPLACED = "misplaced", "Registered elsewhere than planned"
    AMBIGUOUS = "ambiguous", "Several clusters fit"
    UNMATCHED = "unmatched", "No cluster fits"


class Words(NamedTuple):
    text: str
    next_step: str


def word(reason: Reason, facts: dict[str, Any]) -> Words:
    """Return the sentences of one item."""
    return WORDS[reason](**facts)


def word_stranded(*, free: int, pool: str, operational: str | None) -> Words:
    return Words(
        f"{counted(free, 'license is', 'licenses are')} free in the default virtual account {pool}. "
        "No product is registered there, and no cluster is assigned to it.",
        f"Move {_them(free)} to {operational or f'a virtual account whose products need {_them(free)}'}.",
    )


def word_not_deposited(
    *, ordered: int, delivered: int, undelivered: int, purchases: list[str], operational: str | None
) -> Words:
    """`purchases`: subscriptions and orders that lack licenses. `operational`: None where the account has no pool."""
    named = f" with {shorten(purchases)}" if purchases else ""
    came = f"delivered {delivered:,} of them" if delivered else f"did not deliver {_them(ordered)}"
    text = f"You ordered {counted(ordered, 'license')}{named}, and Cisco {came}. "
    missing = f"{undelivered:,} {choose(undelivered, 'is', 'are')} missing."
    steps = "Ask Cisco for the operational licenses of this order."
    if operational is None:
        steps = f"Choose the operational pool. If there is none yet, {steps[0].lower()}{steps[1:]}"
    return Words(f"{text}{missing}", steps)


def word_wrong_deposit(*, free: int, pool: str, operational: str, arrived_at: str) -> Words:
    return Words(
        f"{counted(free, 'license is', 'licenses are')} free in {pool}, where no product uses {_them(free)}. "
        f"{choose(free, 'It', 'They')} arrived on {_day(arrived_at)}, and not in the operational pool {operational}.",
        f"Move {_them(free)} to {operational}, or leave {_them(free)} if you want {_them(free)} in {pool}.",
    )


def word_ghost(*, last_contact_at: str, used: int) -> Words:
    return Words(
        f"This product instance last contacted Cisco on {_day(last_contact_at)} and still uses "
        f"{counted(used, 'license')}.",
        "Check whether the product still exists. If not, remove it to free its licenses.",
    )


def word_misplaced(*, way: str, cluster: str, pool: str, planned: str, planned_account: str | None, used: int) -> Words:
    """`planned_account`: where the planned pool is, if that is another smart account. `way`: Item.way."""
    place = f"{planned} of {planned_account}" if planned_account else planned
    gone = ", which Cisco no longer lists" if way == "reassign" else ""
    uses = " and uses licenses there" if used else ""
    steps = {
        "reassign": f"Assign the cluster to {pool}.",
        "register": f"Register it with a token of {place}, or assign the cluster to {pool}.",
        "": f"Move it to {place}, or assign the cluster to {pool}.",
    }
    return Words(
        f"Its cluster {cluster} is assigned to {place}{gone}. The product instance is registered in {pool}{uses}.",
        steps[way],
    )


def word_ambiguous(*, candidates: int) -> Words:
    return Words(
        f"{counted(candidates, 'cluster fits', 'clusters fit')} equally well, so the portal counts this product "
        "instance for none of them.",
        "Choose the cluster, or enter the serial number of its publisher.",
    )


def word_unmatched() -> Words:
    return Words(
        "No publisher has this serial number or host name, so its usage counts for no customer.",
        "Choose its cluster, add the cluster, or record that it belongs to none.",
    )


WORDS: dict[Reason, Callable[..., Words]] = {
    Reason.STRANDED: word_stranded,
    Reason.NOT_DEPOSITED: word_not_deposited,
    Reason.WRONG_DEPOSIT: word_wrong_deposit,
    Reason.GHOST: word_ghost,
    Reason.MISPLACED: word_misplaced,
    Reason.AMBIGUOUS: word_ambiguous,
    Reason.UNMATCHED: word_unmatched,
}


def _them(number: int) -> str:
    return choose(number, "it", "them")


def _day(moment: str) -> str:
    """Return the day of a moment in JSON, where the portal stands: "24 Nov 2026"."""
    return date_format(timezone.localtime(datetime.fromisoformat(moment)), "j M Y")
