"""After a sync: the assignment jobs that waited for it, settled by what Cisco shows. For any number in few statements.

A product that is seen where it was to go ends its job; one that came up in another virtual account fails it: the
token was one of the wrong virtual account (docs/domain.md#P3). What was seen before the step was done says nothing.
"""

from collections import defaultdict
from dataclasses import dataclass

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from licensing.assignments.models import AssignmentJob, AssignmentStage
from licensing.mirror.models import ProductInstance, SyncRun

Kind, State = AssignmentJob.Kind, AssignmentJob.State
REGISTRATION, Stage = AssignmentStage.Kind.REGISTRATION, AssignmentStage.State
WRONG_PLACE = "Cisco lists its product in {}, not in {}."
WRONG_PLACE_NEXT = "The token was one of another virtual account. Deregister the product, then try again."


@dataclass(frozen=True, slots=True)
class _Verdicts:
    """Job ids; `elsewhere` with the virtual account in which the product came up."""

    seen: list[int]
    elsewhere: dict[int, str]
    still_awaited: list[int]


@transaction.atomic
def look(run: SyncRun) -> int:
    """Settle what this complete sync of one smart account can say. Returns how many jobs it settled."""
    jobs = list(_awaited(run))
    if not jobs:
        return 0
    verdicts = _judge(jobs, run)
    _end(verdicts.seen)
    _fail(verdicts.elsewhere, {job.pk: str(job.virtual_account) for job in jobs})
    AssignmentStage.objects.filter(job__in=verdicts.still_awaited, kind=REGISTRATION, state=Stage.RUNNING).update(
        cause="The last sync has not shown it yet. If the next one does not either, look at the cluster itself."
    )
    return len(verdicts.seen) + len(verdicts.elsewhere)


def _awaited(run: SyncRun) -> QuerySet[AssignmentJob]:
    """Also those where nobody has confirmed yet that the registration was done by hand: seeing it is enough."""
    unconfirmed = AssignmentStage.objects.filter(kind=REGISTRATION, state=Stage.BY_HAND).values("job")
    return (
        AssignmentJob.objects.filter(Q(state=State.VERIFYING) | Q(state=State.BY_HAND, pk__in=unconfirmed))
        .filter(virtual_account__smart_account=run.smart_account_id)
        .select_related("virtual_account")
        .select_for_update(of=("self",))
        .order_by("pk")
    )


def _judge(jobs: list[AssignmentJob], run: SyncRun) -> _Verdicts:
    found = _places(jobs, run)
    verdicts = _Verdicts([], {}, [])
    for job in jobs:
        places = found[job.cluster_id]
        fresh = job.state == State.VERIFYING and run.started_at is not None and run.started_at >= job.moved_at
        if _is_seen(job, places, fresh):
            verdicts.seen.append(job.pk)
        elif fresh and (wrong := _wrong_place(job, places)):
            verdicts.elsewhere[job.pk] = wrong
        elif fresh:
            verdicts.still_awaited.append(job.pk)
    return verdicts


def _is_seen(job: AssignmentJob, places: dict[int, str], fresh: bool) -> bool:
    """What is there was seen, whenever the sync began; what is missing says something only after the step was done."""
    if job.kind == Kind.UNASSIGN:
        return fresh and job.virtual_account_id not in places
    return job.virtual_account_id in places


def _wrong_place(job: AssignmentJob, places: dict[int, str]) -> str:
    if job.kind == Kind.UNASSIGN:
        return ""
    return next((name for number, name in places.items() if number != job.previous_id), "")


def _places(jobs: list[AssignmentJob], run: SyncRun) -> dict[int, dict[int, str]]:
    """Cluster id -> the virtual accounts of this smart account in which its products are listed."""
    rows = ProductInstance.objects.present().filter(
        cluster__in=[job.cluster_id for job in jobs], virtual_account__smart_account=run.smart_account_id
    )
    found: dict[int, dict[int, str]] = defaultdict(dict)
    for cluster, pool, name in rows.values_list("cluster", "virtual_account", "virtual_account__name"):
        found[cluster][pool] = name
    return found


def _end(jobs: list[int]) -> None:
    now = timezone.now()
    AssignmentStage.objects.filter(job__in=jobs, kind=REGISTRATION).update(
        state=Stage.DONE, cause="Seen by a sync.", next_step="", finished_at=now
    )
    open_ones = AssignmentJob.objects.open().filter(pk__in=jobs)
    open_ones.update(state=State.DONE, moved_at=now, finished_at=now)


def _fail(elsewhere: dict[int, str], targets: dict[int, str]) -> None:
    """One statement per virtual account that products came up in by mistake."""
    by_cause: dict[str, list[int]] = defaultdict(list)
    for job, place in elsewhere.items():
        by_cause[WRONG_PLACE.format(place, targets[job])].append(job)
    now = timezone.now()
    for cause, jobs in by_cause.items():
        AssignmentStage.objects.filter(job__in=jobs, kind=REGISTRATION).update(
            state=Stage.FAILED, cause=cause, next_step=WRONG_PLACE_NEXT, finished_at=now
        )
    AssignmentJob.objects.open().filter(pk__in=list(elsewhere)).update(state=State.FAILED, moved_at=now)
