"""Assignments with the workers that carry them out: the Celery tasks, and what pages, REST and admin call.

A job waits in its row. Without a broker it waits until `send_again`, so nothing here fails for want of one.
"""

import logging
from datetime import datetime, timedelta
from typing import Any

from celery import shared_task
from django.db import transaction
from django.utils import timezone

from licensing import assignment, mixed_mode, tokens
from licensing.assignment import batches
from licensing.cssm.errors import CssmError
from licensing.models import (
    Assignment,
    AssignmentBatch,
    AssignmentJob,
    Cluster,
    ClusterAccess,
    SmartAccount,
    VirtualAccount,
)
from licensing.queueing import BrokerUnavailable, send
from licensing.refusals import Refusal
from people.audit import Actor
from tenants import schedule

log = logging.getLogger(__name__)
# How often a batch is looked at while its window is open; its jobs move it on as well.
BATCH_EVERY = timedelta(minutes=1)
# A window that ends later is looked at later: no token lasts as long.
TOKENS_REACH = timedelta(days=tokens.MAX_DAYS - 1)


@shared_task
def carry_out(job_id: int) -> None:
    """One assignment job, as far as it goes without a person; then its batch goes on. Twice is harmless."""
    job = AssignmentJob.objects.filter(pk=job_id).first()
    if job is not None:
        job = assignment.run(job)
        _advance(job.batch_id)


@shared_task
def advance_batch(batch_id: int) -> None:
    """By schedule from the window's start until the batch is over."""
    _advance(batch_id)
    if not AssignmentBatch.objects.filter(pk=batch_id, state__in=AssignmentBatch.OPEN).exists():
        schedule.unplan("batch", batch_id)


def assign(actor: Actor, cluster: Cluster, virtual_account: VirtualAccount, override_reason: str = "") -> Assignment:
    """assignment.assign, and a worker for its job. Without a broker the job waits until there is one."""
    made = assignment.assign(actor, cluster, virtual_account, override_reason=override_reason)
    return _carried_out(made)


def reassign(actor: Actor, cluster: Cluster, virtual_account: VirtualAccount, override_reason: str = "") -> Assignment:
    made = assignment.reassign(actor, cluster, virtual_account, override_reason=override_reason)
    return _carried_out(made)


def end(actor: Actor, row: Assignment) -> Assignment:
    return _carried_out(assignment.end(actor, row))


def confirm(actor: Actor, job: AssignmentJob, stage: str) -> None:
    if assignment.confirm(actor, job, stage).state == AssignmentJob.State.WAITING:
        _start_later(job.pk)
    elif job.batch_id:
        _advance_later(job.batch_id)


def retry(actor: Actor, job: AssignmentJob) -> None:
    assignment.retry(actor, job)
    _start_later(job.pk)


def plan_batch(actor: Actor, batch: AssignmentBatch) -> None:
    """It is looked at from the start of its window on."""
    planned = batches.plan(actor, batch)
    schedule.plan("batch", BATCH_EVERY, batch.pk, planned.window_start)


def cancel_batch(actor: Actor, batch: AssignmentBatch) -> None:
    batches.cancel(actor, batch)
    schedule.unplan("batch", batch.pk)


def renew_tokens(account: SmartAccount) -> None:
    """After each sync, while Cisco answers: what a planned batch will register with lasts until its window's end.

    Only for clusters that are registered without a person. Where a token with export control stands none is made: the
    run of mixed mode wants it alone.
    """
    planned = AssignmentBatch.objects.filter(
        virtual_account__smart_account=account, virtual_account__gone_at=None, kind=AssignmentBatch.Kind.ASSIGN,
        state__in=(AssignmentBatch.State.PLANNED, AssignmentBatch.State.RUNNING), clusters__tried_at=None,
        clusters__cluster__mixed_mode=False, clusters__cluster__managed_on_premise=False,
        clusters__cluster__access__method=ClusterAccess.Method.AXL,
        window_end__range=(timezone.now(), timezone.now() + TOKENS_REACH),
    )  # fmt: skip
    for batch in planned.distinct().select_related("virtual_account__smart_account__license_server"):
        if mixed_mode.the_token(batch.virtual_account) is None:
            _renew(batch)


def _renew(batch: AssignmentBatch) -> None:
    try:
        tokens.usable_for(batch.virtual_account, export_controlled=False, at=batch.window_end)
    except (Refusal, CssmError) as error:  # its registration tries again, and says so
        log.warning("No token could be made for the batch %s: %s", batch.pk, error.message)


def send_again(long_ago: datetime) -> None:
    """Jobs that have waited since then, for their message may be lost, and those whose worker has died."""
    waiting = AssignmentJob.objects.filter(state=AssignmentJob.State.WAITING, moved_at__lt=long_ago)
    for number in [*waiting.values_list("pk", flat=True), *assignment.lost()]:
        _send_if_possible(carry_out, number)


def _carried_out(made: Assignment) -> Assignment:
    job = AssignmentJob.objects.filter(assignment=made, state=AssignmentJob.State.WAITING).first()
    if job:
        _start_later(job.pk)
    return made


def _start_later(job_id: int) -> None:
    """When the decision is committed, or a worker would not find the job."""
    transaction.on_commit(lambda: _send_if_possible(carry_out, job_id))


def _advance_later(batch_id: int) -> None:
    transaction.on_commit(lambda: _send_if_possible(advance_batch, batch_id))


def _advance(batch_id: int | None) -> None:
    if batch_id is not None:
        for job in batches.advance(batch_id):
            _send_if_possible(carry_out, job.pk)


def _send_if_possible(task: Any, *arguments: Any) -> None:
    """What waits in a row is sent again later."""
    try:
        send(task, *arguments)
    except BrokerUnavailable:
        log.warning("%s%r waits for the message broker.", task.name, arguments)
