"""A real Chromium on the live server. Without one the tests are skipped loudly; with REQUIRE_BROWSER=1 they fail."""

import os
import shutil
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.conftest import PASSWORD

# Milliseconds that a page has, on a busy machine as well.
expect.set_options(timeout=30_000)
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def find_chromium() -> str | None:
    return os.environ.get("CHROMIUM") or next((path for name in NAMES if (path := shutil.which(name))), None)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    missing = find_chromium() is None
    for item in items:
        if "/tests/browser/" not in item.path.as_posix():
            continue
        item.add_marker(pytest.mark.browser)
        if missing and os.environ.get("REQUIRE_BROWSER") != "1":
            item.add_marker(pytest.mark.skip(reason="NO CHROMIUM FOUND: the browser tests did not run"))


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    path = find_chromium()
    if path is None:
        pytest.fail("REQUIRE_BROWSER=1 and no Chromium found: install the system's chromium package or set CHROMIUM.")
    return {**browser_type_launch_args, "executable_path": path, "args": QUIET}


@pytest.fixture
def sign_in(site: str, page: Page) -> Callable[..., Page]:
    """`sign_in("acme", "operator")`: the page, on acme's overview."""

    def go(schema: str, role: str = "owner") -> Page:
        page.goto(f"http://{schema}.localhost:{site}/accounts/login/")
        page.get_by_label("Email").fill(f"{role}@{schema}.example")
        page.get_by_label("Password").first.fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url(f"http://{schema}.localhost:{site}/")
        return page

    return go


@pytest.fixture
def dark(context: BrowserContext) -> None:
    """Pages opened after this come in the dark."""
    for page in context.pages:
        page.emulate_media(color_scheme="dark")
