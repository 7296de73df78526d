"""The gated run in a browser: a cluster in mixed mode from the first closed gate to its registration."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from licensing import access
from licensing.access import AccessSpec
from licensing.cssm.emulator import Account, EmulatorThread
from licensing.cssm.emulator.axl import PASSWORD, USERNAME
from licensing.models import Cluster
from licensing.tokens import digest_of
from people.audit import SYSTEM
from tests import factories as make
from tests.browser.looks import violations

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
        access.save(SYSTEM, found, spec)
    return found


def gate(page: Page, title: str) -> Any:
    return page.get_by_role("listitem").filter(has_text=title).first


def sync(page: Page) -> None:
    page.get_by_role("button", name="Sync now").click()
    expect(page.get_by_role("button", name="Sync now")).to_have_count(0, timeout=30_000)


def test_run_from_the_first_gate_to_the_registration(
    cluster: Cluster, cisco: Account, site: str, sign_in: Callable[..., Page], in_partner: Any
) -> None:
    page = sign_in("acme", "operator")
    run = f"http://acme.localhost:{site}/clusters/{cluster.pk}/mixed-mode/"

    # 1. A token stands in the way, and is revoked.
    page.goto(run)
    expect(page.get_by_text("Assignment locked")).to_be_visible()
    expect(gate(page, "No other token")).to_contain_text("“An old token”")
    page.get_by_role("link", name="Revoke An old token").click()
    page.get_by_role("button", name="Revoke token").click()
    expect(page.get_by_text("The token was revoked")).to_be_visible(timeout=20_000)
    assert cisco.tokens[POOL] == []

    # 2. Somebody makes one with export control in CSSM, and records it.
    page.goto(run)
    expect(gate(page, "No other token")).to_contain_text("Open")
    made = cisco.add_token(POOL, "For Harbor", 20, export=True, by="a person")
    page.get_by_role("link", name="Record by hand").click()
    page.get_by_label("Token", exact=True).fill(made["token"])
    page.get_by_label("Description").fill("For Harbor")
    page.get_by_label("Allows export-controlled functionality").check()
    page.get_by_role("button", name="Record token").click()

    # 3. and 4. A sync sees it, and no other.
    page.goto(run)
    expect(gate(page, "A sync newer than the token")).to_contain_text("No sync has looked")
    assert violations(page) == []
    sync(page)
    expect(page.get_by_text("Assignment unlocked")).to_be_visible()

    # The assignment is unlocked: transport by hand, as AXL has no call for it, and registration over AXL.
    page.get_by_role("link", name="Assign", exact=True).click()
    expect(page.get_by_label("Virtual account")).to_contain_text(POOL)
    page.get_by_role("button", name="Assign").click()
    expect(page.get_by_role("heading", name="Run sheet: transport")).to_be_visible(timeout=30_000)
    for step in page.get_by_role("checkbox").all():
        step.check()
    page.get_by_role("button", name="All of this is done").click()
    expect(page.get_by_text(f"Registered in {POOL}.")).to_be_visible(timeout=30_000)
    assert [(raw["virtualAccount"], raw["exportControl"]) for raw in cisco.devices] == [(POOL, "Allowed")]

    # The next sync sees it in the pool.
    page.goto(run)
    expect(page.get_by_text("Cisco does not list it there yet")).to_be_visible()
    page.get_by_role("button", name="Sync now").click()
    expect(page.get_by_text("Registered: Cisco lists")).to_be_visible(timeout=30_000)
