"""Which product instance belongs to which cluster, and what is left to a person."""

import pytest
from django.utils import timezone

from licensing.fleet import matching
from licensing.fleet.models import Cluster, Node
from licensing.mirror.models import ProductInstance
from people.audit import SYSTEM
from people.models import AuditEntry
from tenants.models import Partner
from tests.factories import make_cluster, make_instance


def match_of(instance: ProductInstance) -> tuple[Cluster | None, int]:
    matching.match_clusters()
    instance.refresh_from_db()
    return instance.cluster, instance.cluster_candidates


@pytest.mark.parametrize(
    ("node", "instance"),
    [
        ("cucm.harbor.example", "cucm.harbor.example"),
        ("cucm.harbor.example", "CUCM.Harbor.Example"),
        ("cucm-harbor", "cucm-harbor.harbor.example"),
        ("cucm-harbor.harbor.example", "cucm-harbor"),
    ],
)
def test_host_name_of_the_publisher_matches(acme: Partner, node: str, instance: str) -> None:
    cluster = make_cluster({node: "publisher"})

    assert match_of(make_instance(host_name=instance)) == (cluster, 1)


@pytest.mark.parametrize(
    ("node", "role", "instance"),
    [
        ("cucm.harbor.example", "subscriber", "cucm.harbor.example"),
        ("cucm.harbor.example", "publisher", "cucm.meadow.example"),
        ("cucm.harbor.example", "publisher", ""),
    ],
)
def test_other_names_do_not_match(acme: Partner, node: str, role: str, instance: str) -> None:
    make_cluster({node: role})
    row = make_instance(host_name=instance)

    assert match_of(row) == (None, 0)
    assert list(ProductInstance.objects.unmatched()) == [row]


def test_whole_name_beats_the_first_label(acme: Partner) -> None:
    make_cluster({"cucm": "publisher"})
    cluster = make_cluster({"cucm.harbor.example": "publisher"})

    assert match_of(make_instance(host_name="cucm.harbor.example")) == (cluster, 1)


@pytest.mark.parametrize("known", ["ABCDE", "0f0f0f0f0f0f0f0f0f0f0f0f000abcde"])
def test_serial_or_uuid_of_the_publisher_beats_its_name(acme: Partner, known: str) -> None:
    make_cluster({"cucm.harbor.example": "publisher"})
    cluster = make_cluster({"elsewhere.example": "publisher"})
    Node.objects.filter(cluster=cluster).update(serial=known)
    instance = make_instance(host_name="cucm.harbor.example", serial="abcde", uuid="0F0F0F0F0F0F0F0F0F0F0F0F000ABCDE")

    assert match_of(instance) == (cluster, 1)


def test_several_clusters_of_one_name_are_left_to_a_person(acme: Partner) -> None:
    for _ in range(2):
        make_cluster({"cucm-pub": "publisher"})
    row = make_instance(host_name="cucm-pub.somewhere.example")

    assert match_of(row) == (None, 2)
    assert list(ProductInstance.objects.ambiguous()) == [row]
    assert list(ProductInstance.objects.unmatched()) == []


def test_decision_by_hand_stays(acme: Partner) -> None:
    make_cluster({"cucm.harbor.example": "publisher"})
    chosen = make_cluster()
    row = make_instance(host_name="cucm.harbor.example")

    matching.settle(SYSTEM, row, chosen)

    assert match_of(row)[0] == chosen
    assert AuditEntry.objects.get().changes == {"cluster": [None, chosen.pk], "cluster_by_hand": [False, True]}


def test_decision_for_no_cluster_stays(acme: Partner) -> None:
    make_cluster({"cucm.harbor.example": "publisher"})
    row = make_instance(host_name="cucm.harbor.example")

    matching.settle(SYSTEM, row, None)

    assert match_of(row)[0] is None
    assert list(ProductInstance.objects.unmatched()) == []


def test_decision_taken_back_gives_the_best_match_again(acme: Partner) -> None:
    cluster = make_cluster({"cucm.harbor.example": "publisher"})
    row = make_instance(host_name="cucm.harbor.example")
    matching.settle(SYSTEM, row, None)

    matching.unsettle(SYSTEM, row)

    assert (row.cluster, row.cluster_by_hand) == (cluster, False)


def test_product_that_registers_anew_keeps_its_cluster(acme: Partner) -> None:
    cluster = make_cluster()
    make_instance(serial="12345", host_name="old", cluster=cluster, cluster_by_hand=True, gone_at=timezone.now())

    assert match_of(make_instance(serial="12345", host_name="new")) == (cluster, 1)


def test_renamed_publisher_takes_the_match_with_it(acme: Partner) -> None:
    cluster = make_cluster({"cucm.harbor.example": "publisher"})
    row = make_instance(host_name="cucm.harbor.example")
    assert match_of(row) == (cluster, 1)
    Node.objects.update(host_name="other.example")

    assert match_of(row) == (None, 0)


def test_matching_again_writes_nothing(acme: Partner) -> None:
    make_cluster({"cucm.harbor.example": "publisher"})
    make_instance(host_name="cucm.harbor.example")

    assert (matching.match_clusters(), matching.match_clusters()) == (1, 0)


@pytest.mark.parametrize("application", ["cucm", "cuc", "cer", "expressway_c", "expressway_e"])
def test_matching_after_a_sync_knows_the_nodes_that_matching_of_all_knows(acme: Partner, application: str) -> None:
    """Each Expressway peer registers, so a cluster without a recorded publisher can match too."""
    cluster = make_cluster({"peer.harbor.example": "subscriber"}, application=application)
    row = make_instance(host_name="peer.harbor.example")
    expected = (cluster, 1) if cluster.is_expressway else (None, 0)

    matching.match_clusters(f"SELECT {row.pk}")
    row.refresh_from_db()

    assert (row.cluster, row.cluster_candidates) == expected
    assert match_of(row) == expected
