"""Pages of alerts and alert rules."""

from datetime import UTC, datetime, time, timedelta
from html import unescape
from typing import Any

import pytest
from django.utils import timezone
from django_tenants.utils import tenant_context

from licensing.alerts.evaluation import evaluate
from licensing.alerts.models import Alert, AlertRule
from licensing.assignments.models import AssignmentJob
from licensing.channels.delivery import collecting
from licensing.mirror.models import License
from people.models import AuditEntry, SavedFilter, User
from tenants.models import Partner
from tests import factories as make
from tests.accounts.test_pages_servers import QUERIES, page
from tests.alert_facts import ALERT_FACTS, DAY, MOMENT

QUERIES_OF_ALERT = 10  # host and people, the alert, what else is open of its subject, history, told, to be told


def found(client: Any, query: str = "") -> list[str]:
    shown = page(client.get(f"/alerts/{query}"))
    names = ("minor one", "critical one", "closed one", "seen one")
    return [name for name in sorted(names, key=lambda name: shown.find(f">{name}</a>")) if f">{name}</a>" in shown]


def test_open_alerts_come_first_by_severity_and_are_filtered(acme: Partner, client_of: Any) -> None:
    now = timezone.now()
    make.make_alert("term_ending", subject="minor one", severity="minor")
    make.make_alert("out_of_compliance", subject="critical one", severity="critical")
    make.make_alert("out_of_compliance", subject="closed one", severity="critical", closed_at=now)
    make.make_alert("sync_failed", subject="seen one", severity="major", acknowledged_at=now)
    client = client_of(acme, "viewer")

    assert found(client) == ["critical one", "seen one", "minor one"]
    assert found(client, "?state=new") == ["critical one", "minor one"]
    assert found(client, "?state=closed") == ["closed one"]
    assert found(client, "?state=all&kind=out_of_compliance") == ["critical one", "closed one"]
    assert found(client, "?severity=minor") == ["minor one"]
    assert found(client, "?q=seen") == ["seen one"]
    assert found(client, "?sort=-severity") == ["minor one", "seen one", "critical one"]


def test_alert_says_what_since_when_and_what_to_do_and_links_its_subject(acme: Partner, client_of: Any) -> None:
    row = make.make_license()
    alert = make.make_alert(
        subject_id=row.pk,
        subject=row.name,
        facts=ALERT_FACTS["out_of_compliance"] | {"short": 3},
        due_at=timezone.now() + timedelta(days=10),
    )
    older = make.make_alert("term_ending", subject_id=row.pk, subject=row.name, closed_at=timezone.now())

    shown = page(client_of(acme, "viewer").get(f"/alerts/{alert.pk}/"))

    assert "3 licenses short in Operational of Acme: 1,204 in use, 1,200 owned." in shown
    assert "Order 3 more licenses, or remove product instances that use them." in shown
    assert f'href="/licenses/{row.pk}/"' in shown
    assert f'href="/alerts/{older.pk}/"' in shown
    assert "Acknowledge" not in shown


def test_due_day_is_the_portals_own_in_the_list_and_on_the_page(acme: Partner, client_of: Any, settings: Any) -> None:
    settings.TIME_ZONE = "Europe/Berlin"
    alert = make.make_alert(due_at=datetime(2040, 3, 29, 22, 30, tzinfo=UTC))
    client = client_of(acme, "viewer")

    with timezone.override("Europe/Berlin"):
        shown = [page(client.get(address)) for address in ("/alerts/", f"/alerts/{alert.pk}/")]

    assert ['datetime="2040-03-30"' in text for text in shown] == [True, True]


