"""Random purchases, deposits, moves and syncs: undelivered licenses agree everywhere, and no move changes them.

An oracle in plain Python knows what was ordered and what was deposited; it never looks at where licenses are.
"""

import os
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone
from django_tenants.utils import tenant_context
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from licensing.accounts.models import SmartAccount
from licensing.cisco.emulator.moves import transfer_licenses
from licensing.cisco.emulator.server import EmulatorThread
from licensing.cisco.emulator.state import Account
from licensing.mirror.models import License, VirtualAccount
from licensing.mirror.sync import runs
from licensing.operations import syncing
from licensing.orders import delivery, movements
from licensing.orders.models import Movement
from licensing.pools import balance
from licensing.pools.worklist import Items
from licensing.pools.worklist_words import Reason
from tenants.models import Partner
from tests import factories as make
from tests.fixtures import BASIC, ENHANCED
from tests.wire import term_line

POOLS = ("Record", "Running", "Lab")
NAMES = (ENHANCED, BASIC)
PURCHASES = ("SubA", "SubB", "SubC")

quantities = st.integers(1, 60)
purchases = st.tuples(st.just("order"), st.sampled_from(PURCHASES), st.sampled_from(NAMES), quantities)
deposits = st.tuples(st.just("deposit"), st.sampled_from(PURCHASES), st.sampled_from(NAMES), quantities)
# A move by somebody in CSSM or by the portal, which may be seen in two halves.
moves = st.tuples(
    st.sampled_from(("move", "transfer", "torn move", "torn transfer")),
    st.sampled_from([(one, other) for one in POOLS for other in POOLS if one != other]),
    st.sampled_from(NAMES),
    st.integers(1, 40),
)
steps = st.lists(st.one_of(purchases, deposits, moves), min_size=1, max_size=7)


class World:
    """The emulator, and what was ordered and deposited."""

    def __init__(self, cisco: Account, account: SmartAccount) -> None:
        self.cisco, self.account = cisco, account
        self.ordered: dict[tuple[str, str], int] = defaultdict(int)
        self.deposited: dict[tuple[str, str], int] = defaultdict(int)

    def do(self, kind: str, where: Any, name: str, quantity: int) -> None:
        if kind in {"order", "deposit"}:
            self.add("Record" if kind == "order" else "Running", where, name, quantity)
            (self.ordered if kind == "order" else self.deposited)[where, name] += quantity
            self.sync()
            return
        before = {pool: self.row(pool, name) for pool in where}
        free = int(before[where[0]]["quantity"])
        if quantity > free:
            return
        if kind == "torn move":
            self.sync()  # or half a move and an equal deposit of the sync before could be one move
        sent = timezone.now()
        item = {"license": name, "licenseType": "TERM", "quantity": quantity, "targetVirtualAccount": where[1]}
        _, results = transfer_licenses(self.cisco, where[0], {"licenses": [item]})
        assert results[0]["status"] == "SUCCESS"
        if kind.endswith("transfer"):
            license_ = License.objects.get(virtual_account__name=where[0], name=name)
            target = VirtualAccount.objects.get(name=where[1])
            movements.expect_move(license_, license_.virtual_account_id, target.pk, quantity, sent)
        if kind.startswith("torn"):
            self.sync_torn(where[quantity % 2], name, before[where[quantity % 2]])
        self.sync()

    def sync_torn(self, pool: str, name: str, before: dict[str, Any]) -> None:
        """Sync while one of the two virtual accounts is still listed as it was."""
        raw = self.find(pool, name)
        after = self.copy(raw)
        raw.update(before)
        self.sync()
        raw.update(after)

    def sync(self) -> None:
        run, _ = runs.request(self.account, "test")
        assert syncing.run_sync(run).status == "succeeded"

    def add(self, pool: str, purchase: str, name: str, quantity: int) -> None:
        row = self.cisco.set_license(pool, name)
        lines = [*row["licenseDetails"], term_line(quantity, subscriptionId=purchase, endDate="2099-01-01")]
        self.cisco.set_license(pool, name, quantity=int(row["quantity"]) + quantity, licenseDetails=lines)

    def find(self, pool: str, name: str) -> dict[str, Any]:
        return self.cisco.set_license(pool, name)

    def row(self, pool: str, name: str) -> dict[str, Any]:
        return self.copy(self.find(pool, name))

    @staticmethod
    def copy(raw: dict[str, Any]) -> dict[str, Any]:
        return {**raw, "licenseDetails": [dict(line) for line in raw["licenseDetails"]]}

    def expected(self) -> dict[tuple[str, str], tuple[int, int]]:
        """Ordered and delivered. Where nothing is recorded as ordered, what was delivered counts as ordered."""
        keys = {key for key, quantity in [*self.ordered.items(), *self.deposited.items()] if quantity}
        return {key: (self.ordered[key] or self.deposited[key], self.deposited[key]) for key in keys}


def check(world: World, entered: int) -> None:
    found = delivery.figures([world.account.pk])
    figures = {(one.key, one.license_name): (one.ordered, one.delivered) for one in found if not one.order}
    assert figures == world.expected()
    missing = sum(max(ordered - delivered, 0) for ordered, delivered in world.expected().values()) + entered
    looked = balance.of(world.account)
    assert sum(one.undelivered for one in found) == missing
    assert sum(row.figures.undelivered for row in looked.by_license) == missing
    for groups in (looked.by_order, looked.by_customer, looked.by_model):
        assert sum(one.undelivered for _, one in balance.lines_of(groups)) == missing
    items = Items((Reason.NOT_DEPOSITED,), world.account.pk)
    assert sum(item.licenses for item in items[0:100]) == missing
    sums: dict[tuple[int, str, str], int] = defaultdict(int)
    for one in Movement.objects.all():
        sums[one.virtual_account_id, one.license_name, one.key] += one.quantity
    held = {(one.virtual_account, one.license_name, one.key): one.quantity for one in supplies(world)}
    assert {place: total for place, total in sums.items() if total} == held  # nothing is noted twice or not at all


def supplies(world: World) -> Iterator[Any]:
    class Held:
        def __init__(self, row: delivery.Supplied) -> None:
            self.virtual_account, self.license_name = row.virtual_account, row.license_name
            self.key, self.quantity = row.subscription_id or row.order_number, row.quantity

    return (Held(row) for row in delivery.read([world.account.pk]).supplies)


@pytest.fixture
def world(emulator: EmulatorThread, account: SmartAccount) -> World:
    cisco = emulator.state.add("acme.example", "Acme")
    for name in POOLS:
        cisco.add_pool(name)
    world = World(cisco, account)
    world.sync()
    for name, purpose in (("Record", "ordered"), ("Running", "operational")):
        VirtualAccount.objects.filter(name=name).update(purpose=purpose)
    return world


@settings(
    max_examples=int(os.environ.get("DELIVERY_EXAMPLES", "12")),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(steps=steps)
def test_undelivered_agrees_everywhere_and_moves_change_nothing(
    world: World, globex: Partner, steps: list[tuple[str, Any, str, int]]
) -> None:
    with transaction.atomic():
        kept = [world.copy(raw) for raw in world.cisco.licenses]
        world.ordered.clear()
        world.deposited.clear()
        with tenant_context(globex):
            make.make_order({ENHANCED: 1000})  # nothing of another partner counts
        try:
            for step in steps:
                world.do(*step)
                check(world, 0)
            order = make.make_order({ENHANCED: 7}, smart_account=world.account, number="77")
            check(world, 7)
            order.delete()
        finally:
            world.cisco.licenses[:] = kept
            transaction.set_rollback(True)
