"""What stands in the way of deleting something, and the way to clear it. Pages ask before, verbs when it is done.

Cisco deletes a virtual account that the portal still assigns clusters to (domain.md P14); here nothing goes while it
is in use.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Q, QuerySet

from licensing.models import (
    Assignment,
    AssignmentBatch,
    AssignmentJob,
    Cluster,
    Customer,
    License,
    LicenseServer,
    ProductInstance,
    SmartAccount,
    VirtualAccount,
)
from licensing.refusals import Refusal

SHOWN = 20
OTHER_DEFAULT = ("Make another virtual account the default, in CSSM.",)
END_FIRST = ("End these assignments first.",)
END_JOBS = ("Wait until their jobs and batches are over, or cancel them.",)
CLOUD_STEPS = (
    "End the assignment of each cluster, or reassign it: it is deregistered then.",
    "Remove or transfer the product instances that are left.",
    "Transfer its licenses to another virtual account.",
    "Sync, and look whether anything is left. Then delete it here.",
)
# The vendor's order (domain.md §4.2); deleting the account at Cisco first leaves instances that nobody counts.
ON_PREM_STEPS = (
    "Remove every product instance from it on the On-Prem server.",
    "Synchronize the On-Prem server with Cisco, fully.",
    "Deactivate it on the On-Prem server and give the reason, which is mailed to who requested it.",
    "Delete it on the On-Prem server.",
    "Remove it at Cisco.",
)


@dataclass(frozen=True, slots=True)
class Guard:
    """`blockers`: a sentence each; none: nothing stands in the way. `steps`: how to clear them, in order."""

    blockers: tuple[str, ...] = ()
    steps: tuple[str, ...] = ()

    def check(self, message: str, next_step: str = "", field: str = "") -> None:
        """Raise Refusal while anything stands in the way."""
        if self.blockers:
            raise Refusal(message, next_step or " ".join(self.steps), field, self.blockers, self.steps)


def of_virtual_account(pool: VirtualAccount) -> Guard:
    """Of deleting it at Cisco."""
    on_premise = not pool.smart_account.license_server.is_cloud
    instances = ProductInstance.objects.present().filter(virtual_account=pool)
    licenses = License.objects.present().filter(virtual_account=pool).filter(Q(quantity__gt=0) | Q(in_use__gt=0))
    in_it = (
        *_bound_to(VirtualAccount.objects.filter(pk=pool.pk)),
        *_counted(instances.count(), "product instance is", "product instances are", "registered in it"),
        *_named(licenses, lambda row: f"It holds the license {row}: {row.quantity:,}, {row.in_use:,} in use."),
    )
    default = (f"{pool} is the default virtual account of {pool.smart_account}.",) if pool.is_default else ()
    drain = (ON_PREM_STEPS if on_premise else CLOUD_STEPS) if in_it else ()
    return Guard((*default, *in_it), (*(OTHER_DEFAULT if default else ()), *drain))


def of_smart_account(account: SmartAccount) -> Guard:
    """Of forgetting it here: jobs and batches would be forgotten with it, half-way."""
    return Guard(_bound_to(VirtualAccount.objects.filter(smart_account=account)), (*END_FIRST, *END_JOBS))


def of_server(server: LicenseServer) -> Guard:
    rows = server.smart_accounts.all()
    accounts = _named(rows, lambda row: f"The smart account {row} is read through it: remove that first.")
    clusters = _named(server.clusters.all(), lambda row: f"The cluster {row} registers with it: change that first.")
    return Guard((*accounts, *clusters), ("Remove its smart accounts.", "Move its clusters to another server."))


def of_customer(customer: Customer) -> Guard:
    clusters = _named(customer.clusters.all(), lambda row: f"It has the cluster {row}: delete or move that first.")
    return Guard(clusters, ("Delete its clusters, or move them to another customer.",))


def of_cluster(cluster: Cluster) -> Guard:
    assigned = Assignment.objects.current().filter(cluster=cluster).select_related("virtual_account")
    jobs = AssignmentJob.objects.open().filter(cluster=cluster)
    return Guard(
        (
            *(f"It is assigned to {row.virtual_account}: end that assignment first." for row in assigned),
            *_named(jobs, lambda job: f"The job “{job}” is not over."),
        ),
        ("End its assignment, and wait until its jobs are over or cancel them.",),
    )


def _bound_to(pools: QuerySet[VirtualAccount]) -> tuple[str, ...]:
    """What people have begun with these virtual accounts: assignments, and what brings clusters there or away."""
    assigned = Assignment.objects.current().filter(virtual_account__in=pools)
    jobs = AssignmentJob.objects.open().filter(Q(virtual_account__in=pools) | Q(previous__in=pools))
    batches = AssignmentBatch.objects.filter(virtual_account__in=pools, state__in=AssignmentBatch.OPEN)
    return (
        *assigned_to(assigned),
        *_named(jobs.select_related("cluster", "virtual_account"), lambda job: f"The job “{job}” is not over."),
        *_named(batches, lambda batch: f"The batch “{batch}” is not over."),
    )


def assigned_to(rows: QuerySet[Assignment]) -> tuple[str, ...]:
    """Current assignments, as sentences."""
    named = rows.select_related("cluster__customer", "virtual_account").order_by("cluster__name", "pk")
    return _named(named, _assignment_words)


def _assignment_words(row: Assignment) -> str:
    return f"{row.cluster} of {row.cluster.customer} is assigned to {row.virtual_account}: end that first."


def _named(rows: QuerySet[Any], sentence: Any) -> tuple[str, ...]:
    """The first few one by one, so that people can work through them; the rest as a number."""
    number = rows.count()
    return (*(sentence(row) for row in rows[:SHOWN]), *_more(number)) if number else ()


def first_of(sentences: Sequence[str]) -> tuple[str, ...]:
    """As `_named`, of what is known already."""
    return (*sentences[:SHOWN], *_more(len(sentences)))


def _more(number: int) -> tuple[str, ...]:
    return (f"And {number - SHOWN} more.",) if number > SHOWN else ()


def _counted(number: int, one: str, many: str, words: str) -> tuple[str, ...]:
    return (f"{number:,} {one if number == 1 else many} {words}.",) if number else ()