def test_operator_acknowledges_and_becomes_its_owner(
    acme: Partner, acme_users: dict[str, User], client_of: Any
) -> None:
    alert = make.make_alert()
    client, address = client_of(acme, "operator"), f"/alerts/{alert.pk}"

    assert f'action="{address}/acknowledge/"' in page(client.get(f"{address}/"))
    response = client.post(f"{address}/acknowledge/")

    alert.refresh_from_db()
    assert response["Location"] == f"{address}/"
    assert (alert.owner, alert.state, alert.acknowledged_at is not None) == (acme_users["operator"], "open", True)
    assert [entry.action for entry in AuditEntry.objects.all()] == ["acknowledged"]
    assert "by operator@acme.example" in page(client.get(f"{address}/"))


def test_closed_alert_is_not_acknowledged_and_viewers_may_not(acme: Partner, client_of: Any) -> None:
    closed, open_ = make.make_alert(closed_at=timezone.now()), make.make_alert()

    refused = client_of(acme, "operator").post(f"/alerts/{closed.pk}/acknowledge/", follow=True)
    forbidden = client_of(acme, "viewer").post(f"/alerts/{open_.pk}/acknowledge/")

    assert "This alert has already closed." in page(refused)
    assert forbidden.status_code == 403
    assert Alert.objects.exclude(acknowledged_at=None).count() == 0


def test_owner_changes_a_rule_and_only_the_threshold_that_means_something(acme: Partner, client_of: Any) -> None:
    term, short = (AlertRule.objects.get(kind=kind) for kind in ("term_ending", "out_of_compliance"))
    client = client_of(acme, "owner")

    asked = page(client.get(f"/alert-rules/{term.pk}/edit/"))
    response = client.post(
        f"/alert-rules/{term.pk}/edit/",
        {"name": "Ends soon", "enabled": "on", "lead_days": "45, 7", "severity": "major"},
    )

    assert "Days before" in asked
    assert 'name="threshold"' not in page(client.get(f"/alert-rules/{short.pk}/edit/"))
    assert response["Location"] == "/alert-rules/"
    assert AlertRule.objects.filter(pk=term.pk, threshold=45, severity="major", enabled=True).exists()
    assert AuditEntry.objects.get().changes == {
        "name": ["Term ending", "Ends soon"],
        "threshold": [90, 45],
        "severity": ["minor", "major"],
        "lead_days": [[90, 60, 30, 14, 7, 3, 1], [45, 7]],
        "rise_at_days": [[30, 7], []],
    }
    assert "45, 7 days before" in page(client.get("/alert-rules/"))


@pytest.mark.parametrize("threshold", ["-1", "40000", "soon"])
def test_unfit_threshold_is_refused(acme: Partner, client_of: Any, threshold: str) -> None:
    rule = AlertRule.objects.get(kind="instance_silent")

    response = client_of(acme, "owner").post(
        f"/alert-rules/{rule.pk}/edit/", {"enabled": "on", "threshold": threshold, "severity": "major"}
    )

    assert response.status_code == 422
    assert f'value="{threshold}"' in page(response)
    assert AlertRule.objects.get(pk=rule.pk).threshold == 30


@pytest.mark.parametrize("leads", ["90, \u00b2", "-1", "soon", "9" * 5000, "3651"])
def test_unfit_lead_times_are_refused(acme: Partner, client_of: Any, leads: str) -> None:
    rule = AlertRule.objects.get(kind="term_ending")

    sent = {"enabled": "on", "lead_days": leads, "severity": "major"}
    response = client_of(acme, "owner").post(f"/alert-rules/{rule.pk}/edit/", sent)

    assert response.status_code in (409, 422)
    assert f'value="{leads}"' in page(response)
    assert AlertRule.objects.get(pk=rule.pk).lead_days == rule.lead_days


@pytest.mark.parametrize("role", ["operator", "viewer"])
def test_rules_are_read_by_all_and_changed_by_owners(acme: Partner, client_of: Any, role: str) -> None:
    rule = AlertRule.objects.get(kind="term_ending")
    client = client_of(acme, role)

    assert client.get("/alert-rules/").status_code == 200
    assert "/edit/" not in page(client.get("/alert-rules/"))
    assert client.post(f"/alert-rules/{rule.pk}/edit/", {"severity": "info"}).status_code == 403


