"""Guard deletions, and delete. Pages ask what stands in the way beforehand; the verbs ask again.

Cisco deletes a virtual account that the portal still assigns clusters to (docs/domain.md#P14). The portal deletes
nothing that is in use.
"""

from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet

from kit.guards import Guard, list_blockers
from kit.wording import counted, shorten
from licensing.accounts.models import LicenseServer, SmartAccount
from licensing.assignments.models import Assignment, AssignmentBatch, AssignmentJob
from licensing.assignments.pool_settings import END_FIRST, assigned_to
from licensing.fleet.models import Cluster, Customer
from licensing.history.recording import record
from licensing.mirror.models import License, ProductInstance, VirtualAccount
from people import audit
from people.audit import Actor, Event

OTHER_DEFAULT = ("Make another virtual account the default, in CSSM.",)


END_JOBS = ("Wait until their jobs and batches are over, or cancel them.",)


CLOUD_STEPS = (
    "End the assignment of each cluster, or reassign it: it is deregistered then.",
    "Remove or transfer the product instances that are left.",
    "Transfer its licenses to another virtual account.",
    "Sync, and look whether anything is left. Then delete it here.",
)


# The vendor's order (docs/domain.md#F27); deleting the account at Cisco first leaves instances that nobody counts.
ON_PREM_STEPS = (
    "Remove every product instance from it on the On-Prem server.",
    "Synchronize the On-Prem server with Cisco, fully.",
    "Deactivate it on the On-Prem server and give the reason, which is mailed to who requested it.",
    "Delete it on the On-Prem server.",
    "Remove it at Cisco.",
)


def guard_virtual_account(pool: VirtualAccount) -> Guard:
    """Return what stands in the way of deleting a virtual account at Cisco."""
    on_premise = not pool.smart_account.license_server.is_cloud
    instances = ProductInstance.objects.present().filter(virtual_account=pool)
    licenses = License.objects.present().filter(virtual_account=pool).filter(Q(quantity__gt=0) | Q(in_use__gt=0))
    in_it = (
        *_bound_to(VirtualAccount.objects.filter(pk=pool.pk)),
        *_registered(instances.count()),
        *list_blockers(licenses, lambda row: f"It holds the license {row}: {row.quantity:,}, {row.in_use:,} in use."),
    )
    default = (f"{pool} is the default virtual account of {pool.smart_account}.",) if pool.is_default else ()
    drain = (ON_PREM_STEPS if on_premise else CLOUD_STEPS) if in_it else ()
    return Guard((*default, *in_it), (*(OTHER_DEFAULT if default else ()), *drain))


def guard_smart_account(account: SmartAccount) -> Guard:
    """Return what stands in the way of removing a smart account here. Its jobs and batches would vanish half-way."""
    return Guard(_bound_to(VirtualAccount.objects.filter(smart_account=account)), (*END_FIRST, *END_JOBS))


def guard_server(server: LicenseServer) -> Guard:
    rows = server.smart_accounts.all()
    accounts = list_blockers(rows, lambda row: f"The smart account {row} is read through it: remove that first.")
    clusters = list_blockers(
        server.clusters.all(), lambda row: f"The cluster {row} registers with it: change that first."
    )
    return Guard((*accounts, *clusters), ("Remove its smart accounts.", "Move its clusters to another server."))


def guard_customer(customer: Customer) -> Guard:
    clusters = list_blockers(
        customer.clusters.all(), lambda row: f"It has the cluster {row}: delete or move that first."
    )
    return Guard(clusters, ("Delete its clusters, or move them to another customer.",))


def guard_cluster(cluster: Cluster) -> Guard:
    assigned = Assignment.objects.current().filter(cluster=cluster).select_related("virtual_account")
    jobs = AssignmentJob.objects.open().filter(cluster=cluster)
    return Guard(
        (
            *(f"It is assigned to {row.virtual_account}: end that assignment first." for row in assigned),
            *list_blockers(jobs, lambda job: f"The job “{job}” is not over."),
        ),
        ("End its assignment, and wait until its jobs are over or cancel them.",),
    )


def _registered(number: int) -> tuple[str, ...]:
    words = counted(number, "product instance is registered in it.", "product instances are registered in it.")
    return (words,) if number else ()


def _bound_to(pools: QuerySet[VirtualAccount]) -> tuple[str, ...]:
    """Describe what people have begun with these virtual accounts: assignments, jobs and batches."""
    assigned = Assignment.objects.current().filter(virtual_account__in=pools)
    jobs = AssignmentJob.objects.open().filter(Q(virtual_account__in=pools) | Q(previous__in=pools))
    batches = AssignmentBatch.objects.filter(virtual_account__in=pools, state__in=AssignmentBatch.OPEN)
    return (
        *assigned_to(assigned),
        *list_blockers(jobs.select_related("cluster", "virtual_account"), lambda job: f"The job “{job}” is not over."),
        *list_blockers(batches, lambda batch: f"The batch “{batch}” is not over."),
    )


@transaction.atomic
def delete_server(actor: Actor, server: LicenseServer) -> None:
    users = [*server.smart_accounts.all(), *server.clusters.all()]
    guard_server(server).check(
        f"{server.name} is in use by {shorten(users)}.", "Remove its smart accounts and move its clusters first."
    )
    audit.record(actor, "deleted", server, changes={})
    server.delete()


@transaction.atomic
def delete_customer(actor: Actor, customer: Customer) -> None:
    """Delete a customer. Its subscriptions and orders have none then; the audit says so at each of them."""
    clusters = list(customer.clusters.all())
    guard_customer(customer).check(
        f"{customer} has {counted(len(clusters), 'cluster')}: {shorten(clusters, 5)}.",
        "Delete them or move them to another customer first.",
    )
    mapped = list(customer.subscriptions.order_by("subscription_id"))
    ordered = list(customer.orders.order_by("pk"))
    gone = {"customer": [customer.pk, None]}
    audit.record_many(actor, [Event("mapped", row, changes=gone) for row in mapped])
    audit.record_many(actor, [Event("changed", row, changes=gone) for row in ordered])
    lost = {"subscriptions": [[row.subscription_id for row in mapped], []]} if mapped else {}
    lost |= {"orders": [[str(row) for row in ordered], []]} if ordered else {}
    audit.record(actor, "deleted", customer, changes=lost)
    customer.delete()


@transaction.atomic
def delete_cluster(actor: Actor, cluster: Cluster) -> None:
    """Delete a cluster with the history of its ended assignments, which the audit keeps in words."""
    # Nobody assigns it between the look and the deletion.
    Cluster.objects.select_for_update().filter(pk=cluster.pk).first()
    current = Assignment.objects.current().filter(cluster=cluster).select_related("virtual_account").first()
    guard = guard_cluster(cluster)
    if current:
        guard.check(f"{cluster} is assigned to {current.virtual_account}.", "End that assignment first.")
    guard.check(f"{cluster} has an assignment job that is not over.", "Wait for its end, or cancel it.")
    ended = Assignment.objects.filter(cluster=cluster).select_related("virtual_account")
    audit.record(actor, "deleted", cluster, changes=_history(list(ended)))
    ended.delete()
    accounts = {pool.smart_account_id for pool in VirtualAccount.objects.filter(product_instances__cluster=cluster)}
    cluster.delete()
    record(accounts)


def _history(ended: list[Assignment]) -> dict[str, list[Any]]:
    lines = [f"{row.virtual_account}: {row.started_at:%Y-%m-%d} to {row.ended_at:%Y-%m-%d}" for row in ended]
    return {"assignments": [lines, []]} if lines else {}
