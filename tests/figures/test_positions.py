"""Positions: each figure is one figure, whatever it is grouped by, now and at a recorded moment."""

import random
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from django_tenants.utils import tenant_context
from hypothesis import given
from hypothesis import strategies as some

from licensing.accounts.models import SmartAccount
from licensing.allocation import holdings
from licensing.figures.positions import By, Position, open_books
from licensing.figures.shares import spread, spread_in_turn
from licensing.history.recording import record
from licensing.mirror.models import ProductInstance, VirtualAccount
from tenants.models import Partner
from tests import factories as make

CUWL = "UC Manager CUWL License (12.X)"
PLUS = "UC Manager Enhanced Plus License (12.x)"
ENHANCED = "UC Manager Enhanced License (12.x)"
STANDARD = "HCS Cisco UCM Standard License"
NAMES = (CUWL, PLUS, ENHANCED, STANDARD, "Another License")
SUMS = ("used", "lent", "short_by_cisco", "short_with_borrowing", "covered_by_own", "covered_by_higher")


def make_world(account: SmartAccount, chance: random.Random) -> None:
    """Three pools, three customers with a subscription each, five clusters, and use that nobody is matched with."""
    customers = [make.make_customer(name=f"Customer {number} of {account}") for number in range(3)]
    for number, customer in enumerate(customers):
        make.make_subscription(smart_account=account, subscription_id=f"Sub{number}", customer=customer)
    clusters = [make.make_cluster(name=f"Cluster {number}", customer=customers[number % 3]) for number in range(5)]
    for purpose in ("ordered", "operational", "general"):
        pool = make.make_virtual_account(smart_account=account, name=purpose, purpose=purpose)
        for name in NAMES:
            quantity, in_use = chance.randrange(60), chance.randrange(60)
            row = make.make_license(
                virtual_account=pool,
                name=name,
                quantity=quantity,
                in_use=in_use,
                available=quantity - in_use,
                status="out_of_compliance" if in_use > quantity else "in_compliance",
            )
            make.make_line(license=row, quantity=quantity // 2, subscription_id=f"Sub{chance.randrange(4)}")
        for cluster in [*clusters, None, None]:
            use = {name: chance.randrange(15) for name in NAMES}
            instance = make.make_instance(use, virtual_account=pool, cluster=cluster)
            ProductInstance.objects.filter(pk=instance.pk).update(cluster_by_hand=True)


def total(rows: list[Position], name: str) -> Counter[str]:
    found: Counter[str] = Counter()
    for row in rows:
        found[row.license] += getattr(row, name) or 0
    return +found


@pytest.mark.parametrize("seed", range(4))
def test_each_figure_adds_up_to_the_same(acme: Partner, seed: int) -> None:
    account = make.make_smart_account()
    make_world(account, random.Random(seed))
    books = open_books()
    by = {group: books.positions(group) for group in By}

    for name in SUMS:
        assert total(by[By.LICENSE], name) == total(by[By.CUSTOMER], name) == total(by[By.CLUSTER], name)
        assert total(by[By.LICENSE], name) == total(by[By.VIRTUAL_ACCOUNT], name), name
    assert total(by[By.LICENSE], "owned") == total(by[By.CUSTOMER], "owned") == total(by[By.VIRTUAL_ACCOUNT], "owned")
    for name in ("ordered", "delivered", "undelivered", "true_forward"):
        assert total(by[By.LICENSE], name) == total(by[By.CUSTOMER], name) != {}, name
    assert total(by[By.LICENSE], "used").total() > 0
    assert any(row.id is None and row.used for row in by[By.CUSTOMER])
    for row in by[By.LICENSE]:
        asked = row.used + (row.unexplained_use or 0)
        served = row.covered_by_own + row.covered_by_higher + row.covered_by_dual_parenting
        assert served + row.short_with_borrowing == asked


def test_parts_of_a_customer_are_its_clusters(acme: Partner) -> None:
    make_world(make.make_smart_account(), random.Random(7))
    books = open_books()
    customers = {row.id for row in books.positions(By.CUSTOMER)}

    assert len(customers) == 4
    for customer in customers:
        assert total(books.clusters_of(customer), "used") == total(books.of_customer(customer), "used")


def test_past_is_read_as_it_was(acme: Partner) -> None:
    account = make.make_smart_account()
    make_world(account, random.Random(3))
    then = timezone.now()
    record(None, then)
    before = {group: open_books().positions(group) for group in By}
    ProductInstance.objects.filter(cluster=None).update(gone_at=then)
    record(None, then + timedelta(hours=1))

    for group in By:
        past = [replace(row, as_of=None) for row in open_books(then).positions(group)]
        assert past == [replace(row, as_of=None) for row in before[group]]
    assert open_books().positions(By.LICENSE) != before[By.LICENSE]
    assert open_books(then).not_recorded == []
    assert open_books(then - timedelta(days=1)).not_recorded != []


def test_holdings_are_those_of_the_mirror(acme: Partner) -> None:
    make_world(make.make_smart_account(), random.Random(5))
    ours, theirs = open_books().holdings, holdings.of(VirtualAccount.objects.all())

    assert {pk: held.allocation for pk, held in ours.items()} == {pk: held.allocation for pk, held in theirs.items()}


def test_paused_account_counts_only_where_it_is_asked_for(acme: Partner) -> None:
    account = make.make_smart_account(paused_at=timezone.now())
    make_world(account, random.Random(1))

    assert open_books().positions(By.LICENSE) == []
    assert open_books(smart_account=account.pk).positions(By.LICENSE) != []


def test_one_virtual_account_has_no_orders(acme: Partner) -> None:
    make_world(make.make_smart_account(), random.Random(1))
    pool = VirtualAccount.objects.get(name="operational")
    rows = open_books(virtual_account=pool.pk).positions(By.CUSTOMER)

    assert {(row.ordered, row.undelivered, row.true_forward) for row in rows} == {(None, None, None)}
    assert total(rows, "used") == total(
        [row for row in open_books().positions(By.VIRTUAL_ACCOUNT) if row.id == pool.pk], "used"
    )


def test_true_forward_sums_over_customers(acme: Partner) -> None:
    """One customer has bought more than it uses, the other uses more: nobody's surplus lowers the other's bill."""
    account = make.make_smart_account()
    pool = make.make_virtual_account(smart_account=account, purpose="operational")
    row = make.make_license(virtual_account=pool, name=PLUS, quantity=1300)
    for name, bought, uses in (("Meadow", 1197, 560), ("Harbor", 103, 140)):
        customer = make.make_customer(name=name)
        make.make_subscription(smart_account=account, subscription_id=f"Sub{name}", customer=customer)
        make.make_line(license=row, quantity=bought, subscription_id=f"Sub{name}")
        make.make_instance({PLUS: uses}, virtual_account=pool, cluster=make.make_cluster(customer=customer, name=name))
    books = open_books()

    assert [(row.name, row.true_forward) for row in books.positions(By.CUSTOMER)] == [("Harbor", 37), ("Meadow", 0)]
    assert [row.true_forward for row in books.positions(By.LICENSE)] == [37]


def test_statements_do_not_depend_on_rows(acme: Partner, django_assert_num_queries: Any) -> None:
    for number in range(2):
        make_world(make.make_smart_account(name=f"Account {number}"), random.Random(number))
        with django_assert_num_queries(9):
            books = open_books()
            assert all(books.positions(by) for by in By)


def test_partners_have_positions_of_their_own(acme: Partner, globex: Partner) -> None:
    with tenant_context(globex):
        make_world(make.make_smart_account(), random.Random(1))
        assert open_books().positions(By.CUSTOMER) != []
    with tenant_context(acme):
        assert open_books().positions(By.CUSTOMER) == []


@given(some.integers(0, 500), some.lists(some.integers(0, 60), max_size=8))
def test_parts_add_up_and_fit(amount: int, rooms: list[int]) -> None:
    room = dict(enumerate(rooms))
    parts = spread(amount, room)

    assert sum(parts.values()) == min(amount, sum(rooms))
    assert all(0 <= part <= room[key] for key, part in parts.items())
    assert all(
        abs(part * sum(rooms) - amount * room[key]) <= sum(rooms) or amount > sum(rooms) for key, part in parts.items()
    )


def test_first_rooms_are_filled_first() -> None:
    assert spread_in_turn(5, {"a": 3}, {"a": 4, "b": 4}) == {"a": 4, "b": 1}


@pytest.mark.parametrize("seed", range(3))
def test_books_of_one_customer_say_the_same(acme: Partner, seed: int) -> None:
    account = make.make_smart_account()
    make_world(account, random.Random(seed))
    then = timezone.now()
    record(None, then)
    whole, past = open_books(), open_books(then)
    customers = [row.id for row in whole.positions(By.CUSTOMER) if row.id]

    assert len(customers) > 3
    for customer in customers:
        alone, before = open_books(customer=customer), open_books(then, customer=customer)
        for by in By:
            assert alone.of_customer_by(customer, by) == whole.of_customer_by(customer, by)
            assert before.of_customer_by(customer, by) == past.of_customer_by(customer, by)
    with pytest.raises(ValueError, match="one customer"):
        open_books(customer=customers[0]).positions(By.LICENSE)
