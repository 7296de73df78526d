"""The gated run in a browser: a cluster in mixed mode from the first closed gate to its registration."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from licensing.cisco.emulator.axl import PASSWORD, USERNAME
from licensing.cisco.emulator.server import EmulatorThread
from licensing.cisco.emulator.state import Account
from licensing.fleet.access import settings
from licensing.fleet.access.settings import AccessSpec
from licensing.fleet.models import Cluster
from licensing.mirror.tokens import digest_of
from people.audit import SYSTEM
from tests import factories as make
from tests.browser.looks import violations, visit

POOL = "va-hcs-operational"
HOST = "cucm-pub.harbor.example"


@pytest.fixture
def cisco(emulator: EmulatorThread) -> Account:
    """One token that must go."""
    account = emulator.state.add("acme.example", "Acme Account")
    account.add_pool(POOL)
    account.add_token(POOL, "An old token", 20)
    return account


@pytest.fixture
def cluster(worker: Any, in_partner: Any, emulator: EmulatorThread, cisco: Account) -> Cluster:
    """In mixed mode, reached over AXL, and not registered."""
    with in_partner("acme"):
        server = make.make_server(api_base_url=emulator.base_url, token_url=emulator.token_url)
        account = make.make_smart_account(license_server=server, domain="acme.example", name="Acme Account")
        pool = make.make_virtual_account(smart_account=account, name=POOL, purpose="operational", license_mode="hcs")
        old = cisco.tokens[POOL][0]["token"]
        make.make_token(virtual_account=pool, description="An old token", digest=digest_of(old))
        found = make.make_cluster({HOST: "publisher"}, name="Harbor CM", mixed_mode=True)
        spec = AccessSpec("axl", f"{emulator.origin}/publishers/{HOST}", USERNAME, PASSWORD)
        settings.save(SYSTEM, found, spec)
    return found


def gate(page: Page, title: str) -> Any:
    return page.get_by_role("listitem").filter(has_text=title).first


def closed(page: Page, title: str, why: str) -> None:
    expect(gate(page, title)).to_contain_text("Closed")
    expect(gate(page, title)).to_contain_text(why)


def refused(page: Page, run: str, why: str) -> None:
    """Whoever assigns without going through the gates is told the same."""
    visit(page, run.replace("/mixed-mode/", "/assign/"))
    page.get_by_label("Virtual account").select_option(label=f"{POOL} · Acme Account")
    page.get_by_role("button", name="Assign").click()
    expect(page.locator("main")).to_contain_text(f"Harbor CM is in mixed mode. {why}")
    visit(page, run)
    expect(page.get_by_text("Assignment locked")).to_be_visible()


def revoke(page: Page, token: str) -> None:
    page.get_by_role("link", name=f"Revoke {token}").click()
    page.get_by_role("button", name="Revoke token").click()
    expect(page.get_by_text("The token was revoked")).to_be_visible()


def test_run_from_the_first_gate_to_the_registration(
    cluster: Cluster, cisco: Account, site: str, sign_in: Callable[..., Page], in_partner: Any
) -> None:
    page = sign_in("acme", "operator")
    run = f"http://acme.localhost:{site}/clusters/{cluster.pk}/mixed-mode/"

    # 1. A token stands in the way, and is revoked.
    refused(page, run, "The virtual account holds 1 token that must go: “An old token”.")
    closed(page, "No other token", "“An old token”")
    closed(page, "One token with export control", "There is no valid token")
    closed(page, "A sync newer than the token", "The gates before it are closed.")
    closed(page, "Exactly that token", "The gates before it are closed.")
    revoke(page, "An old token")
    assert cisco.tokens[POOL] == []

    # 2. Somebody makes one with export control in CSSM, and records it.
    refused(page, run, "There is no valid token with export control that was made by hand; the API makes none.")
    expect(gate(page, "No other token")).to_contain_text("Open")
    made = cisco.add_token(POOL, "For Harbor", 20, export=True, by="a person")
    page.get_by_role("link", name="Record by hand").click()
    page.get_by_label("Token", exact=True).fill(made["token"])
    page.get_by_label("Description").fill("For Harbor")
    page.get_by_label("Allows export-controlled functionality").check()
    page.get_by_role("button", name="Record token").click()

    # 3. No sync has seen it yet. The one that does sees another as well, which somebody has made meanwhile.
    refused(page, run, "No sync has looked since “For Harbor” was recorded.")
    closed(page, "A sync newer than the token", "No sync has looked")
    assert violations(page) == []
    cisco.add_token(POOL, "Made meanwhile", 20)
    page.get_by_role("button", name="Sync now").click()
    expect(gate(page, "No other token")).to_contain_text("“Made meanwhile”")

    # 4. Exactly that token: the other one has to go.
    closed(page, "Exactly that token", "The gates before it are closed.")
    refused(page, run, "The virtual account holds 1 token that must go: “Made meanwhile”.")
    revoke(page, "Made meanwhile")
    visit(page, run)
    expect(page.get_by_text("Assignment unlocked")).to_be_visible()
    assert [token["token"] for token in cisco.tokens[POOL]] == [made["token"]]

    # The assignment is unlocked: transport by hand, as AXL has no call for it, and registration over AXL.
    page.get_by_role("link", name="Assign", exact=True).click()
    expect(page.get_by_label("Virtual account")).to_contain_text(POOL)
    page.get_by_role("button", name="Assign").click()
    expect(page.get_by_role("heading", name="Run sheet: transport")).to_be_visible()
    for step in page.get_by_role("checkbox").all():
        step.check()
    page.get_by_role("button", name="All of this is done").click()
    expect(page.get_by_text(f"Registered in {POOL}.")).to_be_visible()
    assert [(raw["virtualAccount"], raw["exportControl"]) for raw in cisco.devices] == [(POOL, "Allowed")]

    # The next sync sees it in the pool.
    visit(page, run)
    expect(page.get_by_text("Cisco does not list it there yet")).to_be_visible()
    page.get_by_role("button", name="Sync now").click()
    expect(page.get_by_text("Registered: Cisco lists")).to_be_visible()