@pytest.mark.parametrize("rows", [1, 3])
def test_alert_list_needs_the_same_queries_for_more_rows(
    acme: Partner, globex: Partner, client_of: Any, django_assert_num_queries: Any, rows: int
) -> None:
    with tenant_context(globex):
        make.make_alert(subject="globex alert")
    for _ in range(rows):
        make.make_alert()
    client = client_of(acme, "viewer")
    client.get("/alerts/")

    with django_assert_num_queries(QUERIES + 1):  # the saved filters
        shown = page(client.get("/alerts/"))

    assert shown.count('class="title"') == rows
    assert "globex alert" not in shown


# --- Taking care of one, saved filters, rules ---


def test_operator_owns_snoozes_and_comments(acme: Partner, acme_users: dict[str, User], client_of: Any) -> None:
    alert = make.make_alert("sync_failed", subject_type="smart_account", subject_id=make.make_smart_account().pk)
    client, here = client_of(acme, "operator"), f"/alerts/{alert.pk}/"

    client.post(f"{here}own/", {"owner": acme_users["owner"].pk})
    client.post(f"{here}snooze/", {"span": "3d"})
    client.post(f"{here}comment/", {"text": "Cisco has been asked."})

    alert.refresh_from_db()
    assert alert.owner == acme_users["owner"]
    assert alert.snoozed_until - timezone.now() > timedelta(days=2)
    assert [event.kind for event in alert.events.all()] == ["owned", "snoozed", "commented"]
    shown = page(client.get(here))
    assert "Cisco has been asked." in shown
    assert "Snoozed" in shown


@pytest.mark.parametrize("verb", ["own", "snooze", "comment", "acknowledge"])
def test_viewers_take_care_of_nothing(acme: Partner, client_of: Any, verb: str) -> None:
    alert = make.make_alert()

    assert client_of(acme, "viewer").post(f"/alerts/{alert.pk}/{verb}/", {"text": "x"}).status_code == 403


@pytest.mark.parametrize(("verb", "sent"), [("own", {"owner": 99}), ("snooze", {"span": "9y"}), ("comment", {})])
def test_what_does_not_fit_is_said_and_changes_nothing(
    acme: Partner, client_of: Any, verb: str, sent: dict[str, Any]
) -> None:
    alert = make.make_alert()

    response = client_of(acme, "operator").post(f"/alerts/{alert.pk}/{verb}/", sent, follow=True)

    assert response.status_code == 200
    assert alert.events.count() == 0


def test_button_leads_on_for_those_who_may(acme: Partner, client_of: Any) -> None:
    account = make.make_smart_account()
    failed = make.make_alert("sync_failed", subject_type="smart_account", subject_id=account.pk, smart_account=account)

    assert f'action="/smart-accounts/{account.pk}/sync/"' in page(
        client_of(acme, "operator").get(f"/alerts/{failed.pk}/")
    )
    assert "Sync now" not in page(client_of(acme, "viewer").get(f"/alerts/{failed.pk}/"))
    short = make.make_license(quantity=1, in_use=4)
    evaluate()
    found = Alert.objects.get(kind="out_of_compliance")
    assert f'href="/licenses/{short.pk}/remedies/"' in page(client_of(acme, "viewer").get(f"/alerts/{found.pk}/"))


