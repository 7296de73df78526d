"""A cluster's place in a virtual account: assign and end, with the checks before. Pages and REST call these."""

import re

from django.db import IntegrityError, transaction
from django.utils import timezone

from licensing.models import Assignment, Cluster, VirtualAccount
from licensing.refusals import Refusal
from people import audit
from people.audit import Actor

# Smart Licensing came with 12.x; HCM-F lists only clusters above 11.x (domain rows of HCM-F's screens).
OLDEST_MAJOR = 12


@transaction.atomic
def assign(actor: Actor, cluster: Cluster, virtual_account: VirtualAccount) -> Assignment:
    """Of two at the same moment one is refused by the constraint."""
    _check_version(cluster)
    _check_pool(virtual_account)
    current = Assignment.objects.current().filter(cluster=cluster).select_related("virtual_account").first()
    if current:
        raise Refusal(f"{cluster} is already assigned to {current.virtual_account}.", "End that assignment first.")
    try:
        with transaction.atomic():
            made = Assignment.objects.create(cluster=cluster, virtual_account=virtual_account, started_by=actor.label)
    except IntegrityError:
        raise Refusal(f"{cluster} was assigned by somebody else just now.", "Reload and look where it is.") from None
    audit.record(actor, "assigned", made)
    return made


@transaction.atomic
def end(actor: Actor, assignment: Assignment) -> Assignment:
    """Raises Refusal when it has ended already."""
    current = Assignment.objects.current().filter(pk=assignment.pk)
    if not current.update(ended_at=timezone.now(), ended_by=actor.label):
        raise Refusal(f"This assignment of {assignment.cluster} has ended already.", "Reload the list.")
    assignment.refresh_from_db()
    audit.record(actor, "ended", assignment)
    return assignment


def _check_version(cluster: Cluster) -> None:
    found = re.match(r"X?(\d+)", cluster.version.strip(), re.IGNORECASE)
    if found and int(found[1]) < OLDEST_MAJOR:
        raise Refusal(
            f"{cluster} has version {cluster.version}, which knows no Smart Licensing.",
            f"Upgrade it to {OLDEST_MAJOR}.x or later, then assign it.",
            "cluster",
        )


def _check_pool(pool: VirtualAccount) -> None:
    if pool.purpose == VirtualAccount.Purpose.ORDERED:
        raise Refusal(
            f"{pool} is the ordered pool, which serves no applications.",
            "Choose the operational pool.",
            "virtual_account",
        )
    if pool.gone_at:
        raise Refusal(f"{pool} is gone at Cisco.", "Choose a virtual account that exists.", "virtual_account")
