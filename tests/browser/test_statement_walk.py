"""From the list of customers to June's statement: seen, sent, checked by its hash and corrected."""

import hashlib
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from licensing.statements import letterheads
from licensing.statements.mails import sending
from licensing.statements.models import Statement
from people import audit
from tests.browser.looks import LOOKS, check, visit
from tests.receivers import Mailbox
from tests.statements.world import World, make_world

LOGO = (
    b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 150 40">'
    b'<rect width="150" height="40" rx="6" fill="#0b5c75"/><circle cx="22" cy="20" r="9" fill="#fff"/></svg>'
)


@pytest.fixture
def world(site: str, in_partner: Any) -> World:
    with in_partner("acme"):
        letterheads.save(
            audit.SYSTEM,
            {
                "name": "Acme Communications GmbH",
                "address": "Hauptstraße 1\n10115 Berlin",
                "note": "Questions: billing@acme.example",
            },
            LOGO,
        )
        return make_world()


@pytest.mark.parametrize("width", [1440, 390])
def test_statement_is_found_issued_sent_checked_and_corrected(
    world: World, site: str, sign_in: Callable[..., Page], in_partner: Any, mailbox: Mailbox, width: int, tmp_path: Path
) -> None:
    page = sign_in("acme", "operator")
    page.set_viewport_size({"width": width, "height": 900})
    base = f"http://acme.localhost:{site}"

    visit(page, f"{base}/customers/")
    page.get_by_role("link", name="Harbor", exact=True).click()
    expect(page.get_by_role("heading", name="Harbor").first).to_be_visible()
    page.get_by_role("link", name="Issue statement").click()
    expect(page.get_by_label("Customer", exact=True)).to_have_value(str(world.harbor.pk))
    page.get_by_label("From").fill("2026-06-01")
    page.get_by_label("To", exact=True).fill("2026-06-30")
    check(page, f"statement-add-{width}")
    page.get_by_role("button", name="Issue statement").click()
    expect(page.get_by_text("for Harbor was issued.")).to_be_visible()
    expect(page.get_by_text("Acme Communications GmbH").first).to_be_visible()
    expect(page.get_by_role("heading", name="Use over the period")).to_be_visible()
    check(page, f"statement-{width}")
    statement = page.url

    page.get_by_role("link", name="Send by mail").click()
    page.get_by_label("Recipients").fill("billing@harbor.example")
    check(page, f"statement-send-{width}")
    page.get_by_role("button", name="Send mail").click()
    expect(page.get_by_text("1 mail queued.")).to_be_visible()
    with in_partner("acme"):
        assert sending.send_due() == 1
        made = Statement.objects.get()
    *_, attached = mailbox.parsed()[0].iter_parts()  # type: ignore[attr-defined]
    pdf = tmp_path / "received.pdf"
    pdf.write_bytes(attached.get_content())
    assert hashlib.sha256(pdf.read_bytes()).hexdigest() == made.sha256
    visit(page, statement)
    expect(page.get_by_role("row").filter(has_text="billing@harbor.example")).to_contain_text("Sent")

    page.get_by_role("link", name="Verification page").click()
    page.get_by_role("button", name="Check statement").click()
    expect(page.get_by_text("It has not been changed.")).to_be_visible()
    page.get_by_label("Or choose the PDF").set_input_files(pdf)
    page.get_by_role("button", name="Check statement").click()
    expect(page.get_by_text(f"This is statement {made.number}")).to_be_visible()
    check(page, f"statement-verify-{width}")

    visit(page, statement)
    page.get_by_role("link", name="Correct").click()
    page.get_by_label("Reason").fill("A cluster was matched late.")
    page.get_by_role("button", name="Issue correction").click()
    expect(page.get_by_text("Corrects statement")).to_be_visible()
    visit(page, statement)
    expect(page.get_by_text("Corrected by statement")).to_be_visible()
    check(page, f"statement-corrected-{width}")


@pytest.mark.parametrize(("scheme", "width"), LOOKS)
def test_pages_of_statements_look_whole(
    world: World, site: str, sign_in: Callable[..., Page], in_partner: Any, scheme: Any, width: int
) -> None:
    from licensing.statements import batches, issuing, links
    from licensing.statements.mails import scheduled
    from licensing.statements.models import StatementSchedule

    page = sign_in("acme", "owner")
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 900})
    base = f"http://acme.localhost:{site}"
    for path in ("/statements/", "/statements/batches/", "/statements/schedules/"):
        visit(page, base + path)
        check(page, f"{path}empty-{scheme}-{width}")
    with in_partner("acme"):
        made = issuing.issue(world.actor, world.harbor, date(2026, 6, 1), date(2026, 6, 30))
        _, shared = links.make(world.actor, made)
        scheduled.save_schedule(audit.SYSTEM, StatementSchedule(customer=world.harbor, recipients=["a@harbor.example"]))
        batch = batches.create(world.actor, date(2026, 6, 1), date(2026, 6, 30))
        batches.run(batch.pk)
    own = ("", "letterhead/", "schedules/", "schedules/add/", "batches/", "batches/add/", "verify/")
    paths = [f"/statements/{name}" for name in (*own, f"batches/{batch.pk}/", f"{made.pk}/", f"{made.pk}/links/add/")]
    for path in (*paths, shared):
        visit(page, base + path)
        name = "/statements/shared" if path == shared else path
        check(page, f"{name}-{scheme}-{width}")
