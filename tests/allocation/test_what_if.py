"""What happens when clusters or users come, go or move: figures before and after, by Cisco's rules."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from kit.refusals import Refusal
from licensing.allocation import what_if
from licensing.allocation.what_if import Outcome, Scenario
from licensing.fleet.models import Cluster
from licensing.mirror.models import VirtualAccount
from tenants.models import Partner
from tests import factories as make

CUWL, PLUS = "UC Manager CUWL License (12.X)", "UC Manager Enhanced Plus License (12.x)"
ENHANCED, BASIC = "UC Manager Enhanced License (12.x)", "UC Manager Basic License  (12.x)"
STANDARD, FOUNDATION = "HCS Cisco UCM Standard License", "HCS Cisco UCM Foundation License"
OTHER = "Something Else License"


def pool_with(supply: dict[str, int], usage: dict[str, int] | None = None, **values: Any) -> VirtualAccount:
    """In Cisco's figures nothing but the usage of one product instance is in use."""
    pool = make.make_virtual_account(**{"license_mode": "hcs", **values})
    for name, quantity in supply.items():
        make.make_license(virtual_account=pool, name=name, quantity=quantity, in_use=(usage or {}).get(name, 0))
    if usage:
        make.make_instance(usage, virtual_account=pool)
    return pool


def cluster_in(pool: VirtualAccount, usage: dict[str, int], **values: Any) -> Cluster:
    cluster = make.make_cluster(**values)
    make.make_instance(usage, virtual_account=pool, cluster=cluster)
    return cluster


def figures(outcome: Outcome, pool: VirtualAccount) -> dict[str, tuple[int, int, int, int]]:
    """License -> (left before, left after, short before, short after), of rows that changed."""
    part = next(part for part in outcome.pools if part.virtual_account == pool)
    return {row.license: (row.before.left, row.after.left, row.before.short, row.after.short) for row in part.changed}


def test_ciscos_own_example_as_users_that_come(acme: Partner) -> None:
    """100 CUWL owned, 10 CUWL and 50 Enhanced Plus required: 40 CUWL left (docs/domain.md#allocation-example)."""
    pool = pool_with({CUWL: 100}, {CUWL: 10})

    outcome = what_if.evaluate(Scenario(users={PLUS: 50}, target=pool))

    assert figures(outcome, pool) == {CUWL: (90, 40, 0, 0), PLUS: (0, 0, 0, 0)}
    assert outcome.first_shortage is None


@pytest.mark.parametrize(
    ("supply", "users", "short"),
    [
        ({ENHANCED: 10}, {ENHANCED: 10}, []),
        ({ENHANCED: 10}, {ENHANCED: 13}, [(ENHANCED, 3)]),
        ({FOUNDATION: 5}, {ENHANCED: 7}, [(ENHANCED, 2)]),  # Table 1, then nothing
        ({ENHANCED: 9}, {FOUNDATION: 1}, [(FOUNDATION, 1)]),  # HCS never takes Enterprise
        ({PLUS: 4}, {BASIC: 3, CUWL: 2}, [(CUWL, 2)]),  # only higher licenses lend
        ({OTHER: 2}, {OTHER: 3}, [(OTHER, 1)]),  # a name that no rule knows stands alone
        ({}, {"UCM_Enhanced": 2}, [(ENHANCED, 2)]),  # a tag name is named as Cisco displays it
        ({CUWL: 1, PLUS: 1}, {CUWL: 2, PLUS: 3}, [(CUWL, 1), (PLUS, 2)]),  # the higher one is named first
    ],
)
def test_users_come_until_the_pool_is_short(
    acme: Partner, supply: dict[str, int], users: dict[str, int], short: list[tuple[str, int]]
) -> None:
    pool = pool_with(supply)

    outcome = what_if.evaluate(Scenario(users=users, target=pool))

    assert [(found.license, found.short) for found in outcome.shortages] == short
    assert (outcome.first_shortage is None) is (short == [])


def test_assignment_takes_the_usage_from_where_it_is_registered(acme: Partner) -> None:
    here, there = pool_with({ENHANCED: 10}, {ENHANCED: 4}), pool_with({ENHANCED: 5}, {ENHANCED: 3})
    cluster = cluster_in(here, {ENHANCED: 5})

    outcome = what_if.assignment(cluster, there)

    assert [part.virtual_account for part in outcome.pools] == [there, here]
    assert figures(outcome, here) == {ENHANCED: (1, 6, 0, 0)}
    assert figures(outcome, there) == {ENHANCED: (2, 0, 0, 3)}
    assert outcome.first_shortage is not None
    assert (outcome.first_shortage.license, outcome.first_shortage.short) == (ENHANCED, 3)
    assert outcome.first_shortage.text == (f"{there} would be 3 short of {ENHANCED}: 8 needed, 5 covered.")


def test_cluster_that_is_registered_there_already_changes_nothing(acme: Partner) -> None:
    pool = pool_with({ENHANCED: 3})
    cluster = cluster_in(pool, {ENHANCED: 5})

    outcome = what_if.assignment(cluster, pool)

    assert (figures(outcome, pool), outcome.shortages) == ({}, ())
    assert [row.before.short for row in outcome.pools[0].rows] == [2]


def test_clusters_leave(acme: Partner) -> None:
    pool = pool_with({ENHANCED: 6}, {ENHANCED: 2})
    clusters = [cluster_in(pool, {ENHANCED: 3}), cluster_in(pool, {ENHANCED: 4})]

    outcome = what_if.evaluate(Scenario(clusters=clusters))

    assert figures(outcome, pool) == {ENHANCED: (0, 4, 3, 0)}


