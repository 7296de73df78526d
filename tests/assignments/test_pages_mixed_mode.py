"""The gated run on its page and in REST."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from licensing.fleet.models import Cluster
from licensing.mirror.models import SyncRun, VirtualAccount
from tenants.models import Partner
from tests import factories as make

NOW = timezone.now


@pytest.fixture
def pool(acme: Partner) -> VirtualAccount:
    return make.make_virtual_account(name="Secure pool", purpose="operational")


@pytest.fixture
def cluster(acme: Partner) -> Cluster:
    return make.make_cluster(name="Harbor CM", mixed_mode=True)


def page(response: Any) -> str:
    return str(response.content.decode())


def open_gates(pool: VirtualAccount) -> None:
    make.make_token(virtual_account=pool, export_controlled=True, created_at=NOW() - timedelta(hours=2))
    make.make_sync_run(smart_account=pool.smart_account)


def test_page_takes_the_only_operational_pool(
    cluster: Cluster, pool: VirtualAccount, client_of: Any, acme: Partner
) -> None:
    make.make_virtual_account()

    shown = page(client_of(acme, "viewer").get(f"/clusters/{cluster.pk}/mixed-mode/"))

    assert "Assignment locked" in shown
    assert "Tokens in Secure pool" in shown
    assert "Record by hand" not in shown  # a viewer cannot


def test_each_closed_gate_leads_to_what_opens_it(
    cluster: Cluster, pool: VirtualAccount, client_of: Any, acme: Partner
) -> None:
    client, path = client_of(acme, "operator"), f"/clusters/{cluster.pk}/mixed-mode/?virtual_account={pool.pk}"
    empty = page(client.get(path))
    token = make.make_token(virtual_account=pool, export_controlled=True)
    recorded = page(client.get(path))
    other = make.make_token(virtual_account=pool)
    beside = page(client.get(path))

    assert f'href="/registration-tokens/record/?virtual_account={pool.pk}"' in empty
    assert "Sync now" not in empty
    assert "Sync now" in recorded
    assert f"No sync has looked since “{token}” was recorded." in recorded
    assert f'href="/registration-tokens/{other.pk}/revoke/"' in beside
    assert "must go" in beside


def test_open_gates_unlock_the_assignment(
    cluster: Cluster, pool: VirtualAccount, client_of: Any, acme: Partner
) -> None:
    open_gates(pool)
    client, path = client_of(acme, "operator"), f"/clusters/{cluster.pk}/mixed-mode/"
    unlocked = page(client.get(path))
    make.make_assignment(cluster=cluster, virtual_account=pool)
    assigned = page(client.get(path))
    make.make_instance(cluster=cluster, virtual_account=pool, host_name="cucm-pub.example")
    registered = page(client.get(path))

    assert f'href="/clusters/{cluster.pk}/assign/?virtual_account={pool.pk}"' in unlocked
    assert "Assigned to Secure pool. Cisco does not list it there yet." in assigned
    assert "Registered: Cisco lists" in registered


def test_sync_from_the_page_comes_back_to_it(
    cluster: Cluster, pool: VirtualAccount, client_of: Any, acme: Partner
) -> None:
    path = f"/clusters/{cluster.pk}/mixed-mode/?virtual_account={pool.pk}"

    response = client_of(acme, "operator").post(path)

    assert (response.status_code, response["Location"]) == (302, path)
    assert SyncRun.objects.get().requested_by == "operator@acme.example"
    assert client_of(acme, "viewer").post(path).status_code == 403


def test_cluster_that_is_not_in_mixed_mode_has_no_gates(
    pool: VirtualAccount, client_of: Any, api_of: Any, acme: Partner
) -> None:
    cluster = make.make_cluster()

    shown = page(client_of(acme, "viewer").get(f"/clusters/{cluster.pk}/mixed-mode/"))
    told = api_of(acme, "viewer").get(f"/api/v1/clusters/{cluster.pk}/mixed-mode/?virtual_account={pool.pk}")

    assert "is not in mixed mode, so nothing stands in the way" in shown
    assert told.json() == {"unlocked": True, "gates": []}


def test_rest_says_the_same(cluster: Cluster, pool: VirtualAccount, api_of: Any, acme: Partner) -> None:
    api, path = api_of(acme, "viewer"), f"/api/v1/clusters/{cluster.pk}/mixed-mode/"
    locked = api.get(path, {"virtual_account": pool.pk}).json()
    open_gates(pool)
    unlocked = api.get(path, {"virtual_account": pool.pk}).json()

    assert (locked["unlocked"], [gate["open"] for gate in locked["gates"]]) == (False, [True, False, False, False])
    assert [gate["name"] for gate in locked["gates"]] == ["no_other_token", "export_token", "synced", "only_that_token"]
    assert (unlocked["unlocked"], [gate["open"] for gate in unlocked["gates"]]) == (True, [True] * 4)


@pytest.mark.parametrize("query", ["", "?virtual_account=99999999", "?virtual_account=x", "?pool=1"])
def test_rest_names_the_parameter_at_fault(cluster: Cluster, api_of: Any, acme: Partner, query: str) -> None:
    answer = api_of(acme, "viewer").get(f"/api/v1/clusters/{cluster.pk}/mixed-mode/{query}")

    assert answer.status_code == 400
    assert answer.json()["errors"]


def test_page_asks_as_many_queries_with_three_tokens_as_with_one(
    cluster: Cluster, pool: VirtualAccount, client_of: Any, acme: Partner, django_assert_num_queries: Any
) -> None:
    client, path = client_of(acme, "viewer"), f"/clusters/{cluster.pk}/mixed-mode/?virtual_account={pool.pk}"
    make.make_token(virtual_account=pool)
    with django_assert_num_queries(14):
        client.get(path)
    for _ in range(2):
        make.make_token(virtual_account=pool)
    with django_assert_num_queries(14):
        client.get(path)
