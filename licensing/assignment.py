"""A cluster's place in a virtual account: assign and end, with the checks before. Pages and REST call these."""

import re

from django.db import transaction
from django.utils import timezone

from licensing.models import Assignment, Cluster, VirtualAccount
from licensing.refusals import Refusal
from people import audit
from people.audit import Actor

# Applications up to 11.x know PAK licenses alone (domain.md §3.7); HCM-F offers only clusters above 11.x.
OLDEST_MAJOR = 12


@transaction.atomic
def assign(actor: Actor, cluster: Cluster, virtual_account: VirtualAccount) -> Assignment:
    """Of two at the same moment one waits, and then is refused like anybody who comes later."""
    cluster, pool = _locked(cluster, virtual_account)
    _check_version(cluster)
    _check_pool(pool)
    current = Assignment.objects.current().filter(cluster=cluster).select_related("virtual_account").first()
    if current:
        raise Refusal(f"{cluster} is already assigned to {current.virtual_account}.", "End that assignment first.")
    made = Assignment.objects.create(cluster=cluster, virtual_account=pool, started_by=actor.label)
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


def _locked(cluster: Cluster, pool: VirtualAccount) -> tuple[Cluster, VirtualAccount]:
    """Both as they are now: neither may be deleted, change its version or purpose, or go until we are done."""
    try:
        held = Cluster.objects.select_for_update(no_key=True).get(pk=cluster.pk)
        return held, VirtualAccount.objects.select_for_update(no_key=True).get(pk=pool.pk)
    except (Cluster.DoesNotExist, VirtualAccount.DoesNotExist):
        raise Refusal("The cluster or the virtual account was deleted just now.", "Reload the list.") from None


def _check_version(cluster: Cluster) -> None:
    """A version that is not known is let through."""
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
