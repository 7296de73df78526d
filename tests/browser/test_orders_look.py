"""Pages of orders in every look, empty and full, and the way from what a sync saw to a delivered order."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from licensing.orders.models import Order
from tests import factories as make
from tests.browser.looks import LOOKS, check
from tests.fixtures import BASIC, ENHANCED

NUMBER = 4711
FULL = (
    "/orders/",
    f"/orders/{NUMBER}/",
    f"/orders/{NUMBER + 1}/",
    f"/orders/{NUMBER}/edit/",
    f"/orders/{NUMBER}/delete/",
    "/orders/add/",
    "/orders/import/",
    "/orders/proposals/",
    "/movements/",
)
EMPTY = ("/orders/", "/orders/proposals/", "/movements/")


@pytest.fixture
def furnished(site: str, in_partner: Any) -> None:
    """An order that partly moved, one in the wrong account, and one that nobody has entered."""
    today = timezone.localdate()
    with in_partner("acme"):
        account = make.make_smart_account(id=NUMBER, name="Acme Account")
        pools = {
            purpose: make.make_virtual_account(smart_account=account, name=name, purpose=purpose)
            for name, purpose in (("Ordered", "ordered"), ("Operational", "operational"), ("Region North", "general"))
        }
        held = {}
        for purpose, subscription, name, quantity in (
            ("ordered", "Sub829931", ENHANCED, 4),
            ("operational", "Sub829931", ENHANCED, 100),
            ("general", "Sub829932", BASIC, 40),
            ("ordered", "Sub829933", BASIC, 120),
        ):
            row = make.make_license(virtual_account=pools[purpose], name=name, quantity=quantity, in_use=0)
            make.make_line(license=row, quantity=quantity, subscription_id=subscription)
            held[purpose, subscription] = row
        customer = make.make_customer(name="Harbor and its long name")
        make.make_order(
            {ENHANCED: 100, BASIC: 5},
            id=NUMBER,
            smart_account=account,
            number="81234567",
            subscription_id="Sub829931",
            customer=customer,
            ordered_on=today - timedelta(days=30),
            renewal_on=today + timedelta(days=335),
            contract="204711",
        )
        make.make_order({BASIC: 40}, id=NUMBER + 1, smart_account=account, subscription_id="Sub829932")
        named = {"subscription_id": "Sub829931", "kind": "move", "by_portal": True}
        make.make_movement(
            license=held["ordered", "Sub829931"], quantity=-96, counterpart=pools["operational"], **named
        )
        make.make_movement(license=held["operational", "Sub829931"], quantity=96, counterpart=pools["ordered"], **named)
        make.make_movement(license=held["general", "Sub829932"], subscription_id="Sub829932")


@pytest.mark.parametrize(("scheme", "width"), [LOOKS[0], LOOKS[-1]])
def test_pages_are_accessible_and_whole(
    furnished: None, site: str, sign_in: Callable[..., Page], page: Page, scheme: str, width: int
) -> None:
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    page.set_viewport_size({"width": width, "height": 900})
    sign_in("acme", "operator")

    for path in FULL:
        page.goto(f"http://acme.localhost:{site}{path}")
        check(page, f"{path}-{scheme}-{width}")


def test_empty_pages_are_accessible_and_whole(site: str, sign_in: Callable[..., Page], page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 900})
    sign_in("acme", "operator")

    for path in EMPTY:
        page.goto(f"http://acme.localhost:{site}{path}")
        check(page, f"{path}-empty")


def test_from_a_proposal_and_from_a_file_to_orders(
    furnished: None, site: str, in_partner: Any, sign_in: Callable[..., Page], page: Page
) -> None:
    sign_in("acme", "operator")
    page.get_by_role("link", name="Orders", exact=True).click()
    page.locator("main").get_by_role("link", name="Show it").click()
    page.get_by_role("button", name="Add Sub829933").click()
    expect(page.get_by_role("heading", name="Sub829933")).to_be_visible()

    page.goto(f"http://acme.localhost:{site}/orders/import/")
    text = f"order_number,ordered_on,license,quantity\n99,2026-11-01,{ENHANCED},7\n"
    file: Any = {"name": "orders.csv", "mimeType": "text/csv", "buffer": text.encode()}
    page.get_by_label("CSV file").set_input_files(file)
    page.get_by_role("button", name="Show preview").click()
    check(page, "orders-preview")
    page.get_by_role("button", name="Import 1 line").click()
    expect(page.get_by_role("link", name="Order 99")).to_be_visible()
    with in_partner("acme"):
        assert Order.objects.count() == 4
