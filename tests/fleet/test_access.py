"""The access to a cluster: what may be set, by page, REST and admin alike, and its test over real HTTP."""

from typing import Any

import pytest
from django.urls import reverse
from django_tenants.utils import tenant_context

from kit.refusals import Refusal
from licensing.cisco.emulator.axl import PASSWORD, USERNAME
from licensing.cisco.emulator.server import EmulatorThread
from licensing.fleet import tasks as fleet_tasks
from licensing.fleet.access import reach, settings
from licensing.fleet.access.manual import Manual
from licensing.fleet.access.settings import AccessSpec
from licensing.fleet.access.unified_cm import UnifiedCm
from licensing.fleet.models import Cluster, ClusterAccess
from people.audit import SYSTEM
from people.models import AuditEntry
from tenants.models import Partner
from tests import factories as make

URL = "https://127.0.0.2:8443"
AXL = AccessSpec("axl", URL, "axl-user", "a-secret")
KEY = "-----BEGIN PRIVATE KEY-----\nMC4C\n-----END PRIVATE KEY-----\n"
POSTED = {"method": "axl", "url": URL, "username": "axl-user", "password": "a-secret", "verify_tls": "on"}


@pytest.fixture
def cluster(acme: Partner) -> Cluster:
    return make.make_cluster(name="Harbor CM")


def page(response: Any) -> str:
    return str(response.content.decode())


def stored(cluster: Cluster) -> ClusterAccess:
    return ClusterAccess.objects.get(cluster=cluster)


# --- the verb ---


def test_axl_access_is_kept_and_decides_the_way(cluster: Cluster) -> None:
    by_hand = reach.way_to(cluster)
    settings.save(SYSTEM, cluster, AXL)

    found = stored(cluster)
    assert (found.method, found.url, found.username, found.password.reveal()) == ("axl", URL, "axl-user", "a-secret")
    assert type(by_hand) is Manual
    assert type(reach.way_to(Cluster.objects.get(pk=cluster.pk))) is UnifiedCm


@pytest.mark.parametrize(
    ("spec", "field", "words"),
    [
        (AccessSpec("axl", URL, "", "x"), "username", "needs a user name"),
        (AccessSpec("axl", URL, "u"), "password", "needs a password"),
        (AccessSpec("axl", "", "u", "x"), "url", "not a valid address"),
        (AccessSpec("axl", "https://user:pw@host", "u", "x"), "url", "not a valid address"),
        (AccessSpec("axl", "https://host/?q=1", "u", "x"), "url", "not a valid address"),
        (AccessSpec("axl", "https://169.254.169.254", "u", "x"), "url", "clusters may not have here"),
        (AccessSpec("axl", URL, "u", "x", "-1"), "ca_certificate", "CA certificate of this cluster cannot be read"),
        (AccessSpec("axl", URL, "u", "x", KEY), "ca_certificate", "contains a private key"),
        (AccessSpec("telepathy"), "method", "not a valid choice"),
    ],
)
def test_access_that_cannot_work_is_refused(cluster: Cluster, spec: AccessSpec, field: str, words: str) -> None:
    with pytest.raises(Refusal, match=words) as refusal:
        settings.save(SYSTEM, cluster, spec)

    assert refusal.value.field == field
    assert ClusterAccess.objects.count() == 0


@pytest.mark.parametrize("application", ["cuc", "cer", "expressway_c", "expressway_e"])
def test_axl_is_unified_cms_alone(acme: Partner, application: str) -> None:
    with pytest.raises(Refusal, match="Only Unified CM has AXL"):
        settings.save(SYSTEM, make.make_cluster(application=application), AXL)


def test_cluster_that_is_managed_on_premise_is_reached_by_hand_alone(cluster: Cluster) -> None:
    settings.save(SYSTEM, cluster, AXL)
    cluster.managed_on_premise = True
    cluster.save()
    with pytest.raises(Refusal, match="managed on premise"):
        settings.save(SYSTEM, cluster, AXL)

    assert type(reach.way_to(Cluster.objects.get(pk=cluster.pk))) is Manual


