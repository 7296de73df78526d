"""The demo's figures agree with the field and with each other: names, matches, orders, shortages and the past."""

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from django.utils import timezone
from django_tenants.utils import tenant_context

from licensing.accounts import clients
from licensing.accounts.models import SmartAccount
from licensing.alerts.models import Overage
from licensing.allocation import explanation, holdings
from licensing.allocation.license_names import CURRENT, Side
from licensing.cisco.emulator.borrowing import HCS_FOUNDATION, HCS_ROOM, HCS_STANDARD, ROOM
from licensing.cisco.emulator.demo import demo_state
from licensing.cisco.emulator.plan import OPERATIONAL, plan_of
from licensing.cisco.emulator.server import EmulatorThread
from licensing.cisco.types import LicenseTransfer
from licensing.demo.management.commands.make_demo import PARTNERS, Command
from licensing.figures.models import Price
from licensing.fleet.models import Cluster, Customer
from licensing.history import reading, recording
from licensing.history.models import Interval, LicenseState, Recording
from licensing.mirror import trend
from licensing.mirror.forecast import Forecast
from licensing.mirror.models import (
    Change,
    InstanceUsage,
    License,
    LicenseLine,
    ProductInstance,
    Subscription,
    UsageSample,
    VirtualAccount,
)
from licensing.mirror.sync import runs
from licensing.operations import syncing
from licensing.orders import deposits, proposals, states
from licensing.orders.models import Order
from licensing.orders.states import State
from licensing.pools import balance, worklist
from people.models import Role, User
from tenants.models import Partner

NAMES = dict(PARTNERS)
LINE = ("subscription_id", "order_number", "type")


@pytest.fixture(params=list(NAMES))
def furnished(request: Any, acme: Partner, globex: Partner, emulator: EmulatorThread) -> Iterator[SmartAccount]:
    """The smart account of a partner that the demo has furnished, inside this partner."""
    emulator.state.accounts |= demo_state().accounts
    with tenant_context({"acme": acme, "globex": globex}[request.param]):
        User.objects.exclude(role=Role.OWNER).delete()  # the demo makes its own
        Command().furnish(request.param, NAMES[request.param], emulator.origin)
        yield SmartAccount.objects.get(domain=f"{request.param}.example")


def test_demo_looks_like_the_field(furnished: SmartAccount) -> None:
    instances = ProductInstance.objects.present()
    matched = instances.filter(cluster__isnull=False)
    assert matched.count() >= 0.95 * instances.count()
    assert 1 <= instances.filter(cluster_candidates__gt=1).count() <= 2
    assert instances.filter(cluster=None, cluster_candidates=0).exists()

    sides = {tag: family.side for family in CURRENT.families for tag in family.tags}
    rows = InstanceUsage.objects.filter(product_instance__cluster__isnull=False)
    for mode, name in rows.values_list("product_instance__cluster__deployment", "license_name").distinct():
        assert sides.get(CURRENT.find(name) or "", mode) == Side(mode), name
    modes = Cluster.objects.filter(assignments__isnull=False).values_list(
        "deployment", "assignments__virtual_account__license_mode"
    )
    assert set(modes) == {("hcs", "hcs"), ("enterprise", "enterprise")}

    sizes = Counter(Cluster.objects.values_list("customer", flat=True))
    assert set(sizes.values()) <= {1, 2, 3, 4}
    assert not Customer.objects.filter(tags=[]).exists()
    assert Cluster.objects.filter(application="expressway_c", product_instances__gone_at=None).exists()


