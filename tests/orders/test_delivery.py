"""What Cisco delivered: the definition on plain rows, and what syncs and transfers make of it."""

from datetime import date
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django_tenants.utils import tenant_context

from licensing.accounts.models import SmartAccount
from licensing.cisco.emulator.moves import transfer_licenses
from licensing.cisco.emulator.state import Account
from licensing.mirror.models import License, VirtualAccount
from licensing.mirror.sync import runs
from licensing.operations import syncing
from licensing.orders import delivery, movements
from licensing.orders.delivery import Known, Moved, OrderedLine, Purchase, Supplied
from licensing.orders.models import ExpectedMove, Movement, Order, OrderLine
from tenants.models import Partner
from tests import factories as make
from tests.fixtures import ENHANCED
from tests.wire import term_line

RECORD, RUNNING, LAB = 1, 2, 3  # virtual accounts of smart account 7; the first one is the ordered one
ORDERED_ON = date(2026, 11, 1)


def held(pool: int, quantity: int, subscription: str = "", order: str = "", name: str = ENHANCED) -> Supplied:
    return Supplied(7, pool, pool == RECORD, name, subscription, order, quantity)


def moved(source: int, target: int, quantity: int, subscription: str = "", order: str = "") -> list[Moved]:
    names = (ENHANCED, subscription, order)
    return [
        Moved(7, source, source == RECORD, target == RECORD, *names, -quantity),
        Moved(7, target, target == RECORD, source == RECORD, *names, quantity),
    ]


def entered(order: int, quantity: int, subscription: str = "", number: str = "", on: date = ORDERED_ON) -> OrderedLine:
    return OrderedLine(7, order, number, subscription, on, None, ENHANCED, quantity)


def figures_of(found: list[Purchase]) -> dict[tuple[str, int | None], tuple[int, int, int]]:
    return {(one.key, one.order): (one.ordered, one.delivered, one.undelivered) for one in found}


# --- The definition ---


def test_the_ordered_pool_records_and_the_serving_ones_deliver() -> None:
    found = delivery.settle([held(RECORD, 100, "SubA"), held(RUNNING, 30, "SubA"), held(LAB, 20, "SubA")], [], [])

    assert figures_of(found) == {("SubA", None): (100, 50, 50)}


def test_what_only_serving_pools_show_was_delivered() -> None:
    assert figures_of(delivery.settle([held(RUNNING, 30, "SubA")], [], [])) == {("SubA", None): (30, 30, 0)}


def test_a_surplus_never_makes_up_for_another_purchase() -> None:
    supplies = [held(RECORD, 100, "SubA"), held(RECORD, 10, "SubB"), held(RUNNING, 60, "SubB")]

    assert figures_of(delivery.settle(supplies, [], [])) == {("SubA", None): (100, 0, 100), ("SubB", None): (10, 60, 0)}


def test_a_move_out_of_the_ordered_pool_delivers_nothing() -> None:
    before = delivery.settle([held(RECORD, 100, "SubA"), held(RUNNING, 4, "SubA")], [], [])
    after = delivery.settle(
        [held(RECORD, 4, "SubA"), held(RUNNING, 100, "SubA")], moved(RECORD, RUNNING, 96, "SubA"), []
    )

    assert before == after
    assert figures_of(after) == {("SubA", None): (100, 4, 96)}


def test_half_of_a_move_changes_nothing_either() -> None:
    gone, came = moved(RECORD, RUNNING, 96, "SubA")
    whole = {("SubA", None): (100, 4, 96)}

    only_gone = delivery.settle([held(RECORD, 4, "SubA"), held(RUNNING, 4, "SubA")], [gone], [])
    only_came = delivery.settle([held(RECORD, 100, "SubA"), held(RUNNING, 100, "SubA")], [came], [])

    assert figures_of(only_gone) == figures_of(only_came) == whole


