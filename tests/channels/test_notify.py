"""From events to deliveries: each once, to whom it concerns, and in one message where they are many."""

import json
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone
from django_tenants.utils import tenant_context

from licensing.alerts import evaluation
from licensing.alerts.models import Alert, AlertEvent
from licensing.channels.delivery import collecting
from licensing.channels.models import Channel, Delivery, Notice
from licensing.mirror.models import License
from tenants.models import Partner
from tests import factories as make
from tests.alert_facts import ALERT_FACTS

BASE = "https://acme.portal.example"
NIGHT = datetime(2026, 3, 10, 23, 0, tzinfo=UTC)


def subjects() -> list[str]:
    return list(Delivery.objects.order_by("id").values_list("subject", flat=True))


def test_every_event_is_taken_once_also_without_a_channel(acme: Partner) -> None:
    make.make_event()

    assert collecting.collect(BASE) == collecting.Collected(events=1, deliveries=0)
    assert collecting.collect(BASE) == collecting.Collected(events=0, deliveries=0)
    make.make_channel()
    assert collecting.collect(BASE) == collecting.Collected(
        events=0, deliveries=0
    )  # a new channel hears nothing of old times


def test_what_evaluation_finds_is_told_and_its_end_too(acme: Partner, globex: Partner) -> None:
    with tenant_context(globex):
        make.make_channel()
    make.make_channel()
    license_ = make.make_license(name="Enhanced", quantity=10, in_use=14, status="out_of_compliance", available=-4)

    evaluation.evaluate()
    collecting.collect(BASE)
    License.objects.filter(pk=license_.pk).update(status="in_compliance", in_use=1, available=9)
    evaluation.evaluate()
    collecting.collect(BASE)

    opened, closed = Delivery.objects.order_by("id")
    assert opened.subject.startswith("Critical: License out of compliance: Enhanced in ")
    assert closed.subject.startswith("Closed: License out of compliance: Enhanced in ")
    assert f"{BASE}/alerts/{Alert.objects.get().pk}/" in opened.text
    assert f"{BASE}/alerts/{Alert.objects.get().pk}/" in opened.html
    with tenant_context(globex):
        assert not Delivery.objects.exists()
        assert collecting.collect(BASE) == collecting.Collected(0, 0)


def test_each_recipient_has_a_delivery_and_who_unsubscribed_none(acme: Partner) -> None:
    make.make_channel(recipients=["a@one.example", "b@two.example", "c@three.example"], unsubscribed=["B@two.example"])
    make.make_event()

    collecting.collect(BASE)

    rows = Delivery.objects.order_by("recipient")
    assert [row.recipient for row in rows] == ["a@one.example", "c@three.example"]
    assert len({row.message for row in rows}) == 1
    assert len({row.uuid for row in rows}) == 2


@pytest.mark.parametrize(
    ("channel", "told"),
    [
        ({"min_severity": "info"}, 3),
        ({"min_severity": "major"}, 2),
        ({"min_severity": "critical"}, 1),
        ({"kinds": ["term_ending"]}, 1),
        ({"kinds": ["term_ending", "sync_failed"]}, 2),
        ({"enabled": False}, 0),
    ],
)
def test_filters(acme: Partner, channel: dict[str, Any], told: int) -> None:
    make.make_channel(**channel)
    for kind, severity in (("term_ending", "critical"), ("sync_failed", "major"), ("instance_silent", "minor")):
        make.make_event(make.make_alert(kind, severity=severity))

    collecting.collect(BASE)

    assert Delivery.objects.count() == told


def test_scope_of_smart_accounts(acme: Partner) -> None:
    accounts = [make.make_smart_account() for _ in range(2)]
    for account in accounts:
        make.make_event(make.make_alert(smart_account=account))
    make.make_event(make.make_alert(subject_type="license_server"))
    make.make_channel(smart_accounts=[accounts[0].pk])

    collecting.collect(BASE)

    assert Notice.objects.count() == 2  # of its account, and what belongs to none


@pytest.mark.parametrize("scope", ["virtual_accounts", "licenses", "customers", "tags"])
def test_channel_is_narrowed_as_a_rule_is(acme: Partner, globex: Partner, scope: str) -> None:
    inside, outside = make.make_virtual_account(), make.make_virtual_account()
    customer = make.make_customer(tags=["north"])
    cluster = make.make_cluster(customer=customer)
    make.make_assignment(cluster=cluster, virtual_account=inside)
    make.make_assignment(virtual_account=outside)
    for pool, name in ((inside, "A"), (outside, "B")):
        account = pool.smart_account
        make.make_event(make.make_alert(subject=name, smart_account=account, virtual_account=pool, license_name=name))
    make.make_event(make.make_alert(subject="Cluster", cluster=cluster))
    make.make_event(make.make_alert(subject="Server", subject_type="license_server"))
    chosen = {"virtual_accounts": inside.pk, "licenses": "A", "customers": customer.pk, "tags": "north"}[scope]
    make.make_channel(**{scope: [chosen]})
    with tenant_context(globex):
        make.make_channel(**{scope: [chosen]})

    collecting.collect(BASE)

    told = set(Notice.objects.values_list("alert__subject_name", flat=True))
    assert told == ({"A", "Cluster"} if scope in ("customers", "tags") else {"A"})
    with tenant_context(globex):
        assert not Notice.objects.exists()


