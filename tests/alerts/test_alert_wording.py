"""What alerts say: facts in SQL, words in Python, and the same words wherever an alert is read."""

import ast
import json
import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from html import unescape
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.urls import reverse
from django_tenants.utils import tenant_context
from icalendar import Calendar

from licensing.alerts import evaluation, wording
from licensing.alerts.evaluation import evaluate
from licensing.alerts.findings import catalogue, clocks
from licensing.alerts.models import Alert, AlertEvent, Kind, Overage
from licensing.alerts.replay import replay
from licensing.alerts.replay.history import HISTORY
from licensing.alerts.wording.base import Facts, counted, in_days
from licensing.channels.delivery import collecting
from licensing.channels.models import Delivery
from licensing.mirror.models import CssmAlert, ProductInstance, UsageSample, VirtualAccount
from tenants.models import Partner
from tests import factories as make
from tests.alert_facts import ALERT_FACTS

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
TODAY = NOW.date()
DAY = timedelta(days=1)
NO_DETAILS = "The portal has no details of this alert."


@pytest.fixture
def clock() -> Any:
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


def open_one_of_each_kind(name: str) -> None:
    """Make rows in which every kind of rule finds something; `name` stands in all names that people give."""
    server = make.make_server(
        name=f"{name} cloud",
        verify_tls=False,
        certificate_not_after=NOW + 20 * DAY,
        credentials_expire_on=TODAY + 9 * DAY,
    )
    main = make.make_smart_account(
        name=f"{name} Main", domain="main.example", license_server=server, last_synced_at=NOW - 9 * DAY
    )
    here = make.make_virtual_account(name=f"{name} here", smart_account=main)
    there = make.make_virtual_account(name=f"{name} there", smart_account=main)
    CssmAlert.objects.create(smart_account=main, digest="1", type="Synchronization Overdue", source=f"{name} ssm")
    open_in_pools(name, here, there)
    open_in_fleet(name, here, there)
    open_at_servers(name)


def open_in_pools(name: str, here: VirtualAccount, there: VirtualAccount) -> None:
    ordered = make.make_virtual_account(name=f"{name} ordered", smart_account=here.smart_account, purpose="ordered")
    short = make.make_license(virtual_account=here, name="Enhanced", quantity=1000, in_use=2200)
    Overage.objects.create(license=short, since=NOW - 70 * DAY)
    make.make_license(virtual_account=here, name="Basic", quantity=100, in_use=95)
    make.make_license(virtual_account=ordered, name="Basic", quantity=5, in_use=1)
    growing = make.make_license(virtual_account=there, name="Plus", quantity=500, in_use=470)
    UsageSample.objects.bulk_create(
        UsageSample(license=growing, day=TODAY - back * DAY, quantity=500, in_use=470 - back, available=0, reserved=0)
        for back in range(90)
    )
    for days in (-4, 10):
        make.make_line(license=growing, end=TODAY + days * DAY, subscription_id="Sub1")


def open_in_fleet(name: str, here: VirtualAccount, there: VirtualAccount) -> None:
    customer = make.make_customer(name=f"{name} Harbor")
    cluster = make.make_cluster(name=f"{name} HQ", customer=customer, installed_on=TODAY - 80 * DAY)
    make.make_instance({"Basic": 3}, virtual_account=there, host_name="silent.example", last_contact_at=NOW - 45 * DAY)
    moved = make.make_cluster(name=f"{name} moved", customer=customer)
    make.make_assignment(cluster=moved, virtual_account=here)
    make.make_instance(virtual_account=there, cluster=moved, host_name="moved.example")
    make.make_assignment_job(cluster=cluster, virtual_account=here, state="running", moved_at=NOW - 3 * DAY)
    make.make_token(virtual_account=here, description=f"{name} token", expires_at=NOW + 2 * DAY)
    make.make_token(virtual_account=here, description="", uses_allowed=5, uses=5, expires_at=None)


def open_at_servers(name: str) -> None:
    for reason in ("unavailable", "refused"):
        account = make.make_smart_account(name=f"{name} {reason}", domain=f"{reason}.example")
        make.make_sync_run(
            smart_account=account,
            status="failed",
            reason=reason,
            cause=f"{name} cause.",
            queued_at=NOW,
            finished_at=NOW,
        )
    on_prem = make.make_server(
        kind="on_prem",
        name=f"{name} ssm",
        version="8-202404",
        api_base_url="https://ssm.example:8443/api/v1",
        on_prem_name="other.example",
        last_cloud_sync_at=NOW - 40 * DAY,
        instance_limit=1,
    )
    pool = make.make_virtual_account(smart_account=make.make_smart_account(license_server=on_prem))
    make.make_instance(virtual_account=pool)


