"""The words for licenses and pools: shortages, terms, forecasts, and use where nothing should be used."""

from licensing.alerts.wording.base import (
    Facts,
    Figure,
    Words,
    WordsOf,
    counted,
    day,
    day_of,
    grouped,
    in_days,
    licenses,
    pool_of,
    say,
    sentences,
)
from licensing.alerts.wording.clocks import ALLOWED, Clock


def out_of_compliance(facts: Facts) -> Words:
    short = facts.number("short")
    values = {"pool": pool_of(facts), **_use(facts), "licenses": licenses(short)}
    if short > 0:
        summary = say("{licenses} short in {pool}: {in_use} in use, {owned} owned.", **values)
    else:
        summary = say(
            "Cisco reports this license as out of compliance in {pool}: {in_use} in use, {owned} owned.", **values
        )
    return Words(summary, _end_shortage(facts, max(short, 1)), (*_figures(facts), facts.figure("short", "Short")))


def free_below(facts: Facts) -> Words:
    threshold, in_licenses = facts.number("threshold"), facts.text("unit") == "licenses"
    values = {
        "licenses": counted(facts.number("free"), "free license", "free licenses"),
        "owned": grouped(facts.number("owned")),
        "pool": pool_of(facts),
        "threshold": licenses(threshold) if in_licenses else say("{number} percent", number=threshold),
    }
    if facts.has("spare_pool"):
        step = say("Move licenses here from {pool}, which has {free} free, before they run out.", **_spare(facts))
    else:
        step = say("Move licenses here from another pool, or order more, before they run out.")
    return Words(
        say("{licenses} out of {owned} in {pool}. The threshold is {threshold}.", **values),
        step,
        (
            *_figures(facts),
            facts.figure("threshold", "Threshold in licenses" if in_licenses else "Threshold in percent"),
        ),
    )


def ordered_consumption(facts: Facts) -> Words:
    used = ", ".join(f"{name} ({grouped(number)})" for name, number in facts.items("most_used"))
    values = {"licenses": licenses(facts.number("in_use")), "pool": pool_of(facts), "used": used}
    more = facts.number("license_names") - len(facts.items("most_used"))
    if more > 0:
        summary = say(
            "{licenses} in use in the ordered pool {pool}: {used} and {more} more.", more=grouped(more), **values
        )
    else:
        summary = say("{licenses} in use in the ordered pool {pool}: {used}.", **values)
    if facts.has("operational_pool"):
        step = say("Register these product instances in {pool} instead.", pool=facts.name("operational_pool"))
    else:
        step = say(
            "Mark a virtual account as the operational pool, and register these product instances there instead."
        )
    reason = say("The ordered pool holds what you bought and serves no products.")
    return Words(
        summary,
        sentences([reason, step]),
        (facts.figure("in_use", "In use"), facts.figure("license_names", "Different licenses")),
    )


def term_ending(facts: Facts) -> Words:
    first, last = facts.day("first_end"), facts.day("last_end")
    values = {
        "licenses": licenses(facts.number("licenses")),
        "pool": pool_of(facts),
        "first": day(first),
        "last": day(last),
        "in_days": in_days(first, facts.today),
    }
    if first == last:
        summary = say("The term of {licenses} in {pool} ends on {first}, {in_days}.", **values)
    else:
        summary = say(
            "The terms of {licenses} in {pool} end between {first} and {last}, the first {in_days}.", **values
        )
    return Words(
        sentences([summary, _subscriptions(facts)]),
        say("Renew the term before then, or move the products that use it to other licenses."),
        _term_figures(facts),
    )


def term_ended(facts: Facts) -> Words:
    first, last = facts.day("first_end"), facts.day("last_end")
    values = {"licenses": licenses(facts.number("licenses")), "pool": pool_of(facts), "first": day(first)}
    if first == last:
        summary = say("The term of {licenses} in {pool} ended on {first}.", **values)
    else:
        summary = say("The terms of {licenses} in {pool} have ended, the first on {first}.", **values)
    return Words(
        sentences([summary, _subscriptions(facts)]),
        say("Renew the term, or move the products that use it to other licenses."),
        _term_figures(facts),
    )


