"""The first page: am I compliant, where not, since when, what fixes it, how old are the numbers?"""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from licensing.accounts.models import SmartAccount
from licensing.alerts import evaluation
from licensing.mirror.models import SyncRun
from portal.celery import app as celery_app
from portal.navigation import sections
from tenants.models import Partner
from tests import factories as make

# Statements: host (two schema switches around it), session, user, and eleven for figures and clocks, however many.
QUERIES = 21  # five of them are the charts


def text(client: Any, **headers: str) -> str:
    response = client.get("/", headers=headers)
    assert response.status_code == 200
    return str(response.content.decode())


def make_pools(account: SmartAccount) -> tuple[Any, Any]:
    return tuple(
        make.make_virtual_account(smart_account=account, name=f"va-{purpose}", purpose=purpose)
        for purpose in ("ordered", "operational")
    )  # type: ignore[return-value]


def test_first_visit_leads_owners_through_the_steps(acme: Partner, client_of: Any) -> None:
    owner, viewer = client_of(acme, "owner"), client_of(acme, "viewer")
    assert ("/license-servers/add/" in text(owner), "/license-servers/add/" in text(viewer)) == (True, False)

    server = make.make_server()
    assert f'href="/license-servers/{server.pk}/">Test and choose' in text(owner)

    account = make.make_smart_account(license_server=server, last_synced_at=None)
    make.make_sync_run(smart_account=account, status="failed", cause="No answer")
    assert "None has come through yet" in text(owner)

    SyncRun.objects.update(status="running", finished_at=None)
    assert "The first sync is running" in text(owner)


def test_nothing_needs_you_today_when_that_is_true(acme: Partner, client_of: Any) -> None:
    pool = make.make_virtual_account()
    make.make_license(virtual_account=pool)
    client = client_of(acme, "viewer")

    assert "Nothing needs you today" in text(client)
    assert "Needs attention" not in text(client)


@pytest.mark.parametrize("why", ["old", "failed", "never", "alert", "short"])
def test_nothing_is_not_said_while_something_is(acme: Partner, client_of: Any, why: str) -> None:
    account = make.make_smart_account()
    pool = make.make_virtual_account(smart_account=account)
    make.make_license(virtual_account=pool)
    if why == "old":
        SmartAccount.objects.update(last_synced_at=timezone.now() - timedelta(days=3))
    elif why == "failed":
        make.make_sync_run(smart_account=account, status="failed")
    elif why == "never":
        make.make_smart_account(last_synced_at=None)
    elif why == "alert":
        make.make_alert("instance_silent")
    else:
        make.make_license(virtual_account=pool, quantity=1, in_use=2)

    assert "Nothing needs you today" not in text(client_of(acme, "viewer"))


def test_shortage_says_where_how_much_since_when_and_what_fixes_it(acme: Partner, client_of: Any) -> None:
    account = make.make_smart_account(name="Acme")
    pool = make.make_virtual_account(smart_account=account, name="Running")
    make.make_license(virtual_account=pool, name="Basic", quantity=10, in_use=14)
    spare = make.make_virtual_account(smart_account=account, name="Spare")
    make.make_license(virtual_account=spare, name="Basic", quantity=50, in_use=0)
    evaluation.evaluate()

    answer = text(client_of(acme, "viewer"))

    for part in (
        "1 license is out of compliance",
        "4 short",
        "Running",
        "Move 4 licenses here from Spare",
        "moments ago",
    ):
        assert part in answer, part
    assert "Needs attention" not in answer


def test_pools_stand_side_by_side_with_the_most_pressed_first(acme: Partner, client_of: Any) -> None:
    ordered, operational = make_pools(make.make_smart_account())
    make.make_license(virtual_account=ordered, name="Calm", quantity=100, in_use=0)
    make.make_license(virtual_account=operational, name="Calm", quantity=90, in_use=9)
    make.make_license(virtual_account=operational, name="Tight", quantity=10, in_use=10)
    make.make_license(virtual_account=operational, name="Zero", quantity=1, in_use=2)

    (pair,) = client_of(acme, "viewer").get("/").context["pools"]

    assert [row.name for row in pair.rows] == ["Zero", "Tight", "Calm"]
    assert [(row.ordered and row.ordered.quantity, row.operational.quantity) for row in pair.rows] == [
        (None, 1),
        (None, 10),
        (100, 90),
    ]


def test_pools_that_spell_a_license_differently_stand_in_one_row(acme: Partner, client_of: Any) -> None:
    ordered, operational = make_pools(make.make_smart_account())
    for pool, quantity, name in (
        (ordered, 10, "UC Manager Basic License  (12.x)"),
        (ordered, 5, "UC Manager Basic License (14.x)"),
        (operational, 7, "UC MANAGER BASIC LICENSE (12.X)"),
        (operational, 3, "UC Manager Basic License (14.x)"),
    ):
        make.make_license(virtual_account=pool, name=name, quantity=quantity, in_use=0)

    (pair,) = client_of(acme, "viewer").get("/").context["pools"]

    assert [(row.ordered.quantity, row.operational.quantity) for row in pair.rows] == [(10, 7), (5, 3)]


