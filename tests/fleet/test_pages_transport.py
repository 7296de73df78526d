"""The transport matrix: each cluster with its rule, filters, what a moved proxy changes, and its speed at 2,000."""

import csv
import io
import re
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django_tenants.utils import tenant_context

from licensing.fleet.models import Cluster, Customer, Node, Proxy
from tenants.models import Partner
from tests import factories as make
from tests.accounts.test_pages_servers import page

QUERIES = 8  # those of every list, and all clusters once for the tiles


def make_fleet() -> None:
    with_proxy, without = make.make_customer(name="Harbor"), make.make_customer(name="Hospital")
    Proxy.objects.create(customer=with_proxy, host="proxy.harbor.example", port=3128)
    edge = make.make_cluster(customer=with_proxy, name="Edge", application="expressway_e")
    own = make.make_cluster(customer=without, name="Edge own", application="expressway_e")
    Proxy.objects.create(cluster=own, host="proxy.edge.example", port=8080)
    make.make_cluster(customer=with_proxy, name="Core", application="cucm")
    make.make_cluster(customer=without, name="Voicemail", application="cuc")
    ssm = make.make_server(kind="on_prem", api_base_url="https://ssm.example:8443/api/v1", version="8-202404")
    make.make_cluster(customer=with_proxy, name="Lab", application="cer", license_server=ssm)
    assert edge.pk


def rows_of(client: Any, query: str = "") -> list[list[str]]:
    text = client.get(f"/transport/?format=csv&sort=name{query}").content.decode()
    return list(csv.reader(io.StringIO(text)))[1:]


def test_every_cluster_with_its_rule_and_what_a_moved_proxy_changes(acme: Partner, client_of: Any) -> None:
    make_fleet()

    found = rows_of(client_of(acme, "viewer"))

    direct = "It would reach Cisco directly, because Expressway-E does not use the customer's proxy."
    assert found == [
        ["Core", "Harbor", "proxy", "customer_proxy", "", "nothing changes"],
        [
            "Edge",
            "Harbor",
            "direct",
            "customer_proxy_not_for_expressway_e",
            "",
            "It would use the proxy proxy.harbor.example:3128.",
        ],
        ["Edge own", "Hospital", "proxy", "cluster_proxy", "", direct],
        ["Lab", "Harbor", "on_prem", "on_prem_server", "https://ssm.example/SmartTransport", "nothing changes"],
        ["Voicemail", "Hospital", "direct", "no_proxy", "", "nothing changes"],
    ]


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("&mode=proxy", ["Core", "Edge own"]),
        ("&mode=direct&rule=no_proxy", ["Voicemail"]),
        ("&changes=yes", ["Edge", "Edge own"]),
        ("&changes=no&application=cucm", ["Core"]),
        ("&q=harbor", ["Core", "Edge", "Lab"]),
        ("&mode=unknown", []),
    ],
)
def test_filters(acme: Partner, client_of: Any, query: str, names: list[str]) -> None:
    make_fleet()

    assert [row[0] for row in rows_of(client_of(acme, "viewer"), query)] == names


def test_page_says_how_many_go_each_way(acme: Partner, globex: Partner, client_of: Any) -> None:
    with tenant_context(globex):
        make.make_cluster(name="Theirs")
    make_fleet()

    shown = page(client_of(acme, "viewer").get("/transport/"))

    assert "Theirs" not in shown
    assert 'href="/transport/?mode=proxy"' in shown
    assert "Customer&#x27;s proxy, not for Expressway-E" in shown


def make_many(number: int) -> None:
    customers = Customer.objects.bulk_create(
        Customer(name=f"Customer {place}") for place in range(max(number // 10, 1))
    )
    clusters = Cluster.objects.bulk_create(
        Cluster(customer=customers[place % len(customers)], name=f"Cluster {place}") for place in range(number)
    )
    Proxy.objects.bulk_create(Proxy(customer=row, host="proxy.example", port=3128) for row in customers[::2])
    Node.objects.bulk_create(Node(cluster=row, host_name="pub.example", role="publisher") for row in clusters)


@pytest.mark.parametrize("rows", [1, 3, 2000])
def test_matrix_and_list_take_the_same_queries_for_any_number(acme: Partner, client_of: Any, rows: int) -> None:
    make_many(rows)
    client = client_of(acme, "viewer")
    counted = {}
    for path in (
        "/transport/",
        "/transport/?mode=proxy",
        "/transport/?format=csv",
        "/clusters/",
        "/clusters/?q=cluster",
    ):
        with CaptureQueriesContext(connection) as queries:
            assert client.get(path).status_code == 200
        counted[path] = len(queries)

    assert counted == {
        "/transport/": QUERIES,
        "/transport/?mode=proxy": QUERIES + 1,
        "/transport/?format=csv": QUERIES - 1,
        "/clusters/": QUERIES,
        "/clusters/?q=cluster": QUERIES,
    }


def test_tiles_count_in_plain_english(acme: Partner, client_of: Any) -> None:
    make.make_cluster()

    shown = page(client_of(acme, "viewer").get("/transport/"))

    notes = re.findall(r'tile-value">(\d+)</span>\s*<span class="tile-note">(\w+)<', shown)
    assert sorted(notes) == [("0", "clusters"), ("0", "clusters"), ("1", "cluster")]
