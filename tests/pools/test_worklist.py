"""The worklist: what is on it and why, and that it goes away by itself."""

import html
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone
from django_tenants.utils import tenant_context

from licensing.accounts.models import SmartAccount
from licensing.alerts.models import AlertRule
from licensing.allocation.engine import license_of
from licensing.allocation.license_names import CURRENT, KNOWN_NAMES, NAMES, known_names, with_license_of
from licensing.fleet import matching
from licensing.history.models import Recording
from licensing.mirror.models import ProductInstance, VirtualAccount
from licensing.orders.models import Movement
from licensing.pools import balance, worklist
from licensing.pools.worklist import Items
from licensing.pools.worklist_words import Reason, word
from people.audit import Actor
from tenants.models import Partner
from tests import factories as make


@pytest.fixture
def account(acme: Partner) -> SmartAccount:
    return make.make_smart_account()


def pool(account: SmartAccount, name: str, **values: Any) -> VirtualAccount:
    return make.make_virtual_account(smart_account=account, name=name, **values)


def listed(reason: Reason | None = None) -> list[tuple[str, str, int]]:
    items = Items((reason,) if reason else ())
    return [(item.reason, item.subject, item.licenses) for item in items[0:100]]


def matched(**values: Any) -> ProductInstance:
    return make.make_instance(cluster=values.pop("cluster", None) or make.make_cluster(), **values)


def test_free_licenses_where_nobody_is_registered_are_stranded(account: SmartAccount) -> None:
    default = pool(account, "DEFAULT", is_default=True)
    make.make_license(virtual_account=default, name="Free", quantity=7, in_use=0)
    make.make_license(virtual_account=pool(account, "Elsewhere"), name="Fine", quantity=7, in_use=0)

    assert listed() == [("stranded", "Free", 7)]

    matched(virtual_account=default)
    assert listed() == []


def test_ordered_but_not_operational(account: SmartAccount) -> None:
    ordered, operational = pool(account, "Ordered", purpose="ordered"), pool(account, "Running", purpose="operational")
    make.make_license(virtual_account=ordered, name="A", quantity=10, in_use=0)
    make.make_license(virtual_account=operational, name="A", quantity=4, in_use=4)
    make.make_license(virtual_account=ordered, name="B", quantity=3, in_use=0)
    make.make_license(virtual_account=operational, name="B", quantity=3, in_use=3)

    assert listed() == [("not_deposited", "A", 6)]


def test_spellings_of_one_license_count_together(account: SmartAccount, globex: Partner) -> None:
    """As on the page of the pools: whatever case, blanks, version or tag name tell apart."""
    ordered, operational = pool(account, "Ordered", purpose="ordered"), pool(account, "Running", purpose="operational")
    for name, quantity in (("UC Manager Basic License  (12.x)", 7), ("uc manager basic license (14.x)", 5)):
        make.make_license(virtual_account=ordered, name=name, quantity=quantity, in_use=0)
    arrived = make.make_license(virtual_account=operational, name="UCM_Basic", quantity=4, in_use=0)
    make.make_license(virtual_account=ordered, name="Other  License", quantity=2, in_use=0)
    make.make_license(virtual_account=operational, name=" OTHER license (12.5)", quantity=2, in_use=0)
    with tenant_context(globex):
        make.make_license(virtual_account=make.make_virtual_account(purpose="ordered"), name="Theirs", in_use=0)

    assert listed() == [("not_deposited", "UC Manager Basic License  (12.x)", 8)]
    assert Items()[0:1][0].text == "You ordered 12 licenses, and Cisco delivered 4 of them. 8 are missing."
    assert {row.figures.undelivered for row in balance.of(account).by_license} == {8, 0}

    type(arrived).objects.filter(pk=arrived.pk).update(quantity=12)
    assert listed() == []


