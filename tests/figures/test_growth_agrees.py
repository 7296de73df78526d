"""Growth and positions tell the same use, commitment and true forward, now and at a recorded day."""

import random
from collections import defaultdict

import pytest

from licensing.figures.growth.growth import by_license, for_customers, rows_of
from licensing.figures.positions import By, open_books
from licensing.history.reading import end_of
from licensing.history.recording import record
from licensing.mirror.models import InstanceUsage, LicenseLine, ProductInstance
from tenants.models import Partner
from tests import factories as make
from tests.figures.test_growth import BASIC, ENHANCED, PLUS, today
from tests.figures.worlds import days_before, make_purchase, moment

Figures = dict[tuple[int | None, str], tuple[int, int, int]]


def make_world(chance: random.Random) -> None:
    """Two accounts with ordered and serving pools, three customers, unmatched use, and several months of changes."""
    customers = [make.make_customer(), make.make_customer(), make.make_customer(), None]
    clusters = [make.make_cluster(customer=customer) for customer in customers if customer]
    for _ in range(2):
        account = make.make_smart_account()
        pools = [
            make.make_virtual_account(smart_account=account, purpose=purpose)
            for purpose in ("ordered", "operational", "general")
        ]
        for customer in customers:
            for name in chance.sample((PLUS, ENHANCED, BASIC), 2):
                key = f"Sub{chance.randrange(10**9)}"
                row = make_purchase(
                    pools[chance.randrange(3)], name, customer, chance.randrange(1, 60), subscription_id=key
                )
                if chance.random() < 0.4:
                    pool = chance.choice(pools)
                    twin, _ = type(row).objects.get_or_create(virtual_account=pool, name=name)
                    make.make_line(license=twin, quantity=9, subscription_id=key)
                    twin.quantity += 9
                    twin.save()
        for number in range(8):
            use = {name: chance.randrange(40) for name in (PLUS, ENHANCED, BASIC)}
            cluster = clusters[number % 4] if number % 4 < 3 else None
            instance = make.make_instance(use, virtual_account=chance.choice(pools[1:]))
            ProductInstance.objects.filter(pk=instance.pk).update(cluster=cluster, cluster_by_hand=True)


def change(chance: random.Random) -> None:
    use = chance.choice(list(InstanceUsage.objects.all()))
    InstanceUsage.objects.filter(pk=use.pk).update(quantity=chance.randrange(60))
    line = chance.choice(list(LicenseLine.objects.all()))
    LicenseLine.objects.filter(pk=line.pk).update(quantity=chance.randrange(60))


@pytest.mark.parametrize("seed", range(6))
def test_growth_and_positions_agree(acme: Partner, seed: int) -> None:
    chance = random.Random(seed)
    make_world(chance)
    days = [days_before(today(), number) for number in (100, 70, 40, 10)]
    for day in days:
        record(None, moment(day))
        change(chance)
    record(None)

    for day in (*days, None):
        books = open_books(end_of(day) if day else None)
        found = for_customers(day=day)
        rows = rows_of(found)
        growth = {(row.customer, row.license): (row.commitment, row.used, row.true_forward) for row in rows}
        positions: Figures = {
            (row.id, row.license): (row.ordered or 0, row.used, row.true_forward or 0)
            for row in books.positions(By.CUSTOMER)
        }
        shown = {key: figures for key, figures in growth.items() if any(figures)}
        assert shown == {key: figures for key, figures in positions.items() if any(figures)}, day
        by_name = {row.license: row.true_forward for row in books.positions(By.LICENSE) if row.true_forward}
        sums = {one.license: one.totals.true_forward for one in by_license(rows) if one.totals.true_forward}
        assert sums == by_name
        assert sum(one.totals.true_forward for one in found) == sum(by_name.values())
        assert sum(by_name.values()) > 0


def test_each_customer_alone_is_as_among_all(acme: Partner) -> None:
    make_world(random.Random(7))
    record(None, moment(days_before(today(), 30)))
    whole = defaultdict(list)
    for row in rows_of(for_customers()):
        whole[row.customer].append((row.license, row.commitment, row.used, row.true_forward, row.growth))

    for customer, expected in whole.items():
        alone = rows_of(for_customers([customer]))
        assert [(row.license, row.commitment, row.used, row.true_forward, row.growth) for row in alone] == expected
    assert len(whole) == 4
