"""Customers, clusters, nodes and proxies: saving, refusing, deleting; which way a cluster goes and where it stands."""

from typing import Any

import pytest
from django.db.models.deletion import ProtectedError

from kit.refusals import Refusal
from licensing.assignments.models import Assignment
from licensing.fleet import clusters, customers, paths
from licensing.fleet import proxies as fleet_proxies
from licensing.fleet.clusters import NodeSpec
from licensing.fleet.models import Cluster, Customer, Node, Proxy
from licensing.fleet.proxies import ProxySpec
from licensing.operations import removal
from people import audit
from people.audit import Actor
from people.models import AuditEntry
from tenants.models import Partner
from tests import factories as make

ANNA = Actor(None, "anna@acme.example")
TWO = [NodeSpec("pub.example", "publisher"), NodeSpec("sub.example", "subscriber")]


def entries() -> list[tuple[str, dict[str, Any]]]:
    return list(AuditEntry.objects.order_by("id").values_list("action", "changes"))


def nodes_of(cluster: Cluster) -> list[tuple[str, str, str]]:
    return list(Node.objects.filter(cluster=cluster).order_by("id").values_list("host_name", "role", "serial"))


# --- customers ---


def test_new_customer_is_saved_and_audited(acme: Partner) -> None:
    customers.save_customer(ANNA, Customer(name="Harbor"))

    assert Customer.objects.get().name == "Harbor"
    assert entries() == [("added", {})]


def test_changed_customer_is_audited_with_old_and_new(acme: Partner) -> None:
    customer = make.make_customer(name="Harbor")
    before = audit.snapshot(customer)
    customer.name = "Harbour"

    customers.save_customer(ANNA, customer, before)

    assert entries() == [("changed", {"name": ["Harbor", "Harbour"]})]


def test_only_what_changed_is_written(acme: Partner) -> None:
    """Of two people who change different things at once, neither undoes the other."""
    customer = make.make_customer(name="Harbor")
    before = audit.snapshot(customer)
    Customer.objects.update(note="written meanwhile")
    customer.name = "Harbour"

    customers.save_customer(ANNA, customer, before)

    assert Customer.objects.values_list("name", "note").get() == ("Harbour", "written meanwhile")


def test_two_customers_of_one_name_are_refused(acme: Partner) -> None:
    make.make_customer(name="Harbor")

    with pytest.raises(Refusal, match="already exists") as refusal:
        customers.save_customer(ANNA, Customer(name="Harbor"))

    assert (refusal.value.field, Customer.objects.count(), entries()) == ("name", 1, [])


def test_customer_with_clusters_is_not_deleted(acme: Partner) -> None:
    customer = make.make_customer(name="Harbor")
    for name in ("One", "Two"):
        make.make_cluster(customer=customer, name=name)

    with pytest.raises(Refusal) as refusal:
        removal.delete_customer(ANNA, customer)

    assert refusal.value.message == "Harbor has 2 clusters: One, Two."
    assert refusal.value.next_step == "Delete them or move them to another customer first."
    assert Customer.objects.count() == 1


def test_customer_without_clusters_is_deleted_with_its_proxy(acme: Partner) -> None:
    customer = make.make_customer(name="Harbor")
    Proxy.objects.create(customer=customer, host="proxy.example", port=3128)

    removal.delete_customer(ANNA, customer)

    assert (Customer.objects.count(), Proxy.objects.count(), entries()) == (0, 0, [("deleted", {})])


# --- clusters and nodes ---


def test_new_cluster_comes_with_its_nodes(acme: Partner) -> None:
    cluster = clusters.save_cluster(ANNA, Cluster(customer=make.make_customer(), name="Main"), TWO)

    assert nodes_of(cluster) == [("pub.example", "publisher", ""), ("sub.example", "subscriber", "")]
    assert entries() == [
        ("added", {}),
        ("changed nodes", {"nodes": [{}, {"pub.example": "publisher", "sub.example": "subscriber"}]}),
    ]


