"""The checks before an assignment: every reason against it at once.

`reasons_against` is the one home of these rules; pages, REST, batches and the first stage of a job ask it. What it
reads is fetched for any number of clusters in a fixed number of queries (`facts_of`).

The rules come from Cisco's guides (docs/domain.md#assignments, docs/domain.md#mixed-mode, docs/domain.md#transport).
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from django.db.models import Prefetch
from django.utils import timezone

from kit.refusals import Refusal
from licensing.allocation import what_if
from licensing.assignments import mixed_mode
from licensing.assignments.mixed_mode import Gate
from licensing.assignments.models import Assignment, AssignmentJob
from licensing.fleet import clusters as fleet_clusters
from licensing.fleet import paths, transport
from licensing.fleet.models import Cluster, Node, Proxy
from licensing.mirror.models import ProductInstance, VirtualAccount

# Applications up to 11.x know PAK licenses alone (docs/domain.md#pak-only); HCM-F offers only clusters above 11.x.
OLDEST_MAJOR = 12
# Until then none of the server's other functions is there (docs/domain.md#F12).
FIRST_ON_PREM = "Register the local account on the On-Prem server, if that is not done. "


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason against an assignment: what is in the way, what to do, the input at fault ("" where it is none).

    `overridable`: a person may go on with a recorded reason of their own.
    """

    code: str
    message: str
    next_step: str
    field: str = ""
    overridable: bool = False

    def __str__(self) -> str:
        return f"{self.message} {self.next_step}"


class NotAssignable(Refusal):
    """All reasons at once; the first one gives message, next step and field, and the others stand behind it."""

    def __init__(self, cluster: Cluster, reasons: Sequence[Reason]) -> None:
        first, others = reasons[0], reasons[1:]
        fields = {reason.field for reason in reasons}
        super().__init__(first.message, first.next_step, first.field if len(fields) == 1 else "")
        self.cluster, self.reasons, self.others = cluster, tuple(reasons), tuple(others)

    def __str__(self) -> str:
        return " ".join(str(reason) for reason in self.reasons)


@dataclass(frozen=True, slots=True)
class Facts:
    """A cluster with what the checks need of it."""

    cluster: Cluster
    nodes: tuple[Node, ...]
    assignment: Assignment | None
    job: AssignmentJob | None
    registered_in: frozenset[int]  # virtual accounts that its present product instances stand in


def facts_of(clusters: Iterable[int]) -> dict[int, Facts]:
    """By the cluster's id; five queries, however many clusters."""
    rows = Cluster.objects.filter(pk__in=list(clusters)).select_related(
        "customer__proxy", "proxy", "license_server", "access"
    )
    rows = rows.prefetch_related(
        "nodes",
        Prefetch("assignments", Assignment.objects.current().select_related("virtual_account"), to_attr="current"),
        Prefetch(
            "assignment_jobs", AssignmentJob.objects.open().select_related("virtual_account"), to_attr="open_jobs"
        ),
        Prefetch(
            "product_instances",
            ProductInstance.objects.present().only("cluster_id", "virtual_account_id"),
            to_attr="present",
        ),
    )
    return {row.pk: _facts(row) for row in rows}


def _facts(row: Cluster) -> Facts:
    current, jobs, present = row.current, row.open_jobs, row.present  # type: ignore[attr-defined]
    return Facts(
        row,
        tuple(row.nodes.all()),
        current[0] if current else None,
        jobs[0] if jobs else None,
        frozenset(instance.virtual_account_id for instance in present),
    )


class Step(StrEnum):
    """What the cluster is about to do: come, come from another virtual account, or go on where it is decided to be."""

    ASSIGN = "assign"
    REASSIGN = "reassign"
    CARRY_OUT = "carry_out"


def reasons_against(cluster: Cluster, pool: VirtualAccount, step: Step = Step.ASSIGN) -> list[Reason]:
    """Of one cluster, licenses included."""
    facts = facts_of([cluster.pk])[cluster.pk]
    gates = mixed_mode.gates(facts.cluster, pool)
    return [*standing_against(facts, pool, gates, step), *short_of([cluster], pool)]


