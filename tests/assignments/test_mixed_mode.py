"""The gated run of a cluster in mixed mode: each gate open and closed, on real rows."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from django_tenants.utils import tenant_context

from licensing.assignments import mixed_mode
from licensing.fleet.models import Cluster
from licensing.mirror.models import RegistrationToken, VirtualAccount
from tenants.models import Partner
from tests import factories as make

NOW = timezone.now
HOUR = timedelta(hours=1)


@pytest.fixture
def pool(acme: Partner) -> VirtualAccount:
    """Synced an hour ago."""
    found = make.make_virtual_account()
    make.make_sync_run(smart_account=found.smart_account, started_at=NOW() - HOUR, finished_at=NOW() - HOUR)
    return found


@pytest.fixture
def secure(acme: Partner) -> Cluster:
    return make.make_cluster(mixed_mode=True)


def record(pool: VirtualAccount, name: str = "By hand", **values: Any) -> RegistrationToken:
    """A token with export control, recorded before the last sync unless told otherwise."""
    made = {"description": name, "export_controlled": True, "created_at": NOW() - 2 * HOUR, "text": "its-text"}
    return make.make_token(virtual_account=pool, **{**made, **values})


def opened(cluster: Cluster, pool: VirtualAccount) -> list[bool]:
    return [gate.open for gate in mixed_mode.gates(cluster, pool)]


def test_cluster_without_mixed_mode_has_no_gates(pool: VirtualAccount) -> None:
    cluster = make.make_cluster()

    assert mixed_mode.gates(cluster, pool) == []
    assert mixed_mode.unlocked(cluster, pool)


def test_empty_virtual_account_waits_for_the_token(secure: Cluster, pool: VirtualAccount) -> None:
    found = mixed_mode.gates(secure, pool)

    assert [gate.open for gate in found] == [True, False, False, False]
    assert "record it here by hand" in found[1].next_step
    assert found[2].why == found[3].why == "The gates before it are closed."


@pytest.mark.parametrize(
    "values",
    [{"export_controlled": False}, {"made_here": True}, {"expires_at": NOW() - HOUR}],
)
def test_any_other_token_closes_the_first_gate(secure: Cluster, pool: VirtualAccount, values: Any) -> None:
    record(pool)
    record(pool, "Old one", **values)

    found = mixed_mode.gates(secure, pool)

    assert [gate.open for gate in found] == [False, True, True, False]
    assert found[0].why == "The virtual account holds 1 token that must go: “Old one”."


def test_many_tokens_are_named_in_part(secure: Cluster, pool: VirtualAccount) -> None:
    for number in range(7):
        make.make_token(virtual_account=pool, description=f"T{number}")

    why = mixed_mode.gates(secure, pool)[0].why

    assert why == "The virtual account holds 7 tokens that must go: “T0”, “T1”, “T2”, “T3”, “T4” and 2 more."


def test_two_fitting_tokens_close_the_second_gate(secure: Cluster, pool: VirtualAccount) -> None:
    record(pool, "A")
    record(pool, "B")

    found = mixed_mode.gates(secure, pool)

    assert [gate.open for gate in found] == [True, False, False, False]
    assert (found[1].why, found[1].next_step) == (
        "There are 2 such tokens: “A”, “B”.",
        "Revoke all but one of them.",
    )


def test_token_that_cisco_does_not_list_is_named(secure: Cluster, pool: VirtualAccount) -> None:
    record(pool, "Mistyped", gone_at=NOW())
    record(pool, "Revoked", gone_at=NOW(), text="")

    assert mixed_mode.gates(secure, pool)[1].why.startswith("Cisco does not list the recorded token “Mistyped”:")


def test_sync_that_began_before_the_token_does_not_count(secure: Cluster, pool: VirtualAccount) -> None:
    record(pool, created_at=NOW() - HOUR + timedelta(seconds=1))
    make.make_sync_run(smart_account=pool.smart_account, status="failed")

    found = mixed_mode.gates(secure, pool)

    assert [gate.open for gate in found] == [True, True, False, False]
    assert found[2].next_step == "Start a sync and wait for its end."


def test_run_is_through_with_exactly_that_token(secure: Cluster, pool: VirtualAccount) -> None:
    token = record(pool)
    record(pool, "gone before", gone_at=NOW(), text="")

    assert opened(secure, pool) == [True] * 4
    assert mixed_mode.unlocked(secure, pool)
    assert mixed_mode.the_token(pool) == token


def test_the_token_is_none_beside_another(pool: VirtualAccount) -> None:
    record(pool)
    make.make_token(virtual_account=pool)

    assert mixed_mode.the_token(pool) is None


def test_gates_look_at_their_own_pool_and_partner(secure: Cluster, pool: VirtualAccount, globex: Partner) -> None:
    record(pool)
    make.make_token(virtual_account=make.make_virtual_account(smart_account=pool.smart_account))
    with tenant_context(globex):
        other = make.make_virtual_account(id=pool.pk + 1)
        make.make_token(virtual_account=other)

    assert opened(secure, pool) == [True] * 4


def test_gates_ask_two_queries(secure: Cluster, pool: VirtualAccount, django_assert_num_queries: Any) -> None:
    for number in range(3):
        record(pool, f"T{number}")

    with django_assert_num_queries(2):
        mixed_mode.gates(secure, pool)
