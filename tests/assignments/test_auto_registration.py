"""Auto registration: who is eligible, what a pass does, and the switch on page and in REST."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django_tenants.utils import tenant_context

from kit.refusals import Refusal
from licensing.accounts import servers
from licensing.accounts.models import SmartAccount
from licensing.assignments import auto_registration, checks
from licensing.assignments import tasks as assignment_tasks
from licensing.assignments.clusters.status import AUTO_REGISTRATION
from licensing.assignments.models import Assignment, AssignmentJob, AssignmentStage, AutoRegistration
from licensing.fleet import clusters, proxies
from licensing.fleet.access import settings
from licensing.fleet.access.settings import AccessSpec
from licensing.fleet.clusters import NodeSpec
from licensing.fleet.models import Cluster
from licensing.fleet.proxies import ProxySpec
from licensing.mirror.models import VirtualAccount
from people import audit
from people.audit import SYSTEM
from people.models import AuditEntry
from tenants.models import Partner, ScheduledJob
from tests import factories as make

NOW = timezone.now
DAY = timedelta(days=1)


@pytest.fixture
def pool(acme: Partner) -> VirtualAccount:
    return make.make_virtual_account(name="Operational", purpose="operational", license_mode="hcs")


@pytest.fixture
def account(pool: VirtualAccount) -> SmartAccount:
    return pool.smart_account


def switched_on(account: SmartAccount, **values: Any) -> AutoRegistration:
    wanted = {"on_upgrade": True, "may_restart": False, **values}
    return auto_registration.switch_on(SYSTEM, account, **wanted)


def why(account: SmartAccount, cluster: Cluster, option: AutoRegistration | None = None, **values: Any) -> str:
    found = auto_registration.candidates(account, option, **values)
    return next(candidate.why for candidate in found if candidate.cluster == cluster)


def current(cluster: Cluster) -> tuple[str, str] | None:
    row = Assignment.objects.current().filter(cluster=cluster).select_related("virtual_account").first()
    return (str(row.virtual_account), row.started_by) if row else None


def test_cluster_that_nobody_assigned_is_eligible(account: SmartAccount) -> None:
    assert why(account, make.make_cluster(version="14.0.1")) == ""


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"version": "12.0.1"}, "has no Smart Licensing under HCS"),
        ({"version": "11.5"}, "has no Smart Licensing under HCS"),
        ({"version": ""}, "Its version is not known."),
        ({"version": "12.5.1"}, ""),
        ({"version": "14"}, ""),
        ({"version": "X12.5.9", "application": "expressway_c"}, "has no Smart Licensing under HCS"),
        ({"version": "X12.6", "application": "expressway_c"}, ""),
        ({"version": "X14.2", "application": "expressway_e", "nodes": {}}, "No node of"),
        ({"managed_on_premise": True}, "managed on premise"),
        ({"mixed_mode": True}, "is in mixed mode. There is no valid token with export control"),
        ({"deployment": "enterprise"}, "would restart, and nobody has allowed that"),
        ({"deployment": "enterprise", "application": "expressway_c"}, ""),
    ],
)
def test_who_is_left_out(account: SmartAccount, values: dict[str, Any], words: str) -> None:
    said = why(account, make.make_cluster(**values), may_restart=False)

    assert words in said
    assert bool(words) is bool(said)


def hcs_in_an_enterprise_pool(account: SmartAccount) -> Cluster:
    VirtualAccount.objects.update(license_mode="enterprise")
    return make.make_cluster()


def proxy_without_its_password(account: SmartAccount) -> Cluster:
    cluster = make.make_cluster()
    proxies.set_proxy(SYSTEM, cluster, ProxySpec("proxy.example", 3128, "user"))
    return cluster


def expressway_without_its_primary(account: SmartAccount) -> Cluster:
    return make.make_cluster({"exp-2.example": "subscriber"}, application="expressway_c", version="X14.2")


def products_in_two_pools(account: SmartAccount) -> Cluster:
    cluster = make.make_cluster()
    for _ in range(2):
        make.make_instance(cluster=cluster)
    return cluster


def figures_that_are_too_old(account: SmartAccount) -> Cluster:
    SmartAccount.objects.update(last_synced_at=NOW() - 3 * account.sync_every)
    account.refresh_from_db()
    return make.make_cluster()


@pytest.mark.parametrize(
    ("prepare", "words"),
    [
        (hcs_in_an_enterprise_pool, "runs in HCS mode, Operational serves Enterprise mode."),
        (proxy_without_its_password, "lacks a password for its user name."),
        (expressway_without_its_primary, "is not among its nodes"),
        (products_in_two_pools, "in 2 virtual accounts."),
        (figures_that_are_too_old, "too old to judge by."),
    ],
)
def test_who_would_be_refused_is_left_out_with_the_same_words(
    account: SmartAccount, globex: Partner, prepare: Callable[[SmartAccount], Cluster], words: str
) -> None:
    with tenant_context(globex):
        make.make_cluster()
    cluster = prepare(account)
    pool = auto_registration.pool_of(account)
    assert pool is not None

    said = why(account, cluster)
    auto_registration.run(switched_on(account))

    assert words in said
    assert said == str(checks.reasons_against(cluster, pool)[0])
    assert Assignment.objects.count() == 0


def test_restart_is_named_and_allowed_on_purpose(account: SmartAccount) -> None:
    cluster = make.make_cluster({"cucm-pub.example": "publisher"}, deployment="enterprise")

    [candidate] = auto_registration.candidates(account, switched_on(account, may_restart=True))

    assert (candidate.cluster, candidate.eligible, candidate.restarts) == (cluster, True, "cucm-pub.example")


def test_each_side_has_its_clusters(account: SmartAccount) -> None:
    server = make.make_server(kind="on_prem", version="8-202404")
    local = make.make_smart_account(license_server=server, name="Local")
    make.make_virtual_account(smart_account=local, purpose="operational", license_mode="hcs")
    at_cloud, at_server = make.make_cluster(), make.make_cluster(license_server=server)
    make.make_cluster(license_server=make.make_server(kind="on_prem"))

    assert [row.cluster for row in auto_registration.candidates(account)] == [at_cloud]
    assert [row.cluster for row in auto_registration.candidates(local)] == [at_server]
    assert {switched_on(account).side, switched_on(local).side} == {"cloud", "on_prem"}


def test_one_smart_account_of_a_side(account: SmartAccount) -> None:
    other = make.make_virtual_account(purpose="operational", license_mode="hcs").smart_account
    switched_on(account)

    with pytest.raises(Refusal, match="is on already, for Account"):
        switched_on(other)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"purpose": "general"}, "no operational virtual account"),
        ({"gone_at": NOW()}, "no operational virtual account"),
        ({"license_mode": ""}, "license mode of Operational is not set"),
    ],
)
def test_what_the_option_needs(pool: VirtualAccount, values: dict[str, Any], words: str) -> None:
    VirtualAccount.objects.filter(pk=pool.pk).update(**values)

    with pytest.raises(Refusal, match=words):
        switched_on(pool.smart_account)

    assert AutoRegistration.objects.count() == 0


def test_pass_assigns_who_is_eligible_in_its_own_name(account: SmartAccount, globex: Partner) -> None:
    with tenant_context(globex):
        theirs = make.make_cluster()
    new, old = make.make_cluster(), make.make_cluster(version="11.5")
    option = switched_on(account)

    auto_registration.run(option)
    auto_registration.run(option)  # the next pass finds nothing to do

    option.refresh_from_db()
    assert (current(new), current(old)) == (("Operational", AUTO_REGISTRATION), None)
    assert Assignment.objects.count() == 1
    assert option.refusals == {}
    assert option.ran_at is not None
    with tenant_context(globex):
        assert current(theirs) is None


def test_cluster_moved_by_hand_leaves_until_it_is_switched_off_and_on(account: SmartAccount) -> None:
    cluster = make.make_cluster()
    option = switched_on(account)
    auto_registration.run(option)
    Assignment.objects.update(ended_at=NOW(), ended_by="operator@acme.example")
    AssignmentJob.objects.all().delete()

    auto_registration.run(option)
    said = why(account, cluster, option)
    auto_registration.switch_off(SYSTEM, option)
    again = switched_on(account)

    assert said == "It was moved by hand, and stays out until auto registration is switched off and on."
    assert Assignment.objects.current().count() == 0
    assert why(account, cluster, again) == ""


def test_cluster_assigned_by_hand_stays_where_it_is(account: SmartAccount) -> None:
    cluster = make.make_cluster()
    make.make_assignment(
        cluster=cluster,
        virtual_account=make.make_virtual_account(name="Other"),
        started_by="a person",
        started_at=NOW() - DAY,
    )

    assert why(account, cluster, switched_on(account)) == "It is assigned to Other by hand."


def test_upgraded_clusters_are_left_to_people_where_that_was_chosen(account: SmartAccount) -> None:
    cluster = make.make_cluster(version="11.5")
    option = switched_on(account, on_upgrade=False)
    Cluster.objects.update(version="14.0.1")
    later = make.make_cluster()
    left = why(account, cluster, option)
    AutoRegistration.objects.update(on_upgrade=True)

    assert left == "It was upgraded since, and upgraded clusters are left to people."
    assert why(account, later, option) == ""
    assert why(account, cluster, AutoRegistration.objects.get()) == ""


def test_new_operational_pool_takes_over_what_the_portal_assigned(account: SmartAccount, pool: VirtualAccount) -> None:
    cluster = make.make_cluster()
    make.make_assignment(cluster=cluster, virtual_account=pool, started_by=AUTO_REGISTRATION, started_at=NOW() - DAY)
    VirtualAccount.objects.update(purpose="general")
    make.make_virtual_account(smart_account=account, name="New", purpose="operational", license_mode="hcs")

    [candidate] = auto_registration.candidates(account)
    auto_registration.run(switched_on(account))

    assert (candidate.eligible, candidate.leaves) == (True, pool)
    assert current(cluster) == ("New", AUTO_REGISTRATION)


def test_what_failed_is_tried_again_once_a_sync_has_come_whole(account: SmartAccount) -> None:
    make.make_cluster()
    option = switched_on(account)
    auto_registration.run(option)
    job = AssignmentJob.objects.get()
    states = []
    for moved_at in (NOW() + DAY, NOW() - DAY):  # after the last sync, before it
        job.stages.filter(position=1).update(state="failed")
        AssignmentJob.objects.update(state="failed", moved_at=moved_at)
        auto_registration.run(option)
        states.append(AssignmentJob.objects.get().state)

    assert (job.requested_by, states) == (AUTO_REGISTRATION, ["failed", "waiting"])


def correct_proxy(cluster: Cluster) -> None:
    proxies.set_proxy(SYSTEM, cluster.customer, ProxySpec("proxy.example", 3128, "user", "the right one"))


def correct_access(cluster: Cluster) -> None:
    settings.save(SYSTEM, cluster, AccessSpec("axl", "https://203.0.114.9:8443", "user", "the right one"))


def correct_node(cluster: Cluster) -> None:
    clusters.save_cluster(SYSTEM, cluster, [NodeSpec("right.example", "publisher")], audit.snapshot(cluster))


def correct_credentials(cluster: Cluster) -> None:
    servers.change_secret(SYSTEM, SmartAccount.objects.get(), "client", "the right one")


@pytest.mark.parametrize("correct", [correct_proxy, correct_access, correct_node, correct_credentials])
def test_what_failed_is_tried_again_once_what_it_depends_on_is_corrected(
    account: SmartAccount, correct: Callable[[Cluster], None]
) -> None:
    cluster, other = make.make_cluster(), make.make_cluster()
    option = switched_on(account)
    auto_registration.run(option)
    AssignmentStage.objects.filter(position=1).update(state="failed")
    AssignmentJob.objects.update(state="failed", moved_at=NOW())
    auto_registration.run(option)
    before = set(AssignmentJob.objects.values_list("state", flat=True))

    correct(cluster)
    auto_registration.run(option)

    assert before == {"failed"}
    assert AssignmentJob.objects.get(cluster=cluster).state == "waiting"
    same_account = correct is correct_credentials
    assert AssignmentJob.objects.get(cluster=other).state == ("waiting" if same_account else "failed")


def test_pass_without_an_operational_pool_says_so(account: SmartAccount) -> None:
    option = switched_on(account)
    VirtualAccount.objects.update(purpose="general")

    assert auto_registration.run(option) == []

    option.refresh_from_db()
    assert "no operational virtual account" in option.refusals[""]


def test_queries_do_not_grow_with_clusters(account: SmartAccount, django_assert_num_queries: Any) -> None:
    make.make_cluster()
    with django_assert_num_queries(10):
        auto_registration.candidates(account)
    for _ in range(2):
        make.make_cluster()
    with django_assert_num_queries(10):
        auto_registration.candidates(account)


# --- schedule ---


def test_switch_plans_the_pass_and_takes_it_back(account: SmartAccount) -> None:
    cluster = make.make_cluster()
    option = auto_registration.switch_on(SYSTEM, account, on_upgrade=True, may_restart=False)
    planned = ScheduledJob.objects.filter(job="auto_registration", subject_id=option.pk)
    due = planned.get().next_run_at
    assignment_tasks.register_automatically(option.pk)
    auto_registration.switch_off(SYSTEM, option)

    assert due <= NOW()
    assert current(cluster) == ("Operational", AUTO_REGISTRATION)
    assert planned.count() == 0


def test_pass_of_an_option_that_is_gone_unplans_itself(account: SmartAccount) -> None:
    option = auto_registration.switch_on(SYSTEM, account, on_upgrade=True, may_restart=False)
    number = option.pk
    AutoRegistration.objects.all().delete()

    assignment_tasks.register_automatically(number)

    assert ScheduledJob.objects.filter(job="auto_registration").count() == 0


# --- pages and REST ---


def test_owner_previews_switches_on_and_off(account: SmartAccount, client_of: Any, acme: Partner) -> None:
    make.make_cluster({"pub.example": "publisher"}, name="Will restart", deployment="enterprise")
    make.make_cluster(name="Too old", version="11.5")
    client, path = client_of(acme, "owner"), f"/auto-registration/{account.pk}/"
    before = client.get(path).content.decode()
    response = client.post(path, {"on_upgrade": "on"})
    after = client.get(path).content.decode()
    off = client.post(f"{path}off/")

    assert "1 publisher would restart" in before
    assert "pub.example" in before
    assert "has no Smart Licensing under HCS" in before
    assert (response.status_code, response["Location"]) == (302, path)
    assert "pub.example would restart, and nobody has allowed that." in after
    assert (off.status_code, AutoRegistration.objects.count()) == (302, 0)
    actions = AuditEntry.objects.filter(object_type="autoregistration").order_by("id")
    assert list(actions.values_list("action", flat=True)) == ["switched on", "switched off"]


def test_page_refuses_a_second_account_in_words(account: SmartAccount, client_of: Any, acme: Partner) -> None:
    other = make.make_virtual_account(purpose="operational", license_mode="hcs").smart_account
    switched_on(account)

    response = client_of(acme, "owner").post(f"/auto-registration/{other.pk}/", {"on_upgrade": "on"})

    assert response.status_code == 409
    assert "Switch it off there first." in response.content.decode()


def test_viewer_and_operator_look_and_do_not_switch(account: SmartAccount, client_of: Any, acme: Partner) -> None:
    switched_on(account)
    for role in ("viewer", "operator"):
        client = client_of(acme, role)
        assert "Account" in client.get("/auto-registration/").content.decode()
        assert "Switch off" not in client.get(f"/auto-registration/{account.pk}/").content.decode()
        assert client.post(f"/auto-registration/{account.pk}/").status_code == 403
        assert client.post(f"/auto-registration/{account.pk}/off/").status_code == 403


def test_page_says_what_is_missing(acme: Partner, client_of: Any) -> None:
    account = make.make_smart_account()

    shown = client_of(acme, "owner").get(f"/auto-registration/{account.pk}/").content.decode()

    assert "has no operational virtual account" in shown
    assert "Switch on" not in shown


def test_rest_says_and_does_the_same(account: SmartAccount, api_of: Any, acme: Partner) -> None:
    cluster = make.make_cluster()
    api, path = api_of(acme, "owner"), f"/api/v1/smart-accounts/{account.pk}/auto-registration/"
    before = api.get(path).json()
    on = api.put(path, {"may_restart": True})
    twice = api.put(path, {})
    off = api.delete(path)

    assert before["enabled"] is False
    assert before["clusters"] == [{"cluster": cluster.pk, "eligible": True, "why": "", "restarts": "", "leaves": None}]
    assert (on.json()["enabled"], on.json()["on_upgrade"], on.json()["may_restart"]) == (True, True, True)
    assert (twice.status_code, off.status_code, api.delete(path).status_code) == (409, 204, 404)
    assert api_of(acme, "operator").put(path, {}).status_code == 403
    assert api.put(path, {"when": "now"}).status_code == 400


@pytest.mark.parametrize("query", ["", "?eligible=2", "?eligible=99&left_out=2", "?eligible=x"])
def test_page_shows_a_hundred_of_each_at_once_in_the_same_queries(
    account: SmartAccount, client_of: Any, acme: Partner, query: str
) -> None:
    customer, viewer = make.make_cluster(version="14.0.1").customer, client_of(acme, "viewer")
    address = f"/auto-registration/{account.pk}/"
    viewer.get(address)
    with CaptureQueriesContext(connection) as few:
        viewer.get(address)
    for version in ("14.0.1", "11.5"):
        Cluster.objects.bulk_create(
            Cluster(customer=customer, name=f"{version} {number:03d}", version=version) for number in range(150)
        )

    with CaptureQueriesContext(connection) as many:
        page = viewer.get(f"{address}{query}")

    shown = page.content.decode()
    asked = page.context["eligible"].number, page.context["left_out"].number
    assert asked == {"": (1, 1), "?eligible=2": (2, 1), "?eligible=99&left_out=2": (2, 2), "?eligible=x": (1, 1)}[query]
    assert '<span class="muted">151 clusters</span>' in shown
    assert shown.count('<td class="title">') <= 200
    assert len(many) == len(few)