def test_moving_all_and_moving_back_change_nothing() -> None:
    out, back = moved(RECORD, RUNNING, 100, "SubA"), moved(RUNNING, RECORD, 100, "SubA")

    assert figures_of(delivery.settle([held(RUNNING, 100, "SubA")], out, [])) == {("SubA", None): (100, 0, 100)}
    assert figures_of(delivery.settle([held(RECORD, 100, "SubA")], out + back, [])) == {("SubA", None): (100, 0, 100)}


def test_what_moved_and_ended_counts_on_neither_side() -> None:
    out = moved(RECORD, RUNNING, 96, "SubA")

    assert delivery.settle([], out, []) == []
    assert figures_of(delivery.settle([held(RECORD, 4, "SubA")], out, [])) == {("SubA", None): (4, 0, 4)}


def test_an_entered_order_says_what_was_ordered() -> None:
    supplies = [held(RECORD, 100, "SubA"), held(RUNNING, 60, order="77")]
    lines = [entered(1, 120, "SubA"), entered(2, 80, number="77"), entered(3, 5, "SubC")]

    assert figures_of(delivery.settle(supplies, [], lines)) == {
        ("77", 2): (80, 60, 20),
        ("SubA", 1): (120, 0, 120),
        ("SubC", 3): (5, 0, 5),
    }


def test_a_line_without_subscription_belongs_to_the_order_with_its_number() -> None:
    lines = [entered(1, 100, "SubA", "77")]

    assert figures_of(delivery.settle([held(RUNNING, 60, order="77")], [], lines)) == {("SubA", 1): (100, 60, 40)}
    assert figures_of(delivery.settle([held(RUNNING, 60, "SubB", "77")], [], lines)) == {
        ("SubA", 1): (100, 0, 100),
        ("SubB", None): (60, 60, 0),
    }


def test_orders_of_one_subscription_are_served_from_the_oldest_on() -> None:
    lines = [entered(2, 50, "SubA", "78", date(2026, 11, 2)), entered(1, 100, "SubA", "77")]

    found = delivery.settle([held(RUNNING, 120, "SubA")], [], lines)

    assert figures_of(found) == {("SubA", 1): (100, 100, 0), ("SubA", 2): (50, 20, 30)}
    assert [(one.order, one.order_number) for one in found] == [(1, "77"), (2, "78")]


def test_what_names_no_purchase_serves_its_own_then_the_oldest() -> None:
    supplies = [held(RECORD, 10), held(RECORD, 30, "SubNew"), held(RECORD, 30, "SubOld"), held(RUNNING, 55)]
    seen = {(7, "SubNew"): Known(date(2026, 11, 2), None), (7, "SubOld"): Known(date(2026, 11, 1), 5)}

    found = delivery.settle(supplies, [], [], seen)

    assert figures_of(found) == {("SubNew", None): (30, 15, 15), ("SubOld", None): (30, 30, 0), ("", None): (10, 10, 0)}
    assert {one.key: one.customer for one in found} == {"SubNew": None, "SubOld": 5, "": None}


def test_spellings_of_one_license_count_together() -> None:
    supplies = [held(RECORD, 10, "SubA"), held(RUNNING, 10, "SubA", name="UC Manager  Enhanced License (14.x)")]

    assert figures_of(delivery.settle(supplies, [], [])) == {("SubA", None): (10, 10, 0)}


# --- What syncs see ---


@pytest.fixture
def cisco(emulator: Any) -> Account:
    """100 are ordered by SubA; 4 of them are deposited."""
    cisco: Account = emulator.state.add("acme.example", "Acme")
    for name in ("Record", "Running", "Lab"):
        cisco.add_pool(name)
    deposit(cisco, "Record", 100)
    deposit(cisco, "Running", 4)
    return cisco