def test_nodes_stay_when_none_are_named(acme: Partner) -> None:
    cluster = make.make_cluster({"pub.example": "publisher"})
    before = audit.snapshot(cluster)
    cluster.version = "15.0"

    clusters.save_cluster(ANNA, cluster, None, before)

    assert nodes_of(cluster) == [("pub.example", "publisher", "")]
    assert entries() == [("changed", {"version": ["14.0.1", "15.0"]})]


def test_node_that_stays_keeps_its_serial(acme: Partner) -> None:
    cluster = make.make_cluster({"pub.example": "subscriber"})
    Node.objects.update(serial="FCH123")

    clusters.save_cluster(ANNA, cluster, TWO, audit.snapshot(cluster))

    assert nodes_of(cluster) == [("pub.example", "publisher", "FCH123"), ("sub.example", "subscriber", "")]


def test_saving_the_same_again_writes_no_audit(acme: Partner) -> None:
    cluster = make.make_cluster({node.host_name: node.role for node in TWO})

    clusters.save_cluster(ANNA, cluster, TWO, audit.snapshot(cluster))

    assert entries() == []


@pytest.mark.parametrize(
    ("nodes", "message"),
    [
        (
            [NodeSpec("a.example", "publisher"), NodeSpec("b.example", "publisher")],
            "A cluster has exactly one publisher; a.example and b.example are marked as publishers.",
        ),
        (
            [NodeSpec("a.example", "publisher"), NodeSpec("A.example", "subscriber")],
            "The node a.example is listed twice.",
        ),
        ([NodeSpec("https://a.example", "publisher")], "'https://a.example' cannot be a node."),
        ([NodeSpec("a b", "publisher")], "'a b' cannot be a node."),
        ([NodeSpec("a.example\n", "publisher")], "'a.example\\n' cannot be a node."),
        ([NodeSpec("", "publisher")], "'' cannot be a node."),
    ],
)
def test_bad_nodes_are_refused_and_nothing_is_saved(acme: Partner, nodes: list[NodeSpec], message: str) -> None:
    with pytest.raises(Refusal) as refusal:
        clusters.save_cluster(ANNA, Cluster(customer=make.make_customer(), name="Main"), nodes)

    assert (refusal.value.message, refusal.value.field) == (message, "nodes")
    assert (Cluster.objects.count(), Node.objects.count(), entries()) == (0, 0, [])


@pytest.mark.parametrize("host", ["cucm", "cucm-1.example", "10.1.2.3", "2001:db8::1", "::1", "under_score.example"])
def test_names_and_addresses_can_be_nodes(acme: Partner, host: str) -> None:
    cluster = clusters.save_cluster(
        ANNA, Cluster(customer=make.make_customer(), name="Main"), [NodeSpec(host, "publisher")]
    )

    assert nodes_of(cluster) == [(host, "publisher", "")]


def test_two_clusters_of_one_name_at_one_customer_are_refused(acme: Partner) -> None:
    first = make.make_cluster(name="Main")

    with pytest.raises(Refusal, match="This customer already has a cluster of this name") as refusal:
        clusters.save_cluster(ANNA, Cluster(customer=first.customer, name="Main"))
    clusters.save_cluster(ANNA, Cluster(customer=make.make_customer(), name="Main"))

    assert (refusal.value.field, Cluster.objects.count()) == ("name", 2)


def test_instances_find_a_cluster_when_its_nodes_are_entered(acme: Partner) -> None:
    instance = make.make_instance(host_name="pub.example")

    cluster = clusters.save_cluster(ANNA, Cluster(customer=make.make_customer(), name="Main"), TWO)

    instance.refresh_from_db()
    assert instance.cluster == cluster


def test_assigned_cluster_is_not_deleted(acme: Partner) -> None:
    made = make.make_assignment(
        cluster=make.make_cluster(name="Main"), virtual_account=make.make_virtual_account(name="P")
    )

    with pytest.raises(Refusal, match=r"Main is assigned to P\. End that assignment first\."):
        removal.delete_cluster(ANNA, made.cluster)

    assert Cluster.objects.count() == 1