def test_password_is_not_sent_to_another_address(cluster: Cluster) -> None:
    settings.save(SYSTEM, cluster, AXL)
    settings.save(SYSTEM, cluster, AccessSpec("axl", URL, "another-user"))
    with pytest.raises(Refusal, match="belongs to another address") as refusal:
        settings.save(SYSTEM, cluster, AccessSpec("axl", "https://127.0.0.3:8443", "axl-user"))

    assert refusal.value.field == "password"
    assert (stored(cluster).username, stored(cluster).password.reveal()) == ("another-user", "a-secret")


def test_by_hand_forgets_address_and_credentials(cluster: Cluster) -> None:
    settings.save(SYSTEM, cluster, AXL)
    settings.save(SYSTEM, cluster, AccessSpec("manual", URL, "kept?"))

    found = stored(cluster)
    assert (found.method, found.url, found.username, bool(found.password)) == ("manual", "", "", False)


def test_audit_tells_what_changed_and_no_password(cluster: Cluster) -> None:
    settings.save(SYSTEM, cluster, AXL)
    settings.save(SYSTEM, cluster, AXL)
    settings.save(SYSTEM, cluster, AccessSpec("axl", URL, "axl-user", "another"))

    entries = list(AuditEntry.objects.filter(object_type="clusteraccess").order_by("id"))
    assert [entry.action for entry in entries] == ["added", "changed", "changed"]
    assert "a-secret" not in str([entry.changes for entry in entries])


def test_access_goes_with_its_cluster_and_stays_with_its_partner(cluster: Cluster, globex: Partner) -> None:
    settings.save(SYSTEM, cluster, AXL)
    with tenant_context(globex):
        other = make.make_cluster()
        settings.save(SYSTEM, other, AXL)
    cluster.delete()

    assert ClusterAccess.objects.count() == 0
    with tenant_context(globex):
        assert ClusterAccess.objects.count() == 1


# --- the test of it, over HTTP ---


def emulated(cluster: Cluster, emulator: EmulatorThread, **values: Any) -> ClusterAccess:
    spec = {"url": f"{emulator.origin}/publishers/cucm-pub.example", "username": USERNAME, "password": PASSWORD}
    return settings.save(SYSTEM, cluster, AccessSpec("axl", **{**spec, **values}))


def test_test_says_where_the_cluster_is_registered(cluster: Cluster, emulator: EmulatorThread) -> None:
    emulator.state.add("acme.example", "Acme").add_device("DEFAULT", "00001", {}, hostName="cucm-pub.example")
    row = emulated(cluster, emulator)

    fleet_tasks.check_cluster_access(row.pk)

    row.refresh_from_db()
    assert (row.check_status, row.check_message) == ("ok", "Connected. It is registered in DEFAULT, Authorized.")
    assert row.check_found == {
        "registered": True,
        "virtual_account": "DEFAULT",
        "smart_account": "Acme",
        "authorization": "Authorized",
        "export_control": False,
    }


@pytest.mark.parametrize(
    ("values", "scenario", "status", "words"),
    [
        ({}, "none", "ok", "Connected. It is not registered, Evaluation Mode."),
        ({"password": "wrong"}, "none", "refused", "refused the user name or the password."),
        ({}, "axl-missing", "refused", "has no AXL at this address."),
        ({}, "server-error", "unavailable", "answered with HTTP 502, not with AXL."),
        ({"unreadable": "x"}, "none", "refused", "The CA certificate of this cluster cannot be read."),
    ],
)
def test_test_tells_faults_apart(
    cluster: Cluster, emulator: EmulatorThread, values: Any, scenario: str, status: str, words: str
) -> None:
    row = emulated(cluster, emulator, **{name: value for name, value in values.items() if name != "unreadable"})
    ClusterAccess.objects.update(ca_certificate=values.get("unreadable", ""))  # entered before it was checked
    emulator.scenario(scenario)

    fleet_tasks.check_cluster_access(row.pk)

    row.refresh_from_db()
    assert row.check_status == status
    assert row.check_message.endswith(words)
    assert bool(row.check_next_step) is (status != "ok")


