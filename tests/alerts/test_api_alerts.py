"""Alerts and their rules over REST: the same verbs as the pages call."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from django_tenants.utils import tenant_context

from licensing.alerts.kinds import FACTS
from licensing.alerts.models import Alert, AlertRule
from people.models import AuditEntry, User
from tenants.models import Partner
from tests import factories as make

WRITTEN = ("threshold", "unit", "lead_days", "rise_at_days", "severity", "enabled")
RULES, ALERTS = "/api/v1/alert-rules/", "/api/v1/alerts/"


def test_rule_is_added_changed_and_deleted(acme: Partner, globex: Partner, api_of: Any) -> None:
    api = api_of(acme)
    with tenant_context(globex):
        theirs = AlertRule.objects.count()

    made = api.post(RULES, {"kind": "term_ending", "threshold": 45, "severity": "info"}, format="json")
    changed = api.patch(f"{RULES}{made.json()['id']}/", {"lead_days": [10, 2, 5, 5]}, format="json")

    assert made.status_code == 201
    assert {name: made.json()[name] for name in ("name", "threshold", "lead_days", "enabled")} == {
        "name": "Term ending 2",
        "threshold": 45,
        "lead_days": [45, 30, 14, 7, 3, 1],
        "enabled": True,
    }
    assert (changed.json()["lead_days"], changed.json()["threshold"]) == ([10, 5, 2], 10)
    assert api.delete(f"{RULES}{made.json()['id']}/").status_code == 204
    assert list(AuditEntry.objects.order_by("id").values_list("action", flat=True)) == ["added", "changed", "deleted"]
    with tenant_context(globex):
        assert AlertRule.objects.count() == theirs


@pytest.mark.parametrize(
    ("sent", "field"),
    [
        ({"kind": "nothing"}, "kind"),
        ({"kind": "free_below", "unit": "percent", "threshold": 101}, "threshold"),
        ({"kind": "exhaustion", "threshold": 731}, "threshold"),
        ({"kind": "sync_failed", "threshold": 5}, "threshold"),
        ({"kind": "term_ending", "threshold": 5, "unit": "percent"}, "unit"),
        ({"kind": "instance_silent", "lead_days": [30, 7]}, "lead_days"),
        ({"kind": "instance_silent", "rise_at_days": [3]}, "rise_at_days"),
        ({"kind": "sync_failed", "licenses": ["A"]}, "licenses"),
        ({"kind": "sync_failed", "smart_accounts": [99]}, "smart_accounts"),
        ({"kind": "wrong_pool", "customers": [2**63]}, "customers.0"),
        ({"kind": "sync_failed", "name": "Sync failed"}, "name"),
        ({"kind": "term_ending", "lead_days": [-1]}, "lead_days.0"),
        ({"kind": "sync_failed", "escalate_after_hours": 0}, "escalate_after_hours"),
        ({"kind": "sync_failed", "owner": 99}, "owner"),
    ],
)
def test_rule_that_does_not_fit_is_refused(acme: Partner, api_of: Any, sent: dict[str, Any], field: str) -> None:
    before = AlertRule.objects.count()

    response = api_of(acme).post(RULES, sent, format="json")

    assert (response.status_code, list(response.json()["errors"])) == (400, [field])
    assert (AlertRule.objects.count(), AuditEntry.objects.count()) == (before, 0)


@pytest.mark.parametrize("kind", FACTS)
def test_rule_of_each_kind_needs_no_more_than_its_kind_and_is_taken_back_as_it_was_given(
    acme: Partner, api_of: Any, kind: str
) -> None:
    api = api_of(acme)

    for rule in [*AlertRule.objects.filter(kind=kind).values("id"), api.post(RULES, {"kind": kind}).json()]:
        read = api.get(f"{RULES}{rule['id']}/").json()
        again = api.patch(f"{RULES}{rule['id']}/", {name: read[name] for name in WRITTEN})
        assert (again.status_code, again.json()) == (200, read)


def test_owner_of_a_rule_is_somebody_who_may_act(acme: Partner, acme_users: dict[str, User], api_of: Any) -> None:
    rule = AlertRule.objects.get(kind="sync_failed")
    path, api = f"{RULES}{rule.pk}/", api_of(acme)

    refused = api.patch(path, {"owner": acme_users["viewer"].pk})
    AlertRule.objects.filter(pk=rule.pk).update(owner=acme_users["viewer"])  # was an operator when the rule was made

    assert (refused.status_code, list(refused.json()["errors"])) == (400, ["owner"])
    assert api.patch(path, {"severity": "minor"}).status_code == 200
    assert api.patch(path, {"owner": acme_users["operator"].pk}).json()["owner"] == acme_users["operator"].pk


def test_kind_of_a_stored_rule_stays(acme: Partner, api_of: Any) -> None:
    rule = AlertRule.objects.get(kind="sync_failed")

    assert api_of(acme).patch(f"{RULES}{rule.pk}/", {"kind": "term_ended"}, format="json").status_code == 400


def test_alert_is_owned_snoozed_commented_and_its_history_read(
    acme: Partner, acme_users: dict[str, User], api_of: Any
) -> None:
    api, here = api_of(acme, "operator"), f"{ALERTS}{make.make_alert().pk}/"
    until = (timezone.now() + timedelta(days=2)).isoformat()

    owned = api.post(f"{here}own/", {"owner": acme_users["owner"].pk}, format="json")
    snoozed = api.post(f"{here}snooze/", {"until": until}, format="json")
    api.post(f"{here}comment/", {"text": "Asked Cisco."}, format="json")

    assert owned.json()["owner"] == acme_users["owner"].pk
    assert snoozed.json()["snoozed_until"] is not None
    assert [event["kind"] for event in api.get(f"{here}events/").json()] == ["owned", "snoozed", "commented"]
    assert api_of(acme, "viewer").post(f"{here}comment/", {"text": "x"}, format="json").status_code == 403


@pytest.mark.parametrize(
    ("verb", "sent"),
    [("own", {}), ("own", {"owner": 99}), ("snooze", {"until": "2020-01-01T00:00:00Z"}), ("comment", {"text": ""})],
)
def test_unfit_verbs_are_answered_by_field(acme: Partner, api_of: Any, verb: str, sent: dict[str, Any]) -> None:
    alert = make.make_alert()

    response = api_of(acme).post(f"{ALERTS}{alert.pk}/{verb}/", sent, format="json")

    assert response.status_code == 400
    assert Alert.objects.get().snoozed_until is None


def test_rule_says_what_it_would_have_fired(acme: Partner, api_of: Any) -> None:
    account, at = make.make_smart_account(name="Main"), timezone.now() - timedelta(hours=5)
    make.make_sync_run(smart_account=account, status="failed", queued_at=at, finished_at=at)
    rule = AlertRule.objects.get(kind="sync_failed")

    answer = api_of(acme, "viewer").get(f"{RULES}{rule.pk}/would-have-fired/?days=30").json()

    assert (answer["covered"], answer["total"]) == ("whole", 1)
    [firing] = answer["firings"]
    assert (firing["subject"], firing["closed_at"]) == ("Main", None)
    assert 5 * 3600 <= firing["seconds"] < 5 * 3600 + 60


@pytest.mark.parametrize("days", ["0", "731", "soon", "", "\u00b2", "9" * 5000, "9&days=8", "9&unknown=1"])
def test_unfit_days_are_refused(acme: Partner, api_of: Any, days: str) -> None:
    rule = AlertRule.objects.get(kind="sync_failed")

    assert api_of(acme).get(f"{RULES}{rule.pk}/would-have-fired/?days={days}").status_code == 400


def test_account_notes_whether_ciscos_own_alerts_are_set_up(acme: Partner, api_of: Any, client_of: Any) -> None:
    account = make.make_smart_account()
    path, page = f"/api/v1/smart-accounts/{account.pk}/", f"/smart-accounts/{account.pk}/"
    assert "not set up, by what is entered here" in client_of(acme, "viewer").get(page).content.decode()

    assert api_of(acme, "operator").patch(path, {"cssm_alerts_configured": True}).status_code == 403
    assert api_of(acme).patch(path, {"cssm_alerts_configured": True}).json()["cssm_alerts_configured"] is True

    assert "not set up" not in client_of(acme, "viewer").get(page).content.decode()
    assert AuditEntry.objects.get().changes["cssm_alerts_configured"] == [False, True]
