"""What the Content-Security-Policy blocks: nothing of ours, of Unfold's or of Swagger's, and what is slipped in."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests import factories as make
from tests.conftest import PASSWORD

NUMBER = 4711
PAGES = ("/", f"/licenses/{NUMBER}/", "/what-if/", "/nowhere/", "/accounts/2fa/totp/activate/")
ADMIN = (
    "",
    "licensing/licenseserver/",
    "licensing/licenseserver/add/",
    f"licensing/license/{NUMBER}/change/",
    f"licensing/license/{NUMBER}/history/",
    "people/user/",
    "people/auditentry/",
)
SLIP_IN = """() => { const slipped = document.createElement("script"); slipped.textContent = "window.slipped = true";
    document.head.append(slipped); return window.slipped === true; }"""


@pytest.fixture
def blocked(page: Page) -> list[str]:
    """What the browser says that it blocked."""
    said: list[str] = []
    page.on("console", lambda line: said.append(line.text) if "Content Security Policy" in line.text else None)
    return said


@pytest.fixture
def license_(site: str, in_partner: Any) -> None:
    with in_partner("acme"):
        make.make_line(license=make.make_license(id=NUMBER))


def test_nothing_of_the_pages_is_blocked_and_a_script_within_one_is(
    license_: None, site: str, sign_in: Callable[..., Page], blocked: list[str]
) -> None:
    page = sign_in("acme", "owner")
    for path in PAGES:
        page.goto(f"http://acme.localhost:{site}{path}")
    assert blocked == []

    assert page.evaluate(SLIP_IN) is False
    assert len(blocked) == 1


def test_nothing_of_the_admin_sites_is_blocked(
    license_: None, site: str, sign_in: Callable[..., Page], blocked: list[str]
) -> None:
    page = sign_in("acme", "owner")
    for path in ADMIN:
        page.goto(f"http://acme.localhost:{site}/admin/{path}")

    page.goto(f"http://localhost:{site}/admin/")
    page.get_by_label("Email").fill("provider@portal.example")
    page.get_by_label("Password").first.fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("link", name="Partners").first).to_be_visible()
    page.goto(f"http://localhost:{site}/admin/tenants/partner/add/")
    assert blocked == []


def test_documentation_of_rest_is_drawn_and_runs_no_script_within_its_page(
    site: str, sign_in: Callable[..., Page], blocked: list[str]
) -> None:
    page = sign_in("acme", "viewer")
    page.goto(f"http://acme.localhost:{site}/api/docs/")

    expect(page.get_by_text("/api/v1/alert-rules/", exact=True).first).to_be_visible()
    assert blocked == []
    assert page.evaluate(SLIP_IN) is False
