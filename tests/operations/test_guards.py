"""What is in use is not deleted: one rule, with the same blockers on page, REST and admin."""

from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone
from django_tenants.utils import tenant_context

from kit import guards
from kit.refusals import Refusal
from licensing.accounts.models import LicenseServer, SmartAccount
from licensing.assignments.models import Assignment
from licensing.fleet import clusters, proxies
from licensing.fleet.fleet_file import planning, reading
from licensing.fleet.models import Cluster, Customer, Proxy
from licensing.mirror.models import VirtualAccount
from licensing.operations import removal
from people import audit
from people.audit import Actor
from people.models import AuditEntry
from tenants.models import Partner
from tests import factories as make
from tests.accounts.test_pages_servers import page

ANNA = Actor(None, "anna@acme.example")


def used_server() -> tuple[Any, list[str]]:
    account = make.make_smart_account(name="Acme")
    make.make_cluster(name="Core", license_server=account.license_server)
    return account.license_server, [
        "The smart account Acme is read through it: remove that first.",
        "The cluster Core registers with it: change that first.",
    ]


def used_account() -> tuple[Any, list[str]]:
    place = make.make_assignment()
    words = f"{place.cluster} of {place.cluster.customer} is assigned to {place.virtual_account}: end that first."
    return place.virtual_account.smart_account, [words]


def account_with_a_job() -> tuple[Any, list[str]]:
    """Its cluster is assigned nowhere any more, and still registered."""
    job = make.make_assignment_job(
        kind="unassign", cluster=make.make_cluster(), virtual_account=make.make_virtual_account()
    )
    return job.virtual_account.smart_account, [f"The job “{job}” is not over."]


def account_with_a_batch() -> tuple[Any, list[str]]:
    batch = make.make_batch([make.make_cluster()], state="planned")
    return batch.virtual_account.smart_account, [f"The batch “{batch}” is not over."]


def used_customer() -> tuple[Any, list[str]]:
    customer = make.make_customer()
    make.make_cluster(customer=customer, name="Core")
    return customer, ["It has the cluster Core: delete or move that first."]


def used_cluster() -> tuple[Any, list[str]]:
    place = make.make_assignment()
    return place.cluster, [f"It is assigned to {place.virtual_account}: end that assignment first."]


def cluster_with_a_job() -> tuple[Any, list[str]]:
    job = make.make_assignment_job(
        kind="unassign", cluster=make.make_cluster(), virtual_account=make.make_virtual_account()
    )
    return job.cluster, [f"The job “{job}” is not over."]


@pytest.mark.parametrize(
    ("used", "collection", "leaf"),
    [
        (used_server, "license-servers", "delete"),
        (used_account, "smart-accounts", "remove"),
        (account_with_a_job, "smart-accounts", "remove"),
        (account_with_a_batch, "smart-accounts", "remove"),
        (used_customer, "customers", "delete"),
        (used_cluster, "clusters", "delete"),
        (cluster_with_a_job, "clusters", "delete"),
    ],
)
def test_page_and_rest_refuse_with_the_same_blockers(
    acme: Partner,
    globex: Partner,
    client_of: Any,
    api_of: Any,
    used: Callable[[], tuple[Any, list[str]]],
    collection: str,
    leaf: str,
) -> None:
    with tenant_context(globex):
        make.make_assignment()
    row, blockers = used()
    entries = AuditEntry.objects.count()
    client, address = client_of(acme, "owner"), f"/{collection}/{row.pk}/{leaf}/"

    asked, posted = client.get(address), client.post(address)
    refused = api_of(acme).delete(f"/api/v1/{collection}/{row.pk}/")

    for response in (asked, posted):
        assert list(response.context["blockers"]) == blockers
        assert response.context["steps"]
    assert (posted.status_code, refused.status_code) == (409, 409)
    assert refused.json()["blockers"] == blockers
    assert refused.json()["steps"]
    assert type(row).objects.filter(pk=row.pk).exists()
    assert AuditEntry.objects.exclude(object_type="apitoken").count() == entries


def test_what_is_not_in_use_goes(acme: Partner) -> None:
    place = make.make_assignment(ended_at="2026-01-01T00:00Z")
    customer, server = place.cluster.customer, make.make_server()

    removal.delete_cluster(ANNA, Cluster.objects.get())
    removal.delete_customer(ANNA, customer)
    removal.delete_server(ANNA, server)

    assert (Cluster.objects.count(), Customer.objects.count()) == (0, 0)
    assert LicenseServer.objects.filter(pk=server.pk).count() == 0


