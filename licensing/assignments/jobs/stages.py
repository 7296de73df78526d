"""Carry out a job's four stages (docs/domain.md#stages). Each reads how things are before it changes them, so a stage
whose worker died can be done again: nothing is changed, and nothing registered, twice.

They wait for the network: in a worker, outside of any transaction. ReachError and CssmError leave them as they come.
"""

from collections.abc import Callable
from dataclasses import dataclass

from django.db.models import Q
from django.utils import timezone

from kit.refusals import Refusal
from licensing.accounts.models import SmartAccount
from licensing.assignments import mixed_mode
from licensing.assignments.checks import Step, refuse
from licensing.assignments.jobs.effects import changes_mode
from licensing.assignments.models import AssignmentJob, AssignmentStage
from licensing.fleet import paths
from licensing.fleet.access.answers import ByHand, Done, Reach, Status
from licensing.fleet.access.reach import asks_people
from licensing.fleet.models import Cluster
from licensing.fleet.transport import Mode
from licensing.mirror import tokens
from licensing.mirror.models import RegistrationToken, VirtualAccount

Kind, Stage = AssignmentJob.Kind, AssignmentStage.Kind
TOKEN_LINE = "Get the text of a registration token of {pool} (the page of this job leads there); it replaces <token>."  # noqa: S105
EXPORT_TOKEN_LINE = (
    "Take the text of “{token}”, the token with export control of {pool}, from CSSM; it replaces <token>."  # noqa: S105
)
RUN_AGAIN = "Go through the mixed-mode run of this cluster again."


@dataclass(frozen=True, slots=True)
class Passed:
    text: str = ""


@dataclass(frozen=True, slots=True)
class Skipped:
    text: str


@dataclass(frozen=True, slots=True)
class Awaited:
    """Done as far as we can; Cisco has not shown it yet, a sync will."""

    text: str


Outcome = Passed | Skipped | ByHand | Awaited


@dataclass(frozen=True)
class Work:
    """A job as it is at the begin of a stage."""

    job: AssignmentJob
    cluster: Cluster
    pool: VirtualAccount
    reach: Reach

    @property
    def leaves(self) -> bool:
        return self.job.kind == Kind.UNASSIGN

    def is_in(self, status: Status, pool: VirtualAccount) -> bool:
        """Whether this status says that the cluster is registered in that virtual account.

        The product tells Cisco's name of the smart account, the portal may have another one for it: it counts as
        another account only where we know another one of that name.
        """
        if not status.registered or status.virtual_account != pool.name:
            return False
        said, own = status.smart_account, pool.smart_account
        if not said or said in (own.name, own.domain):
            return True
        return not SmartAccount.objects.exclude(pk=own.pk).filter(Q(name=said) | Q(domain=said)).exists()


def act(stage: str, work: Work) -> Outcome:
    """Raises Refusal, ReachError and CssmError: what went wrong and what to do next."""
    if not work.leaves and work.pool.gone_at:
        raise Refusal(
            f"{work.pool} is gone at Cisco since this began.",
            "End this assignment and assign the cluster to a virtual account that exists.",
        )
    return ACTS[stage](work)


def verification(work: Work) -> Outcome:
    """The checks again: since the decision things may have changed. Then whether the cluster can be reached."""
    if not work.leaves:
        refuse(work.cluster, work.pool, Step.CARRY_OUT, work.job.override_reason)
    work.reach.probe()
    return Passed()


def license_mode(work: Work) -> Outcome:
    """A reassignment leaves the old virtual account first (docs/domain.md#unassign-first), then the mode may change."""
    if work.leaves:
        return Skipped("Not needed to unassign.")
    status = work.reach.status()
    leaves = work.job.previous and not work.is_in(status, work.pool) and status.registered is not False
    steps = _by_hand(work.reach.deregister()) if leaves else []
    wanted = work.pool.license_mode
    right = status.mode == wanted or (status.mode is None and not changes_mode(work.cluster, work.pool))
    if not right:
        steps += _by_hand(work.reach.set_mode(wanted))
    if steps:
        return ByHand(steps)
    if right and not leaves:
        return Skipped(f"{work.cluster} runs in {_mode(wanted)} mode already.")
    left = f"Deregistered from {work.job.previous}. " if leaves else ""
    return Passed(f"{left}{work.cluster} runs in {_mode(wanted)} mode.")