def refuse(cluster: Cluster, pool: VirtualAccount, step: Step, override_reason: str = "") -> None:
    """Raise NotAssignable unless nothing is against it, or nothing but what `override_reason` goes over."""
    found = reasons_against(cluster, pool, step)
    if override_reason.strip():
        found = [reason for reason in found if not reason.overridable]
    if found:
        raise NotAssignable(cluster, found)


def standing_against(
    facts: Facts, pool: VirtualAccount, gates: Sequence[Gate] = (), step: Step = Step.ASSIGN
) -> list[Reason]:
    """All but the licenses. `gates`: of the pool, for clusters in mixed mode. No query where all was fetched before."""
    return [
        *_occupied(facts, pool, step),
        *_version(facts.cluster),
        *pool_cannot_serve(pool, timezone.now()),
        *_mode(facts.cluster, pool),
        *_server(facts.cluster, pool),
        *_proxy(facts.cluster),
        *_nodes(facts),
        *_mixed_mode(facts.cluster, gates),
    ]


def short_of(clusters: Sequence[Cluster], pool: VirtualAccount) -> Iterator[Reason]:
    """What the licenses say when all of them come together."""
    if pool.is_ordered or pool.gone_at:
        return
    shortage = what_if.evaluate(what_if.Scenario(clusters=clusters, target=pool)).first_shortage
    if shortage:
        yield Reason(
            "shortage",
            shortage.text,
            "Move licenses there first, or give a reason why it goes on nevertheless.",
            "override_reason",
            overridable=True,
        )


def pool_cannot_serve(pool: VirtualAccount, now: datetime) -> Iterator[Reason]:
    account, at_fault = pool.smart_account, "virtual_account"
    if why := pool.not_serving:
        yield Reason("ordered_pool", why, pool.CHOOSE_SERVING, at_fault)
    if pool.gone_at:
        yield Reason("pool_gone", f"{pool} is gone at Cisco.", "Choose a virtual account that exists.", at_fault)
    if account.paused_at:
        yield Reason("account_paused", f"{account} is paused.", "Resume the smart account first.", at_fault)
    elif account.is_outdated(now):
        first = "" if account.license_server.is_cloud or account.last_synced_at else FIRST_ON_PREM
        yield Reason("stale", _age(pool, now), f"{first}Start a sync of {account}, then assign.", at_fault)
    if not pool.license_mode:
        yield Reason(
            "no_license_mode",
            f"{pool} has no license mode.",
            "Set HCS or Enterprise on the virtual account first: it is locked while clusters are assigned.",
            at_fault,
        )


