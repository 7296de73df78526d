"""Pages and REST of channels and deliveries, unsubscribing, and the calendar of due dates."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.utils import timezone
from django_tenants.utils import tenant_context
from icalendar import Calendar

from licensing.alerts.models import Alert
from licensing.channels import channels, dead_channels, tasks
from licensing.channels.delivery import sending
from licensing.channels.delivery.mail import read_unsubscribe, unsubscribe_url
from licensing.channels.models import CalendarFeed, Channel, Delivery
from people import audit
from people.models import AuditEntry, User
from tenants.models import Partner
from tests import factories as make
from tests.alert_facts import ALERT_FACTS
from tests.receivers import Mailbox, Receiver

BASE = "http://acme.localhost"
OWNER = audit.Actor(None, "owner@acme.example")
WHEN = {"min_severity": "major", "zone": "Europe/Berlin", "storm_limit": "10", "enabled": "on", "tell_closed": "on"}


def page(response: Any) -> str:
    return str(response.content.decode())


def test_owner_adds_a_mail_channel_and_tests_it_end_to_end(acme: Partner, client_of: Any, mailbox: Mailbox) -> None:
    client = client_of(acme, "owner")
    answer = client.post("/channels/add/", {"name": "Ops", "recipients": "a@one.example, b@two.example", **WHEN})
    channel = Channel.objects.get()
    assert answer["Location"] == f"/channels/{channel.pk}/"
    assert channel.recipients == ["a@one.example", "b@two.example"]

    receipt = client.post(f"/channels/{channel.pk}/test/")["Location"]
    assert "Sending" in page(client.get(receipt))
    tasks.deliver_message.run(str(Delivery.objects.earliest("id").message))

    shown = page(client.get(receipt))
    assert "250 Queued as 1" in shown
    assert "250 Queued as 2" in shown
    assert [mail["Subject"] for mail in mailbox.parsed()] == ["Test of Ops", "Test of Ops"]
    assert [entry.action for entry in AuditEntry.objects.order_by("id")] == ["added", "tested"]
    delivery = page(client.get(f"/deliveries/{Delivery.objects.earliest('id').pk}/"))
    assert "This is a test of the channel Ops" in delivery


def test_secret_of_a_webhook_is_shown_once_and_its_address_never(
    acme: Partner, client_of: Any, receiver: Receiver
) -> None:
    client = client_of(acme, "owner")
    first = page(client.post("/channels/add/?kind=webhook", {"name": "Hook", "url": receiver.url, **WHEN}))
    channel = Channel.objects.get()
    second = page(client.post(f"/channels/{channel.pk}/secret/"))

    secret: Any = Channel.objects.get().signing_secret
    assert "whsec_" in first
    assert secret.reveal() in second
    assert secret.reveal() not in first
    for path in ("/channels/", f"/channels/{channel.pk}/", f"/channels/{channel.pk}/edit/", "/audit/"):
        shown = page(client.get(path))
        assert "whsec_" not in shown
        assert "s3cret-path" not in shown
    client.post(f"/channels/{channel.pk}/edit/", {"name": "Hook 2", "url": "", **WHEN})
    url: Any = Channel.objects.get().url
    assert (Channel.objects.get().name, url.reveal()) == ("Hook 2", receiver.url)


@pytest.mark.parametrize(
    ("kind", "values", "status", "words"),
    [
        ("mail", {"recipients": ""}, 422, "This field is required"),
        ("mail", {"recipients": "nobody"}, 422, "is not an email address"),
        ("mail", {"recipients": "a@b.example", "quiet_from": "22:00"}, 409, "a beginning and an end"),
        ("mail", {"recipients": "a@b.example", "zone": "Mars/Base"}, 422, "is no time zone"),
        ("mail", {"recipients": "a@b.example", "storm_limit": "0"}, 422, "greater than or equal to 1"),
        ("webhook", {"url": ""}, 422, "This field is required"),
        ("webhook", {"url": "https://169.254.169.254/x"}, 409, "webhooks may not have here"),
        ("webhook", {"url": "ftp://hooks.example/"}, 409, "must begin with https"),
        ("apprise", {"url": "json://127.0.0.1/"}, 409, "cannot be used here"),
    ],
)
def test_bad_input_is_said_and_nothing_is_lost(
    acme: Partner, client_of: Any, kind: str, values: dict[str, str], status: int, words: str
) -> None:
    answer = client_of(acme, "owner").post(f"/channels/add/?kind={kind}", {"name": "Typed name", **WHEN, **values})

    assert answer.status_code == status
    assert words in page(answer).replace("&#x27;", "'")
    assert 'value="Typed name"' in page(answer)
    assert not Channel.objects.exists()
    assert not AuditEntry.objects.exists()


def test_channel_is_narrowed_on_its_page_and_keeps_what_is_gone(acme: Partner, client_of: Any) -> None:
    pool, customer, client = make.make_virtual_account(), make.make_customer(name="Northwind"), client_of(acme, "owner")
    sent = {"name": "Ops", "recipients": "a@one.example", **WHEN, "virtual_accounts": pool.pk, "tags": "north\nsouth"}
    client.post("/channels/add/", {**sent, "customers": customer.pk, "licenses": "A\nB"})
    channel = Channel.objects.get()

    shown = page(client.get(f"/channels/{channel.pk}/"))
    pool.gone_at = timezone.now()
    pool.save()
    customer.delete()
    edit = page(client.get(f"/channels/{channel.pk}/edit/"))
    client.post(f"/channels/{channel.pk}/edit/", sent)

    assert all(f"only {names}" in shown for names in (pool.name, "Northwind", "A, B", "north, south"))
    assert f"{pool.name} · {pool.smart_account} (gone)" in edit
    assert "1 chosen entry is gone and matches nothing. Saving removes it." in edit
    channel.refresh_from_db()
    assert [getattr(channel, name) for name in Channel.SCOPES] == [[], [pool.pk], [], [], ["north", "south"]]


def test_only_owners_reach_channels(acme: Partner, client_of: Any, api_of: Any) -> None:
    make.make_channel(id=7)
    for role in ("operator", "viewer"):
        for path in ("/channels/", "/channels/7/", "/deliveries/", "/channels/add/"):
            assert client_of(acme, role).get(path).status_code == 403
        assert api_of(acme, role).get("/api/v1/channels/").status_code == 403
        assert api_of(acme, role).get("/api/v1/deliveries/").status_code == 403


QUERIES_OF_LISTS = {"/channels/": 7, "/deliveries/": 7, "/api/v1/channels/": 5, "/api/v1/deliveries/": 6}


@pytest.mark.parametrize("path", QUERIES_OF_LISTS)
def test_queries_do_not_grow_with_rows(
    acme: Partner, client_of: Any, api_of: Any, path: str, django_assert_num_queries: Any
) -> None:
    asker = api_of(acme) if path.startswith("/api/") else client_of(acme, "owner")
    for rows in range(4):
        if rows in (1, 3):
            asker.get(path)
            with django_assert_num_queries(QUERIES_OF_LISTS[path]):
                assert asker.get(path).status_code == 200
        channel = make.make_channel(smart_accounts=[make.make_smart_account().pk])
        for _ in range(2):
            (row,) = channels.test(OWNER, channel)
            row.attempts.create(answer="250 OK")


def test_dead_channel_is_said_on_every_page(acme: Partner, globex: Partner, client_of: Any) -> None:
    make.make_channel(name="Hook", dead_since=timezone.now(), failures=7, last_error="500 no")
    dead_channels.remember()

    assert "Hook: alerts do not get through" in page(client_of(acme, "viewer").get("/"))
    assert "Hook" not in page(client_of(globex, "viewer").get("/"))
    assert "7 attempts in a row have failed" in page(
        client_of(acme, "owner").get(f"/channels/{Channel.objects.get().pk}/")
    )


# --- REST ---


def test_channels_over_rest(acme: Partner, api_of: Any, receiver: Receiver) -> None:
    api = api_of(acme)
    account = make.make_smart_account()
    made = api.post(
        "/api/v1/channels/",
        {
            "name": "Hook",
            "kind": "webhook",
            "url": receiver.url,
            "kinds": ["term_ending"],
            "smart_accounts": [account.pk],
            "licenses": ["A"],
            "tags": ["north"],
            "quiet_from": "22:00",
            "quiet_until": "06:00",
        },
    )
    assert made.status_code == 201, made.json()
    row = made.json()
    assert "url" not in row
    assert (row["url_shown"].startswith("http://127.0.0.1:"), row["state"]) == (True, "on")
    assert [row[name] for name in Channel.SCOPES] == [[account.pk], [], ["A"], [], ["north"]]

    address = f"/api/v1/channels/{row['id']}/"
    secret = api.post(f"{address}rotate-secret/").json()["signing_secret"]
    assert secret.startswith("whsec_")
    assert api.patch(address, {"min_severity": "critical"}).json()["min_severity"] == "critical"
    sent = api.post(f"{address}test/")
    assert sent.status_code == 202
    sending.send_due(BASE)
    found = api.get(f"/api/v1/deliveries/?message={sent.json()[0]['message']}").json()["results"]
    assert found[0]["attempts"][0]["answer"] == "200 thanks"
    assert api.post(f"/api/v1/deliveries/{found[0]['id']}/send-again/").status_code == 409
    assert api.delete(address).status_code == 204


@pytest.mark.parametrize(
    ("values", "status"),
    [
        ({"name": "x", "kind": "mail"}, 400),
        ({"name": "x", "kind": "mail", "recipients": ["nobody"]}, 400),
        ({"name": "x", "kind": "mail", "recipients": ["a@b.example"], "kinds": ["nonsense"]}, 400),
        ({"name": "x", "kind": "webhook", "url": "http://10.0.0.1/"}, 400),
        ({"name": "x", "kind": "mail", "recipients": ["a@b.example"], "failures": 3}, 400),
        ({"name": "x", "kind": "mail", "recipients": ["a@b.example"], "smart_accounts": [99]}, 400),
        ({"name": "x", "kind": "mail", "recipients": ["a@b.example"], "customers": [2**63]}, 400),
        ({"name": "x", "kind": "mail", "recipients": ["a@b.example"], "virtual_accounts": "all"}, 400),
        ({"name": "x", "kind": "mail", "recipients": ["a@b.example"], "licenses": ["x" * 301]}, 400),
    ],
)
def test_bad_channels_over_rest(acme: Partner, api_of: Any, values: dict[str, Any], status: int) -> None:
    answer = api_of(acme).post("/api/v1/channels/", values)

    assert answer.status_code == status, answer.json()
    assert not Channel.objects.exists()


# --- unsubscribing ---


def link_for(channel: Channel, recipient: str = "ops@acme.example") -> str:
    return unsubscribe_url("", channel.uuid, recipient)


def test_unsubscribing_asks_first_and_one_click_does_it(acme: Partner, client_of: Any) -> None:
    channel = make.make_channel()
    client = client_of(acme)
    client.handler.enforce_csrf_checks = True  # mail programs send no token

    asked = page(client.get(link_for(channel)))
    assert "Stop these mails?" in asked
    assert Channel.objects.get().unsubscribed == []

    done = client.post(link_for(channel), "List-Unsubscribe=One-Click", "application/x-www-form-urlencoded")
    assert done.status_code == 200
    assert "You get no more of these mails" in page(done)
    assert Channel.objects.get().addressees() == []


def test_link_of_one_partner_says_nothing_to_another(acme: Partner, globex: Partner, client_of: Any) -> None:
    channel = make.make_channel()
    with tenant_context(globex):
        other = make.make_channel(recipients=["ops@acme.example"])

    client_of(globex).post(link_for(channel))

    with tenant_context(globex):
        assert Channel.objects.get(pk=other.pk).unsubscribed == []
    assert Channel.objects.get().unsubscribed == []


@pytest.mark.parametrize("signed", ["x", "WyJhIiwiYiJd:x", "%5B%5D:abc"])
def test_forged_links_are_not_found(acme: Partner, client_of: Any, signed: str) -> None:
    assert client_of(acme).post(f"/channels/unsubscribe/{signed}/").status_code == 404
    assert read_unsubscribe(signed) is None


def test_who_comes_back_by_an_owner_gets_mails_again(acme: Partner) -> None:
    channel = make.make_channel(recipients=["a@b.example", "ops@acme.example"], unsubscribed=["ops@acme.example"])
    for recipients in (["a@b.example"], ["a@b.example", "ops@acme.example"]):
        before = audit.snapshot(channel)
        channel.recipients = recipients
        channels.save_channel(OWNER, channel, before)

    assert channel.addressees() == ["a@b.example", "ops@acme.example"]


# --- calendar ---


def feed_address(client: Any) -> str:
    shown = page(client.post("/calendar/"))
    return shown.partition('id="address">')[2].partition("<")[0].partition("localhost")[2]


def test_calendar_has_due_dates_with_stable_ids(acme: Partner, globex: Partner, client_of: Any) -> None:
    facts = ALERT_FACTS["term_ending"] | {"account": "Ends; soon, really"}
    day = make.make_alert("term_ending", due_at=datetime(2026, 12, 31, tzinfo=UTC), facts=facts)
    moment = make.make_alert(due_at=datetime(2026, 12, 24, 18, 30, 5, tzinfo=UTC))
    make.make_alert()
    make.make_alert(due_at=timezone.now(), closed_at=timezone.now())
    with tenant_context(globex):
        make.make_alert(due_at=timezone.now(), subject="Of globex")
    address = feed_address(client_of(acme, "viewer"))

    answer = client_of(acme).get(address)
    calendar = Calendar.from_ical(answer.content)

    assert answer["Content-Type"] == "text/calendar; charset=utf-8"
    entries = {str(entry["UID"]): entry for entry in calendar.walk("VEVENT")}
    assert set(entries) == {f"alert-{day.pk}@acme.localhost", f"alert-{moment.pk}@acme.localhost"}
    whole = entries[f"alert-{day.pk}@acme.localhost"]
    assert (whole.decoded("DTSTART"), whole.decoded("DTEND")) == (day.due_at.date(), day.due_at.date() + timedelta(1))
    assert "Ends; soon, really" in str(whole["DESCRIPTION"])
    timed = entries[f"alert-{moment.pk}@acme.localhost"]
    assert timed["DTSTART"].to_ical() == b"20261224T183005Z"
    again = client_of(acme).get(address, headers={"If-None-Match": answer["ETag"]})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize("due", ["2026-03-29", "2026-10-25", "2026-07-01"])
def test_days_stay_days_over_clock_changes(acme: Partner, client_of: Any, settings: Any, due: str) -> None:
    from zoneinfo import ZoneInfo

    settings.TIME_ZONE = "Europe/Berlin"
    make.make_alert("term_ending", due_at=datetime.fromisoformat(due).replace(tzinfo=ZoneInfo("Europe/Berlin")))
    address = feed_address(client_of(acme, "owner"))

    (entry,) = Calendar.from_ical(client_of(acme).get(address).content).walk("VEVENT")

    assert entry["DTSTART"].to_ical().decode() == due.replace("-", "")


def test_calendar_address_is_personal_and_revocable(acme: Partner, globex: Partner, client_of: Any) -> None:
    client = client_of(acme, "viewer")
    first = feed_address(client)
    assert client_of(acme).get(first).status_code == 200
    assert client_of(globex).get(first).status_code == 404
    second = feed_address(client)
    assert client_of(acme).get(first).status_code == 404
    assert first.split("/")[-1] not in page(client.get("/calendar/"))

    User.objects.filter(role="viewer").update(is_active=False)
    assert client_of(acme).get(second).status_code == 404
    User.objects.filter(role="viewer").update(is_active=True)
    client_of(acme, "viewer").post("/calendar/", {"revoke": "1"})
    assert client_of(acme).get(second).status_code == 404
    assert not CalendarFeed.objects.exists()
    assert [entry.action for entry in AuditEntry.objects.order_by("id")] == [
        "made an address for",
        "made an address for",
        "revoked",
    ]


def test_alert_that_opens_again_keeps_its_id(acme: Partner, client_of: Any) -> None:
    alert = make.make_alert(due_at=timezone.now() + timedelta(days=3))
    address = feed_address(client_of(acme, "owner"))
    before = client_of(acme).get(address).content
    Alert.objects.filter(pk=alert.pk).update(closed_at=timezone.now())
    assert b"VEVENT" not in client_of(acme).get(address).content
    Alert.objects.filter(pk=alert.pk).update(closed_at=None)
    cache.clear()

    assert client_of(acme).get(address).content == before