def test_attention_is_ranked_and_many_of_a_kind_are_one_line(acme: Partner, client_of: Any) -> None:
    make.make_smart_account()
    for _ in range(3):
        make.make_alert("instance_silent", severity="minor")
    make.make_alert("sync_failed", severity="critical", subject_type="smart_account")
    make.make_alert("term_ending", severity="minor", due_at=timezone.now() + timedelta(days=3))

    response = client_of(acme, "viewer").get("/")

    groups = [group for group, _ in response.context["attention"]]
    assert [(group.severity, group.kind, group.count) for group in groups] == [
        ("critical", "sync_failed", 1),
        ("minor", "term_ending", 1),
        ("minor", "instance_silent", 3),
    ]
    answer = response.content.decode()
    assert "/alerts/?kind=instance_silent&amp;severity=minor" in answer
    assert "Product instance silent: 3 alerts" in answer


def test_terms_ending_soon_are_listed_by_day_and_paused_accounts_left_out(acme: Partner, client_of: Any) -> None:
    today = timezone.localdate()
    make.make_line(end=today + timedelta(days=20), license=make.make_license(name="Later"))
    make.make_line(end=today + timedelta(days=5), license=make.make_license(name="Sooner"))
    make.make_line(end=today + timedelta(days=300), license=make.make_license(name="Far"))
    make.make_line(end=today, license=make.make_license(name="Cancelled"), status="Canceled")
    paused = make.make_virtual_account(smart_account=make.make_smart_account(paused_at=timezone.now()))
    make.make_line(end=today, license=make.make_license(name="Paused", virtual_account=paused))

    ending = client_of(acme, "viewer").get("/").context["ending"]

    assert [line.license.name for line in ending] == ["Sooner", "Later"]


def test_running_sync_moves_by_polling_and_the_page_is_read_anew_when_it_is_over(acme: Partner, client_of: Any) -> None:
    account = make.make_smart_account()
    run = make.make_sync_run(
        smart_account=account, status="running", progress={"step": "Reading licenses", "done": 4, "total": 10}
    )
    client = client_of(acme, "viewer")

    assert 'hx-trigger="every 2s"' in text(client)
    part = text(client, **{"HX-Request": "true"})
    assert ("Reading licenses" in part, "4 of 10" in part, "<html" in part) == (True, True, False)

    run.status = "succeeded"
    run.save()
    assert client.get("/", headers={"HX-Request": "true"})["HX-Refresh"] == "true"
    assert "every 2s" not in text(client)


def test_operator_starts_a_sync_and_viewer_is_neither_offered_nor_allowed_it(acme: Partner, client_of: Any) -> None:
    account = make.make_smart_account()
    viewer, operator = client_of(acme, "viewer"), client_of(acme, "operator")

    assert ("Sync now" in text(viewer), "Sync now" in text(operator)) == (False, True)
    assert viewer.post("/", {"smart_account": account.pk}).status_code == 403
    assert SyncRun.objects.count() == 0
    assert operator.post("/", {"smart_account": account.pk})["Location"] == "/"
    run = SyncRun.objects.get()
    assert (run.status, run.requested_by) == ("queued", "operator@acme.example")
    celery_app.control.purge()


@pytest.mark.parametrize("sent", ["", "x", "999999", "99999999999999999999"])
def test_sync_of_no_account_is_not_found(acme: Partner, client_of: Any, sent: str) -> None:
    assert client_of(acme, "operator").post("/", {"smart_account": sent}).status_code == 404


def test_overview_takes_the_same_statements_for_one_account_and_for_three(acme: Partner, client_of: Any) -> None:
    client, taken = client_of(acme, "viewer"), []
    for rows in (1, 2):
        for _ in range(rows):
            account = make.make_smart_account()
            make.make_sync_run(smart_account=account)
            for pool in make_pools(account):
                make.make_line(license=make.make_license(virtual_account=pool, quantity=1, in_use=2))
        evaluation.evaluate()
        with CaptureQueriesContext(connection) as queries:
            client.get("/")
        taken.append(len(queries))

    assert taken == [QUERIES, QUERIES]


def test_each_entry_of_the_navigation_opens_the_page_of_its_name(acme: Partner, client_of: Any) -> None:
    client = client_of(acme, "owner")
    make.make_smart_account()
    links = [link for section in sections("/", may_own=True) for link in section.links]

    headings = {}
    for link in links:
        found = re.search(r"<h1>(.*?) ?<", client.get(link.address).content.decode())
        headings[link.label] = found and found[1].strip()

    assert headings.pop("Admin site") is None
    assert headings == {label: label for label in headings}