def test_orders_of_both_pools_are_the_same(furnished: SmartAccount) -> None:
    plan = plan_of(furnished.domain)
    assert plan
    lines = LicenseLine.objects.present().filter(license__virtual_account__smart_account=furnished)
    keys = {
        purpose: set(
            lines.filter(license__virtual_account__purpose=purpose).values_list("subscription_id", "order_number")
        )
        for purpose in ("ordered", "operational", "general")
    }
    assert keys["operational"] <= keys["ordered"]
    overdue, wrong, fresh = (order for order in plan.orders if order.customer in plan.demo.late and order.age < 400)
    missing = {(order.subscription, order.number) for order in (overdue, wrong, fresh)}
    assert keys["ordered"] - keys["operational"] == missing
    assert keys["general"] & keys["ordered"] == {(wrong.subscription, wrong.number)}

    pools = balance.of(furnished)
    by_order = sum(one.undelivered for group in pools.by_order for one in group.figures)
    by_license = sum(row.figures.undelivered for row in pools.by_license)
    items = worklist.Items(reasons=(worklist.Reason.NOT_DEPOSITED,))[0:100]
    undelivered = {HCS_STANDARD: plan.demo.short, HCS_ROOM: 40, HCS_FOUNDATION: 150}
    assert {item.subject: item.licenses for item in items} == undelivered
    assert by_order == by_license == sum(undelivered.values())

    came = deposits.timeline(VirtualAccount.objects.filter(smart_account=furnished, purpose="operational"))
    [rollout] = [order for order in plan.orders if order.customer == plan.demo.rollout and order.age < 400]
    moved = {movement.license_name: (movement.quantity, movement.purchase) for movement in came[0].movements}
    purchase = f"order {rollout.number}, {rollout.subscription}"
    assert moved == {HCS_STANDARD: (400 - plan.demo.short, purchase), HCS_FOUNDATION: (60, purchase)}
    assert [deposit.first for deposit in came] == [False, True]

    numbers = dict(Order.objects.values_list("pk", "number"))
    stand = {numbers[pk]: one for pk, one in states.standings().items()}
    assert {order.number: stand[order.number].state for order in (rollout, overdue, wrong, fresh)} == {
        rollout.number: State.PARTLY_DELIVERED,
        overdue.number: State.OVERDUE,
        wrong.number: State.WRONG_ACCOUNT,
        fresh.number: State.ORDERED,
    }
    assert Counter(one.state for one in stand.values())[State.DELIVERED] == len(stand) - 4
    on_prem = len(plan.on_prem_orders)
    assert len(proposals.proposals()) == len(plan.orders) + on_prem - len(stand)

    priced = {CURRENT.find(name) for name in Price.objects.values_list("license_name", flat=True)}
    assert set(map(CURRENT.find, License.objects.values_list("name", flat=True))) - priced == {"LIC-EXP-RMS"}

    subscriptions = Subscription.objects.filter(smart_account=furnished)
    mapped = subscriptions.mapped().count() / subscriptions.count()
    assert 0.75 <= mapped <= 0.85


def test_shortages_are_explained(furnished: SmartAccount) -> None:
    pools = VirtualAccount.objects.filter(smart_account=furnished)
    found = [part for held in holdings.of(pools).values() for part in explanation.explain(held).values()]
    short = {part.license: part.figures.short for part in found if part.figures.short}
    unexplained = [part for part in found if part.unexplained]
    borrowed = {grant.rule for part in found for grant in part.figures.served_by}

    if furnished.domain == "acme.example":
        assert short == {HCS_STANDARD: 96, ROOM: 3}
        [lab] = unexplained  # one case on purpose: Cisco counts more than the product instances use
        assert (lab.license, lab.unexplained_use, str(lab.rows[0].virtual_account)) == (HCS_FOUNDATION, 4, "R&D / Lab")
        assert Overage.objects.order_by("since").values_list("license__name", flat=True)[0] == HCS_STANDARD
    else:
        assert (short, unexplained) == ({}, [])
    assert borrowed == {"own", "hierarchy", "dual_parenting"}
    assert not [part for part in found if part.license in short and part.differs]


