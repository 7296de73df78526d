"""A cluster has the first status of HCM-F's list that applies (docs/domain.md#cluster-status).

One annotation serves page, list and REST. Ours beside HCM-F's words: work in progress that a person has ordered,
registered elsewhere than assigned, and assigned without ever having been registered.
"""

from typing import Any

from django.db import models
from django.db.models import Case, Count, Exists, F, FilteredRelation, OuterRef, Q, Subquery, Value, When
from django.db.models.functions import Coalesce

from licensing.assignments.models import AssignmentJob
from licensing.fleet.models import Cluster, Node
from licensing.mirror.models import ProductInstance

# Who has ordered it, where nobody has: `started_by` of an assignment, `requested_by` of a job.
AUTO_REGISTRATION = "auto registration"


class Status(models.TextChoices):
    """In order of priority."""

    MULTIPLE = "multiple_virtual_accounts", "In several virtual accounts"
    AUTO_FAILED = "auto_registration_failed", "Auto registration failed"
    FAILED = "manual_registration_failed", "Manual registration failed"
    DEREGISTRATION_FAILED = "deregistration_failed", "Deregistration failed"
    DEREGISTERED = "deregistered", "Deregistered"
    PARTLY = "partially_registered", "Partially registered"
    AUTO_RUNNING = "auto_registration_in_progress", "Auto registration in progress"
    AUTO_LEAVING = "auto_deregistration_in_progress", "Auto deregistration in progress"
    RUNNING = "manual_registration_in_progress", "Manual registration in progress"
    LEAVING = "manual_deregistration_in_progress", "Manual deregistration in progress"
    ELSEWHERE = "registered_elsewhere", "Registered elsewhere"
    AUTO_REGISTERED = "auto_registered", "Auto registered"
    REGISTERED = "manually_registered", "Manually registered"
    ASSIGNED = "assigned", "Assigned, not registered"
    NOT_ASSIGNED = "not_assigned", "Not assigned"


RETRY = "Open its assignment job: it says why, and can be tried again from the stage that failed."
UNDER_WAY = "Its assignment job shows which stage it is at."
# What it means, and what to do: as HCM-F shows a description and a recommended action.
MEANING = {
    Status.MULTIPLE: (
        "Cisco lists product instances of this cluster in several virtual accounts.",
        "Deregister what is in the wrong one on the product, or remove it there at Cisco, then sync.",
    ),
    Status.AUTO_FAILED: ("The portal could not register it by itself.", RETRY),
    Status.FAILED: ("It could not be registered.", RETRY),
    Status.DEREGISTRATION_FAILED: ("It could not be deregistered.", RETRY),
    Status.DEREGISTERED: (
        "It is assigned, and Cisco no longer lists the product instance that it had.",
        "Register it again with a token of its virtual account, or end the assignment.",
    ),
    Status.PARTLY: (
        "Some nodes of this Expressway cluster are registered, others are not.",
        "Register the other nodes, with a token of the same virtual account.",
    ),
    Status.AUTO_RUNNING: ("The portal is registering it by itself.", UNDER_WAY),
    Status.AUTO_LEAVING: ("The portal is deregistering it by itself.", UNDER_WAY),
    Status.RUNNING: ("It is being registered.", UNDER_WAY),
    Status.LEAVING: ("It is being deregistered.", UNDER_WAY),
    Status.ELSEWHERE: (
        "Its product instance is registered in another virtual account than the one that it is assigned to.",
        "Register it with a token of the right one, or assign it to where it is.",
    ),
    Status.AUTO_REGISTERED: ("The portal has registered it by itself, and Cisco lists its product instance.", ""),
    Status.REGISTERED: ("Cisco lists its product instance.", ""),
    Status.ASSIGNED: (
        "It is assigned, and Cisco has not listed a product instance of it yet.",
        "Register it with a token of its virtual account, then sync.",
    ),
    Status.NOT_ASSIGNED: ("It is in no virtual account, and Cisco lists no product instance of it.", "Assign it."),
}


def with_status(clusters: models.QuerySet[Cluster]) -> Any:
    """Each with `status` (a value of Status), `assigned_to` (id of a virtual account or None), `registrations` (number
    of present product instances) and `nodes_named`.
    """
    present = ProductInstance.objects.present().filter(cluster=OuterRef("pk"))
    there = present.filter(virtual_account=OuterRef("assigned_to"))
    return (
        # Constraints allow at most one of each: the joins multiply no rows.
        clusters.alias(
            place=FilteredRelation("assignments", condition=Q(assignments__ended_at=None)),
            job=FilteredRelation("assignment_jobs", condition=Q(assignment_jobs__state__in=AssignmentJob.OPEN)),
        )
        .annotate(
            assigned_to=F("place__virtual_account"),
            registrations=_number(present, Count("pk")),
            nodes_named=_number(Node.objects.filter(cluster=OuterRef("pk")), Count("pk")),
        )
        .alias(
            pools_registered=_number(present, Count("virtual_account", distinct=True)),
            was_registered=Exists(ProductInstance.objects.filter(cluster=OuterRef("pk")).exclude(gone_at=None)),
            registered_there=Exists(there),
        )
        .annotate(status=_first_that_applies())
    )


def _first_that_applies() -> Case:
    registered, assigned = Q(registrations__gt=0), Q(assigned_to__isnull=False)
    failed, leaves, automatic = Q(job__state="failed"), Q(job__kind="unassign"), Q(job__requested_by=AUTO_REGISTRATION)
    under_way = Q(job__isnull=False)
    some_nodes = Q(application__in=Cluster.EXPRESSWAYS, registrations__lt=F("nodes_named"))
    cases = {
        Status.MULTIPLE: Q(pools_registered__gt=1),
        Status.AUTO_FAILED: failed & automatic & ~leaves,
        Status.FAILED: failed & ~leaves,
        Status.DEREGISTRATION_FAILED: failed,
        Status.DEREGISTERED: ~registered & assigned & Q(was_registered=True),
        Status.PARTLY: registered & some_nodes,
        Status.AUTO_RUNNING: under_way & automatic & ~leaves,
        Status.AUTO_LEAVING: under_way & automatic,
        Status.RUNNING: under_way & ~leaves,
        Status.LEAVING: under_way,
        Status.ELSEWHERE: registered & assigned & Q(registered_there=False),
        Status.AUTO_REGISTERED: registered & Q(place__started_by=AUTO_REGISTRATION),
        Status.REGISTERED: registered,
        Status.ASSIGNED: assigned,
    }
    return Case(
        *(When(condition, then=Value(status.value)) for status, condition in cases.items()),
        default=Value(Status.NOT_ASSIGNED.value),
        output_field=models.CharField(),
    )


def _number(rows: models.QuerySet[Any], of: Count) -> Coalesce:
    """Counted apart for each cluster: joins of several would multiply each other."""
    counted = rows.order_by().values("cluster").annotate(number=of).values("number")
    return Coalesce(Subquery(counted, output_field=models.IntegerField()), 0)
