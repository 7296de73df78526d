"""How a page is looked at: accessible by axe, and nothing wider than the window."""

import os
from pathlib import Path

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Error, Page

# A folder for screenshots, where somebody wants to see them too.
SHOTS = os.environ.get("SHOTS")
# Color scheme and width in pixels.
LOOKS = [("light", 1360), ("dark", 1360), ("light", 390), ("dark", 390)]


def visit(page: Page, address: str) -> None:
    """Go there from a page that asks for its parts again: it may read itself anew just then, which ends the visit."""
    for _ in range(3):
        try:
            page.goto(address)
        except Error:
            page.wait_for_load_state()
        else:
            return
    page.goto(address)


def violations(page: Page) -> list[tuple[str, str]]:
    """Of each rule of axe that is violated: its name, and the first element at fault."""
    return [(rule["id"], rule["nodes"][0]["html"]) for rule in Axe().run(page).response["violations"]]


def check(page: Page, name: str) -> None:
    if SHOTS:
        page.screenshot(path=Path(SHOTS) / f"{name.strip('/').replace('/', '-') or 'overview'}.png", full_page=True)
    found = violations(page)
    assert not found, f"{name}: {found}"
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"), name