# --- One place for words ---


def test_every_kind_has_words() -> None:
    assert set(wording.ALL) == set(Kind.values) == set(ALERT_FACTS)


def test_findings_give_the_facts_that_words_are_made_of(acme: Partner, globex: Partner, clock: Any) -> None:
    for partner in (globex, acme):
        with tenant_context(partner):
            open_one_of_each_kind(partner.name)
            evaluate()

    with tenant_context(acme):
        found = list(Alert.objects.all())
        told = {event.alert_id: event.text for event in AlertEvent.objects.select_related("alert")}

    assert {alert.kind for alert in found} == set(Kind.values)
    for alert in found:
        assert set(ALERT_FACTS[alert.kind]) <= set(alert.facts), alert.kind
        assert told[alert.pk] == alert.summary != NO_DETAILS
        assert globex.name not in f"{alert.subject} {alert.summary} {alert.next_step}"
        assert re.fullmatch(r"[A-Z0-9“].*[.]", alert.summary), alert.summary
        assert re.fullmatch(r"[A-Z].*[.]", alert.next_step), alert.next_step
        assert re.search(r"\b1 (\w+ ){0,2}(licenses|days|hours)\b|  | \.|None|\{", alert.summary) is None, alert.summary


LITERAL = re.compile(r"'((?:[^']|'')*)'")
ENGLISH = re.compile(r"[a-z,.:] [a-z]|^ ?[a-zA-Z]+ $|^[ ,.:(]+[a-zA-Z]{2}| [a-z]+ ")


def statements() -> dict[str, str]:
    """Every SQL text that alerts are found, judged, followed and replayed with."""
    found = {f"{one.kind} about {one.about}": one.select() for one in catalogue.ALL}
    return (
        found
        | {f"history of {kind}": history.sql for kind, history in HISTORY.items()}
        | {
            "base": catalogue.BASE,
            "found": catalogue.FOUND,
            "evaluate": evaluation.EVALUATE,
            "wake": evaluation.WAKE,
            "clocks": clocks.FOLLOW,
            "asked": replay.ASKED,
            "replay": replay.REPLAY,
        }
    )


def test_sql_holds_no_sentence() -> None:
    said = [
        (name, literal)
        for name, sql in statements().items()
        for literal in LITERAL.findall(sql)
        if ENGLISH.search(literal)
    ]

    assert said == []


@pytest.mark.parametrize(
    "old", ["concat(license.name, ' in ', pool.name)", "concat('Renew it', x)", "concat('The term of ', x, ' ends ')"]
)
def test_sentences_in_sql_would_be_seen(old: str) -> None:
    assert any(ENGLISH.search(literal) for literal in LITERAL.findall(old))