# --- proxies ---


@pytest.mark.parametrize(
    ("application", "on", "assigned", "blocked"),
    [
        ("cucm", ("customer",), True, "customer"),
        ("cucm", ("customer",), False, ""),
        ("cucm", ("cluster",), True, "cluster"),
        ("expressway_e", ("customer",), True, ""),  # which does not use it
        ("cucm", ("customer", "cluster"), True, "cluster"),  # the customer's is not used
    ],
)
def test_a_proxy_that_assigned_clusters_use_is_not_taken_away(
    acme: Partner, application: str, on: tuple[str, ...], assigned: bool, blocked: str
) -> None:
    cluster = make.make_cluster(application=application)
    owners: dict[str, Any] = {"customer": cluster.customer, "cluster": cluster}
    for name in on:
        Proxy.objects.create(**{name: owners[name]}, host="proxy.example", port=3128)
    if assigned:
        make.make_assignment(cluster=cluster)

    refused: list[Any] = []
    for name in on:
        try:
            proxies.set_proxy(ANNA, owners[name], None)
        except Refusal as refusal:
            refused.append((name, refusal.blockers))

    words = f"{cluster} is assigned and reaches Cisco through it."
    assert refused == ([(blocked, [words])] if blocked else [])
    assert Proxy.objects.count() == len(refused)


def test_a_proxy_in_use_may_be_changed_and_is_kept_by_page_and_rest(acme: Partner, client_of: Any, api_of: Any) -> None:
    cluster = make.make_cluster(name="Core")
    make.make_assignment(cluster=cluster)
    Proxy.objects.create(customer=cluster.customer, host="old.example", port=1)
    api, address = api_of(acme), f"/api/v1/customers/{cluster.customer_id}/"

    changed = api.patch(address, {"proxy_host": "new.example"})
    refused = api.patch(address, {"proxy_host": ""})
    typed = {"name": cluster.customer.name, "note": "", "tags": "", "proxy-host": "", "proxy-port": ""}
    shown = client_of(acme, "operator").post(f"/customers/{cluster.customer_id}/edit/", typed)

    assert (changed.status_code, refused.status_code, shown.status_code) == (200, 409, 409)
    assert refused.json()["blockers"] == ["Core is assigned and reaches Cisco through it."]
    assert "Remove the proxy." in page(shown)
    assert Proxy.objects.get().host == "new.example"


def cluster_form(**values: int) -> dict[str, Any]:
    """Return what the page of the cluster "Core" without nodes posts, with `values`."""
    no_nodes = {"nodes-TOTAL_FORMS": 0, "nodes-INITIAL_FORMS": 0}
    return {"name": "Core", "application": "cucm", "deployment": "hcs", **no_nodes, **values}


def test_a_cluster_takes_its_way_along_to_another_customer(
    acme: Partner, globex: Partner, client_of: Any, api_of: Any
) -> None:
    with tenant_context(globex):
        make.make_assignment()
    cluster = make.make_cluster(name="Core", customer=make.make_customer(name="Harbor"))
    place, other = make.make_assignment(cluster=cluster), make.make_customer(name="Meadow")
    Proxy.objects.create(customer=cluster.customer, host="proxy.example", port=1)
    client, api = client_of(acme, "operator"), api_of(acme)
    form = cluster_form(customer=other.pk)

    posted = client.post(f"/clusters/{cluster.pk}/edit/", form)
    patched = api.patch(f"/api/v1/clusters/{cluster.pk}/", {"customer": other.pk})
    stayed = Cluster.objects.get().customer_id
    Proxy.objects.create(cluster=cluster, host="proxy.example", port=1)
    with_its_own = api.patch(f"/api/v1/clusters/{cluster.pk}/", {"customer": other.pk})
    Proxy.objects.filter(cluster=cluster).delete()
    Assignment.objects.filter(pk=place.pk).update(ended_at=timezone.now())
    unassigned = api.patch(f"/api/v1/clusters/{cluster.pk}/", {"customer": cluster.customer_id})

    words = "Core is assigned and uses the proxy of Harbor, but Meadow has no proxy."
    assert words in page(posted)
    assert (patched.status_code, patched.json()["detail"], list(patched.json()["errors"])) == (400, words, ["customer"])
    assert stayed == cluster.customer_id
    assert (posted.status_code, with_its_own.status_code, unassigned.status_code) == (409, 200, 200)


