"""Issue a statement: gather, number, render, freeze. Pages, REST, batches and schedules call this verb."""

import hashlib
from datetime import UTC, date
from typing import Any

from django.db import connection, transaction
from django.urls import reverse
from django.utils import timezone

from kit.refusals import Refusal
from licensing.fleet.models import Customer
from licensing.statements import letterheads
from licensing.statements.content.gathering import Reader
from licensing.statements.models import Letterhead, Statement, StatementFile
from licensing.statements.rendering.pdf import TEMPLATE, Renderer
from people import audit
from people.audit import Actor
from tenants.addresses import base_address

REASON_LENGTH = 300
# Whoever issues holds this until the commit, so that numbers have no gap. The table's oid tells partners apart.
LOCK = """
SELECT pg_advisory_xact_lock(hashtextextended(concat('statement numbers ', 'statements_statement'::regclass::oid), 0))
"""


class Desk:
    """What issuing any number of statements of one period needs, made once."""

    def __init__(self, start: date, end: date, many: bool = False) -> None:
        self.reader = Reader(start, end, many=many)
        self.letterhead = letterheads.current()
        self.base_url = base_address()
        self.renderer = Renderer()

    def __enter__(self) -> "Desk":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        self.renderer.close()

    @transaction.atomic
    def issue(self, actor: Actor, customer: Customer, corrects: Statement | None = None, reason: str = "") -> Statement:
        """Issue the customer's statement. Raises Refusal for a correction that does not fit."""
        content = self.reader.gather(customer)
        with connection.cursor() as cursor:
            cursor.execute(LOCK)
        if corrects is not None:
            corrects = check_correction(customer, corrects, reason)
        now = timezone.now().astimezone(UTC).replace(microsecond=0)
        year, place = now.year, _next_place(now.year)
        content |= {
            "number": f"{year}-{place:04d}",
            "issued_at": now.isoformat(),
            "letterhead": freeze(self.letterhead),
            "corrects": {"number": corrects.number, "reason": reason.strip()} if corrects else None,
            "verify_at": self.base_url + reverse("statement-verify"),
        }
        pdf = self.renderer.pdf(content, self.letterhead.logo)
        statement = Statement.objects.create(
            number=content["number"],
            year=year,
            place=place,
            customer=customer,
            customer_name=customer.name,
            period_start=self.reader.period.start,
            period_end=self.reader.period.end,
            issued_at=now,
            issued_by=actor.user,
            issued_by_name=actor.label,
            corrects=corrects,
            reason=reason.strip(),
            content=content,
            sha256=hashlib.sha256(pdf).hexdigest(),
            logo=self.letterhead.logo,
            template=TEMPLATE,
        )
        StatementFile.objects.create(statement=statement, pdf=pdf)
        audit.record(actor, "issued", statement, changes=_changes(statement))
        return statement


def issue(
    actor: Actor, customer: Customer, start: date, end: date, corrects: Statement | None = None, reason: str = ""
) -> Statement:
    """Issue the statement of a customer for a period of days, both included. Raises Refusal.

    With `corrects`, it replaces that statement, which stays as it is and names this one from then on.
    """
    with Desk(start, end) as desk:
        return desk.issue(actor, customer, corrects, reason)


def find_issued(customer: Customer, start: date, end: date) -> Statement | None:
    """Return the customer's present statement for exactly this period."""
    rows = Statement.objects.current().filter(customer=customer, period_start=start, period_end=end)
    return rows.order_by("-place").first()


def correct(actor: Actor, old: Statement, start: date, end: date, reason: str = "") -> Statement:
    """Issue a new statement of the same customer that replaces `old`. Raises Refusal."""
    if old.customer is None:
        raise Refusal(f"{old.customer_name} is deleted, so {str(old).lower()} cannot be corrected.")
    return issue(actor, old.customer, start, end, old, reason)


def check_correction(customer: Customer, corrects: Statement, reason: str) -> Statement:
    """Return the statement to correct, or refuse it."""
    if corrects.customer_id != customer.pk:
        raise Refusal(f"{corrects} is not one of {customer}.", "Choose a statement of the same customer.", "corrects")
    later = Statement.objects.filter(corrects=corrects).values_list("number", flat=True).first()
    if later:
        raise Refusal(f"{corrects} was already corrected by {later}.", f"Correct statement {later}.", "corrects")
    if len(reason.strip()) > REASON_LENGTH:
        raise Refusal("The reason is too long.", f"Enter at most {REASON_LENGTH} characters.", "reason")
    return corrects


def freeze(letterhead: Letterhead) -> dict[str, Any]:
    return {"name": letterhead.name, "address": letterhead.address.splitlines(), "note": letterhead.note}


def _next_place(year: int) -> int:
    last = Statement.objects.filter(year=year).order_by("-place").values_list("place", flat=True).first()
    return (last or 0) + 1


def _changes(statement: Statement) -> dict[str, list[Any]]:
    found = {
        "customer": [None, statement.customer_name],
        "period": [None, f"{statement.period_start} to {statement.period_end}"],
        "sha256": [None, statement.sha256],
    }
    if statement.corrects:
        found["corrects"] = [None, statement.corrects.number]
    return found
