"""Set the owner and the note of an out-of-compliance clock, and correct its start.

licensing.alerts.findings.clocks opens and ends them with each evaluation.
"""

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from kit.refusals import Refusal
from licensing.alerts import evaluation
from licensing.alerts.models import Overage
from people import audit, users
from people.models import User

OLDEST_START = timedelta(days=5 * 365)
REASON_LENGTH = 1_000


@transaction.atomic
def take_care(actor: audit.Actor, overage: Overage, owner: User | None, note: str) -> Overage:
    """Set the owner of a clock and the note on what is being done. Raises Refusal for an owner who has left."""
    users.check_owner(owner, overage.owner_id)
    audit.change(actor, "changed", overage, owner=owner, note=note.strip())
    return overage


@transaction.atomic
def correct_start(actor: audit.Actor, overage: Overage, since: datetime, reason: str) -> Overage:
    """Set when a clock really started, and evaluate its alert at once. No later evaluation changes it.

    Raises Refusal without a reason, and for a start that lies in the future, after the end of the clock, or further
    back than OLDEST_START. The recorded start stays in `recorded_since`.
    """
    evaluation.lock()  # before the row: an evaluation that runs holds this lock and may wait for the row
    overage = _locked(overage)
    reason = reason.strip()
    _check_start(overage, since, reason)
    if (since, reason) != (overage.since, overage.since_reason):
        audit.change(
            actor,
            "corrected the start of",
            overage,
            since=since,
            recorded_since=overage.recorded_start,
            since_reason=reason,
            since_corrected_at=timezone.now(),
            since_corrected_by=actor.label,
        )
        _follow(overage)
    return overage


@transaction.atomic
def restore_start(actor: audit.Actor, overage: Overage) -> Overage:
    """Return to the start that the syncs recorded, and evaluate its alert at once. Without a correction, do nothing."""
    evaluation.lock()
    overage = _locked(overage)
    if overage.recorded_since:
        audit.change(
            actor,
            "restored the start of",
            overage,
            since=overage.recorded_since,
            recorded_since=None,
            since_reason="",
            since_corrected_at=None,
            since_corrected_by="",
        )
        _follow(overage)
    return overage


def change_start(actor: audit.Actor, overage: Overage, **sent: Any) -> Overage:
    """Do what a program asks with `since`, `since_reason` or both: correct the start, its reason alone, or restore it.

    `since` None restores the recorded start. Raises Refusal as correct_start does.
    """
    since, reason = sent.get("since", overage.since), sent.get("since_reason", "")
    if since is None and reason:
        raise Refusal("The recorded start takes no reason.", "Leave the reason out, or send a start.", "since_reason")
    if since is None:
        return restore_start(actor, overage)
    if "since" not in sent and overage.recorded_since is None:
        raise Refusal("There is no corrected start to explain.", "Send the start with its reason.", "since")
    if "since_reason" not in sent and since == overage.since:
        return overage
    return correct_start(actor, overage, since, reason)


def _locked(overage: Overage) -> Overage:
    rows = Overage.objects.select_for_update(of=("self",)).select_related("license__virtual_account", "owner")
    return rows.get(pk=overage.pk)


def _check_start(overage: Overage, since: datetime, reason: str) -> None:
    now = timezone.now()
    if since > now:
        raise Refusal("The start cannot lie in the future.", "Enter a date and time up to now.", "since")
    if overage.ended_at and since >= overage.ended_at:
        raise Refusal("The start must come before the end of the clock.", "Enter an earlier date and time.", "since")
    if since < now - OLDEST_START:
        raise Refusal("The start cannot lie more than 5 years back.", "Enter a later date and time.", "since")
    if not reason:
        raise Refusal("The portal stores a corrected start only with a reason.", "Enter a reason.", "since_reason")
    if len(reason) > REASON_LENGTH:
        raise Refusal("The reason is too long.", f"Enter up to {REASON_LENGTH:,} characters.", "since_reason")


def _follow(overage: Overage) -> None:
    """Evaluate the account of a clock, so that alert and due date follow its start."""
    evaluation.evaluate(smart_account_id=overage.license.virtual_account.smart_account_id)