def test_accounts_and_pools_count_their_alerts_and_lead_to_them(acme: Partner, globex: Partner, client_of: Any) -> None:
    pool, other = make.make_virtual_account(), make.make_virtual_account()
    for place, severity in ((pool, "critical"), (pool, "minor"), (pool, "minor"), (other, "info")):
        make.make_alert(
            subject=f"in {place}", virtual_account=place, smart_account=place.smart_account, severity=severity
        )
    make.make_alert(subject="over", virtual_account=pool, smart_account=pool.smart_account, closed_at=timezone.now())
    client = client_of(acme, "viewer")

    for name, row in (("smart_account", pool.smart_account), ("virtual_account", pool)):
        shown = " ".join(page(client.get(f"/{name.replace('_', '-')}s/{row.pk}/")).split())
        here = f"/alerts/?{name}={row.pk}"
        listed, whole = page(client.get(here)), page(client.get(f"{here}&state=all"))

        assert f'{here}&amp;severity=minor"' in shown
        assert f'{here}&amp;state=all"' in shown
        assert f'{here}&amp;severity=info"' not in shown
        assert (listed.count(f"in {pool}<"), f"in {other}<" in listed, "over<" in listed) == (3, False, False)
        assert (whole.count(f"in {pool}<"), "over<" in whole) == (3, True)


def test_button_of_a_failed_assignment_opens_its_job(acme: Partner, client_of: Any) -> None:
    cluster = make.make_cluster()
    AssignmentJob.objects.create(
        cluster=cluster, virtual_account=make.make_virtual_account(), kind="assign", state="done"
    )
    job = AssignmentJob.objects.create(
        cluster=cluster, virtual_account=make.make_virtual_account(), kind="assign", state="failed"
    )
    evaluate()
    alert, client = Alert.objects.get(kind="assignment_failed"), client_of(acme, "viewer")

    shown = page(client.get(f"/alerts/{alert.pk}/"))
    number = job.pk
    job.delete()
    without = page(client.get(f"/alerts/{alert.pk}/"))

    assert f'href="/assignment-jobs/{number}/"' in shown
    assert "Open the job" not in without


@pytest.mark.parametrize("rows", [1, 3])
def test_alert_says_who_was_told_and_who_will_be(
    acme: Partner, globex: Partner, client_of: Any, api_of: Any, django_assert_num_queries: Any, rows: int
) -> None:
    for number in range(rows):
        make.make_channel(name=f"Now {number}", recipients=[f"ops{number}@north.example"])
        make.make_channel(name=f"Later {number}", digest_at=time(3), zone="UTC")
    event = make.make_event()
    make.make_event()  # another alert
    collecting.collect("https://acme.example", now=datetime(2026, 3, 1, 12, tzinfo=UTC))
    owner, viewer, path = client_of(acme, "owner"), client_of(acme, "viewer"), f"/alerts/{event.alert_id}/"
    viewer.get(path)

    with django_assert_num_queries(QUERIES_OF_ALERT):
        seen = page(viewer.get(path))
    shown = page(owner.get(path))
    listed = page(owner.get(f"/deliveries/?alert={event.alert_id}"))
    answer = api_of(acme).get(f"/api/v1/deliveries/?alert={event.alert_id}").json()["results"]

    assert (seen.count("Now "), seen.count("Later ")) == (rows, rows)
    assert "@north.example" not in seen
    assert f'href="/deliveries/{answer[0]["id"]}/"' in shown
    assert "ops0@north.example" in shown
    assert len(answer) == listed.count('class="title"') == rows
    assert api_of(globex).get(f"/api/v1/deliveries/?alert={event.alert_id}").json()["results"] == []


def test_alert_of_which_nobody_was_told_says_so(acme: Partner, client_of: Any) -> None:
    alert = make.make_alert()

    assert "No message about it is on record." in page(client_of(acme, "viewer").get(f"/alerts/{alert.pk}/"))


@pytest.mark.parametrize("kind", [kind for kind, _ in AlertRule._meta.get_field("kind").choices])
def test_page_of_each_kind_shows(acme: Partner, client_of: Any, kind: str) -> None:
    pool = make.make_virtual_account()
    places = {"smart_account": pool.smart_account, "virtual_account": pool, "cluster": make.make_cluster()}
    for subject_type in Alert.SUBJECTS:
        alert = make.make_alert(kind, subject_type=subject_type, subject_id=1, lead=30, **places)
        shown = unescape(page(client_of(acme, "owner").get(f"/alerts/{alert.pk}/")))
        assert "The portal has no details" not in shown
        for figure in alert.words.figures:
            if figure.shown not in (None, ""):
                said = {1200: "1,200", DAY: "1 May 2026", MOMENT: "1 May 2026, 10:00 UTC", False: "no"}
                assert f"<dt>{figure.label}</dt><dd>{said.get(figure.shown, '')}" in shown


