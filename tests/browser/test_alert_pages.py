"""Pages of alerts and rules in light, dark and on a phone: accessible, not cut off, from this host alone."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from licensing.alerts import evaluation, handling
from licensing.alerts.models import Alert, AlertRule
from licensing.mirror.models import UsageSample
from people import audit
from people.models import SavedFilter, User
from tests import factories as make
from tests.browser.looks import LOOKS, check


@pytest.fixture
def furnished(site: str, in_partner: Any) -> dict[str, str]:
    """Name of a page and its address."""
    with in_partner("acme"):
        account = make.make_smart_account(name="Acme Account")
        pool = make.make_virtual_account(smart_account=account, name="va-operational")
        short = make.make_license(
            virtual_account=pool, name="UC Manager Enhanced License (12.x)", in_use=1400, quantity=9
        )
        make.make_line(license=short, end=timezone.localdate() + timedelta(days=9))
        few = make.make_license(virtual_account=pool, name="Unity Connection Basic License", in_use=96, quantity=100)
        for days in range(40):
            day = timezone.now().date() - timedelta(days=days)
            free = 4 if days in (0, 1, 9, 10, 11) else 30
            UsageSample.objects.create(
                license=few, day=day, quantity=100, in_use=100 - free, available=free, reserved=0
            )
        make.make_instance(virtual_account=pool, last_contact_at=timezone.now() - timedelta(days=50))
        make.make_sync_run(smart_account=account, status="failed", reason="unavailable", cause="No answer in time.")
        make.make_server(name="ssm-1", kind="on_prem", verify_tls=False)
        evaluation.evaluate()
        operator = audit.Actor(User.objects.get(role="operator"), "operator@acme.example")
        found = Alert.objects.get(kind="out_of_compliance")
        handling.acknowledge(operator, found)
        handling.comment(operator, found, "Ordered 1,400 more; they come on Friday.")
        handling.snooze(operator, Alert.objects.get(kind="instance_silent"), timezone.now() + timedelta(days=3))
        SavedFilter.objects.create(
            user=User.objects.get(role="owner"), page="alerts", name="Grave ones", query="severity=critical"
        )
        failed, rule = Alert.objects.get(kind="sync_failed"), AlertRule.objects.get(kind="free_below")
        return {
            "list": "/alerts/",
            "filtered": "/alerts/?severity=critical",
            "alert": f"/alerts/{found.pk}/",
            "failed": f"/alerts/{failed.pk}/",
            "rules": "/alert-rules/",
            "add": "/alert-rules/add/",
            "rule": f"/alert-rules/{rule.pk}/edit/",
            "delete": f"/alert-rules/{rule.pk}/delete/",
            "term": f"/alert-rules/{AlertRule.objects.get(kind='term_ending').pk}/edit/",
        }


@pytest.mark.parametrize(("scheme", "width"), LOOKS)
def test_pages_of_alerts_are_accessible_and_whole(
    furnished: dict[str, str], site: str, sign_in: Callable[..., Page], page: Page, scheme: str, width: int
) -> None:
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    page.set_viewport_size({"width": width, "height": 900})
    sign_in("acme", "owner")

    for name, path in furnished.items():
        page.goto(f"http://acme.localhost:{site}{path}")
        check(page, f"{name}-{scheme}-{width}")
        if name == "rule":
            page.get_by_role("button", name="Would have fired?").click()
            expect(page.get_by_text("in the last 90 days, as the rule stands")).to_be_visible()
            check(page, f"replay-{scheme}-{width}")