@pytest.mark.parametrize("changed", [{"managed_on_premise": True}, {"application": "cuc"}])
def test_cluster_that_went_out_of_reach_is_not_said_to_have_answered(
    cluster: Cluster, globex: Partner, client_of: Any, acme: Partner, changed: dict[str, Any]
) -> None:
    with tenant_context(globex):
        settings.save(SYSTEM, make.make_cluster(), AXL)
    row = settings.save(SYSTEM, cluster, AXL)
    make.make_instance(cluster=cluster)
    Cluster.objects.filter(pk=cluster.pk).update(**changed)

    fleet_tasks.check_cluster_access(row.pk)

    row.refresh_from_db()
    assert row.check_message == "This cluster is reached by hand, so there is no connection to test."
    shown = page(client_of(acme, "operator").get(f"/clusters/{cluster.pk}/access/"))
    assert "whatever is set here, a person works through the run sheet" in shown
    assert "Test access" not in shown
    assert "over AXL" not in shown + page(client_of(acme, "operator").get(f"/clusters/{cluster.pk}/"))
    with tenant_context(globex):
        assert ClusterAccess.objects.get().check_status == ""


def test_change_makes_the_test_void(cluster: Cluster, emulator: EmulatorThread) -> None:
    row = emulated(cluster, emulator)
    fleet_tasks.check_cluster_access(row.pk)
    emulated(cluster, emulator, password="wrong")

    assert (stored(cluster).check_status, stored(cluster).check_message, stored(cluster).check_found) == ("", "", {})


def test_message_of_an_access_that_is_gone_does_nothing(acme: Partner) -> None:
    fleet_tasks.check_cluster_access(4711)

    assert ClusterAccess.objects.count() == 0


# --- pages ---


def test_page_without_access_shows_the_run_sheet(cluster: Cluster, client_of: Any, acme: Partner) -> None:
    shown = page(client_of(acme, "viewer").get(f"/clusters/{cluster.pk}/access/"))

    assert "By hand, with a run sheet" in shown
    assert "license smart register idtoken &lt;token&gt;" in shown
    assert "Test access" not in shown
    assert f'href="/clusters/{cluster.pk}/access/"' in page(client_of(acme, "viewer").get(f"/clusters/{cluster.pk}/"))
    assert "What was done with this access" not in shown


def test_operator_sets_the_access_and_its_test_starts(cluster: Cluster, client_of: Any, acme: Partner) -> None:
    client = client_of(acme, "operator")

    response = client.post(f"/clusters/{cluster.pk}/access/edit/", POSTED)

    assert (response.status_code, response["Location"]) == (302, f"/clusters/{cluster.pk}/access/")
    assert stored(cluster).check_status == "running"
    shown = page(client.get(f"/clusters/{cluster.pk}/access/"))
    assert "Asking the publisher for its status" in shown
    assert "a-secret" not in shown + page(client.get(f"/clusters/{cluster.pk}/access/edit/"))


def test_refusal_on_the_page_loses_nothing_that_was_typed(cluster: Cluster, client_of: Any, acme: Partner) -> None:
    response = client_of(acme, "operator").post(
        f"/clusters/{cluster.pk}/access/edit/", {**POSTED, "url": "https://169.254.169.254"}
    )

    assert response.status_code == 409
    assert "clusters may not have here" in page(response)
    assert 'value="axl-user"' in page(response)
    assert ClusterAccess.objects.count() == 0


def test_form_offers_what_the_application_has(acme: Partner, client_of: Any) -> None:
    client = client_of(acme, "operator")
    unity = make.make_cluster(application="cuc")

    shown = page(client.get(f"/clusters/{unity.pk}/access/edit/"))

    assert 'value="manual"' in shown
    assert 'value="axl"' not in shown
    assert 'name="password"' not in shown
    assert client.post(f"/clusters/{unity.pk}/access/edit/", {"method": "manual"}).status_code == 302


