"""Clusters go to the operational pool without a person (docs/domain.md#A9, docs/domain.md#auto-registration).

For one smart account of the cloud, and one of an On-Prem server: the one whose operational licenses serve all. A pass
looks at every cluster that registers there and assigns those that are eligible; it runs when the option is switched
on and every 15 minutes, so that a cluster that was added, upgraded or put right, or an operational pool that was chosen
anew, is found without being announced. Whoever moves a cluster by hand takes it out, until the option is switched off
and on. Publishers restart without being asked only where an owner has allowed it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Model, Prefetch, Q
from django.utils import timezone

from kit.refusals import Refusal
from licensing.accounts.models import SmartAccount
from licensing.assignments import checks, decisions, mixed_mode, schedules
from licensing.assignments.checks import Facts, Step
from licensing.assignments.clusters.status import AUTO_REGISTRATION
from licensing.assignments.jobs import actions, effects
from licensing.assignments.mixed_mode import Gate
from licensing.assignments.models import Assignment, AssignmentJob, AutoRegistration
from licensing.fleet.models import Cluster
from licensing.fleet.transport import version_numbers
from licensing.mirror.models import VirtualAccount
from people import audit
from people.audit import Actor

PORTAL = Actor(None, AUTO_REGISTRATION)
OLDEST, OLDEST_EXPRESSWAY = (12, 5), (12, 6)  # under HCS (docs/domain.md#smart-since)
Side = AutoRegistration.Side


@dataclass(frozen=True, slots=True)
class Candidate:
    """`why`: why it is left out, empty where it is eligible. `restarts`: the publisher that restarts, "" where none
    does. `leaves`: the virtual account that it leaves, for the operational pool was chosen anew."""

    cluster: Cluster
    why: str = ""
    restarts: str = ""
    leaves: VirtualAccount | None = None

    @property
    def eligible(self) -> bool:
        return not self.why


def side_of(account: SmartAccount) -> str:
    return Side.CLOUD if account.license_server.is_cloud else Side.ON_PREM


def pool_of(account: SmartAccount) -> VirtualAccount | None:
    """Its operational pool: where clusters go."""
    rows = VirtualAccount.objects.present().filter(smart_account=account, purpose=VirtualAccount.Purpose.OPERATIONAL)
    return rows.select_related("smart_account__license_server").first()  # type: ignore[no-any-return]


def switch_on(actor: Actor, account: SmartAccount, *, on_upgrade: bool, may_restart: bool) -> AutoRegistration:
    """Switch it on; the first pass starts at the next tick of beat. Raises Refusal."""
    check(account)
    side, clusters = side_of(account), _clusters(account)
    old = [cluster.pk for cluster in clusters if _is_too_old(cluster)]
    try:
        with transaction.atomic():
            made = AutoRegistration.objects.create(
                side=side,
                smart_account=account,
                on_upgrade=on_upgrade,
                may_restart=may_restart,
                too_old_before=old,
                enabled_by=actor.label,
            )
            audit.record(actor, "switched on", made, changes={"may_restart": ["", may_restart]})
            schedules.plan_auto_registration(made.pk)
    except IntegrityError:
        other = AutoRegistration.objects.select_related("smart_account").filter(side=side).first()
        where = "of the cloud" if side == Side.CLOUD else "of an On-Prem server"
        raise Refusal(
            f"Auto registration is on already, for {other.smart_account if other else 'another smart account'}. "
            f"It works for one smart account {where}.",
            "Switch it off there first.",
        ) from None
    return made


@transaction.atomic
def switch_off(actor: Actor, option: AutoRegistration) -> None:
    """What is registered stays. Clusters that people have moved are candidates again when it is switched on anew."""
    audit.record(actor, "switched off", option, changes={})
    schedules.unplan_auto_registration(option.pk)
    option.delete()


def check(account: SmartAccount) -> VirtualAccount:
    """The operational pool; raises Refusal for what the option needs first."""
    if account.paused_at is not None:
        raise Refusal(f"{account} is paused.", "Resume the smart account first.")
    pool = pool_of(account)
    if pool is None:
        words = f"{account} has no operational virtual account, which receives the operational licenses."
        raise Refusal(words, "Set the purpose of one of its virtual accounts to operational.")
    if not pool.license_mode:
        raise Refusal(
            f"The license mode of {pool} is not set.", "Set it: clusters take it over when they are assigned."
        )
    return pool


def candidates(
    account: SmartAccount, option: AutoRegistration | None = None, *, may_restart: bool = True
) -> list[Candidate]:
    """Every cluster on that side, by name; ten queries, however many. Without an option: as if it were switched on
    now. Whether licenses are short is judged for each when it is assigned."""
    pool = check(account)
    gates = mixed_mode.judge(mixed_mode.facts_of(pool))
    allowed = option.may_restart if option else may_restart
    clusters = _clusters(account)
    facts = checks.facts_of(cluster.pk for cluster in clusters)
    return [
        _candidate(cluster, facts[cluster.pk], pool, option, gates, allowed)
        for cluster in clusters
        if cluster.pk in facts  # deleted meanwhile
    ]


def run(option: AutoRegistration) -> list[Assignment]:
    """One pass. Each cluster by itself: one that is refused stops no other, and the next pass tries it again."""
    made: list[Assignment] = []
    refusals: dict[str, str] = {}
    try:
        pool = check(option.smart_account)
        found = candidates(option.smart_account, option)
    except Refusal as refusal:
        pool, found, refusals = None, [], {"": str(refusal)}
    for candidate in found:
        if candidate.eligible and pool is not None:
            try:
                made.append(_assign(candidate, pool))
            except Refusal as refusal:
                refusals[str(candidate.cluster.pk)] = str(refusal)
    _try_again(option.smart_account, refusals)
    AutoRegistration.objects.filter(pk=option.pk).update(ran_at=timezone.now(), refusals=refusals)
    return made


def _assign(candidate: Candidate, pool: VirtualAccount) -> Assignment:
    """Out of the old operational pool first, where it is in one, then into the new one."""
    act = decisions.reassign if candidate.leaves else decisions.assign
    return act(PORTAL, candidate.cluster, pool)


def _try_again(account: SmartAccount, refusals: dict[str, str]) -> None:
    """What failed is tried again once a sync has come whole since, or once somebody has changed what it depends on:
    proxy, credentials, an address (docs/domain.md#auto-registration)."""
    failed = AssignmentJob.objects.filter(
        state=AssignmentJob.State.FAILED, requested_by=AUTO_REGISTRATION, virtual_account__smart_account=account
    )
    jobs = list(failed.select_related("cluster__customer", "cluster__access", "cluster__license_server"))
    changed = audit.latest({row for job in jobs for row in _depends_on(job.cluster, account)})
    for job in jobs:
        moments = [account.last_synced_at, *(changed.get(row) for row in _depends_on(job.cluster, account))]
        if any(moment > job.moved_at for moment in moments if moment):
            try:
                actions.retry(PORTAL, job)
            except Refusal as refusal:
                refusals[str(job.cluster_id)] = str(refusal)


def _depends_on(cluster: Cluster, account: SmartAccount) -> list[Model]:
    """Whose audit tells of a correction: that of a proxy stands with its customer or cluster."""
    access = getattr(cluster, "access", None)
    rows = (cluster, cluster.customer, access, cluster.license_server, account, account.license_server)
    return [row for row in rows if row is not None]


def _clusters(account: SmartAccount) -> list[Any]:
    """Those that register on the account's side, each with what is judged."""
    server = account.license_server
    here = Q(license_server=None) | Q(license_server__kind="cloud") if server.is_cloud else Q(license_server=server)
    return list(
        Cluster.objects.filter(here)
        .select_related("customer", "license_server")
        .prefetch_related(Prefetch("assignments", to_attr="history"))
    )


def _candidate(
    cluster: Any,
    facts: Facts,
    pool: VirtualAccount,
    option: AutoRegistration | None,
    gates: Sequence[Gate],
    may_restart: bool,
) -> Candidate:
    current = facts.assignment
    leaves = current.virtual_account if current and current.virtual_account_id != pool.pk else None
    restarts = effects.restarting_publisher(facts.cluster, pool)
    why = next(filter(None, _reasons(cluster, facts, pool, option, gates)), "")
    if not why and restarts and not may_restart:
        why = f"{restarts} would restart, and nobody has allowed that."
    return Candidate(cluster, why, restarts, leaves)


def _reasons(
    cluster: Any, facts: Facts, pool: VirtualAccount, option: AutoRegistration | None, gates: Sequence[Gate]
) -> Iterable[str]:
    """Why it is left out, the first one counts: by the rules of the option, then by those of every assignment."""
    current = facts.assignment
    if current and current.virtual_account_id == pool.pk:
        yield f"It is in {pool} already."
    yield _manual_move(cluster, option)
    if current and current.started_by != AUTO_REGISTRATION:
        yield f"It is assigned to {current.virtual_account} by hand."
    if facts.job:
        yield "Another assignment job of it is not over yet."
    if cluster.managed_on_premise:
        yield "It is managed on premise, out of the portal's reach."
    yield _version(cluster, option)
    step = Step.REASSIGN if current else Step.ASSIGN
    yield from map(str, checks.standing_against(facts, pool, gates, step))


def _manual_move(cluster: Any, option: AutoRegistration | None) -> str:
    """Since the option was switched on, somebody has assigned it or ended its assignment."""
    if option is None:
        return ""
    by_hand = any(
        (row.started_at >= option.enabled_at and row.started_by != AUTO_REGISTRATION)
        or (row.ended_at and row.ended_at >= option.enabled_at and row.ended_by != AUTO_REGISTRATION)
        for row in cluster.history
    )
    return "It was moved by hand, and stays out until auto registration is switched off and on." if by_hand else ""


def _version(cluster: Cluster, option: AutoRegistration | None) -> str:
    if not version_numbers(cluster.version):
        return "Its version is not known."
    if _is_too_old(cluster):
        return f"Its version {cluster.version} has no Smart Licensing under HCS."
    if option and not option.on_upgrade and cluster.pk in option.too_old_before:
        return "It was upgraded since, and upgraded clusters are left to people."
    return ""


def _is_too_old(cluster: Cluster) -> bool:
    numbers = version_numbers(cluster.version)
    if numbers and len(numbers) == 1:  # `14` is the whole release
        numbers = (numbers[0], 99)
    return numbers < (OLDEST_EXPRESSWAY if cluster.is_expressway else OLDEST)