def test_users_move_and_no_more_than_there_are(acme: Partner) -> None:
    here, there = pool_with({ENHANCED: 10}, {ENHANCED: 8}), pool_with({ENHANCED: 10})

    outcome = what_if.evaluate(Scenario(users={"UCM_Enhanced": 5}, source=here, target=there))

    assert (figures(outcome, here), figures(outcome, there)) == (
        {ENHANCED: (2, 7, 0, 0)},
        {ENHANCED: (10, 5, 0, 0)},
    )
    with pytest.raises(Refusal, match=r"uses 8 of UC Manager Enhanced License") as refused:
        what_if.evaluate(Scenario(users={ENHANCED: 9}, source=here))
    assert refused.value.field == "users"


def test_shortage_that_was_there_is_named_only_when_it_grows(acme: Partner) -> None:
    pool = pool_with({ENHANCED: 5, BASIC: 1}, {ENHANCED: 7, BASIC: 4})

    outcome = what_if.evaluate(Scenario(users={BASIC: 2}, target=pool))

    assert [(found.license, found.before, found.short) for found in outcome.shortages] == [(BASIC, 3, 5)]
    assert "3 short today" in outcome.shortages[0].text


def test_what_cisco_says_is_in_use_is_not_free_though_no_instance_explains_it(acme: Partner) -> None:
    pool = make.make_virtual_account()
    make.make_license(virtual_account=pool, name=ENHANCED, quantity=10, in_use=8)
    make.make_license(virtual_account=pool, name=BASIC, quantity=10, in_use=0, reserved=4)

    outcome = what_if.evaluate(Scenario(users={ENHANCED: 5, BASIC: 7}, target=pool))

    assert [(found.license, found.short) for found in outcome.shortages] == [(ENHANCED, 3), (BASIC, 1)]


def test_lent_licenses_that_cisco_counts_at_the_lender_are_not_counted_twice(acme: Partner) -> None:
    pool = make.make_virtual_account()
    make.make_license(virtual_account=pool, name=CUWL, quantity=100, in_use=60)
    make.make_instance({CUWL: 10, PLUS: 50}, virtual_account=pool)

    outcome = what_if.evaluate(Scenario(users={CUWL: 40}, target=pool))

    assert (figures(outcome, pool), outcome.first_shortage) == ({CUWL: (40, 0, 0, 0)}, None)


def test_enterprise_cluster_asks_for_hcs_licenses_in_an_hcs_pool(acme: Partner) -> None:
    here, there = pool_with({}), pool_with({STANDARD: 10, PLUS: 90}, license_mode="hcs")
    cluster = cluster_in(here, {PLUS: 12, OTHER: 1}, deployment="enterprise")

    outcome = what_if.assignment(cluster, there)

    assert [(found.license, found.short) for found in outcome.shortages] == [(STANDARD, 2), (OTHER, 1)]
    assert "changes from Enterprise to HCS mode" in outcome.notes[0]


@pytest.mark.parametrize(
    ("mode", "deployment", "said"),
    [
        ("", "hcs", "has no license mode yet"),
        ("enterprise", "hcs", "changes from HCS to Enterprise mode"),
        ("hcs", "hcs", None),
        ("enterprise", "enterprise", None),
    ],
)
def test_license_modes_are_noted(acme: Partner, mode: str, deployment: str, said: str | None) -> None:
    cluster = cluster_in(pool_with({}), {OTHER: 1}, deployment=deployment)

    notes = what_if.assignment(cluster, pool_with({OTHER: 5}, license_mode=mode)).notes

    assert (said in notes[0]) if said else notes == ()


def test_cluster_without_a_product_instance_is_noted_and_counts_as_nothing(acme: Partner) -> None:
    pool = pool_with({ENHANCED: 1})
    cluster = make.make_cluster(name="Blank")
    make.make_instance({ENHANCED: 5}, virtual_account=pool, cluster=cluster, gone_at=timezone.now())

    outcome = what_if.assignment(cluster, pool)

    assert (outcome.first_shortage, figures(outcome, pool)) == (None, {})
    assert "No usage is recorded for Blank:" in outcome.notes[0]


@pytest.mark.parametrize(
    ("chosen", "users", "field"),
    [
        ({"clusters": "cluster", "target": "ordered"}, None, "virtual_account"),
        ({"clusters": "cluster", "target": "gone"}, None, "virtual_account"),
        ({"target": "good"}, None, "clusters"),
        ({}, 1, "source"),
        ({"target": "good"}, 0, "users"),
        ({"target": "good"}, -1, "users"),
        ({"target": "good"}, 10**10, "users"),
        ({"target": "good", "source": "good"}, 1, "source"),
    ],
)
def test_what_makes_no_sense_is_refused(acme: Partner, chosen: dict[str, str], users: int | None, field: str) -> None:
    rows: dict[str, Any] = {
        "cluster": [make.make_cluster()],
        "ordered": make.make_virtual_account(purpose="ordered"),
        "gone": make.make_virtual_account(gone_at=timezone.now()),
        "good": pool_with({ENHANCED: 9}),
    }
    members = {name: rows[which] for name, which in chosen.items()}

    with pytest.raises(Refusal) as refused:
        what_if.evaluate(Scenario(users={} if users is None else {ENHANCED: users}, **members))

    assert refused.value.field == field
    assert refused.value.next_step


def test_statements_do_not_grow_with_clusters_pools_and_licenses(acme: Partner) -> None:
    target, clusters, taken = pool_with({ENHANCED: 5}), [], []
    for number in (1, 2):
        clusters += [cluster_in(pool_with({ENHANCED: 1, BASIC: 1}), {ENHANCED: 2}) for _ in range(number)]
        with CaptureQueriesContext(connection) as queries:
            what_if.evaluate(Scenario(clusters=clusters, target=target))
        taken.append(len(queries))

    assert taken == [4, 4]