def test_viewer_may_look_and_not_act(cluster: Cluster, client_of: Any, acme: Partner) -> None:
    settings.save(SYSTEM, cluster, AXL)
    client = client_of(acme, "viewer")

    assert client.post(f"/clusters/{cluster.pk}/access/check/").status_code == 403
    assert client.get(f"/clusters/{cluster.pk}/access/edit/").status_code == 403
    assert "Not tested yet" in page(client.get(f"/clusters/{cluster.pk}/access/check/"))


def test_test_without_a_broker_is_said_and_not_left_running(
    cluster: Cluster, client_of: Any, acme: Partner, no_broker: None
) -> None:
    settings.save(SYSTEM, cluster, AXL)

    response = client_of(acme, "operator").post(f"/clusters/{cluster.pk}/access/check/", follow=True)

    assert "the message broker does not answer" in page(response)
    assert stored(cluster).check_status == ""


# --- REST ---


def test_rest_reads_writes_and_tests_the_access(cluster: Cluster, api_of: Any, acme: Partner) -> None:
    api, path = api_of(acme, "operator"), f"/api/v1/clusters/{cluster.pk}/access/"
    before = api.get(path).json()
    body = {"method": "axl", "url": URL, "username": "axl-user", "password": "a-secret"}
    saved = api.put(path, body)
    renamed = api.patch(path, {"username": "another"})
    tested = api.post(f"{path}check/")

    assert (before["method"], before["cluster"], before["check_status"]) == ("manual", cluster.pk, "")
    assert (saved.status_code, saved.json()["username"]) == (200, "axl-user")
    assert "password" not in saved.json()
    assert (renamed.json()["username"], stored(cluster).password.reveal()) == ("another", "a-secret")
    assert (tested.status_code, tested.json()["check_status"]) == (202, "running")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"method": "axl"}, "username"),
        ({"method": "nothing"}, "method"),
        ({"methode": "axl"}, "methode"),
        ({"method": "axl", "url": "ftp://x", "username": "u", "password": "p"}, "url"),
    ],
)
def test_rest_names_the_field_at_fault(
    cluster: Cluster, api_of: Any, acme: Partner, body: dict[str, Any], field: str
) -> None:
    answer = api_of(acme, "operator").put(f"/api/v1/clusters/{cluster.pk}/access/", body)

    assert (answer.status_code, list(answer.json()["errors"])) == (400, [field])


def test_rest_writes_need_an_operator(cluster: Cluster, api_of: Any, acme: Partner) -> None:
    path = f"/api/v1/clusters/{cluster.pk}/access/"

    assert api_of(acme, "viewer").put(path, {"method": "manual"}).status_code == 403
    assert api_of(acme, "operator", "read").post(f"{path}check/").status_code == 403
    assert api_of(acme, "viewer").get(path).status_code == 200


def test_rest_shows_the_run_sheet(cluster: Cluster, api_of: Any, acme: Partner) -> None:
    sheet = api_of(acme, "viewer").get(f"/api/v1/clusters/{cluster.pk}/run-sheet/").json()

    assert set(sheet) == {"license_mode_hcs", "license_mode_enterprise", "transport", "register", "deregister"}
    assert sheet["transport"][-1].endswith("license smart transport direct")


# --- admin ---


def test_owner_sets_the_access_in_the_admin(cluster: Cluster, client_of: Any, acme: Partner) -> None:
    owner = client_of(acme, "owner")
    posted = {"cluster": cluster.pk, "method": "axl", "url": URL, "username": "u", "new_password": "a-secret"}
    added = owner.post(reverse("admin:fleet_clusteraccess_add"), posted)
    row = stored(cluster)
    change = reverse("admin:fleet_clusteraccess_change", args=[row.pk])
    refused = owner.post(change, {"method": "axl", "url": "https://169.254.169.254", "username": "u"})
    kept = owner.post(change, {"method": "axl", "url": URL, "username": "v"})

    assert (added.status_code, refused.status_code, kept.status_code) == (302, 200, 302)
    assert "clusters may not have here" in str(refused.context["errors"])
    assert (stored(cluster).username, stored(cluster).password.reveal()) == ("v", "a-secret")
    assert "a-secret" not in page(owner.get(change))