def test_deleted_cluster_leaves_its_history_in_the_audit(acme: Partner) -> None:
    cluster = make.make_cluster()
    pool = make.make_virtual_account(name="Pool")
    make.make_assignment(
        cluster=cluster, virtual_account=pool, started_at="2026-01-02T00:00Z", ended_at="2026-03-04T00:00Z"
    )

    removal.delete_cluster(ANNA, cluster)

    assert (Cluster.objects.count(), Assignment.objects.count()) == (0, 0)
    assert entries() == [("deleted", {"assignments": [["Pool: 2026-01-02 to 2026-03-04"], []]})]


def test_cluster_with_history_is_kept_by_the_database_too(acme: Partner) -> None:
    made = make.make_assignment()

    with pytest.raises(ProtectedError):
        made.cluster.delete()


# --- proxies ---


def test_proxy_is_set_changed_and_taken_away(acme: Partner) -> None:
    customer = make.make_customer()

    fleet_proxies.set_proxy(ANNA, customer, ProxySpec("proxy.example", 3128, "user", "secret"))
    fleet_proxies.set_proxy(ANNA, customer, ProxySpec("proxy.example", 8080, "user"))
    kept = Proxy.objects.get().password.reveal()
    fleet_proxies.set_proxy(ANNA, customer, None)

    assert (kept, Proxy.objects.count()) == ("secret", 0)
    assert entries() == [
        ("changed proxy", {"proxy": [None, "proxy.example:3128"]}),
        ("changed proxy", {"proxy": ["proxy.example:3128", "proxy.example:8080"]}),
        ("removed proxy", {"proxy": ["proxy.example:8080", None]}),
    ]


def test_the_same_proxy_again_and_none_where_none_is_write_no_audit(acme: Partner) -> None:
    customer = make.make_customer()
    fleet_proxies.set_proxy(ANNA, customer, None)
    fleet_proxies.set_proxy(ANNA, customer, ProxySpec("proxy.example", 3128))
    before = len(entries())

    fleet_proxies.set_proxy(ANNA, customer, ProxySpec("proxy.example", 3128))

    assert (before, len(entries())) == (1, 1)


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        (ProxySpec("http://proxy.example", 3128), "proxy_host"),
        (ProxySpec("proxy example", 3128), "proxy_host"),
        (ProxySpec("proxy.example", 0), "proxy_port"),
        (ProxySpec("proxy.example", 65536), "proxy_port"),
        (ProxySpec("proxy.example", 3128, "u" * 201), "proxy_username"),
    ],
)
def test_bad_proxies_are_refused(acme: Partner, spec: ProxySpec, field: str) -> None:
    with pytest.raises(Refusal) as refusal:
        fleet_proxies.set_proxy(ANNA, make.make_customer(), spec)

    assert (refusal.value.field, Proxy.objects.count(), entries()) == (field, 0, [])


# --- which way it goes, where it stands ---


@pytest.mark.parametrize(
    ("application", "proxies", "kind", "expected"),
    [
        ("cucm", (), None, ("direct", "no_proxy", None)),
        ("cucm", ("customer",), None, ("proxy", "customer_proxy", None)),
        ("cucm", ("customer", "cluster"), None, ("proxy", "cluster_proxy", None)),
        ("expressway_e", ("customer",), None, ("direct", "customer_proxy_not_for_expressway_e", None)),
        ("cucm", ("cluster",), "cloud", ("proxy", "cluster_proxy", None)),
        ("cucm", ("cluster",), "on_prem", ("on_prem", "on_prem_server", "https://ssm.example/SmartTransport")),
    ],
)
def test_transport_follows_from_proxies_and_server(
    acme: Partner, application: str, proxies: tuple[str, ...], kind: str | None, expected: tuple[str, str, str | None]
) -> None:
    server = make.make_server(kind=kind, api_base_url="https://ssm.example:8443/api/v1", version="8") if kind else None
    cluster = make.make_cluster(application=application, license_server=server)
    for owner in proxies:
        row = cluster if owner == "cluster" else cluster.customer
        Proxy.objects.create(**{owner: row}, host=f"{owner}.example", port=3128)

    found = paths.transport_of(Cluster.objects.get())

    assert (found.mode, found.rule, found.registration_url) == expected