def test_filters_are_kept_per_person(acme: Partner, globex: Partner, client_of: Any) -> None:
    viewer, operator = client_of(acme, "viewer"), client_of(acme, "operator")

    viewer.post("/alerts/filters/", {"name": "Grave", "query": "severity=critical&page=2"})
    viewer.post("/alerts/filters/", {"name": "Grave", "query": "severity=major"})
    refused = page(viewer.post("/alerts/filters/", {"name": "None", "query": ""}, follow=True))

    saved = SavedFilter.objects.get()
    assert (saved.name, saved.query) == ("Grave", "severity=major")
    assert "No filter is set." in refused
    assert 'href="/alerts/?severity=major"' in page(viewer.get("/alerts/"))
    assert "Grave" not in page(operator.get("/alerts/"))
    assert operator.post(f"/alerts/filters/{saved.pk}/delete/").status_code == 404
    viewer.post(f"/alerts/filters/{saved.pk}/delete/")
    assert SavedFilter.objects.count() == 0


def test_list_shows_snoozed_and_own_ones_on_demand(acme: Partner, acme_users: dict[str, User], client_of: Any) -> None:
    make.make_alert(subject="minor one", snoozed_until=timezone.now() + timedelta(days=1))
    make.make_alert(subject="critical one", owner=acme_users["operator"])
    client = client_of(acme, "operator")

    assert found(client, "?state=snoozed") == ["minor one"]
    assert found(client, "?state=new") == ["critical one"]
    assert found(client, "?owner=me") == ["critical one"]
    assert found(client, "?owner=nobody") == ["minor one"]


@pytest.mark.parametrize("kind", [kind for kind, _ in AlertRule._meta.get_field("kind").choices])
def test_rule_of_each_kind_is_replayed_added_and_deleted(acme: Partner, client_of: Any, kind: str) -> None:
    client = client_of(acme, "owner")
    before = AlertRule.objects.count()
    sent = {"name": "Another", "severity": "major", "unit": "percent"}

    assert client.get(f"/alert-rules/add/?kind={kind}").status_code == 200
    replayed = client.post(f"/alert-rules/add/?kind={kind}", {**sent, "replay": "1"})
    assert (replayed.status_code, AlertRule.objects.count()) == (200, before)

    assert client.post(f"/alert-rules/add/?kind={kind}", sent)["Location"] == "/alert-rules/"
    rule = AlertRule.objects.get(name="Another")
    assert (rule.kind, rule.enabled) == (kind, False)
    client.post(f"/alert-rules/{rule.pk}/delete/")
    assert AlertRule.objects.count() == before


def test_name_that_is_taken_is_refused_and_nothing_typed_is_lost(acme: Partner, client_of: Any) -> None:
    response = client_of(acme, "owner").post(
        "/alert-rules/add/?kind=free_below",
        {"name": "Sync failed", "threshold": "7", "unit": "licenses", "severity": "info"},
    )

    assert response.status_code == 409
    assert "Another rule has this name." in page(response)
    assert 'value="7"' in page(response)


def test_list_of_five_thousand_findings_stays_quick(
    acme: Partner, client_of: Any, django_assert_num_queries: Any
) -> None:
    pool = make.make_virtual_account()
    License.objects.bulk_create(
        License(virtual_account=pool, name=f"L{n:05d}", quantity=1, in_use=5, available=-4, status="out_of_compliance")
        for n in range(5000)
    )
    assert evaluate().opened == 5000
    client = client_of(acme, "viewer")
    client.get("/alerts/")

    with django_assert_num_queries(QUERIES + 1):
        shown = page(client.get("/alerts/"))

    assert "<strong>5,000</strong>" in shown
