"""Add, change and delete rules. Pages, REST and admin call these verbs, which refuse values that do not fit."""

from typing import Any

from django.db import transaction

from kit.refusals import Refusal, check_row
from licensing.alerts import scopes
from licensing.alerts.kinds import FACTS
from licensing.alerts.models import AlertRule
from people import audit
from people.gate import Need, may

# More, and nobody reads them: each lead time reached is a message.
MOST_LEADS = 12


@transaction.atomic
def save(actor: audit.Actor, rule: AlertRule, before: dict[str, Any] | None = None) -> AlertRule:
    """`before`: audit.snapshot of the stored row, None for a new one. The kind of a stored rule stays."""
    if before and before["kind"] != rule.kind:
        raise Refusal("The kind of a rule cannot be changed.", "Add another rule and delete this one.", "kind")
    _fit_kind(rule)
    _fit_leads(rule, before)
    scopes.fit(rule, before, FACTS[rule.kind].scopes, "A rule of this kind")
    _fit_owner(rule, before)
    _fit_the_rest(rule)
    rule.save()
    audit.record(actor, "changed" if before else "added", rule, before=before)
    return rule


@transaction.atomic
def delete(actor: audit.Actor, rule: AlertRule) -> None:
    """Delete a rule with its alerts and their history. Disable the rule instead to keep them."""
    audit.record(actor, "deleted", rule, changes={})
    rule.delete()


def _fit_kind(rule: AlertRule) -> None:
    facts = FACTS.get(rule.kind)
    if facts is None:
        raise Refusal(f"{rule.kind!r} is not a kind of rule.", f"Kinds: {', '.join(FACTS)}.", "kind")
    _refuse_what_means_nothing(rule)
    if rule.threshold is not None and not 0 <= rule.threshold <= facts.most:
        raise Refusal(
            f"The threshold {rule.threshold:,} is out of range.",
            f"Enter a number from 0 to {facts.most:,}.",
            "threshold",
        )
    if facts.units:
        rule.unit = rule.unit or facts.units[0]
        if rule.unit == AlertRule.Unit.PERCENT and (rule.threshold or 0) > 100:
            raise Refusal("The percentage is too high.", "Enter a percentage from 0 to 100.", "threshold")


def _refuse_what_means_nothing(rule: AlertRule) -> None:
    """Dropped in silence, it would be taken for kept."""
    facts, what = FACTS[rule.kind], f"A rule of the kind “{rule.get_kind_display()}”"
    if rule.threshold is not None and not facts.counts:
        raise Refusal(f"{what} has no threshold.", "Leave the threshold empty.", "threshold")
    if rule.unit and not facts.units:
        raise Refusal(f"{what} has no unit.", "Leave the unit empty.", "unit")
    for name in ("lead_days", "rise_at_days"):
        if getattr(rule, name) and not facts.timed:
            raise Refusal(f"{what} has no due date, so it has no lead times.", "Leave this empty.", name)


def _fit_leads(rule: AlertRule, before: dict[str, Any] | None) -> None:
    """Lead times and the longest of them, the threshold, say the same; whichever was changed leads the other."""
    facts = FACTS[rule.kind]
    if not facts.timed:
        return
    given = sorted(set(rule.lead_days), reverse=True)
    asked = given or list(facts.notices)
    if not given or before is None or before["lead_days"] == rule.lead_days:  # the threshold alone was given
        longest = rule.threshold if rule.threshold is not None else facts.usual if before else asked[0]
        asked = [longest or 0, *(days for days in asked if days < (longest or 0))]
    for name, days in (("lead_days", asked), ("rise_at_days", rule.rise_at_days)):
        if len(days) > MOST_LEADS or any(not 0 <= number <= 3650 for number in days):
            raise Refusal(
                "The lead times are not valid.", f"Enter at most {MOST_LEADS}, each from 0 to 3,650 days.", name
            )
    rule.lead_days, rule.threshold = asked, asked[0]
    rule.rise_at_days = sorted(set(rule.rise_at_days), reverse=True)


def _fit_owner(rule: AlertRule, before: dict[str, Any] | None) -> None:
    """Alerts of the rule are theirs from the beginning. Who may not act any more keeps the rules that they had."""
    chosen_now = before is None or before["owner"] != rule.owner_id
    if rule.owner and chosen_now and not may(rule.owner, Need.OPERATE):
        raise Refusal(
            f"{rule.owner} may not act on alerts.", "Choose an operator or an owner of your organisation.", "owner"
        )


def _fit_the_rest(rule: AlertRule) -> None:
    rule.name = rule.name.strip() or _free_name(rule)
    if rule.escalate_after_hours is not None and not 1 <= rule.escalate_after_hours <= 8760:
        raise Refusal("The time until severity rises is not valid.", "Enter 1 to 8,760 hours.", "escalate_after_hours")
    try:
        check_row(rule)
    except Refusal as refusal:
        if refusal.field == "name":
            said = "Another rule has this name. Choose one that tells them apart."
            raise Refusal(said, "", "name") from None
        raise


def _free_name(rule: AlertRule) -> str:
    """The kind's name, numbered where it is taken."""
    name = rule.get_kind_display()
    taken = set(AlertRule.objects.exclude(pk=rule.pk).filter(name__startswith=name).values_list("name", flat=True))
    return next(
        given for number in range(1, 10_000) if (given := name if number == 1 else f"{name} {number}") not in taken
    )
