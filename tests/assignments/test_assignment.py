"""Assigning a cluster to a virtual account: what is refused, and what happens when two act at once."""

from collections.abc import Callable
from threading import Barrier, Thread
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from kit.refusals import Refusal
from licensing.assignments import decisions, pool_settings
from licensing.assignments.models import Assignment
from licensing.fleet.models import Cluster
from licensing.mirror.models import VirtualAccount
from licensing.operations import removal
from people.audit import Actor
from people.models import AuditEntry
from tenants.models import Partner
from tests import factories as make

ANNA = Actor(None, "anna@acme.example")


def test_assignment_is_made_and_audited(acme: Partner) -> None:
    cluster, pool = make.make_cluster(name="Main"), make.make_pool(name="Pool")

    made = decisions.assign(ANNA, cluster, pool)

    assert (made.cluster, made.virtual_account, made.started_by, made.ended_at) == (cluster, pool, ANNA.label, None)
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.object_type, entry.object_label) == ("assigned", "assignment", "Main in Pool")


@pytest.mark.parametrize(
    "version", ["12.0", "12.5(1)SU4", "14.0.1", "15", "X12.6", "x14.2", "", "unknown"], ids=lambda text: text or "none"
)
def test_versions_that_know_smart_licensing_are_assigned(acme: Partner, version: str) -> None:
    decisions.assign(ANNA, make.make_cluster(version=version), make.make_pool())

    assert Assignment.objects.current().count() == 1


@pytest.mark.parametrize("version", ["11.5(1)", "11", "10.5.2", "9.1", "X8.11", " 11.0"])
def test_older_versions_are_refused(acme: Partner, version: str) -> None:
    with pytest.raises(Refusal) as refusal:
        decisions.assign(ANNA, make.make_cluster(name="Old", version=version), make.make_pool())

    assert refusal.value.message == f"Old has version {version}, which knows no Smart Licensing."
    assert refusal.value.next_step == "Upgrade it to 12.x or later, then assign it."
    assert (refusal.value.field, Assignment.objects.count()) == ("cluster", 0)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"purpose": "ordered"}, "Pool is the ordered pool, which serves no applications."),
        ({"gone_at": timezone.now()}, "Pool is gone at Cisco."),
    ],
)
def test_pools_that_cannot_serve_are_refused(acme: Partner, values: dict[str, Any], message: str) -> None:
    with pytest.raises(Refusal, match=message) as refusal:
        decisions.assign(ANNA, make.make_cluster(), make.make_pool(name="Pool", **values))

    assert (refusal.value.field, Assignment.objects.count()) == ("virtual_account", 0)


def test_pool_that_has_changed_since_it_was_read_is_looked_at_again(acme: Partner) -> None:
    pool = make.make_pool()
    VirtualAccount.objects.update(gone_at=timezone.now())

    with pytest.raises(Refusal, match="is gone at Cisco"):
        decisions.assign(ANNA, make.make_cluster(), pool)


def test_cluster_deleted_meanwhile_is_refused(acme: Partner) -> None:
    cluster = make.make_cluster()
    Cluster.objects.filter(pk=cluster.pk).delete()

    with pytest.raises(Refusal, match="was deleted just now"):
        decisions.assign(ANNA, cluster, make.make_pool())


def test_second_assignment_is_refused_and_names_the_first(acme: Partner) -> None:
    cluster, pool = make.make_cluster(name="Main"), make.make_pool(name="Pool")
    decisions.assign(ANNA, cluster, pool)

    with pytest.raises(Refusal, match=r"Main is already assigned to Pool\. End that assignment first\.") as refusal:
        decisions.assign(ANNA, cluster, make.make_pool())

    assert (refusal.value.field, Assignment.objects.count()) == ("", 1)


def test_ended_assignment_stays_and_lets_go(acme: Partner) -> None:
    cluster, pool = make.make_cluster(), make.make_pool()
    first = decisions.assign(ANNA, cluster, pool)

    ended = decisions.end(ANNA, first)
    second = decisions.assign(ANNA, cluster, pool)

    assert (ended.ended_by, ended.ended_at is None) == (ANNA.label, False)
    assert list(Assignment.objects.order_by("id")) == [first, second]
    actions = AuditEntry.objects.order_by("id").values_list("action", flat=True)
    assert list(actions) == ["assigned", "cancelled", "ended", "assigned"]


def test_assignment_ends_once(acme: Partner) -> None:
    made = make.make_assignment(cluster=make.make_cluster(name="Main"))
    stale = Assignment.objects.get()
    ended_at = decisions.end(ANNA, made).ended_at

    with pytest.raises(Refusal, match="This assignment of Main has ended already"):
        decisions.end(ANNA, stale)

    assert Assignment.objects.get().ended_at == ended_at


def at_once(in_partner: Any, *acts: Callable[[], object]) -> list[str]:
    """Each act on a connection of its own, all begun together; sorted: "done", or what was said."""
    barrier, said = Barrier(len(acts)), []

    def run(act: Callable[[], object]) -> None:
        try:
            with in_partner("acme"):
                barrier.wait(10)
                act()
            said.append("done")
        except Refusal as refusal:
            said.append(refusal.message)
        finally:
            connection.close()

    threads = [Thread(target=run, args=[act]) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    return sorted(said)


def test_of_two_who_assign_at_once_one_is_refused(committed: None, in_partner: Any) -> None:
    with in_partner("acme"):
        cluster = make.make_cluster(name="Main")
        pools = [make.make_pool(name="Pool") for _ in range(2)]

    said = at_once(in_partner, *(lambda pool=pool: decisions.assign(ANNA, cluster, pool) for pool in pools))

    assert said == ["Main is already assigned to Pool.", "done"]
    with in_partner("acme"):
        assert Assignment.objects.count() == 1


def test_pool_does_not_become_the_ordered_one_while_it_is_assigned(committed: None, in_partner: Any) -> None:
    with in_partner("acme"):
        cluster, pool = make.make_cluster(), make.make_pool()

    at_once(
        in_partner,
        lambda: decisions.assign(ANNA, cluster, pool),
        lambda: pool_settings.set_purpose(ANNA, VirtualAccount.objects.get(), "ordered"),
    )

    with in_partner("acme"):
        both = Assignment.objects.current().filter(virtual_account__purpose="ordered")
        assert list(both) == []


def test_cluster_is_not_deleted_while_it_is_assigned(committed: None, in_partner: Any) -> None:
    with in_partner("acme"):
        cluster, pool = make.make_cluster(), make.make_pool()

    said = at_once(
        in_partner,
        lambda: decisions.assign(ANNA, cluster, pool),
        lambda: removal.delete_cluster(ANNA, Cluster.objects.get()),
    )

    with in_partner("acme"):
        assert said.count("done") == 1
        assert Cluster.objects.count() == Assignment.objects.count()
