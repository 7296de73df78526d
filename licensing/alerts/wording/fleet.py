"""The words for product instances, registration tokens and clusters."""

from licensing.alerts.wording.base import (
    Facts,
    Words,
    WordsOf,
    day,
    day_of,
    days,
    grouped,
    in_days,
    licenses,
    minute,
    pool_of,
    say,
    sentences,
)
from licensing.assignments.models import AssignmentJob, AssignmentStage


def instance_silent(facts: Facts) -> Words:
    contact, held = facts.moment("last_contact"), facts.number("licenses_held")
    since = say(
        "No contact with Cisco since {day}, for {days}.",
        day=day(day_of(contact)),
        days=days((facts.at - contact).days),
    )
    if held > 0:
        holds = say("It holds {licenses} in {pool}.", licenses=licenses(held), pool=pool_of(facts))
    else:
        holds = say("It uses no licenses in {pool}.", pool=pool_of(facts))
    return Words(
        sentences([since, holds]),
        say(
            "Check that the product instance runs and reaches Cisco or its On-Prem server. If it no longer exists, "
            "remove it to free its licenses."
        ),
        (facts.figure("last_contact", "Last contact"), facts.figure("licenses_held", "Licenses held")),
    )


def wrong_pool(facts: Facts) -> Words:
    meant = say("{pool} of {account}", pool=facts.name("meant_pool"), account=facts.name("meant_account"))
    return Words(
        say(
            "Registered in {pool}, but its cluster {cluster} of {customer} is assigned to {meant}.",
            pool=pool_of(facts),
            cluster=facts.name("cluster"),
            customer=facts.name("customer"),
            meant=meant,
        ),
        say(
            "Register it again with a token of {meant}, or assign the cluster to {pool} if it belongs there.",
            meant=facts.name("meant_pool"),
            pool=facts.name("pool"),
        ),
        (
            facts.figure("pool", "Registered in", pool_of(facts)),
            facts.figure("meant_pool", "Assigned to", meant),
            facts.figure("assigned_since", "Assigned since"),
        ),
    )


def token_expiring(facts: Facts) -> Words:
    expires = day_of(facts.moment("expires"))
    return Words(
        say(
            "This registration token of {pool} expires on {day}, {in_days}. Products that have not registered by then "
            "need a new token.",
            pool=pool_of(facts),
            day=day(expires),
            in_days=in_days(expires, facts.today),
        ),
        say("Create a new token if products still have to register."),
        (facts.figure("expires", "Expires"),),
    )


def token_used_up(facts: Facts) -> Words:
    return Words(
        say(
            "This registration token of {pool} was used {uses} of {allowed} times. No more products can register with "
            "it.",
            pool=pool_of(facts),
            uses=grouped(facts.number("uses")),
            allowed=grouped(facts.number("uses_allowed")),
        ),
        say(
            "Create a new token if products still have to register, and revoke this one. If CSSM shows fewer uses, "
            "correct the number on the token's page."
        ),
        (
            facts.figure("uses", "Uses"),
            facts.figure("uses_allowed", "Uses allowed"),
            facts.figure("expires", "Expires"),
        ),
    )


def assignment_failed(facts: Facts) -> Words:
    state, stage = facts.name("state"), facts.text("stage")
    stage_label = str(AssignmentStage.Kind(stage).label) if stage in AssignmentStage.Kind.values else stage
    state_label = str(AssignmentJob.State(state).label) if state in AssignmentJob.State.values else state
    return Words(
        _job_summary(facts, state, stage_label),
        facts.text("next_step")
        or say("Open the cluster's assignment job, then continue it, try it again, or give it up."),
        (
            facts.figure("state", "State", state_label),
            facts.figure("stage", "Stage", stage_label),
            facts.figure("requested_at", "Requested"),
            facts.figure("requested_by", "Requested by"),
            facts.figure("moved_at", "Last progress"),
        ),
    )


def _job_summary(facts: Facts, state: str, stage: str) -> str:
    job = _job(facts)
    if state == AssignmentJob.State.FAILED:
        if stage:
            failed = say("{job} failed at the stage “{stage}”.", job=job, stage=stage)
        else:
            failed = say("{job} failed.", job=job)
        return sentences([failed, facts.text("cause")])
    stuck = say("{job} has made no progress since {moment}.", job=job, moment=minute(facts.moment("moved_at")))
    return sentences([stuck, _waits_for(state)])


def _job(facts: Facts) -> str:
    """Return what is being done, as the subject of a sentence."""
    kind, pool = facts.name("job"), facts.name("target_pool")
    if kind == AssignmentJob.Kind.UNASSIGN:
        return say("The unassignment from {pool}", pool=pool)
    if kind == AssignmentJob.Kind.REASSIGN:
        return say("The reassignment to {pool}", pool=pool)
    return say("The assignment to {pool}", pool=pool)


def _waits_for(state: str) -> str:
    if state == AssignmentJob.State.BY_HAND:
        return say("A person has to confirm a manual step.")
    if state == AssignmentJob.State.VERIFYING:
        return say("No sync has confirmed it yet.")
    return say("No worker has continued it.")


def evaluation_ending(facts: Facts) -> Words:
    ends = facts.day("ends")
    values = {"ends": day(ends), "in_days": in_days(ends, facts.today)}
    if ends < facts.today:
        evaluation = say("Its evaluation ended on {ends}, {in_days}.", **values)
    else:
        evaluation = say("Its evaluation ends on {ends}, {in_days}.", **values)
    return Words(
        sentences(
            [
                say(
                    "This cluster was installed on {installed} and is not registered.",
                    installed=day(facts.day("installed")),
                ),
                evaluation,
                say("After that, users and devices cannot be added."),
            ]
        ),
        say("Assign the cluster to a virtual account and register it."),
        (facts.figure("installed", "Installed on"), facts.figure("ends", "Evaluation ends")),
    )


WORDS: dict[str, WordsOf] = {
    "instance_silent": instance_silent,
    "wrong_pool": wrong_pool,
    "token_expiring": token_expiring,
    "token_used_up": token_used_up,
    "assignment_failed": assignment_failed,
    "evaluation_ending": evaluation_ending,
}