def test_sentences_are_written_where_translators_find_them() -> None:
    """Whole, as the literal that `say` is called with: not built, and not kept elsewhere."""
    folder = Path(str(wording.__file__)).parent
    calls = [
        node
        for file in folder.glob("*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "say"
    ]

    assert len(calls) > 50
    assert [ast.unparse(call) for call in calls if not isinstance(call.args[0], ast.Constant)] == []


# --- The same words everywhere ---


def test_all_who_show_an_alert_show_the_same_words(
    acme: Partner, globex: Partner, clock: Any, client_of: Callable[..., Any], api_of: Callable[..., Any]
) -> None:
    with tenant_context(globex):
        open_one_of_each_kind(globex.name)
        evaluate()
    make.make_channel(storm_limit=1_000)
    make.make_channel(storm_limit=1_000, url="https://hooks.acme.example/x")
    open_one_of_each_kind(acme.name)
    evaluate()
    collecting.collect("https://acme.example")
    alerts = list(Alert.objects.all())
    owner, rest = client_of(acme, "owner"), api_of(acme)
    shown = {alert.pk: rest.get(f"/api/v1/alerts/{alert.pk}/").json() for alert in alerts}
    mails = Delivery.objects.filter(channel__kind="mail").values_list("text", flat=True)
    hooks = [json.loads(body)["alerts"][0] for body in Delivery.objects.exclude(body="").values_list("body", flat=True)]
    hooked = {row["id"]: row for row in hooks}
    entries = calendar_of(owner)

    assert {alert.kind for alert in alerts} == set(Kind.values)
    assert hooked.keys() == shown.keys()
    for alert in alerts:
        words = (alert.subject, alert.summary, alert.next_step)
        assert tuple(shown[alert.pk][name] for name in ("subject", "summary", "next_step")) == words
        assert tuple(hooked[alert.pk][name] for name in ("subject", "summary", "next_step")) == words
        [mail] = [text for text in mails if f"/alerts/{alert.pk}/" in text]
        admin = reverse("admin:alerts_alert_change", args=[alert.pk])
        pages = [unescape(owner.get(address).content.decode()) for address in (f"/alerts/{alert.pk}/", admin)]
        for text in (mail, *pages, *([entries[alert.pk]] if alert.due_at else [])):
            assert [part for part in words if part not in text] == [], alert.kind
        assert shown[alert.pk]["figures"].keys() == {figure.code for figure in alert.words.figures}
    assert entries.keys() == {alert.pk for alert in alerts if alert.due_at}


def calendar_of(client: Any) -> dict[int, str]:
    """What the calendar says of each alert, by its number."""
    made = client.post("/calendar/").content.decode()
    address = made.partition('id="address">')[2].partition("<")[0].partition("localhost")[2]
    entries = Calendar.from_ical(client.get(address).content).walk("VEVENT")
    return {
        int(str(entry["UID"]).partition("@")[0].removeprefix("alert-")): f"{entry['SUMMARY']}\n{entry['DESCRIPTION']}"
        for entry in entries
    }


@pytest.mark.parametrize("word", ["enhanced", "acme+here", "acme+main", "acme+hq", "acme+ssm", "acme+token"])
def test_list_finds_alerts_by_the_names_in_them(
    acme: Partner, clock: Any, client_of: Callable[..., Any], word: str
) -> None:
    open_one_of_each_kind(acme.name)
    evaluate()
    words = word.split("+")

    rows = client_of(acme, "viewer").get(f"/alerts/?q={word}&sort=subject").context["filter"].qs

    assert 0 < rows.count() < Alert.objects.count()
    for alert in rows:
        names = [
            alert.subject,
            alert.license_name,
            str(alert.virtual_account),
            str(alert.smart_account),
            str(alert.cluster),
        ]
        assert all(part in " ".join(names).lower() for part in words)


# --- Time ---


def test_days_left_are_counted_when_read_and_change_no_row(acme: Partner, clock: Any) -> None:
    make.make_instance(virtual_account=make.make_virtual_account(), last_contact_at=NOW - 45 * DAY)
    evaluate()
    stored = Alert.objects.values("facts", "severity").get()
    first = Alert.objects.get().summary

    clock.move_to(NOW + DAY, tick=False)
    evaluate()

    assert "for 45 days." in first
    assert "for 46 days." in Alert.objects.get().summary
    assert Alert.objects.values("facts", "severity").get() == stored
    assert "for 45 days." in AlertEvent.objects.get().text


def test_closed_alert_keeps_saying_what_it_said_when_it_closed(acme: Partner, clock: Any) -> None:
    make.make_instance(virtual_account=make.make_virtual_account(), last_contact_at=NOW - 45 * DAY)
    evaluate()
    clock.move_to(NOW + DAY, tick=False)
    ProductInstance.objects.update(last_contact_at=NOW + DAY)
    evaluate()

    clock.move_to(NOW + 30 * DAY, tick=False)

    assert "for 46 days." in Alert.objects.get().summary
    assert [event.text[-60:] for event in AlertEvent.objects.order_by("id") if "46 days" in event.text] != []


def test_alert_without_its_facts_says_so(acme: Partner, client_of: Callable[..., Any]) -> None:
    alert = make.make_alert("term_ending", facts={"pool": "Operational"})

    assert alert.summary == NO_DETAILS
    assert NO_DETAILS in client_of(acme, "viewer").get(f"/alerts/{alert.pk}/").content.decode()


@pytest.mark.parametrize(
    ("days", "words"),
    [(-2, "2 days ago"), (-1, "yesterday"), (0, "today"), (1, "tomorrow"), (2, "in 2 days"), (1500, "in 1,500 days")],
)
def test_days_from_today(days: int, words: str) -> None:
    assert in_days(date(2026, 3, 1) + timedelta(days=days), date(2026, 3, 1)) == words


@pytest.mark.parametrize(
    ("number", "words"), [(0, "0 licenses"), (1, "1 license"), (2, "2 licenses"), (12345, "12,345 licenses")]
)
def test_numbers_carry_their_noun(number: int, words: str) -> None:
    assert counted(number, "license", "licenses") == words


# --- Words of a kind that depend on the case ---


@pytest.mark.parametrize(
    ("kind", "facts", "summary"),
    [
        (
            "free_below",
            {"unit": "licenses", "threshold": 1, "free": 1, "owned": 2000},
            "1 free license out of 2,000 in Operational of Acme. The threshold is 1 license.",
        ),
        (
            "ordered_consumption",
            {"in_use": 1, "license_names": 1, "most_used": [["Basic", 1]]},
            "1 license in use in the ordered pool Operational of Acme: Basic (1).",
        ),
        (
            "overage",
            {"since": "2025-11-01T12:00:00+00:00", "ends": "2026-01-30T12:00:00+00:00"},
            "This license has been out of compliance in Operational of Acme since 1 Nov 2025. The 90 days that Cisco "
            "allows ended on 30 Jan 2026, 30 days ago. Since then, products may block new users and devices.",
        ),
        (
            "instance_silent",
            {"last_contact": "2026-02-28T12:00:00+00:00", "licenses_held": 0},
            "No contact with Cisco since 28 Feb 2026, for 1 day. It uses no licenses in Operational of Acme.",
        ),
        (
            "assignment_failed",
            {},
            "The assignment to Operational failed at the stage “Transport”. The cluster did not answer.",
        ),
        (
            "assignment_failed",
            {"job": "unassign", "state": "by_hand", "moved_at": "2026-02-20T10:00:00+00:00"},
            "The unassignment from Operational has made no progress since 20 Feb 2026, 10:00 UTC. A person has to "
            "confirm a manual step.",
        ),
        (
            "evaluation_ending",
            {"installed": "2025-11-01", "ends": "2026-01-30"},
            "This cluster was installed on 1 Nov 2025 and is not registered. Its evaluation ended on 30 Jan 2026, 30 "
            "days ago. After that, users and devices cannot be added.",
        ),
        (
            "certificate_expiring",
            {"valid_until": "2026-02-28T12:00:00+00:00"},
            "The certificate of this server expired on 28 Feb 2026, 12:00 UTC, yesterday. Products and the portal no "
            "longer trust the server.",
        ),
        (
            "credentials_expiring",
            {"last_day": "2026-02-27"},
            "By the date entered for them, the credentials expired on 27 Feb 2026, 2 days ago. Syncs fail from the day "
            "after.",
        ),
        ("cssm_alert", {"pool": None, "message": "", "source": ""}, "Cisco reports for Acme: Synchronization Overdue."),
        ("cssm_alert", {"message": "SSM-1 is overdue."}, "Cisco reports for Operational of Acme: SSM-1 is overdue."),
        (
            "on_prem_sync",
            {"synced_at": "2026-01-20T10:00:00+00:00"},
            "This server last synchronized with Cisco on 20 Jan 2026, 40 days ago. Cisco recommends at most 30 days, "
            "and removes the server after 90.",
        ),
        ("sync_failed", {"synced_at": None, "cause": ""}, "The last sync failed. No sync has completed yet."),
    ],
)
def test_words_of_a_case(kind: str, facts: dict[str, Any], summary: str) -> None:
    assert wording.words(kind, ALERT_FACTS[kind] | facts, NOW).summary == summary


@pytest.mark.parametrize(
    ("subject_type", "name", "place", "words"),
    [
        ("license", "Basic", "Operational", "Basic in Operational"),
        ("registration_token", "", "Operational", "Token in Operational"),
        ("cluster", "HQ", "Harbor", "HQ of Harbor"),
        ("cssm_alert", "Overdue", "ssm-1", "Overdue: ssm-1"),
        ("cssm_alert", "Overdue", "", "Overdue"),
        ("smart_account", "Acme", "", "Acme"),
    ],
)
def test_subjects(subject_type: str, name: str, place: str, words: str) -> None:
    assert wording.subject(subject_type, name, place) == words


def test_today_is_the_portals_own(settings: Any) -> None:
    settings.TIME_ZONE = "Pacific/Auckland"

    assert Facts({}, datetime(2026, 3, 1, 20, tzinfo=UTC)).today == date(2026, 3, 2)
