"""Every page of the mirror in light, dark and on a phone: accessible, not cut off, and from this host alone."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from licensing.alerts import evaluation
from licensing.mirror.models import Change, SyncRun, UsageSample
from tests import factories as make
from tests.browser.looks import LOOKS, check

NUMBER = 4711
PAGES = (
    "/",
    "/licenses/",
    f"/licenses/{NUMBER}/",
    "/licenses/?q=nothing-like-it",
    f"/licenses/{NUMBER}/remedies/",
    f"/licenses/{NUMBER + 1}/transfer/",
    "/overages/",
    f"/overages/{NUMBER}/edit/",
    f"/overages/{NUMBER}/since/",
    "/transfer-plans/",
    f"/transfer-plans/{NUMBER}/",
    f"/transfer-plans/{NUMBER}/execute/",
    "/worklist/",
    "/worklist/?reason=unmatched&q=nothing-like-it",
    "/virtual-accounts/",
    f"/virtual-accounts/{NUMBER}/",
    f"/virtual-accounts/{NUMBER}/edit/",
    f"/virtual-accounts/{NUMBER}/delete/",
    "/virtual-accounts/add/",
    "/transport/",
    "/clusters/",
    "/clusters/import/",
    "/product-instances/",
    f"/product-instances/{NUMBER}/",
    f"/product-instances/{NUMBER}/edit/",
    f"/licenses/{NUMBER}/explained/",
    "/pools/",
    "/subscriptions/",
    f"/subscriptions/{NUMBER}/",
    f"/subscriptions/{NUMBER}/edit/",
    *(f"/pools/{NUMBER}/?by={by}" for by in ("license", "model", "customer", "cluster", "order")),
    "/allocation-rules/",
    "/usage/",
    "/what-if/",
    f"/what-if/?action=add&virtual_account={NUMBER}&users-TOTAL_FORMS=1&users-INITIAL_FORMS=0"
    "&users-0-license=UCM_CUWL&users-0-number=9",
    "/sync-runs/",
    f"/sync-runs/{NUMBER}/",
    f"/sync-runs/{NUMBER + 1}/",
    f"/sync-runs/{NUMBER}/changes/",
    f"/licenses/{NUMBER}/changes/",
    f"/sync-runs/comparison/?second_run={NUMBER}",
    "/sync-runs/comparison/?start=2026-01-01&end=2026-01-01",
    "/nowhere/",
    "/accounts/password/change/",
    "/accounts/2fa/",
    "/accounts/logout/",
)
LONG = "UC Manager Enhanced Plus License for very long names that have to break somewhere (12.x)"


@pytest.fixture
def furnished(site: str, in_partner: Any) -> None:
    """A pool with one row of everything, long names, and something short."""
    with in_partner("acme"):
        account = make.make_smart_account(id=NUMBER, name="Acme Account")
        pool = make.make_virtual_account(id=NUMBER, smart_account=account, name="va-operational", purpose="operational")
        found = make.make_license(id=NUMBER, virtual_account=pool, name=LONG, quantity=10, in_use=14)
        make.make_line(license=found, end=timezone.localdate() + timedelta(days=9), subscription_id="Sub1")
        make.make_subscription(id=NUMBER, smart_account=account, subscription_id="Sub1", customer=make.make_customer())
        make.make_instance({LONG: 14}, id=NUMBER, virtual_account=pool, cluster=make.make_cluster())
        make.make_token(virtual_account=pool)
        other = make.make_virtual_account(smart_account=account, name="DEFAULT", is_default=True)
        free = make.make_license(id=NUMBER + 1, virtual_account=other, name=LONG, quantity=30, in_use=0)
        make.make_line(license=free, quantity=30)
        plan = make.make_plan(id=NUMBER, license=free, reason="For the shortage", state="stopped", cause="No telling.")
        figures = {"source": {"quantity": 30}, "target": {"quantity": 7}}
        plan.steps.update(state="unclear", before=figures, after=figures)
        now = timezone.now()
        make.make_overage(
            id=NUMBER,
            license=found,
            note="Ordered on Monday",
            recorded_since=now - timedelta(days=2),
            since_at_latest=True,
            since_reason="Cisco's mail of that day says so.",
            since_corrected_at=now,
            since_corrected_by="operator@acme.example",
        )
        make.make_overage(license=make.make_license(virtual_account=pool, in_use=12), since_at_latest=True)
        make.make_instance({LONG: 1}, virtual_account=pool, last_contact_at=timezone.now() - timedelta(days=50))
        run = make.make_sync_run(id=NUMBER, smart_account=account, created=1)
        Change.objects.create(
            sync_run=run,
            kind="changed",
            object_type="license",
            object_id=NUMBER,
            label=LONG,
            values={"in_use": [1, 14]},
        )
        make.make_sync_run(
            id=NUMBER + 1,
            smart_account=make.make_smart_account(),
            status="running",
            progress={"step": "Reading licenses", "done": 3, "total": 9},
        )
        for days in range(30):
            day = timezone.localdate() - timedelta(days=days)
            UsageSample.objects.create(
                license=found, day=day, quantity=10, in_use=9 - days // 5, available=1, reserved=0
            )
        evaluation.evaluate()


@pytest.mark.parametrize(("scheme", "width"), LOOKS)
def test_pages_are_accessible_whole_and_from_this_host_alone(
    furnished: None, site: str, sign_in: Callable[..., Page], page: Page, scheme: str, width: int
) -> None:
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    page.set_viewport_size({"width": width, "height": 900})
    asked: set[str] = set()
    page.on("request", lambda request: asked.add(request.url.split("/")[2]))
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    sign_in("acme", "owner")

    for path in PAGES:
        page.goto(f"http://acme.localhost:{site}{path}")
        check(page, path)

    assert (asked, complaints) == ({f"acme.localhost:{site}"}, [])


def test_search_narrows_while_somebody_types_and_the_address_keeps_it(
    furnished: None, site: str, sign_in: Callable[..., Page]
) -> None:
    page = sign_in("acme", "viewer")
    page.goto(f"http://acme.localhost:{site}/licenses/")
    page.keyboard.press("/")
    page.keyboard.type("nothing-like-it")

    expect(page.get_by_text("Nothing matches")).to_be_visible()
    expect(page).to_have_url(f"http://acme.localhost:{site}/licenses/?q=nothing-like-it")
    page.get_by_role("link", name="Clear search and filters").click()
    expect(page.get_by_role("link", name=LONG).first).to_be_visible()


def test_progress_moves_and_the_page_is_read_anew_when_the_sync_is_over(
    furnished: None, site: str, sign_in: Callable[..., Page], in_partner: Any
) -> None:
    page = sign_in("acme", "viewer")
    page.goto(f"http://acme.localhost:{site}/sync-runs/{NUMBER + 1}/")
    expect(page.get_by_text("3 of 9")).to_be_visible()
    run = SyncRun.objects
    with in_partner("acme"):
        run.filter(pk=NUMBER + 1).update(progress={"step": "Reading licenses", "done": 6, "total": 9})
    expect(page.get_by_text("6 of 9")).to_be_visible()
    with in_partner("acme"):
        run.filter(pk=NUMBER + 1).update(status="succeeded", finished_at=timezone.now(), unchanged=5)
    expect(page.get_by_text("This sync found everything as it was before.")).to_be_visible()


def test_chosen_theme_stays(furnished: None, site: str, sign_in: Callable[..., Page]) -> None:
    page = sign_in("acme", "viewer")
    page.locator(".user-menu summary").click()
    page.get_by_text("Dark", exact=True).click()

    page.goto(f"http://acme.localhost:{site}/licenses/")

    expect(page.locator("html")).to_have_attribute("data-theme", "dark")


def test_window_of_a_tablet_cuts_nothing_off_and_the_navigation_shows_the_place(
    furnished: None, site: str, sign_in: Callable[..., Page], page: Page
) -> None:
    page.set_viewport_size({"width": 870, "height": 600})
    sign_in("acme", "owner")

    for path in ("/", "/worklist/", f"/licenses/{NUMBER}/", f"/licenses/{NUMBER}/explained/", "/audit/"):
        page.goto(f"http://acme.localhost:{site}{path}")
        assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"), path
        expect(page.locator(".sidebar [aria-current]")).to_be_in_viewport()


def test_menu_of_a_phone_opens_and_leads_on(
    furnished: None, site: str, sign_in: Callable[..., Page], page: Page
) -> None:
    page.set_viewport_size({"width": 390, "height": 800})
    sign_in("acme", "viewer")
    expect(page.get_by_role("link", name="Licenses", exact=True)).to_be_hidden()

    page.get_by_role("button", name="Menu").click()
    page.get_by_role("link", name="Licenses", exact=True).click()

    expect(page.get_by_role("heading", level=1)).to_contain_text("Licenses")


def test_pages_work_without_script(furnished: None, site: str, browser: Any, browser_context_args: Any) -> None:
    context = browser.new_context(**browser_context_args, java_script_enabled=False)
    page = context.new_page()
    page.goto(f"http://acme.localhost:{site}/accounts/login/")
    page.get_by_label("Email").fill("operator@acme.example")
    page.get_by_label("Password").first.fill("demo-pass-1")
    page.get_by_role("button", name="Sign in").click()

    page.goto(f"http://acme.localhost:{site}/licenses/")
    page.get_by_role("searchbox").fill("Enhanced")
    page.get_by_role("button", name="Filter").click()

    assert "q=Enhanced" in page.url
    expect(page.get_by_role("link", name=LONG).first).to_be_visible()
    context.close()
