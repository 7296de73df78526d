"""Opening, closing and keeping alerts: one open finding per rule and subject, whoever evaluates and how often."""

import json
import threading
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django_tenants.utils import schema_context, tenant_context

from kit.refusals import Refusal
from licensing.alerts import handling
from licensing.alerts.evaluation import Evaluation, evaluate
from licensing.alerts.findings.catalogue import FINDINGS
from licensing.alerts.models import Alert, AlertEvent, AlertRule, Kind
from licensing.mirror.models import License
from people import audit
from people.models import AuditEntry
from tenants.commands import Refused
from tenants.models import Partner
from tests import factories as make


def short_license(**values: Any) -> License:
    return make.make_license(**{"quantity": 10, "in_use": 14, **values})


def test_every_kind_has_a_rule_and_findings(acme: Partner) -> None:
    assert set(FINDINGS) == set(Kind)
    assert set(AlertRule.objects.filter(enabled=True).values_list("kind", flat=True)) == set(Kind)


def test_provider_has_no_rules_table(provider: Partner) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT schemaname FROM pg_tables WHERE tablename = 'alerts_alertrule' ORDER BY 1")

        assert [schema for (schema,) in cursor.fetchall()] == ["acme", "globex"]


def test_nothing_found_opens_nothing(acme: Partner) -> None:
    make.make_license()

    assert evaluate() == Evaluation(opened=0, closed=0, open=0)


def test_alert_opens_once_stays_and_closes_once(acme: Partner) -> None:
    license_ = short_license()

    assert evaluate() == Evaluation(opened=1, closed=0, open=1)
    assert evaluate() == Evaluation(opened=0, closed=0, open=1)

    License.objects.filter(pk=license_.pk).update(status="in_compliance", in_use=9, available=1)
    assert evaluate() == Evaluation(opened=0, closed=1, open=0)
    assert evaluate() == Evaluation(opened=0, closed=0, open=0)
    assert Alert.objects.get().state == "closed"


def test_texts_of_an_open_alert_follow_the_figures(acme: Partner, acme_users: dict[str, Any]) -> None:
    license_ = short_license()
    evaluate()
    alert = Alert.objects.get()
    handling.acknowledge(audit.Actor(acme_users["operator"], "operator"), alert)

    License.objects.filter(pk=license_.pk).update(in_use=17, available=-7)
    AlertRule.objects.filter(kind=Kind.OUT_OF_COMPLIANCE).update(severity="minor")

    assert evaluate() == Evaluation(opened=0, closed=0, open=1)
    later = Alert.objects.get()
    assert (later.summary.startswith("7 licenses short in "), later.severity) == (True, "minor")
    assert (later.opened_at, later.acknowledged_at, later.owner) == (
        alert.opened_at,
        alert.acknowledged_at,
        alert.owner,
    )


def test_evaluating_again_writes_nothing(acme: Partner) -> None:
    short_license()
    evaluate()
    with connection.cursor() as cursor:
        cursor.execute("SELECT ctid, xmin FROM alerts_alert")
        before = cursor.fetchall()
        evaluate()
        cursor.execute("SELECT ctid, xmin FROM alerts_alert")

        assert cursor.fetchall() == before


def test_disabled_rule_closes_its_alerts_and_opens_none(acme: Partner) -> None:
    short_license()
    evaluate()
    AlertRule.objects.filter(kind=Kind.OUT_OF_COMPLIANCE).update(enabled=False)

    assert evaluate() == Evaluation(opened=0, closed=1, open=0)
    assert evaluate() == Evaluation(opened=0, closed=0, open=0)


@pytest.mark.parametrize("what", ["license gone", "pool gone", "account paused", "account removed"])
def test_alert_closes_when_its_subject_is_no_longer_watched(acme: Partner, what: str) -> None:
    license_ = short_license()
    evaluate()
    pool = license_.virtual_account
    account = pool.smart_account
    if what == "account removed":
        account.delete()
    else:
        row, column = {
            "license gone": (license_, "gone_at"),
            "pool gone": (pool, "gone_at"),
            "account paused": (account, "paused_at"),
        }[what]
        type(row).objects.filter(pk=row.pk).update(**{column: "2026-01-01T00:00:00Z"})

    assert evaluate() == Evaluation(opened=0, closed=1, open=0)
    assert license_.name in Alert.objects.get().subject


def test_failed_sync_neither_closes_nor_opens_what_the_mirror_says(acme: Partner) -> None:
    license_ = short_license()
    make.make_license(virtual_account=license_.virtual_account)
    evaluate()
    make.make_sync_run(smart_account=license_.virtual_account.smart_account, status="failed", reason="unavailable")

    assert evaluate() == Evaluation(opened=1, closed=0, open=2)
    assert set(Alert.objects.open().values_list("kind", flat=True)) == {Kind.OUT_OF_COMPLIANCE, Kind.SYNC_FAILED}


