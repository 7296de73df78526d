"""The way by hand on real rows: the run sheet of a cluster, and what the mirror knows of it."""

import pytest
from django_tenants.utils import tenant_context

from licensing.fleet.access import reach
from licensing.fleet.access.answers import ByHand, Done, Status
from licensing.fleet.models import ClusterAccess
from licensing.fleet.transport import Mode, Rule, Transport
from tenants.models import Partner
from tests import factories as make

DIRECT = Transport(Mode.DIRECT, Rule.NO_PROXY, "why")


def test_cluster_without_access_is_reached_by_hand(acme: Partner) -> None:
    cluster = make.make_cluster({"sub.example": "subscriber", "pub.example": "publisher"})
    way = reach.way_to(cluster)

    answers = [way.set_mode("hcs"), way.set_transport(DIRECT), way.register("the-token"), way.deregister()]

    assert all(isinstance(answer, ByHand) for answer in answers)
    said = " ".join(line for answer in answers if isinstance(answer, ByHand) for line in answer.instructions)
    assert "pub.example" in said
    assert "sub.example" not in said
    assert "the-token" not in said


def test_license_mode_of_expressway_is_done_without_anybody(acme: Partner) -> None:
    cluster = make.make_cluster(application="expressway_c")

    assert reach.way_to(cluster).set_mode("hcs") == Done("Expressway has no license mode.")


def test_status_by_hand_is_what_the_last_sync_saw(acme: Partner, globex: Partner) -> None:
    with tenant_context(globex):
        make.make_instance(cluster=make.make_cluster())
    cluster = make.make_cluster()
    unseen = reach.way_to(cluster).status()
    pool = make.make_virtual_account(name="Pool")
    make.make_instance(virtual_account=pool, cluster=cluster)
    seen = reach.way_to(cluster).status()
    make.make_instance(cluster=cluster)
    twice = reach.way_to(cluster).status()

    assert unseen == Status()
    account = pool.smart_account
    assert seen == Status(
        registered=True, virtual_account="Pool", smart_account=account.name, as_of=account.last_synced_at
    )
    assert (twice.registered, twice.virtual_account) == (True, None)


def test_known_status_is_plain_values(acme: Partner) -> None:
    instance = make.make_instance(cluster=make.make_cluster())
    account = instance.virtual_account.smart_account

    known = reach.way_to(instance.cluster).probe().known()

    assert known == {
        "registered": True,
        "virtual_account": instance.virtual_account.name,
        "smart_account": account.name,
        "as_of": account.last_synced_at.isoformat(),
    }


@pytest.mark.parametrize("text", ["a-secret", ""])
def test_password_is_sealed_and_shows_nothing_of_itself(acme: Partner, text: str) -> None:
    access = ClusterAccess.objects.create(cluster=make.make_cluster(), method="axl", password=text)
    stored = ClusterAccess.objects.get(pk=access.pk)

    assert stored.password.reveal() == text
    assert text == "" or text not in f"{stored.password!r} {stored.password} {vars(stored)}"