@pytest.fixture
def synced(account: SmartAccount, cisco: Account) -> SmartAccount:
    sync(account)
    for name, purpose in (("Record", "ordered"), ("Running", "operational")):
        VirtualAccount.objects.filter(name=name).update(purpose=purpose)
    return account


def deposit(cisco: Account, pool: str, quantity: int, subscription: str = "SubA") -> None:
    """Cisco adds licenses of one subscription."""
    row = cisco.set_license(pool, ENHANCED)
    lines = [*row["licenseDetails"], term_line(quantity, subscriptionId=subscription)]
    cisco.set_license(pool, ENHANCED, quantity=int(row["quantity"]) + quantity, licenseDetails=lines)


def transfer(cisco: Account, source: str, target: str, quantity: int) -> None:
    """Somebody moves licenses in CSSM."""
    item = {"license": ENHANCED, "licenseType": "TERM", "quantity": quantity, "targetVirtualAccount": target}
    refusal, results = transfer_licenses(cisco, source, {"licenses": [item]})
    assert (refusal, [one["status"] for one in results]) == ("", ["SUCCESS"])


def sync(account: SmartAccount) -> None:
    run, _ = runs.request(account, "test")
    assert syncing.run_sync(run).status == "succeeded"


def noted() -> list[tuple[str, int, str, str, bool]]:
    rows = Movement.objects.order_by("id").select_related("virtual_account", "counterpart")
    return [
        (
            row.virtual_account.name,
            row.quantity,
            row.kind,
            row.counterpart.name if row.counterpart else "",
            row.by_portal,
        )
        for row in rows
    ]


def undelivered(account: SmartAccount) -> dict[str, tuple[int, int, int]]:
    return {one.key: (one.ordered, one.delivered, one.undelivered) for one in delivery.figures([account.pk])}


def test_the_first_sync_finds_what_is_there(synced: SmartAccount) -> None:
    assert sorted(noted()) == [("Record", 100, "first", "", False), ("Running", 4, "first", "", False)]
    assert undelivered(synced) == {"SubA": (100, 4, 96)}


def test_a_deposit_delivers(synced: SmartAccount, cisco: Account) -> None:
    deposit(cisco, "Running", 20)
    sync(synced)
    sync(synced)

    assert noted()[2:] == [("Running", 20, "deposit", "", False)]
    assert undelivered(synced) == {"SubA": (100, 24, 76)}


def test_a_move_in_cssm_delivers_nothing(synced: SmartAccount, cisco: Account) -> None:
    transfer(cisco, "Record", "Running", 96)
    sync(synced)

    assert sorted(noted()[2:]) == [("Record", -96, "move", "Running", False), ("Running", 96, "move", "Record", False)]
    assert undelivered(synced) == {"SubA": (100, 4, 96)}


def test_a_move_and_a_deposit_at_once_are_told_apart(synced: SmartAccount, cisco: Account) -> None:
    transfer(cisco, "Record", "Running", 50)
    deposit(cisco, "Running", 20)
    sync(synced)

    assert sorted(noted()[2:]) == [
        ("Record", -50, "move", "Running", False),
        ("Running", 20, "deposit", "", False),
        ("Running", 50, "move", "Record", False),
    ]
    assert undelivered(synced) == {"SubA": (100, 24, 76)}


def test_halves_of_a_move_in_two_syncs_are_paired(synced: SmartAccount, cisco: Account) -> None:
    held_in_running = [dict(raw) for raw in cisco.licenses if raw["virtualAccount"] == "Running"]
    transfer(cisco, "Record", "Running", 96)
    after = next(raw for raw in cisco.licenses if raw["virtualAccount"] == "Running")
    whole = dict(after)
    after.update(held_in_running[0])  # the listing was read in the middle of it
    sync(synced)
    after.update(whole)
    sync(synced)

    assert sorted(noted()[2:]) == [("Record", -96, "move", "Running", False), ("Running", 96, "move", "Record", False)]
    assert undelivered(synced) == {"SubA": (100, 4, 96)}