def test_past_agrees_with_the_clocks_and_the_present(furnished: SmartAccount) -> None:
    today = timezone.now().date()
    clocks = dict(Overage.objects.open().values_list("license", "since"))
    short_now = License.objects.filter(virtual_account__smart_account=furnished, status="out_of_compliance")
    assert set(clocks) == set(short_now.values_list("pk", flat=True))
    samples = list(UsageSample.objects.filter(license__virtual_account__smart_account=furnished).order_by("day"))
    stories: dict[int, list[UsageSample]] = {}
    for sample in samples:
        stories.setdefault(sample.license_id, []).append(sample)
        began = clocks.get(sample.license_id)
        assert (sample.available < 0) == bool(began and sample.day >= began.date())
    borrowing = licenses_that_borrow_or_lend(furnished)
    for row in License.objects.filter(virtual_account__smart_account=furnished):
        story = stories[row.pk]
        assert [sample.day for sample in story] == [today - timedelta(days=ago) for ago in range(170, -1, -1)]
        assert all(after.in_use >= before.in_use for before, after in pairwise(story))
        if row.pk not in borrowing:
            assert all(one.available == one.quantity - one.in_use - one.reserved for one in story)
        assert isinstance(trend.of(row, today).forecast, Forecast)


def licenses_that_borrow_or_lend(account: SmartAccount) -> set[int]:
    """Return the licenses that have substituted for another one, or been substituted, at any time."""
    found = set()
    for state in LicenseState.objects.filter(license__virtual_account__smart_account=account).select_related("license"):
        names = {part[member] for part in state.substitutions for member in ("license", "substituted_license")}
        pool = License.objects.filter(virtual_account=state.license.virtual_account_id, name__in=names)
        found |= set(pool.values_list("pk", flat=True)) if names else set()
    return found


def test_past_is_recorded_as_intervals_and_the_next_record_changes_nothing(furnished: SmartAccount) -> None:
    pools = [pool.pk for pool in furnished.virtual_accounts.all()]
    then = timezone.now() - timedelta(days=100)
    by_license: Counter[tuple[int, str]] = Counter()
    for use in reading.use(pools, then):
        by_license[use.virtual_account, use.license_name] += use.quantity
    states = reading.states(pools, then)
    samples = {
        row.license_id: (row.quantity, row.in_use, row.available)
        for row in UsageSample.objects.filter(day=then.date(), license__virtual_account__in=pools)
    }
    assert {one.license: (one.quantity, one.in_use, one.available) for one in states} == samples
    beyond = [one.in_use - by_license[one.virtual_account, one.license_name] for one in states]
    assert sum(beyond) == (4 if furnished.domain == "acme.example" else 0)
    assert (timezone.now() - Recording.objects.get(smart_account=furnished).since).days == 170

    before = (Interval.objects.count(), LicenseState.objects.count(), Change.objects.count())
    recording.record()
    run, _ = runs.request(furnished, "test")
    assert syncing.run_sync(run).status == "succeeded"
    assert (Interval.objects.count(), LicenseState.objects.count(), Change.objects.count()) == before


def test_transfer_keeps_the_order_of_what_moves(furnished: SmartAccount, emulator: EmulatorThread) -> None:
    plan = plan_of(furnished.domain)
    assert plan
    region = plan.demo.pools[1].name
    with clients.client_for(furnished.license_server) as client:
        account = clients.account_ref(furnished)
        [result] = client.transfer_licenses(account, region, [LicenseTransfer(HCS_STANDARD, "TERM", 20, OPERATIONAL)])
    known = set(LicenseLine.objects.filter(license__virtual_account__name=region).values_list(*LINE))
    run, _ = runs.request(furnished, "test")
    syncing.run_sync(run)

    old, new = run.changes.get(label=f"{HCS_STANDARD} in {OPERATIONAL}").values["lines"]
    came = {tuple(line[name] for name in LINE) for line in new if line not in old}
    assert result.ok
    assert came <= known
    groups = {group.title: group for group in balance.of(furnished).by_order}
    [rollout] = [order for order in plan.orders if order.customer == plan.demo.rollout and order.age < 400]
    assert groups[rollout.subscription].by_license["HUCM_Standard"].undelivered == plan.demo.short
