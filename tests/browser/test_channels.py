"""Pages of channels, deliveries and the calendar, and the mails: accessible and whole in light, dark and narrow."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Page

from licensing.alerts.models import Alert, AlertEvent, AlertRule
from licensing.channels import dead_channels
from licensing.channels.delivery import collecting, mail
from licensing.channels.models import Channel, Delivery, DeliveryAttempt
from tests import factories as make
from tests.alert_facts import ALERT_FACTS
from tests.browser.looks import LOOKS, check, visit

NUMBER = 4711
PAGES = (
    "/channels/",
    f"/channels/{NUMBER}/",
    f"/channels/{NUMBER}/edit/",
    f"/channels/{NUMBER + 1}/",
    f"/channels/{NUMBER + 1}/delete/",
    "/channels/add/",
    "/channels/add/?kind=webhook",
    "/channels/add/?kind=apprise",
    "/deliveries/",
    f"/deliveries/{NUMBER}/",
    "/calendar/",
)


@pytest.fixture
def messages(site: str, in_partner: Any) -> dict[str, str]:
    """Two channels, one of them dead, deliveries of each kind; the value: HTML of a single mail and of a storm."""
    base = f"http://acme.localhost:{site}"
    with in_partner("acme"):
        channel = make_channels()
        open_shortage()
        collecting.collect(base)
        single = Delivery.objects.get(channel=channel)
        open_storm(Alert.objects.get().rule)
        collecting.collect(base)
        storm = Delivery.objects.filter(channel=channel).latest("id")
        Delivery.objects.filter(pk=single.pk).update(id=NUMBER, state="failed")
        DeliveryAttempt.objects.create(
            delivery_id=NUMBER, outcome="failed", finished_at=timezone.now(), answer="451 Try later"
        )
        dead_channels.remember()
        link = mail.unsubscribe_url("", channel.uuid, "night@acme.example")
    return {"single": single.html, "storm": storm.html, "unsubscribe": link}


def make_channels() -> Channel:
    """Add a channel by mail, which is returned, and a dead one to a program."""
    recipients = ["night@acme.example", "old@acme.example"]
    dead_now = {"dead_since": timezone.now(), "failures": 7, "last_error": "503 Service Unavailable"}
    channel = make.make_channel(id=NUMBER, name="Night shift", unsubscribed=["old@acme.example"], recipients=recipients)
    make.make_channel(id=NUMBER + 1, name="Ticket system", url="https://tickets.acme.example/hooks/x", **dead_now)
    return channel


def open_shortage() -> None:
    alert = make.make_alert(
        subject="UC Manager Enhanced License in va-operational",
        facts=ALERT_FACTS["out_of_compliance"] | {"spare_pool": "va-spare", "spare_free": 9},
        due_at=timezone.now() + timedelta(days=9),
    )
    make.make_event(alert)


def open_storm(rule: AlertRule) -> None:
    """Open so many alerts at once that one message tells all of them."""
    Alert.objects.bulk_create(
        Alert(
            rule=rule,
            kind="instance_silent",
            severity="minor",
            subject_type="product_instance",
            subject_id=number,
            subject_name=f"cucm-{number}.harbor.example",
            facts=ALERT_FACTS["instance_silent"],
        )
        for number in range(1, 60)
    )
    AlertEvent.objects.bulk_create(
        AlertEvent(alert=alert, kind="opened", at=timezone.now(), severity=alert.severity)
        for alert in Alert.objects.filter(kind="instance_silent")
    )


@pytest.mark.parametrize(("scheme", "width"), LOOKS)
def test_pages(
    messages: dict[str, str], site: str, sign_in: Callable[..., Page], page: Page, scheme: str, width: int
) -> None:
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    page.set_viewport_size({"width": width, "height": 900})
    sign_in("acme", "owner")
    for path in (*PAGES, messages["unsubscribe"]):
        answer = page.goto(f"http://acme.localhost:{site}{path}")
        assert answer
        assert answer.status == 200, path
        name = "unsubscribe" if "unsubscribe" in path else path.strip("/").replace("/", "-").replace("?kind=", "")
        check(page, f"{name}-{scheme}-{width}")


@pytest.mark.parametrize(("scheme", "width"), LOOKS)
def test_mails(messages: dict[str, str], page: Page, scheme: str, width: int) -> None:
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    page.set_viewport_size({"width": width, "height": 900})
    for name in ("single", "storm"):
        page.set_content(messages[name])
        check(page, f"mail-{name}-{scheme}-{width}")


def test_receipt_comes_by_itself_and_secrets_are_shown_once(
    messages: dict[str, str], site: str, sign_in: Callable[..., Page], page: Page, worker: Any
) -> None:
    """Test now: posted, sent by a real worker into a file, its answer fetched by the page."""
    sign_in("acme", "owner")
    page.goto(f"http://acme.localhost:{site}/channels/{NUMBER}/")
    page.get_by_role("button", name="Test now").click()
    receipt = page.locator("#receipt")
    receipt.get_by_text("Written to a file in mail/").wait_for()
    page.locator(".page-badges").get_by_text("Works").wait_for()  # the rest of the page follows
    check(page, "receipt")

    visit(page, f"http://acme.localhost:{site}/calendar/")
    page.get_by_role("button", name="Make an address").click()
    page.get_by_text("This address is shown once").wait_for()
    check(page, "calendar-made")
