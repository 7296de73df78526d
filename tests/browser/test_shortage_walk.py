"""From the red light on the overview to the executed remedy, and the green light after the sync that follows."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from licensing.accounts.models import SmartAccount
from licensing.cisco.emulator.server import EmulatorThread
from licensing.cisco.emulator.state import Account
from licensing.mirror.sync import runs
from licensing.operations import syncing
from people.models import AuditEntry
from tests import factories as make
from tests.browser.looks import violations, visit
from tests.wire import term_line

NAME = "Emergency Responder User License"
PATIENCE_SECONDS = 30


@pytest.fixture
def cisco(emulator: EmulatorThread) -> Account:
    """South lacks 5 of what North has 60 of."""
    cisco = emulator.state.add("acme.example", "Acme Account")
    for pool, quantity, used in (("North", 60, 0), ("South", 20, 25)):
        cisco.add_pool(pool)
        line = term_line(quantity, endDate="2099-01-01")
        cisco.set_license(pool, NAME, quantity=quantity, inUse=used, licenseDetails=[line])
        if used:
            cisco.add_device(pool, "00001", {NAME: used}, hostName="cer-pub.harbor.example")
    return cisco


@pytest.fixture
def account(worker: Any, in_partner: Any, emulator: EmulatorThread, cisco: Account) -> SmartAccount:
    with in_partner("acme"):
        server = make.make_server(api_base_url=emulator.base_url, token_url=emulator.token_url)
        account = make.make_smart_account(
            license_server=server, domain="acme.example", name="Acme Account", approve_transfers=True
        )
        run, _ = runs.request(account, "test")
        assert syncing.run_sync(run).status == "succeeded"
    return account


def test_red_light_to_green_light(
    account: SmartAccount, cisco: Account, site: str, sign_in: Callable[..., Page], in_partner: Any
) -> None:
    page = sign_in("acme", "operator")
    expect(page.get_by_role("heading", name="1 license is out of compliance")).to_be_visible()
    assert violations(page) == []
    page.get_by_role("link", name="Remedies").first.click()
    expect(page.get_by_role("heading", name="Move 8 free licenses here")).to_be_visible()
    assert violations(page) == []
    page.get_by_role("button", name="Make a transfer plan").first.click()
    expect(page.get_by_text("Somebody else than its author has to approve it.")).to_be_visible()
    expect(page.get_by_role("link", name="Execute")).to_have_count(0)
    assert violations(page) == []
    plan = page.url

    page.context.clear_cookies()
    page = sign_in("acme", "owner")
    page.goto(plan)
    page.get_by_role("button", name="Approve").click()
    page.get_by_role("link", name="Execute").click()
    expect(page.get_by_text(f"Move 8 {NAME} from North to South in acme.example")).to_be_visible()
    assert violations(page) == []
    assert {(raw["virtualAccount"], raw["quantity"]) for raw in cisco.licenses} == {("North", 60), ("South", 20)}
    page.get_by_role("button", name="Send to Cisco").click()
    expect(page.get_by_text("Every step is done and was read back from Cisco.")).to_be_visible()
    expect(page.get_by_role("row").filter(has_text=NAME)).to_contain_text("Verified")
    assert violations(page) == []
    assert {(raw["virtualAccount"], raw["quantity"]) for raw in cisco.licenses} == {("North", 52), ("South", 28)}

    overview = f"http://acme.localhost:{site}/"
    visit(page, overview)
    light = page.get_by_role("heading", name="out of compliance")
    for _ in range(PATIENCE_SECONDS):
        if not light.count():
            break
        page.wait_for_timeout(1000)
        visit(page, overview)
    expect(light).to_have_count(0)
    assert violations(page) == []
    with in_partner("acme"):
        said = list(AuditEntry.objects.filter(object_type__startswith="transfer").values_list("action", flat=True))
    assert sorted(said) == ["approved", "created", "executed", "started", "transferred"]


class Clicks:
    """Counts what a person clicks."""

    def __init__(self) -> None:
        self.made = 0

    def on(self, target: Locator) -> None:
        self.made += 1
        target.click()


def test_shortage_is_fixed_in_three_clicks_and_the_last_one_names_what_is_sent(
    account: SmartAccount, cisco: Account, sign_in: Callable[..., Page], in_partner: Any
) -> None:
    with in_partner("acme"):
        SmartAccount.objects.update(approve_transfers=False)
    page, clicks = sign_in("acme", "operator"), Clicks()

    clicks.on(page.get_by_role("link", name="Remedies").first)
    page.get_by_role("spinbutton").first.fill("10")
    clicks.on(page.get_by_role("button", name="Make a transfer plan").first)
    expect(page.get_by_text(f"Move 10 {NAME} from North to South in acme.example")).to_be_visible()
    assert {(raw["virtualAccount"], raw["quantity"]) for raw in cisco.licenses} == {("North", 60), ("South", 20)}
    clicks.on(page.get_by_role("button", name="Send to Cisco"))

    expect(page.get_by_text("Every step is done and was read back from Cisco.")).to_be_visible()
    assert {(raw["virtualAccount"], raw["quantity"]) for raw in cisco.licenses} == {("North", 50), ("South", 30)}
    assert clicks.made <= 3