def _age(pool: VirtualAccount, now: datetime) -> str:
    last = pool.smart_account.last_synced_at
    if last is None:
        return f"{pool.smart_account} has never been synced, so nothing is known of {pool}'s licenses."
    hours = int((now - last).total_seconds() // 3600)
    return f"What is known of {pool} is {hours} hours old, too old to judge by."


def _occupied(facts: Facts, pool: VirtualAccount, step: Step) -> Iterator[Reason]:
    """By another assignment, another job, or products in several places."""
    if step == Step.ASSIGN:
        yield from _taken(facts)
    elif step == Step.REASSIGN:
        yield from _cannot_move(facts, pool)
    if len(facts.registered_in) > 1 and step != Step.CARRY_OUT:
        yield Reason(
            "registered_in_several",
            f"Cisco lists the products of {facts.cluster} in {len(facts.registered_in)} virtual accounts.",
            "Deregister those that stand in the wrong one, start a sync, then assign.",
        )


def _taken(facts: Facts) -> Iterator[Reason]:
    """A deregistration that has not begun gives way to a new assignment."""
    cluster, job, assignment = facts.cluster, facts.job, facts.assignment
    if assignment:
        message = f"{cluster} is already assigned to {assignment.virtual_account}."
        yield Reason("assigned", message, "End that assignment first.")
    elif job and job.kind != AssignmentJob.Kind.UNASSIGN:
        yield Reason("other_job", f"“{job}” is not over.", "Finish or cancel that job first.")


def _cannot_move(facts: Facts, pool: VirtualAccount) -> Iterator[Reason]:
    cluster, assignment = facts.cluster, facts.assignment
    if assignment is None:
        yield Reason("not_assigned", f"{cluster} is assigned nowhere.", "Assign it instead of moving it.")
    elif assignment.virtual_account_id == pool.pk:
        yield Reason("same_pool", f"{cluster} is assigned to {pool} already.", "Choose another one.", "virtual_account")


def _version(cluster: Cluster) -> Iterator[Reason]:
    """A version that is not known is let through."""
    found = re.match(r"X?(\d+)", cluster.version.strip(), re.IGNORECASE)
    if found and int(found[1]) < OLDEST_MAJOR:
        yield Reason(
            "version",
            f"{cluster} has version {cluster.version}, which knows no Smart Licensing.",
            f"Upgrade it to {OLDEST_MAJOR}.x or later, then assign it.",
            "cluster",
        )


def _mode(cluster: Cluster, pool: VirtualAccount) -> Iterator[Reason]:
    """An assignment changes Enterprise to HCS; the way back is a migration of its own (docs/domain.md#H15)."""
    hcs_in_enterprise = (
        pool.license_mode == VirtualAccount.LicenseMode.ENTERPRISE and cluster.deployment == Cluster.Deployment.HCS
    )
    if hcs_in_enterprise and not cluster.is_expressway:
        yield Reason(
            "license_mode",
            f"{cluster} runs in HCS mode, {pool} serves Enterprise mode.",
            "Choose a virtual account in HCS mode; or change the cluster to Enterprise first and record that.",
            "virtual_account",
        )


def _server(cluster: Cluster, pool: VirtualAccount) -> Iterator[Reason]:
    wanted, given = cluster.license_server, pool.smart_account.license_server
    on_prem = wanted if wanted is not None and not wanted.is_cloud else None
    if not fleet_clusters.registers_with(wanted, pool):
        yield Reason(
            "license_server",
            f"{cluster} registers with {on_prem or 'the cloud'}, but {pool} stands on {given}.",
            "Choose a virtual account there, or change the server that the cluster registers with.",
            "virtual_account",
        )
    elif on_prem and paths.transport_of(cluster).registration_url is None:
        yield Reason(
            "registration_url",
            f"The registration URL of {on_prem} is not known for {cluster}.",
            "Enter the server's fully qualified host name.",
            "cluster",
        )


def _proxy(cluster: Cluster) -> Iterator[Reason]:
    if paths.transport_of(cluster).mode != transport.Mode.PROXY:
        return
    own: Proxy | None = getattr(cluster, "proxy", None)
    proxy: Proxy = own or cluster.customer.proxy
    missing = [
        word
        for word, there in (
            ("a host", proxy.host),
            ("a port", proxy.port),
            ("a password for its user name", not proxy.username or proxy.password),
        )
        if not there
    ]
    if missing:
        yield Reason(
            "proxy",
            f"The proxy of {'the cluster' if own else cluster.customer} lacks {' and '.join(missing)}.",
            "Complete it: registration would fail half-way.",
            "cluster",
        )


def _nodes(facts: Facts) -> Iterator[Reason]:
    """Each Expressway peer registers by itself, so all must be known (docs/domain.md#expressway-nodes)."""
    if not facts.cluster.is_expressway:
        return
    if not facts.nodes:
        yield Reason(
            "nodes",
            f"No node of {facts.cluster} is recorded, and each Expressway registers by itself.",
            "Enter all nodes of the cluster.",
            "cluster",
        )
    elif not any(node.role == Node.Role.PUBLISHER for node in facts.nodes):
        yield Reason(
            "nodes",
            f"The primary of {facts.cluster} is not among its nodes, so not all of them are recorded.",
            "Enter all nodes and mark the primary as publisher.",
            "cluster",
        )


def _mixed_mode(cluster: Cluster, gates: Sequence[Gate]) -> Iterator[Reason]:
    """The first closed gate of mixed mode says what to do next (docs/domain.md#mixed-mode)."""
    shut = next((gate for gate in gates if not gate.open), None)
    if cluster.mixed_mode and shut:
        yield Reason("mixed_mode", f"{cluster} is in mixed mode. {shut.why}", shut.next_step, "cluster")
