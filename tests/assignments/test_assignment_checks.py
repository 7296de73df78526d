"""Every reason against an assignment: from the one function, and alike on the page, in REST and in a batch."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from licensing.assignments import batches, checks, decisions
from licensing.assignments import checks as assignments_checks
from licensing.assignments.checks import NotAssignable, Step
from licensing.assignments.jobs import effects
from licensing.assignments.models import Assignment, AssignmentBatch, AssignmentJob
from licensing.fleet.models import Cluster, Proxy
from licensing.mirror.models import VirtualAccount
from people.audit import Actor
from people.models import AuditEntry
from tenants.models import Partner
from tests import factories as make

ANNA = Actor(None, "anna@acme.example")
NOW = timezone.now()
Case = Callable[[], tuple[Cluster, VirtualAccount]]


def old_version() -> tuple[Cluster, VirtualAccount]:
    return make.make_cluster(version="11.5(1)SU3"), make.make_pool()


def ordered_pool() -> tuple[Cluster, VirtualAccount]:
    return make.make_cluster(), make.make_pool(purpose="ordered")


def gone_pool() -> tuple[Cluster, VirtualAccount]:
    return make.make_cluster(), make.make_pool(gone_at=NOW)


def no_mode() -> tuple[Cluster, VirtualAccount]:
    return make.make_cluster(), make.make_virtual_account()


def hcs_cluster_in_enterprise_pool() -> tuple[Cluster, VirtualAccount]:
    return make.make_cluster(deployment="hcs"), make.make_pool(license_mode="enterprise")


def paused_account() -> tuple[Cluster, VirtualAccount]:
    return make.make_cluster(), make.make_pool(smart_account=make.make_smart_account(paused_at=NOW))


def never_synced() -> tuple[Cluster, VirtualAccount]:
    return make.make_cluster(), make.make_pool(smart_account=make.make_smart_account(last_synced_at=None))


def synced_too_long_ago() -> tuple[Cluster, VirtualAccount]:
    account = make.make_smart_account(last_synced_at=NOW - timedelta(days=2, minutes=1))
    return make.make_cluster(), make.make_pool(smart_account=account)


def other_server() -> tuple[Cluster, VirtualAccount]:
    server = make.make_server(kind="on_prem", api_base_url="https://onprem.example:8443/api/v1", version="8")
    return make.make_cluster(license_server=server), make.make_pool()


def on_prem_by_its_address_alone() -> tuple[Cluster, VirtualAccount]:
    server = make.make_server(kind="on_prem", api_base_url="https://10.1.2.3:8443/api/v1", version="8")
    nodes = {"exp-1.example": "publisher"}
    cluster = make.make_cluster(nodes, application="expressway_c", version="X14.2", license_server=server)
    return cluster, make.make_pool(smart_account=make.make_smart_account(license_server=server))


def proxy_without_password() -> tuple[Cluster, VirtualAccount]:
    cluster = make.make_cluster()
    Proxy.objects.create(customer=cluster.customer, host="proxy.example", port=3128, username="portal")
    return cluster, make.make_pool()


def expressway_without_nodes() -> tuple[Cluster, VirtualAccount]:
    return make.make_cluster({}, application="expressway_c", version="X14.2"), make.make_pool()


def expressway_without_primary() -> tuple[Cluster, VirtualAccount]:
    nodes = {"exp-2.example": "subscriber"}
    return make.make_cluster(nodes, application="expressway_e", version="X14.2"), make.make_pool()


def already_assigned() -> tuple[Cluster, VirtualAccount]:
    pool = make.make_pool()
    return make.make_assignment(virtual_account=pool).cluster, pool


def other_job() -> tuple[Cluster, VirtualAccount]:
    cluster, pool = make.make_cluster(), make.make_pool()
    AssignmentJob.objects.create(kind="assign", cluster=cluster, virtual_account=pool)
    return cluster, pool


def registered_in_several() -> tuple[Cluster, VirtualAccount]:
    cluster = make.make_cluster()
    for _ in range(2):
        make.make_instance(cluster=cluster)
    return cluster, make.make_pool()


def mixed_mode_without_token() -> tuple[Cluster, VirtualAccount]:
    return make.make_cluster(mixed_mode=True), make.make_pool()


def short_of_licenses() -> tuple[Cluster, VirtualAccount]:
    name = "UC Manager Enhanced License (12.x)"
    cluster, pool = make.make_cluster(), make.make_pool()
    make.make_license(virtual_account=pool, name=name, quantity=2, in_use=0)
    make.make_instance({name: 5}, cluster=cluster)
    return cluster, pool


CASES: dict[str, Case] = {
    "version": old_version,
    "ordered_pool": ordered_pool,
    "pool_gone": gone_pool,
    "no_license_mode": no_mode,
    "license_mode": hcs_cluster_in_enterprise_pool,
    "account_paused": paused_account,
    "stale": synced_too_long_ago,
    "stale ": never_synced,
    "license_server": other_server,
    "registration_url": on_prem_by_its_address_alone,
    "proxy": proxy_without_password,
    "nodes": expressway_without_nodes,
    "nodes ": expressway_without_primary,
    "assigned": already_assigned,
    "other_job": other_job,
    "registered_in_several": registered_in_several,
    "mixed_mode": mixed_mode_without_token,
    "shortage": short_of_licenses,
}
# A batch moves what is assigned elsewhere, and there "assigned" is said of its own pool alone.
SAID_BY_BATCH = {"assigned": "same_pool"}


@pytest.mark.parametrize("code", CASES)
def test_reason_is_the_only_one(acme: Partner, code: str) -> None:
    cluster, pool = CASES[code]()

    (reason,) = assignments_checks.reasons_against(cluster, pool)

    assert reason.code == code.strip()
    assert reason.message.endswith(".")
    assert reason.next_step.endswith(".")
    assert reason.overridable is (code == "shortage")


@pytest.mark.parametrize("code", CASES)
def test_reason_is_refused_by_the_verb(acme: Partner, code: str) -> None:
    cluster, pool = CASES[code]()
    before = (Assignment.objects.count(), AssignmentJob.objects.count())

    with pytest.raises(NotAssignable) as refusal:
        decisions.assign(ANNA, cluster, pool)

    assert [reason.code for reason in refusal.value.reasons] == [code.strip()]
    assert (Assignment.objects.count(), AssignmentJob.objects.count(), AuditEntry.objects.count()) == (*before, 0)


@pytest.mark.parametrize("code", CASES)
def test_reason_is_said_by_rest(acme: Partner, api_of: Any, code: str) -> None:
    cluster, pool = CASES[code]()
    reasons = assignments_checks.reasons_against(cluster, pool)

    answer = api_of(acme, "operator").post("/api/v1/assignments/", {"cluster": cluster.pk, "virtual_account": pool.pk})

    said = answer.json()
    assert answer.status_code == (400 if reasons[0].field else 409)
    assert said["detail"] == reasons[0].message
    assert [row["code"] for row in said["reasons"]] == [code.strip()]
    if reasons[0].field:
        assert said["errors"] == {reasons[0].field: [str(reasons[0])]}


@pytest.mark.parametrize(
    "code", [code for code in CASES if code != "pool_gone"]
)  # a gone pool cannot be chosen on the page
def test_reason_is_said_by_the_page(acme: Partner, client_of: Any, code: str) -> None:
    cluster, pool = CASES[code]()
    (reason,) = assignments_checks.reasons_against(cluster, pool)

    page = client_of(acme, "operator").post(f"/clusters/{cluster.pk}/assign/", {"virtual_account": pool.pk})

    assert page.status_code == 409
    form = page.context["form"]
    assert [str(error) for errors in form.errors.values() for error in errors] == [str(reason)]


@pytest.mark.parametrize("code", CASES)
def test_reason_is_said_by_the_preview_of_a_batch(acme: Partner, code: str) -> None:
    cluster, pool = CASES[code]()
    window = {"window_start": NOW, "window_end": NOW + timedelta(hours=4)}
    batch = batches.draft(ANNA, AssignmentBatch(name="Night", virtual_account=pool, **window), [cluster])

    preview = batches.preview(batch)

    said = [reason.code for reason in (*preview.places[0].reasons, *preview.shortages)]
    assert said == [SAID_BY_BATCH.get(code, code.strip())]


def test_on_prem_begins_with_the_local_account(acme: Partner) -> None:
    server = make.make_server(kind="on_prem", api_base_url="https://ssm.example:8443/api/v1", version="8")
    account = make.make_smart_account(license_server=server, last_synced_at=None)

    (reason,) = assignments_checks.reasons_against(
        make.make_cluster(license_server=server), make.make_pool(smart_account=account)
    )

    assert reason.code == "stale"
    assert reason.next_step.startswith("Register the local account on the On-Prem server")


def test_all_reasons_are_said_at_once(acme: Partner) -> None:
    cluster = make.make_cluster({}, application="expressway_c", version="X8.11", mixed_mode=True)
    pool = make.make_virtual_account(smart_account=make.make_smart_account(last_synced_at=None))

    with pytest.raises(NotAssignable) as refusal:
        decisions.assign(ANNA, cluster, pool)

    codes = [reason.code for reason in refusal.value.reasons]
    assert codes == ["version", "stale", "no_license_mode", "nodes", "mixed_mode"]
    assert refusal.value.message == f"{cluster} has version X8.11, which knows no Smart Licensing."
    assert str(refusal.value).count(".") > 8


def test_rest_tells_errors_of_each_input(acme: Partner, api_of: Any) -> None:
    cluster, pool = make.make_cluster(version="9.1"), make.make_virtual_account()

    answer = api_of(acme, "operator").post("/api/v1/assignments/", {"cluster": cluster.pk, "virtual_account": pool.pk})

    assert answer.status_code == 400
    assert sorted(answer.json()["errors"]) == ["cluster", "virtual_account"]


def test_shortage_is_gone_over_with_a_reason_that_is_kept(acme: Partner) -> None:
    cluster, pool = short_of_licenses()

    made = decisions.assign(ANNA, cluster, pool, override_reason=" The order arrives on Monday. ")

    assert made.jobs.get().override_reason == "The order arrives on Monday."
    entry = AuditEntry.objects.get(action="assigned")
    assert entry.changes["override_reason"] == ["", "The order arrives on Monday."]


def test_other_reasons_are_not_gone_over(acme: Partner) -> None:
    cluster, pool = old_version()

    with pytest.raises(NotAssignable):
        decisions.assign(ANNA, cluster, pool, override_reason="I know better")


def test_what_a_cluster_is_asked_before_it_moves(acme: Partner) -> None:
    free, pool = make.make_cluster(), make.make_pool()
    placed = make.make_assignment(virtual_account=pool).cluster

    assert [reason.code for reason in assignments_checks.reasons_against(free, pool, Step.REASSIGN)] == ["not_assigned"]
    assert [reason.code for reason in assignments_checks.reasons_against(placed, pool, Step.REASSIGN)] == ["same_pool"]
    assert assignments_checks.reasons_against(placed, make.make_pool(), Step.REASSIGN) == []


def test_expressway_fits_any_license_mode(acme: Partner) -> None:
    cluster = make.make_cluster(application="expressway_c", version="X14.2", deployment="hcs")

    assert assignments_checks.reasons_against(cluster, make.make_pool(license_mode="enterprise")) == []


@pytest.mark.parametrize(
    ("application", "deployment", "mode", "restarts"),
    [
        ("cucm", "enterprise", "hcs", True),
        ("cuc", "enterprise", "hcs", True),
        ("cer", "enterprise", "hcs", True),
        ("cucm", "hcs", "hcs", False),
        ("cucm", "enterprise", "enterprise", False),
        ("cucm", "enterprise", "", False),
        ("expressway_c", "enterprise", "hcs", False),
        ("expressway_e", "enterprise", "hcs", False),
    ],
)
def test_whose_publisher_restarts(acme: Partner, application: str, deployment: str, mode: str, restarts: bool) -> None:
    nodes = {"main-pub.example": "publisher", "main-sub.example": "subscriber"}
    cluster = make.make_cluster(nodes, application=application, deployment=deployment)

    name = effects.restarting_publisher(cluster, make.make_pool(license_mode=mode))

    assert name == ("main-pub.example" if restarts else "")


def test_publisher_that_nobody_named_restarts_too(acme: Partner) -> None:
    cluster = make.make_cluster({}, deployment="enterprise")

    assert effects.restarting_publisher(cluster, make.make_pool()) == "the publisher (not named)"


def test_facts_of_many_clusters_take_as_many_queries_as_of_one(acme: Partner) -> None:
    clusters = [make.make_cluster() for _ in range(3)]

    counts = []
    for some in (clusters[:1], clusters):
        with CaptureQueriesContext(
            connection,
        ) as queries:
            checks.facts_of(cluster.pk for cluster in some)
        counts.append(len(queries))

    assert counts == [5, 5]
