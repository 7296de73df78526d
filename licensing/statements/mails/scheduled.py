"""Issue and send statements each month, by the schedule of each customer."""

import logging
from datetime import date

from django.db import transaction
from django.utils import timezone

from kit.refusals import Refusal, check_row
from licensing.statements.issuing import Desk, find_issued
from licensing.statements.mails import sending
from licensing.statements.mails.composing import check_recipients, propose
from licensing.statements.models import StatementSchedule
from people import audit
from people.audit import SYSTEM, Actor

log = logging.getLogger(__name__)


@transaction.atomic
def save_schedule(actor: Actor, schedule: StatementSchedule, before: dict[str, object] | None = None) -> None:
    """Add or change a schedule. A new one begins with the month that is over then."""
    schedule.recipients = check_recipients(schedule.recipients)
    check_row(schedule)
    schedule.problem = ""
    schedule.save()
    audit.record(actor, "changed" if before else "added", schedule, before=before)


@transaction.atomic
def delete_schedule(actor: Actor, schedule: StatementSchedule) -> None:
    audit.record(actor, "deleted", schedule, changes={})
    schedule.delete()


def issue_due(today: date | None = None) -> int:
    """Issue and send what the schedules ask for. Returns how many statements were sent."""
    today, desks, sent = today or timezone.now().date(), _Desks(), 0
    try:
        for schedule in StatementSchedule.objects.filter(enabled=True):
            if schedule.due_period(today):
                sent += _issue(schedule.pk, today, desks)
    finally:
        desks.close()
    return sent


class _Desks:
    """The desk of the month that is due, opened once."""

    def __init__(self) -> None:
        self.open: dict[tuple[date, date], Desk] = {}

    def of(self, period: tuple[date, date]) -> Desk:
        if period not in self.open:
            self.open[period] = Desk(*period, many=True)
        return self.open[period]

    def close(self) -> None:
        for desk in self.open.values():
            desk.close()


def _issue(number: int, today: date, desks: _Desks) -> bool:
    try:
        return _issue_and_send(number, today, desks)
    except Refusal as refusal:
        problem = str(refusal)
    except Exception:  # one customer's failure must not keep back the statements of the others
        log.exception("Scheduled statement %s failed", number)
        problem = "The portal failed. The error has been logged."
    StatementSchedule.objects.filter(pk=number).update(problem=problem)
    return False


@transaction.atomic
def _issue_and_send(number: int, today: date, desks: _Desks) -> bool:
    """Issue, queue the mails and note the month, all or nothing. A statement that is there already is sent."""
    rows = StatementSchedule.objects.select_for_update(skip_locked=True, of=("self",)).select_related("customer")
    schedule = rows.filter(pk=number).first()
    period = schedule.due_period(today) if schedule else None
    if schedule is None or period is None:  # another worker was faster
        return False
    made = find_issued(schedule.customer, *period) or desks.of(period).issue(SYSTEM, schedule.customer)
    sending.request(SYSTEM, made, schedule.recipients, *propose(made))
    schedule.last_period, schedule.problem = period[0], ""
    schedule.save(update_fields=["last_period", "problem"])
    return True
