"""Issue the statements of many customers. A worker does it, one by one; if it dies, another goes on."""

import logging
from collections.abc import Iterable
from datetime import date

from django.db import transaction
from django.db.models import Count, Q, QuerySet
from django.utils import timezone

from kit.broker import send_if_possible, send_on_commit
from kit.refusals import Refusal
from kit.worker_lock import WorkerLock, keep_alive
from licensing.fleet.models import Customer
from licensing.statements.content import period
from licensing.statements.issuing import Desk, find_issued
from licensing.statements.mails import sending
from licensing.statements.mails.composing import propose
from licensing.statements.models import StatementBatch, StatementBatchItem, StatementSchedule
from people import audit
from people.audit import Actor

log = logging.getLogger(__name__)
RUN_BATCH = "licensing.statements.tasks.run_batch"
LOCK = WorkerLock("statement batch", "statements_statementbatch")
PATIENCE_SECONDS = 5.0
State, Item = StatementBatch.State, StatementBatchItem.State
Batches = QuerySet[StatementBatch]


def with_counts(batches: Batches) -> Batches:
    """Annotate `total`, `over` and how many were `issued`, `skipped` and `failed`."""
    counts = {state: Count("items", filter=Q(items__state=state)) for state in ("issued", "skipped", "failed")}
    return batches.annotate(total=Count("items"), over=Count("items", filter=~Q(items__state="waiting")), **counts)


@transaction.atomic
def create(actor: Actor, start: date, end: date, tag: str = "", send_mails: bool = False) -> StatementBatch:
    """Queue the statements of all customers, or of those with a tag. Raises Refusal."""
    period.check(start, end)
    customers = Customer.objects.filter(tags__contains=[tag.strip().lower()]) if tag.strip() else Customer.objects.all()
    running = StatementBatch.objects.select_for_update().filter(state__in=StatementBatch.OPEN).first()
    if running:
        raise Refusal(f"{running} is not finished.", "Wait for it, or cancel it.")
    found = list(customers)
    if not found:
        raise Refusal("No customer has this tag." if tag.strip() else "There are no customers.", "", "tag")
    batch = StatementBatch.objects.create(
        period_start=start,
        period_end=end,
        tag=tag.strip().lower(),
        send_mails=send_mails,
        created_by=actor.user,
        created_by_name=actor.label,
    )
    StatementBatchItem.objects.bulk_create(
        (StatementBatchItem(batch=batch, customer=row, customer_name=row.name) for row in found), batch_size=1000
    )
    audit.record(actor, "started", batch, changes={"period": [None, f"{start} to {end}"]})
    send_on_commit(RUN_BATCH, batch.pk)
    return batch


@transaction.atomic
def cancel(actor: Actor, batch: StatementBatch) -> None:
    """Stop after the customer that is being worked on. Statements that were issued stay."""
    row = StatementBatch.objects.select_for_update().get(pk=batch.pk)
    if not row.open:
        raise Refusal(f"{row} is over.", "Nothing is left to cancel.")
    audit.change(actor, "cancelled", row, state=State.CANCELLED, finished_at=timezone.now())


def run(batch_id: int) -> None:
    """Issue what is left of a batch. A second worker leaves it to the first; after a dead one, it goes on."""
    keep_alive()
    with LOCK.only_one(batch_id, PATIENCE_SECONDS) as ours:
        if not ours:
            return
        batch = StatementBatch.objects.filter(pk=batch_id, state__in=StatementBatch.OPEN).first()
        if batch is None:
            return
        _start(batch)
        waiting = batch.items.filter(state=Item.WAITING).order_by("customer_name", "id")
        _issue_all(batch, list(waiting.values_list("pk", flat=True)))
        left = StatementBatch.objects.filter(pk=batch_id, state=State.RUNNING)
        left.update(state=State.DONE, finished_at=timezone.now())


def resume_lost() -> None:
    """Send open batches again whose worker has died or whose message was lost."""
    for number in StatementBatch.objects.filter(state__in=StatementBatch.OPEN).values_list("pk", flat=True):
        if not LOCK.is_held(number):
            send_if_possible(RUN_BATCH, number)


def _start(batch: StatementBatch) -> None:
    batch.state, batch.started_at = State.RUNNING, batch.started_at or timezone.now()
    batch.save(update_fields=["state", "started_at"])


def _issue_all(batch: StatementBatch, numbers: Iterable[int]) -> None:
    """Issue one customer after the other, each in a transaction of its own, until the batch is cancelled."""
    try:
        desk = Desk(batch.period_start, batch.period_end, many=True)
    except Refusal as refusal:
        batch.items.filter(state=Item.WAITING).update(state=Item.FAILED, message=str(refusal))
        return
    with desk:
        for number in numbers:
            if not StatementBatch.objects.filter(pk=batch.pk, state=State.RUNNING).exists():
                return
            _issue(batch, number, desk)


def _issue(batch: StatementBatch, number: int, desk: Desk) -> None:
    try:
        _settle(batch, number, desk)
    except Refusal as refusal:
        StatementBatchItem.objects.filter(pk=number).update(state=Item.FAILED, message=str(refusal))
    except Exception:  # one customer's failure must not keep back the others
        log.exception("Statement of batch item %s failed", number)
        message = "The portal failed. The error has been logged."
        StatementBatchItem.objects.filter(pk=number).update(state=Item.FAILED, message=message)


@transaction.atomic
def _settle(batch: StatementBatch, number: int, desk: Desk) -> None:
    """Issue the statement and note it in the item, both or neither: a batch that goes on repeats nothing."""
    item = StatementBatchItem.objects.select_for_update(of=("self",)).select_related("customer").get(pk=number)
    if item.state != Item.WAITING:
        return
    customer = item.customer
    if customer is None:
        item.state, item.message = Item.SKIPPED, "The customer was deleted."
    elif found := find_issued(customer, batch.period_start, batch.period_end):
        item.state, item.statement, item.message = Item.SKIPPED, found, "It was issued before."
    elif not desk.reader.has_figures(customer):
        item.state, item.message = Item.SKIPPED, "The customer used and held no licenses."
    else:
        actor = Actor(batch.created_by, batch.created_by_name)
        item.state, item.statement = Item.ISSUED, desk.issue(actor, customer)
        if batch.send_mails:
            item.message = _send(actor, item)
    item.save(update_fields=["state", "statement", "message"])


def _send(actor: Actor, item: StatementBatchItem) -> str:
    """Queue the mails of an item. Returns a remark where there is no one to send them to."""
    assert item.statement is not None
    schedule = StatementSchedule.objects.filter(customer=item.customer_id).first()
    if schedule is None:
        return "It was not sent: the customer has no schedule with recipients."
    sending.request(actor, item.statement, schedule.recipients, *propose(item.statement))
    return ""
