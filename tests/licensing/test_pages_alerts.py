"""Pages of alerts and alert rules."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from django_tenants.utils import tenant_context

from licensing.models import Alert, AlertRule
from people.models import AuditEntry, User
from tenants.models import Partner
from tests import factories as make
from tests.licensing.test_pages_servers import QUERIES, page


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
        subject_id=row.pk, subject=row.name, summary="3 short in Pool.", next_step="Order 3 more.",
        due_at=timezone.now() + timedelta(days=10),
    )  # fmt: skip
    older = make.make_alert("term_ending", subject_id=row.pk, subject=row.name, closed_at=timezone.now())

    shown = page(client_of(acme, "viewer").get(f"/alerts/{alert.pk}/"))

    assert "3 short in Pool." in shown
    assert "Order 3 more." in shown
    assert f'href="/licenses/{row.pk}/"' in shown
    assert f'href="/alerts/{older.pk}/"' in shown
    assert "Acknowledge" not in shown


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

    assert "This alert has closed by itself, so nothing is left to acknowledge." in page(refused)
    assert forbidden.status_code == 403
    assert Alert.objects.exclude(acknowledged_at=None).count() == 0


def test_owner_changes_a_rule_and_only_the_threshold_that_means_something(acme: Partner, client_of: Any) -> None:
    term, short = (AlertRule.objects.get(kind=kind) for kind in ("term_ending", "out_of_compliance"))
    client = client_of(acme, "owner")

    asked = page(client.get(f"/alert-rules/{term.pk}/edit/"))
    response = client.post(f"/alert-rules/{term.pk}/edit/", {"enabled": "on", "threshold": "45", "severity": "major"})

    assert "Days before the end" in asked
    assert 'name="threshold"' not in page(client.get(f"/alert-rules/{short.pk}/edit/"))
    assert response["Location"] == "/alert-rules/"
    assert AlertRule.objects.filter(pk=term.pk, threshold=45, severity="major", enabled=True).exists()
    assert AuditEntry.objects.get().changes == {"threshold": [90, 45], "severity": ["minor", "major"]}
    assert "45" in page(client.get("/alert-rules/"))


@pytest.mark.parametrize("threshold", ["-1", "40000", "soon"])
def test_unfit_threshold_is_refused(acme: Partner, client_of: Any, threshold: str) -> None:
    rule = AlertRule.objects.get(kind="term_ending")

    response = client_of(acme, "owner").post(
        f"/alert-rules/{rule.pk}/edit/", {"enabled": "on", "threshold": threshold, "severity": "major"}
    )

    assert response.status_code == 422
    assert f'value="{threshold}"' in page(response)
    assert AlertRule.objects.get(pk=rule.pk).threshold == 90


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

    with django_assert_num_queries(QUERIES):
        shown = page(client.get("/alerts/"))

    assert shown.count('class="title"') == rows
    assert "globex alert" not in shown