@pytest.mark.parametrize("findings", [1, 3])
def test_statements_do_not_grow_with_the_findings(acme: Partner, findings: int, django_assert_num_queries: Any) -> None:
    pool = make.make_virtual_account()
    for _ in range(findings):
        short_license(virtual_account=pool)

    # savepoint, lock, clocks, what wakes, On-Prem servers, forecasts, evaluation, release
    with django_assert_num_queries(8):
        assert evaluate().opened == findings
    with django_assert_num_queries(8):
        assert evaluate().open == findings


def test_each_partner_has_its_own_alerts(acme: Partner, globex: Partner) -> None:
    short_license(id=71)
    with tenant_context(globex):
        short_license(id=71)
        AlertRule.objects.update(enabled=False)
        assert evaluate() == Evaluation(opened=0, closed=0, open=0)

    assert evaluate() == Evaluation(opened=1, closed=0, open=1)
    with tenant_context(globex):
        assert Alert.objects.count() == 0


def test_evaluations_at_once_open_each_finding_once(committed: None, in_partner: Any) -> None:
    with in_partner("acme"):
        pool = make.make_virtual_account()
        for _ in range(20):
            short_license(virtual_account=pool)
    answers: list[Evaluation] = []
    start = threading.Barrier(4)

    def work() -> None:
        try:
            with schema_context("public"), in_partner("acme"):
                start.wait()
                answers.append(evaluate())
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(answer.opened for answer in answers) == [0, 0, 0, 20]
    assert {answer.open for answer in answers} == {20}


def test_acknowledging_names_the_owner_once_and_is_audited(acme: Partner, acme_users: dict[str, Any]) -> None:
    alert = make.make_alert()
    first, second = (audit.Actor(acme_users[role], f"{role}@acme.example") for role in ("operator", "owner"))

    handling.acknowledge(first, alert)
    handling.acknowledge(second, alert)

    assert (alert.owner, alert.acknowledged_at is not None) == (acme_users["operator"], True)
    entry = AuditEntry.objects.get()
    assert (entry.actor, entry.action, entry.object_type) == ("operator@acme.example", "acknowledged", "alert")
    assert sorted(entry.changes) == ["acknowledged_at", "owner"]


def test_closed_alert_cannot_be_acknowledged(acme: Partner, acme_users: dict[str, Any]) -> None:
    alert = make.make_alert(closed_at="2026-01-01T00:00:00Z")

    with pytest.raises(Refusal, match="already closed"):
        handling.acknowledge(audit.Actor(acme_users["operator"], "operator"), alert)
    assert AuditEntry.objects.count() == 0


def test_command_answers_in_json_alone(acme: Partner, capsys: pytest.CaptureFixture[str]) -> None:
    short_license()

    call_command("evaluate_alerts", "acme", "--json")

    out, err = capsys.readouterr()
    answer = json.loads(out)
    assert answer.pop("seconds") >= 0
    assert (answer, err) == ({"opened": 1, "closed": 0, "open": 1}, "")


def test_command_in_words_leaves_standard_output_empty(acme: Partner, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("evaluate_alerts", "acme")

    out, err = capsys.readouterr()
    assert (out, err.startswith("0 opened, 0 closed, 0 open (")) == ("", True)


@pytest.mark.parametrize("schema", ["nobody", "provider", "public"])
def test_command_refuses_who_is_no_partner(acme: Partner, schema: str) -> None:
    with pytest.raises(Refused, match="There is no partner"):
        call_command("evaluate_alerts", schema, "--json")


def story() -> list[tuple[str, str]]:
    return list(AlertEvent.objects.values_list("kind", "severity"))


def test_every_change_leaves_one_event(acme: Partner, globex: Partner, acme_users: dict[str, Any]) -> None:
    license_ = short_license()
    evaluate()
    evaluate()
    for _ in range(2):
        handling.acknowledge(audit.Actor(acme_users["operator"], "operator@acme.example"), Alert.objects.get())
    AlertRule.objects.filter(kind=Kind.OUT_OF_COMPLIANCE).update(severity="minor")
    evaluate()
    License.objects.filter(pk=license_.pk).update(status="in_compliance", in_use=1, available=9)
    evaluate()

    assert story() == [("opened", "critical"), ("acknowledged", "critical"), ("severity", "minor"), ("closed", "minor")]
    assert AlertEvent.objects.get(kind="acknowledged").by == "operator@acme.example"
    assert "4 licenses short in " in AlertEvent.objects.get(kind="opened").text
    with tenant_context(globex):
        assert story() == []
