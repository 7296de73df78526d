"""Where a cluster stands: every case of the list and their order, on page, list and REST."""

from typing import Any

import pytest
from django.utils import timezone
from django_tenants.utils import tenant_context

from licensing.assignments.clusters.status import MEANING, Status, with_status
from licensing.fleet.matching import match_clusters
from licensing.fleet.models import Cluster
from licensing.mirror.models import ProductInstance, VirtualAccount
from tenants.models import Partner
from tests import factories as make

TWO_NODES = {"exp-1.example": "publisher", "exp-2.example": "subscriber"}


def stand(cluster: Cluster, assigned: str, present: str, gone: str) -> None:
    """`assigned`, `present`, `gone`: letters that name pools; each letter of the last two is one product instance."""
    pools: dict[str, VirtualAccount] = {letter: make.make_virtual_account() for letter in "ab"}
    if assigned:
        make.make_assignment(cluster=cluster, virtual_account=pools[assigned])
    for letter in present:
        make.make_instance(cluster=cluster, virtual_account=pools[letter])
    for letter in gone:
        make.make_instance(cluster=cluster, virtual_account=pools[letter], gone_at=timezone.now())


@pytest.mark.parametrize(
    ("application", "assigned", "present", "gone", "status"),
    [
        ("cucm", "", "", "", Status.NOT_ASSIGNED),
        ("cucm", "", "", "a", Status.NOT_ASSIGNED),  # unassigned, as was wanted
        ("cucm", "a", "", "", Status.ASSIGNED),
        ("cucm", "a", "", "a", Status.DEREGISTERED),
        ("cucm", "a", "", "b", Status.DEREGISTERED),
        ("cucm", "a", "a", "", Status.REGISTERED),
        ("cucm", "a", "a", "b", Status.REGISTERED),  # moved here
        ("cucm", "", "a", "", Status.REGISTERED),
        ("cucm", "a", "b", "", Status.ELSEWHERE),
        ("cucm", "a", "ab", "", Status.MULTIPLE),
        ("expressway_e", "a", "aa", "", Status.REGISTERED),
        ("expressway_e", "a", "a", "", Status.PARTLY),
        ("expressway_c", "", "a", "", Status.PARTLY),
        ("expressway_e", "a", "b", "", Status.PARTLY),  # before elsewhere
        ("expressway_e", "a", "ab", "", Status.MULTIPLE),
        ("expressway_e", "a", "", "ab", Status.DEREGISTERED),
    ],
)
def test_the_first_status_that_applies(
    acme: Partner, globex: Partner, application: str, assigned: str, present: str, gone: str, status: Status
) -> None:
    with tenant_context(globex):
        stand(make.make_cluster(), "a", "ab", "b")
    cluster = make.make_cluster(TWO_NODES, application=application)
    stand(make.make_cluster(), "a", "a", "")
    stand(cluster, assigned, present, gone)

    found = with_status(Cluster.objects.filter(pk=cluster.pk)).get()

    assert found.status == status
    assert (found.nodes_named, found.registrations) == (2, len(present))


@pytest.mark.parametrize(
    ("kind", "state", "by", "status"),
    [
        ("assign", "failed", "auto registration", Status.AUTO_FAILED),
        ("assign", "failed", "anna", Status.FAILED),
        ("reassign", "failed", "anna", Status.FAILED),
        ("unassign", "failed", "anna", Status.DEREGISTRATION_FAILED),
        ("unassign", "failed", "auto registration", Status.DEREGISTRATION_FAILED),
        ("assign", "waiting", "auto registration", Status.AUTO_RUNNING),
        ("unassign", "running", "auto registration", Status.AUTO_LEAVING),
        ("assign", "by_hand", "anna", Status.RUNNING),
        ("reassign", "verifying", "anna", Status.RUNNING),
        ("unassign", "running", "anna", Status.LEAVING),
        ("assign", "done", "anna", Status.ASSIGNED),
        ("assign", "cancelled", "anna", Status.ASSIGNED),
    ],
)
def test_an_open_job_decides(acme: Partner, kind: str, state: str, by: str, status: Status) -> None:
    place = make.make_assignment()
    make.make_assignment_job(cluster=place.cluster, assignment=place, state="done", requested_by=by)
    make.make_assignment_job(cluster=place.cluster, assignment=place, kind=kind, state=state, requested_by=by)

    assert with_status(Cluster.objects.all()).get().status == status


def test_a_failed_job_comes_before_deregistered_and_several_pools_before_it(acme: Partner) -> None:
    cluster = make.make_cluster()
    stand(cluster, "a", "", "a")
    make.make_assignment_job(assignment=cluster.assignments.get(), state="failed")
    failed = with_status(Cluster.objects.all()).get().status
    for letter in "ab":
        make.make_instance(cluster=cluster, virtual_account=make.make_virtual_account(name=letter))

    assert (failed, with_status(Cluster.objects.all()).get().status) == (Status.FAILED, Status.MULTIPLE)


def test_what_the_portal_registered_by_itself_says_so(acme: Partner) -> None:
    place = make.make_assignment(started_by="auto registration")
    make.make_instance(cluster=place.cluster, virtual_account=place.virtual_account)

    assert with_status(Cluster.objects.all()).get().status == Status.AUTO_REGISTERED


def test_every_status_says_what_it_means() -> None:
    assert set(MEANING) == set(Status)


def test_page_list_and_rest_say_the_same(acme: Partner, client_of: Any, api_of: Any) -> None:
    cluster = make.make_cluster(name="Core")
    stand(cluster, "a", "", "a")
    stand(make.make_cluster(name="Other"), "a", "a", "")
    client, api = client_of(acme, "viewer"), api_of(acme)

    shown = client.get(f"/clusters/{cluster.pk}/").content.decode()
    listed = client.get("/clusters/?status=deregistered").content.decode()
    found = api.get("/api/v1/clusters/?status=deregistered").json()["results"]

    assert "Deregistered" in shown
    assert "no longer lists the product instance" in shown
    assert "Core" in listed
    assert "Other" not in listed
    assert [(row["name"], row["status"]) for row in found] == [("Core", "deregistered")]


def test_each_node_of_an_expressway_finds_its_product_instance(acme: Partner) -> None:
    expressway = make.make_cluster(TWO_NODES, application="expressway_c")
    cucm = make.make_cluster({"pub.example": "publisher", "sub.example": "subscriber"})
    hosts = {name: make.make_instance(host_name=name).pk for name in ("exp-1.example", "exp-2.example", "sub.example")}

    match_clusters()

    found = dict(ProductInstance.objects.values_list("pk", "cluster"))
    assert [found[hosts[name]] for name in hosts] == [expressway.pk, expressway.pk, None]
    assert cucm.pk not in found.values()