def test_a_proxy_of_many_clusters_names_the_first_of_them(acme: Partner) -> None:
    customer = make.make_customer()
    Proxy.objects.create(customer=customer, host="proxy.example", port=1)
    for _ in range(23):
        make.make_assignment(cluster=make.make_cluster(customer=customer))

    blockers = proxies.guard_of_proxy(customer).blockers

    assert (len(blockers), blockers[-1]) == (21, "And 3 more.")


# --- virtual accounts ---


# --- the server that a cluster registers with ---


def test_the_server_of_an_assigned_cluster_is_not_changed_by_page_rest_or_import(
    acme: Partner, globex: Partner, client_of: Any, api_of: Any
) -> None:
    server = make.make_server(name="Cellar", kind="on_prem", api_base_url="https://ssm.example:8443/api/v1")
    cluster = make.make_cluster(name="Core")
    place = make.make_assignment(cluster=cluster, virtual_account=make.make_pool(name="Pool"))
    why = f"It is assigned to Pool, which belongs to {place.virtual_account.smart_account.license_server}."
    form = cluster_form(customer=cluster.customer_id, license_server=server.pk)
    line = f"customer,cluster,license_server\r\n{cluster.customer},Core,Cellar\r\n"

    page = client_of(acme, "operator").post(f"/clusters/{cluster.pk}/edit/", form)
    rest = api_of(acme, "operator").patch(f"/api/v1/clusters/{cluster.pk}/", {"license_server": server.pk})
    (bad,) = planning.plan(reading.read(line)).bad

    step = "End that assignment, change the server, then assign it again."
    assert (page.status_code, page.context["form"].errors["license_server"]) == (409, [f"{why} {step}"])
    assert (rest.status_code, rest.json()["errors"]) == (400, {"license_server": [f"{why} {step}"]})
    assert bad.reason == f"license_server cannot change to 'Cellar'. {why} End that assignment first."
    assert Cluster.objects.get().license_server is None


def test_the_server_of_a_free_cluster_and_of_one_assigned_there_may_change(acme: Partner) -> None:
    server = make.make_server(kind="on_prem", api_base_url="https://ssm.example:8443/api/v1")
    free, there = make.make_cluster(), make.make_cluster()
    pool = make.make_pool(smart_account=make.make_smart_account(license_server=server))
    make.make_assignment(cluster=there, virtual_account=pool)  # as it may stand from earlier days

    for cluster in (free, there):
        before = audit.snapshot(cluster)
        cluster.license_server = server
        clusters.save_cluster(ANNA, cluster, before=before)

    assert Cluster.objects.filter(license_server=server).count() == 2


def test_everything_that_stands_in_the_way_of_deleting_a_virtual_account(acme: Partner) -> None:
    account = make.make_smart_account(name="Acme")
    pool = make.make_virtual_account(name="Pool", smart_account=account, is_default=True)
    place = make.make_assignment(virtual_account=pool)
    other = make.make_virtual_account(smart_account=account)
    job = make.make_assignment_job(kind="reassign", assignment=place, virtual_account=other, previous=pool)
    make.make_instance(virtual_account=pool)
    make.make_license(virtual_account=pool, name="Enhanced", quantity=5, in_use=2)
    make.make_license(virtual_account=pool, name="Empty", quantity=0, in_use=0)
    make.make_instance(virtual_account=pool, gone_at="2026-01-01T00:00Z")

    guard = removal.guard_virtual_account(pool)

    assert guard.blockers == (
        "Pool is the default virtual account of Acme.",
        f"{place.cluster} of {place.cluster.customer} is assigned to Pool: end that first.",
        f"The job “{job}” is not over.",
        "1 product instance is registered in it.",
        "It holds the license Enhanced: 5, 2 in use.",
    )
    assert guard.steps == (*removal.OTHER_DEFAULT, *removal.CLOUD_STEPS)


def test_on_prem_has_its_own_five_steps_and_an_empty_one_has_none(acme: Partner) -> None:
    account = make.make_smart_account(license_server=make.make_server(kind="on_prem"))
    pool = make.make_virtual_account(smart_account=account)
    empty = removal.guard_virtual_account(pool)
    for _ in range(25):
        make.make_assignment(virtual_account=pool)

    guard = removal.guard_virtual_account(VirtualAccount.objects.get())

    assert empty == guards.Guard()
    assert guard.steps == removal.ON_PREM_STEPS
    assert len(guard.steps) == 5
    assert (len(guard.blockers), guard.blockers[-1]) == (guards.SHOWN + 1, "And 5 more.")
    assert SmartAccount.objects.count() == 1
