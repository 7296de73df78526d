"""The main job in a browser: sign in, start a sync, see figures change."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from licensing.accounts.models import SmartAccount
from licensing.cisco.emulator.server import EmulatorThread
from tests import factories as make
from tests.browser.looks import visit

LICENSE = "UC Manager Enhanced Plus License (12.x)"


@pytest.fixture
def account(worker: Any, in_partner: Any, emulator: EmulatorThread) -> SmartAccount:
    """Acme's account at the emulator, mirrored for the last time when it held 100; by now it holds 250."""
    emulator.state.add("globex.example", "Globex")
    at_cisco = emulator.state.add("acme.example", "Acme Account")
    at_cisco.add_pool("va-hcs-operational")
    at_cisco.set_license("va-hcs-operational", LICENSE, quantity=250, inUse=90)
    with in_partner("acme"):
        server = make.make_server(api_base_url=emulator.base_url, token_url=emulator.token_url)
        account = make.make_smart_account(license_server=server, domain="acme.example", name="Acme Account")
        pool = make.make_virtual_account(smart_account=account, name="va-hcs-operational", purpose="operational")
        make.make_license(virtual_account=pool, name=LICENSE, quantity=100, in_use=90)
    return account


def test_operator_starts_a_sync_and_sees_the_figures_change(
    account: SmartAccount, site: str, sign_in: Callable[..., Page]
) -> None:
    page = sign_in("acme", "operator")
    page.goto(f"http://acme.localhost:{site}/licenses/")
    row = page.get_by_role("row").filter(has_text="Enhanced Plus")
    expect(row).to_contain_text("100")

    page.goto(f"http://acme.localhost:{site}/smart-accounts/{account.pk}/")
    page.get_by_role("button", name="Sync now").first.click()
    expect(page.get_by_text("Succeeded").first).to_be_visible()

    visit(page, f"http://acme.localhost:{site}/licenses/")
    expect(row).to_contain_text("250")


def test_wrong_password_is_refused_in_plain_words(site: str, page: Page) -> None:
    page.goto(f"http://acme.localhost:{site}/accounts/login/")
    page.get_by_label("Email").fill("owner@acme.example")
    page.get_by_label("Password").first.fill("wrong")
    page.get_by_role("button", name="Sign in").click()

    expect(page.get_by_text("Email or password is wrong.")).to_be_visible()


def test_viewer_is_offered_no_sync(account: SmartAccount, site: str, sign_in: Callable[..., Page]) -> None:
    page = sign_in("acme", "viewer")

    page.goto(f"http://acme.localhost:{site}/smart-accounts/{account.pk}/")

    expect(page.get_by_role("heading", level=1)).to_contain_text("Acme Account")
    expect(page.get_by_role("button", name="Sync now")).to_have_count(0)
