"""Pages of customers, clusters, nodes, proxies and assignments."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from django_tenants.utils import tenant_context

from licensing.assignments.models import Assignment, AssignmentJob
from licensing.fleet import clusters, proxies
from licensing.fleet.models import Cluster, Customer, Node, Proxy
from licensing.fleet.proxies import ProxySpec
from licensing.mirror.models import Subscription
from people import audit
from people.audit import SYSTEM
from people.models import AuditEntry
from tenants.models import Partner
from tests import factories as make
from tests.accounts.test_pages_servers import QUERIES, page

NO_PROXY = {"proxy-host": "", "proxy-port": "", "proxy-username": "", "proxy-password": ""}
PROXY = {"proxy-host": "proxy.example", "proxy-port": "3128", "proxy-username": "sam", "proxy-password": "hide-me"}


def nodes(*named: tuple[str, str]) -> dict[str, str]:
    """The part of a post that names nodes."""
    posted = {"nodes-TOTAL_FORMS": str(len(named)), "nodes-INITIAL_FORMS": "0"}
    for number, (host_name, role) in enumerate(named):
        posted |= {f"nodes-{number}-host_name": host_name, f"nodes-{number}-role": role}
    return posted


def cluster_post(customer: Customer, **values: str) -> dict[str, Any]:
    defaults = {
        "customer": customer.pk,
        "name": "Core",
        "application": "cucm",
        "version": "14.0.1",
        "deployment": "hcs",
    }
    return {**defaults, **NO_PROXY, **values}


PUB_AND_SUB = nodes(("PUB.example", "publisher"), ("sub.example", "subscriber"), ("", "subscriber"))


def test_customer_is_added_with_a_proxy_whose_password_is_never_shown(acme: Partner, client_of: Any) -> None:
    client = client_of(acme, "operator")

    response = client.post("/customers/add/", {"name": "Hospital", "note": "North", **PROXY})

    customer, proxy = Customer.objects.get(), Proxy.objects.get()
    assert response["Location"] == f"/customers/{customer.pk}/"
    assert (str(proxy), proxy.username, proxy.password.reveal()) == ("proxy.example:3128", "sam", "hide-me")
    shown = page(client.get(f"/customers/{customer.pk}/")) + page(client.get(f"/customers/{customer.pk}/edit/"))
    assert "proxy.example:3128" in shown
    assert "hide-me" not in shown + str(list(AuditEntry.objects.values_list("changes", flat=True)))
    assert sorted(AuditEntry.objects.values_list("action", flat=True)) == ["added", "changed proxy"]


def test_proxy_password_stays_when_left_empty_and_goes_with_the_proxy(acme: Partner, client_of: Any) -> None:
    customer = make.make_customer(name="Hospital")
    proxy = Proxy.objects.create(customer=customer, host="old.example", port=1, password="hide-me")
    client, address = client_of(acme, "operator"), f"/customers/{customer.pk}/edit/"

    client.post(address, {"name": "Hospital", **PROXY, "proxy-password": ""})
    proxy.refresh_from_db()
    assert (proxy.host, proxy.password.reveal()) == ("proxy.example", "hide-me")
    client.post(address, {"name": "Hospital", **NO_PROXY})

    assert Proxy.objects.count() == 0


@pytest.mark.parametrize(
    ("typed", "status", "message"),
    [
        ({"name": "hospital two", "proxy-port": "99999", "proxy-host": "p"}, 422, "less than or equal to 65535"),
        ({"proxy-host": "", "proxy-port": "3128"}, 422, "Enter the proxy's host, or clear all proxy fields."),
        ({"proxy-host": "proxy.example"}, 422, "Enter the proxy's port."),
        ({"name": "Taken"}, 422, "Customer with this Name already exists."),
    ],
)
def test_unfit_customer_is_said_and_nothing_is_lost(
    acme: Partner, client_of: Any, typed: dict[str, str], status: int, message: str
) -> None:
    make.make_customer(name="Taken")

    response = client_of(acme, "operator").post(
        "/customers/add/", {"name": "New", "note": "typed note", **NO_PROXY, **typed}
    )

    assert response.status_code == status
    assert message in page(response).replace("&#x27;", "'")
    assert "typed note" in page(response)
    assert (Customer.objects.count(), Proxy.objects.count(), AuditEntry.objects.count()) == (1, 0, 0)


def test_cluster_is_added_with_nodes(acme: Partner, client_of: Any) -> None:
    customer = make.make_customer()

    response = client_of(acme, "operator").post("/clusters/add/", {**cluster_post(customer), **PUB_AND_SUB, **PROXY})

    cluster = Cluster.objects.get()
    assert response["Location"] == f"/clusters/{cluster.pk}/"
    assert sorted(cluster.nodes.values_list("host_name", "role")) == [
        ("pub.example", "publisher"),
        ("sub.example", "subscriber"),
    ]
    assert Proxy.objects.get().cluster == cluster


@pytest.mark.parametrize(
    ("named", "message"),
    [
        ((("a.example", "publisher"), ("b.example", "publisher")), "A cluster has exactly one publisher"),
        ((("a.example", "publisher"), ("A.example", "subscriber")), "The node a.example is listed twice."),
    ],
)
def test_nodes_that_cannot_be_are_refused(acme: Partner, client_of: Any, named: Any, message: str) -> None:
    cluster = make.make_cluster({"old.example": "publisher"}, name="Core")
    posted = {**cluster_post(cluster.customer, name="Typed name"), **nodes(*named)}

    response = client_of(acme, "operator").post(f"/clusters/{cluster.pk}/edit/", posted)

    assert response.status_code == 409
    assert message in page(response)
    assert 'value="Typed name"' in page(response)
    assert 'value="a.example"' in page(response)
    assert list(Node.objects.values_list("host_name", flat=True)) == ["old.example"]
    assert Cluster.objects.get().name == "Core"
    assert AuditEntry.objects.count() == 0


def test_more_nodes_can_be_named_without_losing_any_and_without_saving(acme: Partner, client_of: Any) -> None:
    customer = make.make_customer()

    response = client_of(acme, "operator").post(
        "/clusters/add/", {**cluster_post(customer), **PUB_AND_SUB, "more": "1"}
    )

    shown = page(response)
    assert response.status_code == 200
    assert 'value="PUB.example"' in shown
    assert 'name="nodes-5-host_name"' in shown
    assert 'name="nodes-6-host_name"' not in shown
    assert "This field is required." not in shown
    assert Cluster.objects.count() == 0


def test_node_is_taken_away_by_emptying_its_name(acme: Partner, client_of: Any) -> None:
    cluster = make.make_cluster({"pub.example": "publisher", "sub.example": "subscriber"})
    posted = {**cluster_post(cluster.customer), **nodes(("pub.example", "publisher"), ("", "subscriber"))}

    client_of(acme, "operator").post(f"/clusters/{cluster.pk}/edit/", posted)

    assert list(cluster.nodes.values_list("host_name", flat=True)) == ["pub.example"]


def test_cluster_name_is_taken_within_its_customer_only(acme: Partner, client_of: Any) -> None:
    taken = make.make_cluster(name="Core")
    other = make.make_customer()
    client = client_of(acme, "operator")

    refused = client.post("/clusters/add/", {**cluster_post(taken.customer), **nodes()})
    added = client.post("/clusters/add/", {**cluster_post(other), **nodes()})

    assert (refused.status_code, added.status_code) == (422, 302)
    assert "This customer already has a cluster of this name." in page(refused)


def test_cluster_is_assigned_from_its_page_and_a_second_time_refused(acme: Partner, client_of: Any) -> None:
    cluster = make.make_cluster(name="Core")
    pool, other = make.make_pool(name="Pool"), make.make_pool(name="Other")
    client, address = client_of(acme, "operator"), f"/clusters/{cluster.pk}"

    first = client.post(f"{address}/assign/", {"virtual_account": pool.pk})
    second = client.post(f"{address}/assign/", {"virtual_account": other.pk})

    assert first["Location"] == f"/assignment-jobs/{AssignmentJob.objects.get().pk}/"
    assert second.status_code == 409
    assert "Core is already assigned to Pool. End that assignment first." in page(second)
    made = Assignment.objects.get()
    assert (made.virtual_account, made.started_by) == (pool, "operator@acme.example")
    assert [entry.action for entry in AuditEntry.objects.all()] == ["assigned"]


def test_ordered_pool_and_old_version_are_refused(acme: Partner, client_of: Any) -> None:
    ordered = make.make_pool(name="Ordered", purpose="ordered")
    pool = make.make_pool(name="Pool")
    cluster, old = make.make_cluster(name="Core"), make.make_cluster(name="Old", version="11.5.1")
    client = client_of(acme, "operator")

    to_ordered = client.post(f"/clusters/{cluster.pk}/assign/", {"virtual_account": ordered.pk})
    too_old = client.post(f"/virtual-accounts/{pool.pk}/assign/", {"cluster": old.pk})

    assert (to_ordered.status_code, too_old.status_code) == (409, 409)
    assert "Ordered is the ordered pool, which serves no applications." in page(to_ordered)
    assert "Old has version 11.5.1, which knows no Smart Licensing." in page(too_old)
    assert Assignment.objects.count() == 0


def test_pool_offers_free_clusters_only(acme: Partner, client_of: Any) -> None:
    pool = make.make_pool(name="Pool")
    free = make.make_cluster(name="Free one")
    make.make_assignment(cluster=make.make_cluster(name="Busy one"), virtual_account=pool)
    client, address = client_of(acme, "operator"), f"/virtual-accounts/{pool.pk}/assign/"

    asked = page(client.get(address))
    done = client.post(address, {"cluster": free.pk})

    assert ("Free one" in asked, "Busy one" in asked) == (True, False)
    assert done["Location"] == f"/assignment-jobs/{AssignmentJob.objects.get().pk}/"
    assert Assignment.objects.current().filter(cluster=free).exists()


def test_assignment_ends_once_and_stays_in_the_history(acme: Partner, client_of: Any) -> None:
    made = make.make_assignment(cluster=make.make_cluster(name="Core"))
    client, address = client_of(acme, "operator"), f"/assignments/{made.pk}"

    first, second = client.post(f"{address}/end/"), client.post(f"{address}/end/")

    assert (first.status_code, second.status_code) == (302, 409)
    assert "This assignment has ended already." in page(second)
    made.refresh_from_db()
    assert made.ended_by == "operator@acme.example"
    assert f'<a href="{address}/">' in page(client.get(f"/clusters/{made.cluster_id}/"))
    assert "Core" not in page(client.get("/assignments/"))
    assert "Core" in page(client.get("/assignments/?show=ended"))


def test_deleting_a_customer_says_that_its_subscriptions_lose_it(acme: Partner, client_of: Any) -> None:
    customer = make.make_customer(name="Hospital")
    rows = [
        make.make_subscription(subscription_id=number, customer=customer, license_model="named_user")
        for number in ("Sub1", "Sub2")
    ]
    client, path = client_of(acme, "operator"), f"/customers/{customer.pk}/delete/"

    assert "2 subscriptions are left without a customer." in page(client.get(path))
    rows[1].delete()
    assert "1 subscription is left without a customer." in page(client.get(path))
    client.post(path)

    assert (Customer.objects.exists(), Subscription.objects.get().customer) == (False, None)
    assert AuditEntry.objects.get(action="deleted").changes == {"subscriptions": [["Sub1"], []]}
    entry = AuditEntry.objects.get(action="mapped", object_type="subscription", object_id=str(rows[0].pk))
    assert (entry.actor, entry.changes) == ("operator@acme.example", {"customer": [customer.pk, None]})
    assert "left without a customer" not in page(client.get(f"/customers/{make.make_customer().pk}/delete/"))


def test_what_is_used_is_not_deleted(acme: Partner, client_of: Any) -> None:
    pool = make.make_virtual_account(name="Pool")
    cluster = make.make_cluster(name="Core", customer=make.make_customer(name="Hospital"))
    assignment = make.make_assignment(cluster=cluster, virtual_account=pool)
    client = client_of(acme, "operator")
    of_cluster, of_customer = f"/clusters/{cluster.pk}/delete/", f"/customers/{cluster.customer_id}/delete/"

    assert "It is assigned to Pool: end that assignment first." in page(client.get(of_cluster))
    assert "It has the cluster Core: delete or move that first." in page(client.get(of_customer))
    assert [client.post(path).status_code for path in (of_cluster, of_customer)] == [409, 409]
    assert (Cluster.objects.count(), Customer.objects.count()) == (1, 1)
    assignment.ended_at = timezone.now()
    assignment.save()
    assert [client.post(path)["Location"] for path in (of_cluster, of_customer)] == ["/clusters/", "/customers/"]
    assert (Cluster.objects.count(), Customer.objects.count()) == (0, 0)


WRITES = [
    "customers/add/",
    "customers/{customer}/edit/",
    "customers/{customer}/delete/",
    "clusters/add/",
    "clusters/{cluster}/edit/",
    "clusters/{cluster}/delete/",
    "clusters/{cluster}/assign/",
    "virtual-accounts/{pool}/assign/",
    "assignments/{assignment}/end/",
]


def test_viewers_look_and_change_nothing(acme: Partner, client_of: Any) -> None:
    made = make.make_assignment()
    client, cluster = client_of(acme, "viewer"), made.cluster
    numbers = {
        "customer": cluster.customer_id,
        "cluster": cluster.pk,
        "pool": made.virtual_account_id,
        "assignment": made.pk,
    }
    looks = ["/customers/{customer}/", "/clusters/{cluster}/", "/assignments/{assignment}/", "/assignments/"]

    answers = {path: client.post("/" + path.format(**numbers)).status_code for path in WRITES}

    assert answers == dict.fromkeys(WRITES, 403)
    assert [client.get(path.format(**numbers)).status_code for path in looks] == [200] * 4
    assert "/edit/" not in page(client.get(f"/clusters/{cluster.pk}/"))


@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.parametrize(
    ("path", "queries"), [("/customers/", QUERIES), ("/clusters/", QUERIES + 1), ("/assignments/", QUERIES)]
)
def test_lists_need_the_same_queries_for_more_rows(
    acme: Partner, globex: Partner, client_of: Any, django_assert_num_queries: Any, rows: int, path: str, queries: int
) -> None:
    with tenant_context(globex):
        make.make_assignment(
            cluster=make.make_cluster(name="globex cluster", customer=make.make_customer(name="globex customer"))
        )
    for _ in range(rows):
        make.make_assignment()
    client = client_of(acme, "viewer")
    client.get(path)

    with django_assert_num_queries(queries):
        shown = page(client.get(path))

    assert shown.count('class="title"') == rows
    assert "globex c" not in shown


@pytest.mark.parametrize("rows", [1, 3])
def test_details_need_the_same_queries_for_more_rows(
    acme: Partner, client_of: Any, django_assert_num_queries: Any, rows: int
) -> None:
    cluster = make.make_cluster({f"n{number}.example": "subscriber" for number in range(rows)})
    for _ in range(rows):
        pool = make.make_virtual_account()
        make.make_instance({"UC Manager Enhanced License": 3}, virtual_account=pool, cluster=cluster)
        make.make_assignment(cluster=cluster, virtual_account=pool, ended_at=timezone.now())
    client = client_of(acme, "viewer")
    # A cluster asks for its assignment job too; both read eight or nine statements of figures.
    paths = {f"/clusters/{cluster.pk}/": 23, f"/customers/{cluster.customer_id}/": 31}
    for path in paths:
        client.get(path)

    for path, queries in paths.items():
        with django_assert_num_queries(queries):
            client.get(path)


def test_edit_form_shows_the_stored_customer_and_add_form_the_one_asked_for(acme: Partner, client_of: Any) -> None:
    cluster = make.make_cluster(customer=make.make_customer(name="Hospital"))
    client, number = client_of(acme, "operator"), cluster.customer_id

    for path in (f"/clusters/{cluster.pk}/edit/", f"/clusters/add/?customer={number}"):
        assert f'<option value="{number}" selected>Hospital</option>' in page(client.get(path))


def test_cluster_page_tells_transport_with_its_reason_and_where_the_cluster_stands(
    acme: Partner, client_of: Any
) -> None:
    cluster = make.make_cluster(name="Core")
    Proxy.objects.create(customer=cluster.customer, host="proxy.example", port=3128)
    pool, other = make.make_virtual_account(name="Pool"), make.make_virtual_account(name="Other")
    make.make_assignment(cluster=cluster, virtual_account=pool)
    make.make_instance(virtual_account=other, cluster=cluster)

    shown = page(client_of(acme, "viewer").get(f"/clusters/{cluster.pk}/"))

    assert "proxy proxy.example:3128" in shown
    assert "The customer&#x27;s proxy proxy.example:3128 is set, and the cluster has none of its own." in shown
    assert "Registered elsewhere" in shown


def test_serial_numbers_of_nodes_are_kept(acme: Partner, client_of: Any) -> None:
    customer = make.make_customer()
    posted = {**cluster_post(customer), **nodes(("pub.example", "publisher")), "nodes-0-serial": "0a1b2"}

    client_of(acme, "operator").post("/clusters/add/", posted)

    assert list(Node.objects.values_list("host_name", "serial")) == [("pub.example", "0a1b2")]


@pytest.mark.parametrize(
    ("server", "proxied", "path"),
    [
        (None, False, "Core → Cisco"),
        (None, True, "Core → proxy.example:3128 → Cisco"),
        ({"offline": False}, True, "Core → Cellar → Cisco"),
        ({"offline": True}, False, "Core → Cellar → exchange of files → Cisco"),
    ],
)
def test_cluster_page_shows_the_path_to_cisco(
    acme: Partner, client_of: Any, server: dict[str, bool] | None, proxied: bool, path: str
) -> None:
    given = make.make_server(name="Cellar", kind="on_prem", **server) if server else None
    cluster = make.make_cluster(name="Core", license_server=given)
    if proxied:
        proxies.set_proxy(SYSTEM, cluster, ProxySpec("proxy.example", 3128))

    assert f"<dd>{path}</dd>" in page(client_of(acme, "viewer").get(f"/clusters/{cluster.pk}/"))


def test_facts_of_a_cluster_that_nobody_reaches_show_their_age(acme: Partner, client_of: Any) -> None:
    then = timezone.now() - timedelta(days=9)
    far = make.make_cluster(managed_on_premise=True, created_at=then)
    near, client = make.make_cluster(created_at=then), client_of(acme, "viewer")
    entered = page(client.get(f"/clusters/{far.pk}/"))
    before = audit.snapshot(far)
    far.version = "15.0.1"
    clusters.save_cluster(SYSTEM, far, before=before)
    changed = page(client.get(f"/clusters/{far.pk}/"))

    assert "9 days ago" in entered.partition("Entered by hand")[2].partition("</div>")[0]
    assert "9 days ago" not in changed.partition("Entered by hand")[2].partition("</div>")[0]
    assert "Entered by hand" in changed
    assert "Entered by hand" not in page(client.get(f"/clusters/{near.pk}/"))


def test_form_that_asks_for_what_there_is_none_of_says_where_to_begin(acme: Partner, client_of: Any) -> None:
    client = client_of(acme, "owner")
    places = {
        "/clusters/add/": "/customers/add/",
        "/registration-tokens/add/": "/smart-accounts/",
        "/virtual-accounts/add/": "/license-servers/",
    }

    def led(form: str, place: str) -> bool:
        return f'<a href="{place}">' in page(client.get(form)).partition('<form class="card form')[2]

    assert [led(*pair) for pair in places.items()] == [True] * 3
    make.make_customer()
    make.make_virtual_account()
    assert [led(*pair) for pair in places.items()] == [False] * 3