def test_licenses_are_told_apart_in_the_database_as_in_the_engine(acme: Partner) -> None:
    names = [
        *NAMES,
        *(name for given in NAMES.values() for name in given),
        "",
        " (12.x)",
        "(12.x)",
        "Coffee  License(14)",
        "UC Manager\tBasic License (12.X) ",
        "Ümlaut LICENSE (1.2.3)",
        "Basic (beta)",
        "ucm_BASIC (123.x)",
        "regid.2016-07.com.cisco.UCM_Basic,12.0_ef827a2f-f4ae-4ebb-887f-052737063d3a",
        "regid.2016-07.com.cisco.",
        "REGID.2020-06.com.cisco.Coffee",
        "regid.2016-07.com.cisco.Coffee,1 (12.x)",
    ]
    with connection.cursor() as cursor:
        cursor.execute(
            f"WITH {KNOWN_NAMES} SELECT coalesce(known.tag, written.compared) FROM unnest(%(names)s::text[]) "
            f"WITH ORDINALITY AS given (name, place) {with_license_of('given.name')} ORDER BY place",
            {"names": names, **known_names()},
        )
        found = [tag for (tag,) in cursor.fetchall()]

    assert dict(zip(names, found, strict=True)) == {name: license_of(name, CURRENT) for name in names}


def test_order_of_an_account_without_an_operational_pool(account: SmartAccount) -> None:
    make.make_license(virtual_account=pool(account, "Ordered", purpose="ordered"), name="A", quantity=10, in_use=0)

    (item,) = Items()[0:10]
    assert (item.reason, item.licenses) == ("not_deposited", 10)
    assert item.text == "You ordered 10 licenses, and Cisco did not deliver them. 10 are missing."
    assert item.next_step.startswith("Choose the operational pool. If there is none yet, ask Cisco")


def test_arrival_in_the_wrong_pool(account: SmartAccount) -> None:
    pool(account, "Running", purpose="operational")
    row = make.make_license(virtual_account=pool(account, "Lab"), name="A", quantity=10, in_use=0)
    began = timezone.now() - timedelta(days=10)
    Recording.objects.create(smart_account=account, since=began)
    make.make_movement(license=row, kind="first", at=began, quantity=4)
    assert listed() == []

    make.make_movement(license=row, quantity=6, subscription_id="SubA")
    assert listed() == [("wrong_deposit", "A", 10)]

    order = make.make_order(
        {"A": 6}, smart_account=account, subscription_id="SubA", virtual_account=row.virtual_account
    )
    assert listed() == []  # it is expected there

    order.delete()
    Movement.objects.update(at=timezone.now() - timedelta(days=91))
    assert listed() == []


def test_what_moved_is_no_deposit(account: SmartAccount) -> None:
    running = pool(account, "Running", purpose="operational")
    row = make.make_license(virtual_account=pool(account, "Lab"), name="A", quantity=10, in_use=0)
    make.make_movement(license=row, quantity=10, kind="move", counterpart=running)

    assert listed() == []


def test_arrival_in_a_default_pool_that_serves_products_of_another_kind(account: SmartAccount) -> None:
    """Licenses are stranded there only while nobody is registered; who uses others makes them no better placed."""
    pool(account, "Running", purpose="operational")
    default = pool(account, "DEFAULT", is_default=True)
    row = make.make_license(virtual_account=default, name="A", quantity=10, in_use=0)
    make.make_movement(license=row)
    assert listed() == [("stranded", "A", 10)]

    matched(virtual_account=default, usage={"Another": 1})
    assert listed() == [("wrong_deposit", "A", 10)]


def test_silent_instance_that_still_uses_licenses(account: SmartAccount) -> None:
    where = pool(account, "A")
    long_ago = timezone.now() - timedelta(days=31)
    matched(usage={"X": 5}, virtual_account=where, host_name="ghost.example", last_contact_at=long_ago)
    matched(usage={}, virtual_account=where, last_contact_at=long_ago)

    assert listed() == [("ghost", "ghost.example", 5)]
    AlertRule.objects.filter(kind="instance_silent").update(threshold=32)
    assert listed() == []