def test_rise_of_a_snoozed_alert_is_not_told(acme: Partner) -> None:
    make.make_channel()
    alert = make.make_alert(severity="minor", snoozed_until=timezone.now() + timedelta(days=1))
    make.make_event(alert)
    collecting.collect(BASE)
    for kind in ("severity", "lead"):
        make.make_event(alert, kind, severity="major")
    collecting.collect(BASE)
    assert len(subjects()) == 1

    Alert.objects.update(snoozed_until=None)
    for kind in ("woken", "lead", "acknowledged", "commented", "owned", "snoozed"):
        make.make_event(alert, kind)
        collecting.collect(BASE)
    assert len(subjects()) == 3


def test_severity_that_rises_is_told_and_one_that_falls_is_not(acme: Partner) -> None:
    make.make_channel(min_severity="major")
    alert = make.make_alert(severity="minor")
    for kind, severity in (("opened", "minor"), ("severity", "major"), ("severity", "critical"), ("severity", "major")):
        make.make_event(alert, kind, severity=severity)
        collecting.collect(BASE)

    assert [subject.partition(":")[0] for subject in subjects()] == ["Major", "Critical"]


def test_closing_is_told_only_where_the_opening_was_and_where_it_is_wanted(acme: Partner) -> None:
    critical, all_, silent = (
        make.make_channel(min_severity="critical"),
        make.make_channel(),
        make.make_channel(tell_closed=False),
    )
    alert = make.make_alert(severity="minor")
    make.make_event(alert)
    collecting.collect(BASE)
    make.make_event(alert, "closed")
    collecting.collect(BASE)

    count = {row.pk: row.deliveries.count() for row in (critical, all_, silent)}
    assert count == {critical.pk: 0, all_.pk: 2, silent.pk: 1}


def test_storm_is_one_readable_message(acme: Partner, django_assert_num_queries: Any) -> None:
    make.make_channel(recipients=["ops@acme.example"])
    webhook = make.make_channel(url="https://hooks.acme.example/x")
    rule = make.make_alert().rule
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
        for number in range(1, 5001)
    )
    AlertEvent.objects.bulk_create(
        AlertEvent(alert=alert, kind="opened", at=timezone.now(), severity=alert.severity)
        for alert in Alert.objects.filter(kind="instance_silent")
    )

    with django_assert_num_queries(10):
        collecting.collect(BASE)

    mail, call = Delivery.objects.order_by("channel_id")
    assert mail.subject == "5,000 alerts: 5,000 minor"
    assert mail.alert_count == call.alert_count == 5000
    assert "and 4,980 more" in mail.text
    assert len(mail.text) < 6_000
    assert len(mail.html) < 20_000
    body = json.loads(call.body)
    assert (len(body["alerts"]), body["alert_count"], body["truncated"]) == (1000, 5000, True)
    assert call.channel == webhook
    assert Notice.objects.filter(message=None).count() == 0


def test_up_to_the_storm_limit_each_has_a_message(acme: Partner) -> None:
    make.make_channel(storm_limit=3)
    for _ in range(3):
        make.make_event()
    collecting.collect(BASE)
    assert Delivery.objects.count() == 3

    for _ in range(4):
        make.make_event()
    collecting.collect(BASE)
    assert Delivery.objects.count() == 4
    assert subjects()[-1] == "4 alerts: 4 critical"


def test_digest_waits_for_its_time_and_tells_once(acme: Partner) -> None:
    make.make_channel(digest_at="07:30", zone="Europe/Berlin")
    for hour in (0, 2, 4):
        make.make_event()
        assert collecting.collect(BASE, NIGHT + timedelta(hours=hour)).deliveries == 0

    assert collecting.collect(BASE, datetime(2026, 3, 11, 6, 29, tzinfo=UTC)).deliveries == 0
    assert collecting.collect(BASE, datetime(2026, 3, 11, 6, 31, tzinfo=UTC)).deliveries == 1
    assert collecting.collect(BASE, datetime(2026, 3, 11, 6, 32, tzinfo=UTC)).deliveries == 0
    assert subjects() == ["3 alerts: 3 critical"]


