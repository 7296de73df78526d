"""Pages without a mouse: jumping to the content, leaving a menu, and a form that came back."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests import factories as make

BELOW_THE_BAR = """element => element.getBoundingClientRect().top
    >= document.querySelector(".topbar").getBoundingClientRect().bottom"""


@pytest.fixture
def many_licenses(site: str, in_partner: Any) -> None:
    """More than a window holds."""
    with in_partner("acme"):
        pool = make.make_virtual_account()
        for number in range(40):
            make.make_license(virtual_account=pool, name=f"License {number}")


def test_jump_to_the_content_hides_nothing_of_it(many_licenses: None, site: str, sign_in: Callable[..., Page]) -> None:
    page = sign_in("acme", "viewer")
    page.goto(f"http://acme.localhost:{site}/licenses/")

    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")

    expect(page.locator("main")).to_be_focused()
    assert page.get_by_role("heading", level=1).evaluate(BELOW_THE_BAR)


def test_menu_closes_behind_who_tabs_on(site: str, sign_in: Callable[..., Page]) -> None:
    page = sign_in("acme", "viewer")
    menu = page.locator(".user-menu")
    menu.locator("summary").focus()
    page.keyboard.press("Enter")
    expect(menu).to_have_attribute("open", "")

    page.get_by_role("button", name="Sign out").focus()
    page.keyboard.press("Tab")

    expect(menu).not_to_have_attribute("open", "")
    expect(page.get_by_role("link", name="Overview", exact=True)).to_be_focused()


def test_form_that_came_back_opens_at_its_first_mistake_which_is_read_with_the_field(
    site: str, sign_in: Callable[..., Page]
) -> None:
    page = sign_in("acme", "operator")
    page.goto(f"http://acme.localhost:{site}/customers/add/")
    page.get_by_role("button", name="Save").click()

    name = page.get_by_label("Name", exact=True)
    expect(name).to_be_focused()
    expect(name).to_have_attribute("aria-invalid", "true")
    expect(name).to_have_accessible_description("This field is required.")