def exhaustion(facts: Facts) -> Words:
    runs_out = facts.day("runs_out")
    summary = say(
        "{licenses} left out of {owned} in {pool}. At the pace of the last {window} days ({pace} more in use "
        "each month), the license runs out on {runs_out}, {in_days}.",
        licenses=licenses(facts.number("left")),
        owned=grouped(facts.number("owned_last")),
        pool=pool_of(facts),
        window=grouped(facts.number("window")),
        pace=f"{facts.decimal('pace'):,.1f}",
        runs_out=day(runs_out),
        in_days=in_days(runs_out, facts.today),
    )
    if facts.has("spare_pool"):
        step = say("Order more in time, or move licenses here from {pool}, which has {free} free.", **_spare(facts))
    else:
        step = say("Order more in time.")
    return Words(
        summary,
        step,
        (
            *_figures(facts),
            facts.figure("pace", "More in use each month"),
            facts.figure("days_measured", "Days measured"),
        ),
    )


def overage(facts: Facts) -> Words:
    if facts.holds("has_owner"):
        step = say("Ask the owner what is being done, and bring the license back into compliance.")
    else:
        step = say(
            "Set an owner, and bring the license back into compliance: move licenses here, order more, or remove "
            "product instances that use them."
        )
    clock = Clock(facts.moment("since"), facts.has("since_at_latest") and facts.holds("since_at_latest"))
    figures = (
        *_figures(facts),
        facts.figure("since", "Out of compliance since"),
        facts.figure("since_at_latest", "Already short at the first sync"),
        facts.figure("since_reason", "Reason for the corrected start"),
        facts.figure("note", "Note"),
    )
    return Words(sentences([_started(clock, facts), _limit(clock, facts)]), step, figures)


def _started(clock: Clock, facts: Facts) -> str:
    values = {"pool": pool_of(facts), "since": clock.first_day}
    if clock.at_latest:
        return say("This license has been out of compliance in {pool} since before {since}.", **values)
    return say("This license has been out of compliance in {pool} since {since}.", **values)


def _limit(clock: Clock, facts: Facts) -> str:
    values = {
        "days": grouped(ALLOWED.days),
        "ends": clock.last_day,
        "in_days": in_days(day_of(clock.ends), facts.today),
    }
    if clock.is_over(facts.at):
        return say(
            "The {days} days that Cisco allows ended on {ends}, {in_days}. Since then, products may block new users "
            "and devices.",
            **values,
        )
    if clock.at_latest:
        return say(
            "The {days} days that Cisco allows end by {ends}, {in_days}. Products then block new users and devices.",
            **values,
        )
    return say(
        "The {days} days that Cisco allows end on {ends}, {in_days}. Products then block new users and devices.",
        **values,
    )


def _end_shortage(facts: Facts, missing: int) -> str:
    if not facts.has("spare_pool"):
        return say(
            "No other pool that serves products has free licenses. Order {licenses}, or remove product instances that "
            "use them.",
            licenses=counted(missing, "more license", "more licenses"),
        )
    spare = facts.number("spare_free")
    move = say(
        "Move {licenses} here from {pool}, which has {free} free.",
        licenses=licenses(min(missing, spare)),
        **_spare(facts),
    )
    return sentences([move, say("Then check other pools, or order more.") if missing > spare else ""])


def _spare(facts: Facts) -> dict[str, str]:
    """The pool that has most licenses of this name to spare, and how many."""
    return {"pool": facts.name("spare_pool"), "free": grouped(facts.number("spare_free"))}


def _use(facts: Facts) -> dict[str, str]:
    return {"in_use": grouped(facts.number("in_use")), "owned": grouped(facts.number("owned"))}


def _figures(facts: Facts) -> tuple[Figure, ...]:
    return facts.figure("owned", "Owned"), facts.figure("in_use", "In use"), facts.figure("free", "Free")


def _subscriptions(facts: Facts) -> str:
    names = facts.items("subscriptions") if facts.has("subscriptions") else []
    if not names:
        return ""
    if len(names) == 1:
        return say("Subscription {name}.", name=names[0])
    return say("Subscriptions {names}.", names=", ".join(names))


def _term_figures(facts: Facts) -> tuple[Figure, ...]:
    names = facts.items("subscriptions") if facts.has("subscriptions") else []
    return (
        facts.figure("licenses", "Licenses"),
        facts.figure("first_end", "First end"),
        facts.figure("last_end", "Last end"),
        facts.figure("subscriptions", "Subscriptions", ", ".join(names)),
    )


WORDS: dict[str, WordsOf] = {
    "out_of_compliance": out_of_compliance,
    "free_below": free_below,
    "ordered_consumption": ordered_consumption,
    "term_ending": term_ending,
    "term_ended": term_ended,
    "exhaustion": exhaustion,
    "overage": overage,
}