def transport(work: Work) -> Outcome:
    """Set whenever it is not known to be right: setting it again changes nothing."""
    if work.leaves:
        return Skipped("Not needed to unassign.")
    status = work.reach.status()
    wanted = paths.transport_of(work.cluster)
    if work.is_in(status, work.pool):
        return Skipped(f"{work.cluster} is registered in {work.pool}, so it reaches Cisco.")
    if wanted.mode == Mode.DIRECT == status.transport:
        return Skipped("It reaches Cisco directly already.")
    if wanted.why == _last_set(work.cluster):
        return Skipped(f"Set already. {wanted.why}")
    steps = _by_hand(work.reach.set_transport(wanted))
    return ByHand(steps) if steps else Passed(wanted.why)


def _last_set(cluster: Cluster) -> str:
    """Why the transport is as the last job that came past this stage left it."""
    done = AssignmentStage.objects.filter(job__cluster=cluster, kind=Stage.TRANSPORT, state=AssignmentStage.State.DONE)
    return done.order_by("-finished_at").values_list("cause", flat=True).first() or ""


def registration(work: Work) -> Outcome:
    return _deregister(work) if work.leaves else _register(work)


def _register(work: Work) -> Outcome:
    status = work.reach.status()
    if work.is_in(status, work.pool):
        return Passed(f"Registered in {work.pool}.")
    if status.registered and status.virtual_account and not work.job.previous:
        raise Refusal(
            f"{work.cluster} is registered in {status.virtual_account} already.",
            "Deregister it there, or move it with a reassignment.",
        )
    token = None if asks_people(work.reach) else _token(work)
    answer = work.reach.register(tokens.text_of(token) if token else "")
    if isinstance(answer, ByHand):
        return ByHand([_token_line(work), *answer.instructions])
    if token and not status.registered:
        tokens.count_use(token)
    return _looked_at_again(work, answer)


def _looked_at_again(work: Work, answer: Done) -> Outcome:
    status = work.reach.status()
    if work.is_in(status, work.pool):
        return Passed(answer.text or f"Registered in {work.pool}.")
    if status.registered and status.virtual_account:
        raise Refusal(
            f"{work.cluster} says that it is registered in {status.virtual_account}, not in {work.pool}.",
            "Deregister it, look at whose token was used, then try again.",
        )
    return Awaited(f"The cluster took the token. The next sync shows whether it stands in {work.pool}.")


def _deregister(work: Work) -> Outcome:
    status = work.reach.status()
    if status.registered is False:
        return Passed("Not registered.")
    if status.registered and status.virtual_account and not work.is_in(status, work.pool):
        return Passed(f"Not registered in {work.pool}: it stands in {status.virtual_account}.")
    steps = _by_hand(work.reach.deregister())
    if steps:
        return ByHand(steps)
    return Passed("Deregistered.") if work.reach.status().registered is False else Awaited("Deregistered.")


def _token_line(work: Work) -> str:
    """For who registers by hand. In mixed mode a new token would be a wrong one, and shut the first gate again."""
    if work.cluster.mixed_mode:
        return EXPORT_TOKEN_LINE.format(token=_the_one_token(work), pool=work.pool)
    return TOKEN_LINE.format(pool=work.pool)


def _the_one_token(work: Work) -> RegistrationToken:
    """Return the token that a person made, in mixed mode (docs/domain.md#mixed-mode)."""
    token = mixed_mode.the_token(work.pool)
    if token is None:
        raise Refusal(f"{work.pool} does not hold one token with export control and no other.", RUN_AGAIN)
    return token


def _token(work: Work) -> RegistrationToken:
    """A token that is there, or a new one."""
    if work.cluster.mixed_mode:
        token = _the_one_token(work)
        if not token.text:
            raise Refusal(f"{work.pool} holds no export-controlled token whose text is recorded.", RUN_AGAIN)
        return token
    return tokens.usable_for(work.pool, export_controlled=False, at=timezone.now())


def _by_hand(answer: Done | ByHand) -> list[str]:
    return list(answer.instructions) if isinstance(answer, ByHand) else []


def _mode(value: str) -> str:
    return str(VirtualAccount.LicenseMode(value).label)


ACTS: dict[str, Callable[[Work], Outcome]] = {
    Stage.VERIFICATION: verification,
    Stage.LICENSE_MODE: license_mode,
    Stage.TRANSPORT: transport,
    Stage.REGISTRATION: registration,
}