def test_instance_registered_elsewhere_than_planned(account: SmartAccount) -> None:
    here, planned = pool(account, "Here"), pool(account, "Planned")
    cluster = make.make_cluster()
    instance = matched(usage={"X": 5}, virtual_account=here, host_name="a.example", cluster=cluster)
    assignment = make.make_assignment(cluster=cluster, virtual_account=planned)

    (item,) = Items()[0:10]
    assert (item.reason, item.subject_id, item.virtual_account) == ("misplaced", instance.pk, here.pk)
    assert "assigned to Planned. The product instance is registered in Here" in item.text
    assert item.next_step == "Move it to Planned, or assign the cluster to Here."
    assert (item.way, item.way_id) == ("", None)
    other = pool(make.make_smart_account(name="Acme East"), "Here")
    type(assignment).objects.update(virtual_account=other)
    (item,) = Items()[0:10]
    assert item.text == (
        f"Its cluster {cluster} is assigned to Here of Acme East. "
        "The product instance is registered in Here and uses licenses there."
    )
    assert item.next_step == "Register it with a token of Here of Acme East, or assign the cluster to Here."
    assert (item.way, item.way_id) == ("register", other.pk)
    VirtualAccount.objects.filter(pk=other.pk).update(gone_at=timezone.now())
    instance.usage.all().delete()
    (item,) = Items()[0:10]
    assert item.text.endswith(" of Acme East, which Cisco no longer lists. The product instance is registered in Here.")
    assert (item.next_step, item.way, item.way_id) == ("Assign the cluster to Here.", "reassign", cluster.pk)

    assignment.ended_at = timezone.now()
    assignment.save()
    assert listed() == []


def test_unmatched_and_ambiguous_instances_until_somebody_decides(account: SmartAccount) -> None:
    where = pool(account, "A")
    unmatched = make.make_instance({"X": 2}, virtual_account=where, host_name="nobody.example")
    make.make_instance({"X": 1}, virtual_account=where, host_name="twice.example", cluster_candidates=2)

    assert listed() == [("ambiguous", "twice.example", 1), ("unmatched", "nobody.example", 2)]
    assert listed(Reason.UNMATCHED) == [("unmatched", "nobody.example", 2)]

    matching.settle(Actor(None, "somebody"), unmatched, None)
    assert listed(Reason.UNMATCHED) == []


def test_gone_rows_and_paused_accounts_give_no_work(account: SmartAccount) -> None:
    where = pool(account, "A")
    make.make_instance(virtual_account=where, gone_at=timezone.now())
    paused = make.make_smart_account(paused_at=timezone.now())
    make.make_instance(virtual_account=pool(paused, "B"))

    assert listed() == []


def test_search_account_and_counts(account: SmartAccount) -> None:
    other = make.make_smart_account()
    make.make_instance(virtual_account=pool(account, "A"), host_name="one.example")
    make.make_instance(virtual_account=pool(other, "B"), host_name="two.example")

    assert worklist.counts() == {Reason.UNMATCHED: 2}
    assert [item.subject for item in Items(smart_account=other.pk)[0:10]] == ["two.example"]
    assert [item.subject for item in Items(search="ONE.ex")[0:10]] == ["one.example"]
    assert Items(search="100%").count() == 0


def test_pages_follow_each_other(account: SmartAccount) -> None:
    where = pool(account, "A")
    for number in range(5):
        make.make_instance(virtual_account=where, host_name=f"{number}.example")
    by_id = Items().order_by("id")

    first = by_id[0:2]
    then = by_id.filter(id__gt=first[-1].pk)[0:10]

    assert len({item.pk for item in [*first, *then]}) == 5
    assert [item.pk for item in by_id.order_by("-id")[0:5]] == [item.pk for item in [*first, *then]][::-1]


def test_work_is_each_partners_own(account: SmartAccount, globex: Partner) -> None:
    with tenant_context(globex):
        make.make_instance(host_name="theirs.example")

    assert listed() == []


