"""The usage report over REST."""

from typing import Any

import pytest
from django.utils import timezone
from django_tenants.utils import tenant_context

from licensing.mirror.models import InstanceUsage
from tenants.models import Partner
from tests import factories as make

URL = "/api/v1/usage/"


@pytest.fixture
def used(acme: Partner, globex: Partner) -> InstanceUsage:
    """One use with everything at acme, beside another of nobody; globex has the same."""
    for partner in (globex, acme):
        with tenant_context(partner):
            account = make.make_smart_account(name=f"{partner.schema_name} account")
            pool = make.make_virtual_account(smart_account=account, name="Running")
            make.make_license(virtual_account=pool, name="Basic")
            cluster = make.make_cluster(name="Core", customer=make.make_customer(name="Harbor"))
            make.make_instance({"Basic": 5}, virtual_account=pool, cluster=cluster, host_name="a.example")
            make.make_instance({"Else": 1}, host_name="b.example")
    return InstanceUsage.objects.get(quantity=5)


def test_row_tells_who_uses_what_and_where_by_id_and_name(used: InstanceUsage, acme: Partner, api_of: Any) -> None:
    product = used.product_instance
    pool, cluster = product.virtual_account, product.cluster
    assert cluster is not None

    first, second = api_of(acme, "viewer", "read").get(URL).json()["results"]

    assert first == {
        "id": used.pk,
        "license": used.license_id,
        "license_name": "Basic",
        "quantity": 5,
        "product_instance": product.pk,
        "host_name": "a.example",
        "virtual_account": pool.pk,
        "virtual_account_name": "Running",
        "smart_account": pool.smart_account_id,
        "smart_account_name": "acme account",
        "cluster": cluster.pk,
        "cluster_name": "Core",
        "customer": cluster.customer_id,
        "customer_name": "Harbor",
        "as_of": pool.smart_account.last_synced_at.isoformat().replace("+00:00", "Z"),
    }
    assert used.license_id is not None
    none = {name: second[name] for name in ("license", "cluster", "cluster_name", "customer", "customer_name")}
    assert none == dict.fromkeys(none)


def test_gone_products_and_quantities_of_none_are_left_out(acme: Partner, api_of: Any) -> None:
    make.make_instance({"Basic": 9}, gone_at=timezone.now())
    make.make_instance({"None": 0, "Used": 1})

    assert [row["license_name"] for row in api_of(acme).get(URL).json()["results"]] == ["Used"]


def test_filters_are_the_pages_and_every_link(used: InstanceUsage, acme: Partner, api_of: Any) -> None:
    product, api = used.product_instance, api_of(acme)
    links = {
        "license": used.license_id,
        "product_instance": product.pk,
        "virtual_account": product.virtual_account_id,
        "smart_account": product.virtual_account.smart_account_id,
        "cluster": product.cluster_id,
        "customer": product.cluster and product.cluster.customer_id,
    }

    for name, value in {**links, "q": "harbor basic"}.items():
        assert [row["id"] for row in api.get(URL, {name: value}).json()["results"]] == [used.pk], name
    for name in links:
        assert api.get(URL, {name: 999_999_999}).json()["results"] == [], name
    assert api.get(URL, {"q": "nobody"}).json()["results"] == []


@pytest.mark.parametrize(
    ("query", "field"),
    [("customer=x", "customer"), ("q=", "q"), ("q=%00", "q"), ("page=2", "page"), ("limit=0", "limit")],
)
def test_what_it_does_not_understand_it_refuses(acme: Partner, api_of: Any, query: str, field: str) -> None:
    answer = api_of(acme).get(f"{URL}?{query}")

    assert (answer.status_code, list(answer.json()["errors"])) == (400, [field])


def test_pages_keep_their_filters(acme: Partner, api_of: Any) -> None:
    product = make.make_instance({"A": 1, "B": 2, "C": 3})
    make.make_instance({"A": 1})
    api, url, seen = api_of(acme), f"{URL}?limit=2&product_instance={product.pk}", []
    while url:
        answer = api.get(url).json()
        seen += [row["license_name"] for row in answer["results"]]
        url = answer["next"]

    assert seen == ["A", "B", "C"]


def test_it_is_read_only(used: InstanceUsage, acme: Partner, api_of: Any) -> None:
    api = api_of(acme)

    assert {method: getattr(api, method)(URL).status_code for method in ("post", "put", "patch", "delete")} == (
        dict.fromkeys(("post", "put", "patch", "delete"), 405)
    )
    assert api.get(f"{URL}{used.pk}/").status_code == 404, "an id does not last"