def test_quiet_hours_hold_back_what_is_not_critical(acme: Partner) -> None:
    make.make_channel(quiet_from="22:00", quiet_until="06:00", zone="UTC")
    make.make_event(make.make_alert(severity="critical"))
    held = make.make_alert(severity="minor")
    make.make_event(held)
    over = make.make_alert(severity="minor")
    make.make_event(over)

    assert collecting.collect(BASE, NIGHT).deliveries == 1
    Alert.objects.filter(pk=over.pk).update(closed_at=NIGHT)
    make.make_event(over, "closed")
    assert collecting.collect(BASE, NIGHT + timedelta(hours=1)).deliveries == 0
    assert collecting.collect(BASE, datetime(2026, 3, 11, 6, 0, tzinfo=UTC)).deliveries == 2

    assert sorted(subject.partition(":")[0] for subject in subjects()) == ["Closed", "Critical", "Minor"]


def test_what_waits_for_the_morning_is_not_told_after_what_came_later(acme: Partner, globex: Partner) -> None:
    for partner in (acme, globex):
        with tenant_context(partner):
            make.make_channel(quiet_from="22:00", quiet_until="06:00", zone="UTC")
    alert = make.make_alert(severity="minor")
    with tenant_context(globex):
        make.make_event(make.make_alert(severity="minor"))
        collecting.collect(BASE, NIGHT)
    for hour, (kind, severity) in enumerate([("opened", "minor"), ("closed", "minor"), ("reopened", "critical")]):
        make.make_event(alert, kind, severity=severity)
        collecting.collect(BASE, NIGHT + timedelta(hours=hour))

    collecting.collect(BASE, datetime(2026, 3, 11, 6, 0, tzinfo=UTC))

    assert [subject.partition(":")[0] for subject in subjects()] == ["Critical"]
    assert not Notice.objects.filter(message=None).exists()
    with tenant_context(globex):
        assert Notice.objects.filter(message=None).count() == 1


def test_content_of_a_webhook(acme: Partner) -> None:
    make.make_channel(url="https://hooks.acme.example/x")
    due = datetime(2026, 12, 24, 12, 0, tzinfo=UTC)
    alert = make.make_alert(due_at=due)
    make.make_event(alert)

    collecting.collect(BASE)

    delivery = Delivery.objects.get()
    body = json.loads(delivery.body)
    assert body["id"] == str(delivery.uuid)
    assert body["type"] == "alerts"
    assert (delivery.text, delivery.html) == ("", "")
    assert body["alerts"] == [
        {
            "id": alert.pk,
            "event": "opened",
            "kind": alert.kind,
            "severity": alert.severity,
            "subject": alert.subject,
            "summary": "4 licenses short in Operational of Acme: 1,204 in use, 1,200 owned.",
            "next_step": "No other pool that serves products has free licenses. Order 4 more licenses, or remove "
            "product instances that use them.",
            "opened_at": alert.opened_at.isoformat(),
            "closed_at": None,
            "due_at": due.isoformat(),
            "url": f"{BASE}/alerts/{alert.pk}/",
        }
    ]


def test_urgent_ones_come_first(acme: Partner) -> None:
    make.make_channel(storm_limit=1)
    now = timezone.now()
    for subject, severity, days in (
        ("E", "minor", 1),
        ("D", "major", None),
        ("A", "major", 9),
        ("B", "major", 3),
        ("C", "critical", None),
    ):
        due_at = now + timedelta(days=days) if days else None
        make.make_event(make.make_alert(subject=subject, severity=severity, due_at=due_at))

    collecting.collect(BASE)

    assert [line[-1] for line in Delivery.objects.get().text.splitlines() if line.startswith("[")] == list("CBADE")


def test_html_is_escaped_and_subject_is_one_line(acme: Partner) -> None:
    make.make_channel()
    facts = ALERT_FACTS["out_of_compliance"] | {"account": "a <script> & more"}
    make.make_event(make.make_alert(subject="<b>x</b>\r\nBcc: all@globex.example", facts=facts))

    collecting.collect(BASE)

    delivery = Delivery.objects.get()
    assert "\n" not in delivery.subject
    assert "\r" not in delivery.subject
    assert "<script>" not in delivery.html
    assert "a <script> & more" in delivery.text


def test_queries_do_not_grow_with_alerts_or_channels(acme: Partner, django_assert_num_queries: Any) -> None:
    for count in (1, 3):
        for _ in range(count):
            make.make_channel()
        for _ in range(count):
            make.make_event()
        with django_assert_num_queries(10):
            collecting.collect(BASE)


def test_two_at_once_tell_once(committed: None, in_partner: Callable[[str], Any]) -> None:

    with in_partner("acme"):
        make.make_channel()
        for _ in range(5):
            make.make_event()
    partner = Partner.objects.get(schema_name="acme")
    found: list[collecting.Collected] = []

    def run() -> None:
        with tenant_context(partner):
            found.append(collecting.collect(BASE))
        connection.close()

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(one.events for one in found) == [0, 0, 0, 5]
    with in_partner("acme"):
        assert Delivery.objects.count() == 5
        assert Channel.objects.count() == 1
