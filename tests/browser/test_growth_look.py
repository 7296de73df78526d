"""Growth and the price list, in every look, empty and full."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Page

from licensing.figures.models import Price
from tests import factories as make
from tests.browser.looks import LOOKS, check
from tests.figures.worlds import make_purchase, make_recorded_pool, write_use

NUMBER = 4711
NAMES = (
    "UC Manager Enhanced Plus License (12.x)",
    "UC Manager Enhanced License (12.x)",
    "UC Manager Basic License  (12.x)",
)
PAGES = (
    "/growth/",
    "/growth/?show=growing&q=harbor",
    "/growth/?as_of=2020-01-01",
    "/growth/settings/",
    "/prices/",
    f"/prices/{NUMBER}/",
    f"/prices/{NUMBER}/edit/",
    f"/prices/{NUMBER}/delete/",
    "/prices/import/",
)


def furnish() -> None:
    today = timezone.now().date()
    since = today - timedelta(days=250)
    pool = make_recorded_pool(since)
    for number, name in enumerate(("Harbor Hospital and Clinics of the North", "Lumen", "Meadow")):
        customer = make.make_customer(name=name)
        for place, license_ in enumerate(NAMES):
            start = today - timedelta(days=100 * (number + place) + 40)
            if place < 2:
                make_purchase(pool, license_, customer, 1100, start=start, end=start + timedelta(days=1094))
            grown = {since + timedelta(days=day): 1000 + number * 90 + day // (place + 1) for day in range(0, 251, 3)}
            write_use(pool, license_, customer, grown)
    write_use(make_recorded_pool(today), NAMES[0], None, {today: 12})
    for place, (name, currency) in enumerate(((NAMES[0], "EUR"), (NAMES[0], "USD"), (NAMES[1], "EUR"))):
        Price.objects.create(
            id=NUMBER + place,
            license_name=name,
            license=("UCM_EnhancedPlus", "UCM_Enhanced")[place // 2],
            currency=currency,
            amount=Decimal("2.5"),
            valid_from=since - timedelta(days=200),
        )


@pytest.mark.parametrize(("scheme", "width"), LOOKS)
def test_growth_and_prices_are_accessible_and_whole(
    site: str, in_partner: Any, sign_in: Callable[..., Page], page: Page, scheme: str, width: int
) -> None:
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    page.set_viewport_size({"width": width, "height": 900})
    sign_in("acme", "owner")
    for path in ("/growth/", "/prices/"):
        page.goto(f"http://acme.localhost:{site}{path}")
        check(page, f"{path}empty-{scheme}-{width}")
    with in_partner("acme"):
        furnish()

    for path in PAGES:
        page.goto(f"http://acme.localhost:{site}{path}")
        check(page, f"{path}-{scheme}-{width}")
