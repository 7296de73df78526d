"""Statements reach a real mail server: once each, again after a failure, and each month by schedule."""

import hashlib
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone
from django_tenants.utils import tenant_context

from kit.refusals import Refusal
from licensing.statements import issuing, letterheads
from licensing.statements.mails import composing, scheduled, sending
from licensing.statements.models import Statement, StatementMail, StatementSchedule
from licensing.statements.tasks import tend
from people import audit
from tenants.models import Partner
from tests.receivers import Mailbox
from tests.statements.world import JUNE, World, make_world

TO = ["billing@harbor.example", "ops@harbor.example"]


@pytest.fixture
def world(acme: Partner) -> World:
    return make_world()


@pytest.fixture
def made(world: World) -> Statement:
    return issuing.issue(world.actor, world.harbor, *JUNE)


def request(world: World, made: Statement, recipients: list[str] | None = None) -> list[StatementMail]:
    return sending.request(world.actor, made, recipients or TO[:1], *composing.propose(made))


def later(minutes: float) -> Callable[[], datetime]:
    return lambda: timezone.now() + timedelta(minutes=minutes)


def test_mail_carries_the_pdf_and_the_words_of_the_letterhead(world: World, made: Statement, mailbox: Mailbox) -> None:
    texts = {"mail_subject": "Abrechnung {number}", "mail_text": "Für {customer}, {period}: {verify}"}
    letterheads.save(world.actor, {"name": "Acme GmbH", **texts})
    request(world, made, TO)

    assert sending.send_due() == 2
    first, second = mailbox.parsed()
    assert [first["To"], second["To"]] == TO
    assert first["Subject"] == f"Abrechnung {made.number}"
    body, pdf = first.iter_parts()  # type: ignore[attr-defined]
    assert "Für Harbor, June 2026: http" in body.get_content()
    assert pdf.get_filename() == f"statement-{made.number}.pdf"
    assert hashlib.sha256(pdf.get_content()).hexdigest() == made.sha256
    assert set(StatementMail.objects.values_list("state", "answer")) == {
        ("sent", "250 Queued as 1"),
        ("sent", "250 Queued as 2"),
    }
    assert sending.send_due() == 0


def test_mail_that_fails_comes_again_byte_for_byte(world: World, made: Statement, mailbox: Mailbox) -> None:
    mailbox.answers = ["451 Try later"]
    request(world, made)

    assert [sending.send_due(), sending.send_due(later(0.5)), sending.send_due(later(2))] == [0, 0, 1]
    assert len(mailbox.mails) == 2
    assert len(set(mailbox.mails)) == 1


def test_refused_mail_is_shown_and_sent_again_on_request(
    world: World, made: Statement, mailbox: Mailbox, acme: Partner, client_of: Any
) -> None:
    mailbox.refused = {TO[0]: "550 No such user"}
    [mail] = request(world, made)
    sending.send_due()
    client = client_of(acme, "operator")

    assert "550 No such user" in client.get(f"/statements/{made.pk}/").content.decode()
    mailbox.refused = {}
    client.post(f"/statements/{made.pk}/mails/{mail.pk}/again/")
    assert sending.send_due() == 1
    with pytest.raises(Refusal, match="has not failed"):
        sending.send_again(world.actor, mail)


def test_mail_of_a_dead_worker_is_sent_by_the_next_after_its_claim(
    world: World, made: Statement, mailbox: Mailbox
) -> None:
    request(world, made)
    assert sending._claim(timezone.now())

    assert [sending.send_due(), sending.send_due(later(6))] == [0, 1]


@pytest.mark.parametrize(
    ("recipients", "words"),
    [([], "No recipient"), (["nobody"], "not an email address"), ([f"a{n}@b.example" for n in range(21)], "Too many")],
)
def test_recipients_are_checked(world: World, made: Statement, recipients: list[str], words: str) -> None:
    with pytest.raises(Refusal, match=words):
        sending.request(world.actor, made, recipients, "Subject", "Text")


def make_schedule(world: World, **values: Any) -> StatementSchedule:
    row = StatementSchedule(customer=world.harbor, recipients=TO, **values)
    scheduled.save_schedule(audit.SYSTEM, row)
    return row


def test_schedule_issues_and_sends_each_month_once(world: World, mailbox: Mailbox) -> None:
    row = make_schedule(world, day_of_month=5)

    assert scheduled.issue_due(date(2026, 7, 4)) == 0
    assert [scheduled.issue_due(date(2026, 7, 5)), scheduled.issue_due(date(2026, 7, 6))] == [1, 0]
    made = Statement.objects.get()
    assert (made.period_start, made.period_end, made.customer) == (*JUNE, world.harbor)
    assert sending.send_due() == 2
    assert scheduled.issue_due(date(2026, 8, 5)) == 1
    row.refresh_from_db()
    assert (row.last_period, row.problem) == (date(2026, 7, 1), "")


def test_schedule_sends_a_statement_that_a_person_issued_before(world: World, made: Statement) -> None:
    make_schedule(world)

    assert scheduled.issue_due(date(2026, 7, 5)) == 1
    assert Statement.objects.count() == 1
    assert StatementMail.objects.filter(statement=made).count() == 2


def test_schedule_says_why_it_could_not_issue(world: World, acme: Partner, client_of: Any) -> None:
    row = make_schedule(world)

    assert scheduled.issue_due(date(2026, 6, 5)) == 0
    row.refresh_from_db()
    assert row.problem.startswith("Nothing was recorded before 3 Jun 2026.")
    assert row.problem in client_of(acme, "viewer").get("/statements/schedules/").content.decode()


def test_tending_one_partner_leaves_the_other_alone(
    world: World, acme: Partner, globex: Partner, mailbox: Mailbox
) -> None:
    with tenant_context(globex):
        make_schedule(make_world("their "), day_of_month=1)
    tend()

    assert (Statement.objects.count(), len(mailbox.mails)) == (0, 0)
    with tenant_context(globex):
        tend()
        assert Statement.objects.count() == 1
    assert len(mailbox.mails) == 2


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"mail_text": "{nobody}"}, "mail_text"),
        ({"mail_subject": "{"}, "mail_subject"),
        ({"address": "x\n" * 7}, "address"),
        ({"name": ""}, "name"),
    ],
)
def test_letterhead_is_checked(acme: Partner, values: dict[str, str], field: str) -> None:
    with pytest.raises(Refusal) as refused:
        letterheads.save(audit.SYSTEM, {"name": "Acme", **values})

    assert refused.value.field == field