@pytest.mark.parametrize(
    ("reason", "facts", "text", "next_step"),
    [
        (
            Reason.STRANDED,
            {"free": 1, "pool": "DEFAULT", "operational": None},
            "1 license is free in the default virtual account DEFAULT. No product is registered there, and no cluster "
            "is assigned to it.",
            "Move it to a virtual account whose products need it.",
        ),
        (
            Reason.STRANDED,
            {"free": 1200, "pool": "DEFAULT", "operational": "Running"},
            "1,200 licenses are free in the default virtual account DEFAULT. No product is registered there, and no "
            "cluster is assigned to it.",
            "Move them to Running.",
        ),
        (
            Reason.NOT_DEPOSITED,
            {"ordered": 1, "delivered": 0, "undelivered": 1, "purchases": ["SubA"], "operational": "Running"},
            "You ordered 1 license with SubA, and Cisco did not deliver it. 1 is missing.",
            "Ask Cisco for the operational licenses of this order.",
        ),
        (
            Reason.WRONG_DEPOSIT,
            {"free": 1, "pool": "Lab", "operational": "Running", "arrived_at": "2026-11-02T10:00:00+00:00"},
            "1 license is free in Lab, where no product uses it. It arrived on 2 Nov 2026, and not in the operational "
            "pool Running.",
            "Move it to Running, or leave it if you want it in Lab.",
        ),
        (
            Reason.GHOST,
            {"last_contact_at": "2026-11-02T10:00:00.123456+00:00", "used": 2},
            "This product instance last contacted Cisco on 2 Nov 2026 and still uses 2 licenses.",
            "Check whether the product still exists. If not, remove it to free its licenses.",
        ),
        (
            Reason.AMBIGUOUS,
            {"candidates": 2},
            "2 clusters fit equally well, so the portal counts this product instance for none of them.",
            "Choose the cluster, or enter the serial number of its publisher.",
        ),
        (
            Reason.UNMATCHED,
            {},
            "No publisher has this serial number or host name, so its usage counts for no customer.",
            "Choose its cluster, add the cluster, or record that it belongs to none.",
        ),
    ],
)
def test_each_reason_is_worded_in_one_place(reason: Reason, facts: dict[str, Any], text: str, next_step: str) -> None:
    assert word(reason, facts) == (text, next_step)


def test_page_file_and_rest_say_the_same_of_every_reason(
    account: SmartAccount, globex: Partner, acme: Partner, client_of: Any, api_of: Any
) -> None:
    fill_every_reason(account)
    with tenant_context(globex):
        fill_every_reason(make.make_smart_account())
    items = Items()[0:50]

    listed = api_of(acme).get("/api/v1/worklist/").json()["results"]
    file = client_of(acme, "operator").get("/worklist/?format=csv").content.decode()
    page = html.unescape(client_of(acme, "operator").get("/worklist/").content.decode())

    assert worklist.counts() == dict.fromkeys(Reason, 1)
    assert {(row["id"], row["text"], row["next_step"]) for row in listed} == {
        (item.id, item.text, item.next_step) for item in items
    }
    for item in items:
        assert item.text in file
        assert item.next_step in file
        assert item.text in page


def fill_every_reason(account: SmartAccount) -> None:
    """One item for each reason."""
    default, lab = pool(account, "DEFAULT", is_default=True), pool(account, "Lab")
    ordered, running = pool(account, "Ordered", purpose="ordered"), pool(account, "Running", purpose="operational")
    make.make_license(virtual_account=default, name="Stranded", quantity=7, in_use=0)
    make.make_license(virtual_account=ordered, name="A", quantity=10, in_use=0)
    arrived = make.make_license(virtual_account=lab, name="B", quantity=3, in_use=0)
    make.make_movement(license=arrived)
    matched(usage={"X": 5}, virtual_account=lab, last_contact_at=timezone.now() - timedelta(days=31))
    cluster = make.make_cluster()
    make.make_assignment(cluster=cluster, virtual_account=running)
    matched(usage={"X": 1}, virtual_account=lab, cluster=cluster)
    make.make_instance(virtual_account=lab, cluster_candidates=2)
    make.make_instance(virtual_account=lab)