def test_a_transfer_by_the_portal_is_expected(synced: SmartAccount, cisco: Account) -> None:
    row = License.objects.get(virtual_account__name="Record")
    running = VirtualAccount.objects.get(name="Running")
    transfer(cisco, "Record", "Running", 96)
    movements.expect_move(row, row.virtual_account_id, running.pk, 96, timezone.now())
    sync(synced)

    assert sorted(noted()[2:]) == [("Record", -96, "move", "Running", True), ("Running", 96, "move", "Record", True)]
    assert undelivered(synced) == {"SubA": (100, 4, 96)}
    assert not ExpectedMove.objects.exists()


def test_a_sync_before_the_read_back_is_made_good(synced: SmartAccount, cisco: Account) -> None:
    row = License.objects.get(virtual_account__name="Record")
    running = VirtualAccount.objects.get(name="Running")
    sent = timezone.now()
    transfer(cisco, "Record", "Running", 96)
    deposit(cisco, "Running", 20)
    sync(synced)
    movements.expect_move(row, row.virtual_account_id, running.pk, 96, sent)

    assert sorted(noted()[2:]) == [
        ("Record", -96, "move", "Running", True),
        ("Running", 20, "deposit", "", False),
        ("Running", 96, "move", "Record", True),
    ]
    assert not ExpectedMove.objects.exists()


def test_half_of_the_portals_transfer_hides_nothing(synced: SmartAccount, cisco: Account) -> None:
    row = License.objects.get(virtual_account__name="Record")
    running = VirtualAccount.objects.get(name="Running")
    before = dict(next(raw for raw in cisco.licenses if raw["virtualAccount"] == "Record"))
    transfer(cisco, "Record", "Running", 96)
    movements.expect_move(row, row.virtual_account_id, running.pk, 96, timezone.now())
    source = next(raw for raw in cisco.licenses if raw["virtualAccount"] == "Record")
    whole = dict(source)
    source.update({**before, "licenseDetails": [term_line(100, subscriptionId="SubA")]})
    sync(synced)

    assert noted()[2:] == [("Running", 96, "move", "Record", True)]
    assert undelivered(synced) == {"SubA": (100, 4, 96)}

    source.update(whole)
    sync(synced)
    assert sorted(noted()[2:]) == [("Record", -96, "move", "Running", True), ("Running", 96, "move", "Record", True)]
    assert undelivered(synced) == {"SubA": (100, 4, 96)}


def test_figures_at_a_moment_are_those_of_then(synced: SmartAccount, cisco: Account) -> None:
    before, then = undelivered(synced), timezone.now()
    order = Order.objects.create(smart_account=synced, number="9", ordered_on=date(2099, 1, 1))
    OrderLine.objects.create(order=order, position=1, license_name=ENHANCED, quantity=5)
    transfer(cisco, "Record", "Running", 50)
    deposit(cisco, "Running", 10)
    sync(synced)

    found = delivery.figures([synced.pk], then)

    assert {one.key: (one.ordered, one.delivered, one.undelivered) for one in found} == before
    assert undelivered(synced) == {"SubA": (100, 14, 86), "9": (5, 0, 5)}


def test_statements_do_not_depend_on_rows(synced: SmartAccount) -> None:
    taken = []
    for number in (1, 4):
        for place in range(number):
            order = Order.objects.create(smart_account=synced, number=f"{number}-{place}")
            OrderLine.objects.create(order=order, position=1, license_name=ENHANCED, quantity=5)
        with CaptureQueriesContext(connection) as queries:
            delivery.figures([synced.pk])
        taken.append(len(queries))

    assert taken == [5, 5]


def test_partners_have_movements_of_their_own(synced: SmartAccount, globex: Partner) -> None:
    with tenant_context(globex):
        other = make.make_smart_account()
        assert not Movement.objects.exists()
        assert delivery.figures([other.pk]) == []
