"""Pages on paper: dark on white whatever the theme, whole, and without controls."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests import factories as make

A4 = {"width": 718, "height": 1046}  # less the margins of a browser, in its pixels
NUMBER = 4711


@pytest.fixture
def pools(site: str, in_partner: Any) -> None:
    with in_partner("acme"):
        account = make.make_smart_account(id=NUMBER)
        for purpose in ("ordered", "operational"):
            pool = make.make_virtual_account(smart_account=account, name=f"va-hcs-{purpose}", purpose=purpose)
            found = make.make_license(virtual_account=pool, name="UC Manager Enhanced Plus License (12.x)", in_use=14)
            make.make_instance({found.name: 14}, virtual_account=pool, cluster=make.make_cluster(id=NUMBER + pool.pk))


def test_page_on_paper_is_light_and_whole_and_has_no_controls(
    pools: None, site: str, sign_in: Callable[..., Page]
) -> None:
    page = sign_in("acme", "owner")
    page.locator(".user-menu summary").click()
    page.get_by_text("Dark", exact=True).click()
    page.set_viewport_size(A4)

    for path in ("/", f"/pools/{NUMBER}/", "/licenses/", "/product-instances/"):
        page.goto(f"http://acme.localhost:{site}{path}")
        page.emulate_media(media="print")
        assert page.locator("h1").evaluate("heading => getComputedStyle(heading).color") == "rgb(21, 35, 43)", path
        assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"), path
        expect(page.locator(".button:visible, .sidebar:visible, .topbar:visible")).to_have_count(0)
        page.emulate_media(media="screen")
