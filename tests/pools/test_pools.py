"""Ordered against operational against consumed: by license, model, customer and cluster; deposits and ends."""

import csv
import io
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from licensing.accounts.models import SmartAccount
from licensing.cisco.emulator.state import Account
from licensing.fleet.models import Cluster
from licensing.mirror.models import License, LicenseLine, VirtualAccount
from licensing.mirror.sync import runs
from licensing.operations import syncing
from licensing.orders import delivery, deposits
from licensing.pools import balance
from licensing.pools.balance import NO_ORDER, UNMATCHED, Group
from licensing.pools.worklist import Items
from licensing.pools.worklist_words import Reason
from tenants.models import Partner
from tests import factories as make
from tests.allocation.test_what_if import CUWL, ENHANCED, OTHER, PLUS, STANDARD
from tests.wire import term_line

BY = ("license", "model", "customer", "cluster", "order")


def held(pool: VirtualAccount, name: str, *lines: tuple[str, int, str]) -> None:
    """`lines`: (subscription or "", quantity, type)."""
    row = make.make_license(virtual_account=pool, name=name, quantity=sum(line[1] for line in lines), in_use=0)
    for subscription, quantity, kind in lines:
        make.make_line(license=row, subscription_id=subscription, quantity=quantity, type=kind)


@pytest.fixture
def account(acme: Partner) -> SmartAccount:
    """Harbor ordered 100 by SubH, the partner owns 20 perpetual ones, SubX is nobody's; Harbor's cluster uses 90."""
    account = make.make_smart_account(name="Acme")
    ordered = make.make_virtual_account(smart_account=account, name="Ordered", purpose="ordered")
    running = make.make_virtual_account(smart_account=account, name="Running", purpose="operational")
    harbor = make.make_customer(name="Harbor")
    make.make_subscription(smart_account=account, subscription_id="SubH", customer=harbor, license_model="named_user")
    make.make_subscription(smart_account=account, subscription_id="SubX")
    held(ordered, PLUS, ("SubH", 100, "TERM"))
    held(running, PLUS, ("SubH", 80, "TERM"), ("", 20, "PERPETUAL"))
    held(running, STANDARD, ("SubX", 50, "TERM"))
    cluster = make.make_cluster(name="Core", customer=harbor)
    make.make_instance({PLUS: 90, OTHER: 2}, virtual_account=running, cluster=cluster)
    make.make_instance({PLUS: 25}, virtual_account=running)
    make.make_instance({PLUS: 4}, virtual_account=ordered)
    return account


def order_more(account: SmartAccount) -> None:
    """Harbor ordered 120: 20 more than the subscription and the perpetual licenses cover."""
    lines = LicenseLine.objects.filter(license__virtual_account=account.virtual_accounts.get(purpose="ordered"))
    License.objects.filter(lines__in=lines).update(quantity=120)
    lines.update(quantity=120)


def flat(groups: list[Group]) -> list[tuple[Any, ...]]:
    """Title, license, ordered, delivered, owned, used."""
    return [
        (group.title, one.license, one.ordered, one.delivered, one.owned, one.used)
        for group, one in balance.lines_of(groups)
    ]


def test_by_license_stands_each_beside_what_covers_it(account: SmartAccount) -> None:
    found = balance.of(account)

    rows = {row.figures.license: row for row in found.by_license}

    figures = {name: (row.figures.ordered, row.figures.owned, row.figures.used) for name, row in rows.items()}
    assert figures == {PLUS: (100, 100, 119), STANDARD: (50, 50, 0), OTHER: (0, 0, 2)}
    borrowed = [(grant.granted, grant.quantity) for grant in rows[PLUS].served_by if grant.rule != "own"]
    assert (borrowed, rows[STANDARD].lent, rows[STANDARD].left) == ([(STANDARD, 15)], 15, 35)
    assert (found.short_by_cisco, found.short_with_borrowing, found.misplaced) == (0, 2, 4)


def test_by_model_splits_what_was_bought(account: SmartAccount) -> None:
    """The 20 perpetual ones name no purchase, so they count for the oldest order that waits for its license."""
    assert flat(balance.of(account).by_model) == [
        ("Flex Hosted, Named User", PLUS, 100, 100, None, None),
        ("License model not known", STANDARD, 50, 50, None, None),
    ]


def test_by_customer_sets_orders_against_use(account: SmartAccount) -> None:
    """What the ordered pool's instances use counts too: it is used."""
    assert flat(balance.of(account).by_customer) == [
        ("Harbor", PLUS, 100, 100, 80, 90),
        ("Harbor", OTHER, 0, 0, 0, 2),
        (UNMATCHED, PLUS, 0, 0, 20, 29),
        (UNMATCHED, STANDARD, 50, 50, 50, 0),
    ]


def test_by_cluster_is_what_each_uses(account: SmartAccount) -> None:
    assert flat(balance.of(account).by_cluster) == [
        ("Core", PLUS, None, None, None, 90),
        ("Core", OTHER, None, None, None, 2),
        (UNMATCHED, PLUS, None, None, None, 29),
    ]


def test_by_order_says_what_has_arrived(account: SmartAccount) -> None:
    ordered = account.virtual_accounts.get(purpose="ordered")
    row = make.make_license(virtual_account=ordered, name=STANDARD, quantity=12, in_use=0)
    make.make_line(license=row, quantity=7, type="TERM", subscription_id="", order_number="77")

    groups = balance.of(account).by_order

    assert [(group.title, group.below) for group in groups] == [
        ("Order 77", ""),
        ("SubH", "Harbor"),
        ("SubX", ""),
        (NO_ORDER, ""),
    ]
    assert [(group.title, one.license, one.undelivered) for group, one in balance.lines_of(groups)] == [
        ("Order 77", STANDARD, 7),
        ("SubH", PLUS, 0),  # the 20 perpetual ones name no purchase, so they serve the oldest that lacks some
        ("SubX", STANDARD, 0),
        (NO_ORDER, STANDARD, 5),
    ]


def test_true_forward_is_what_is_consumed_beyond_the_order(account: SmartAccount) -> None:
    """Harbor's cluster grows to 130 of the 100 that it ordered, and 10 CUWL of its own order serve some of that."""
    ordered, running = (account.virtual_accounts.get(purpose=purpose) for purpose in ("ordered", "operational"))
    held(ordered, CUWL, ("SubH", 10, "TERM"))
    make.make_instance({PLUS: 40}, virtual_account=running, cluster=Cluster.objects.get(name="Core"))
    found = balance.of(account)

    assert [(group.title, one.license, one.true_forward) for group, one in balance.lines_of(found.by_customer)] == [
        ("Harbor", CUWL, 0),
        ("Harbor", PLUS, 20),
        ("Harbor", OTHER, 2),
        (UNMATCHED, PLUS, 0),  # 50 HCS Standard that belong to nobody serve them, by dual parenting
        (UNMATCHED, STANDARD, 0),
    ]
    total = {row.figures.license: row.figures.true_forward for row in found.by_license}
    assert total == {CUWL: 0, PLUS: 20, STANDARD: 0, OTHER: 2}


def test_sums_agree_whichever_way_they_are_looked_at(account: SmartAccount) -> None:
    make.make_license(
        virtual_account=account.virtual_accounts.get(purpose="operational"), name=ENHANCED, quantity=5, in_use=0
    )  # no line accounts for it
    order_more(account)
    found = balance.of(account)

    def total(groups: list[Group], name: str) -> int:
        return sum(getattr(one, name) or 0 for _, one in balance.lines_of(groups))

    figures = [row.figures for row in found.by_license]
    whole = {name: sum(getattr(one, name) or 0 for one in figures) for name in ("ordered", "delivered", "undelivered")}
    for groups in (found.by_customer, found.by_model, found.by_order):
        assert {name: total(groups, name) for name in whole} == whole
    assert total(found.by_customer, "owned") == sum(one.owned or 0 for one in figures) == 155
    assert total(found.by_customer, "used") == total(found.by_cluster, "used") == sum(one.used or 0 for one in figures)
    missing = whole["undelivered"]
    assert missing == sum(one.undelivered for one in delivery.figures([account.pk])) == 20
    assert missing == sum(item.licenses for item in Items((Reason.NOT_DEPOSITED,))[0:100])


def test_account_with_one_pool_or_none(acme: Partner) -> None:
    ordered = make.make_virtual_account(purpose="ordered")
    held(ordered, PLUS, ("SubH", 10, "TERM"))
    bare = make.make_smart_account()

    one, none = balance.of(ordered.smart_account), balance.of(bare)

    assert [row.figures.ordered for row in one.by_license] == [10]
    assert (one.by_cluster, one.short_with_borrowing) == ([], 0)
    assert (none.by_license, none.by_model, none.by_customer, none.by_cluster) == ([], [], [], [])
    assert balance.accounts_with_pools() == [ordered.smart_account]


def test_ends_come_in_order_one_for_each_day_and_subscription(account: SmartAccount) -> None:
    today = timezone.localdate()
    pool = account.virtual_accounts.get(purpose="operational")
    row = make.make_license(virtual_account=pool, name=ENHANCED, quantity=3)
    for days, subscription in ((-40, "SubH"), (5, "SubX"), (2, "SubH"), (5, "SubX")):
        make.make_line(license=row, subscription_id=subscription, end=today + timedelta(days=days), quantity=1)

    endings = balance.of(account).endings(today)[:2]

    assert [(end.subscription_id, str(end.customer), len(end.lines)) for end in endings] == [
        ("SubH", "Harbor", 1),
        ("SubX", "None", 2),
    ]


def test_lines_that_do_not_run_are_not_owned_twice(account: SmartAccount) -> None:
    """Harbor's order was cancelled and ordered anew; Cisco lists both lines, and the quantity is that of one."""
    ordered, today = account.virtual_accounts.get(purpose="ordered"), timezone.localdate()
    row = make.make_license(virtual_account=ordered, name=STANDARD, quantity=30, in_use=0)
    for status, days in (("Canceled", 90), ("Expired", -40), ("ACTIVE", 90)):
        end = today + timedelta(days=days)
        make.make_line(license=row, quantity=30, type="TERM", subscription_id=f"Sub{status}", status=status, end=end)
    make.make_subscription(
        smart_account=account, subscription_id="SubCanceled", customer=make.make_customer(name="Bay")
    )
    make.make_subscription(smart_account=account, subscription_id="SubACTIVE", customer=make.make_customer(name="Cape"))

    found = balance.of(account)

    assert [row for row in flat(found.by_customer) if row[1] == STANDARD] == [
        ("Cape", STANDARD, 30, 0, 0, 0),
        (UNMATCHED, STANDARD, 50, 50, 50, 0),
    ]
    titles = [group.title for group in found.by_order]
    assert ("SubACTIVE" in titles, "SubCanceled" in titles, "SubExpired" in titles) == (True, False, False)
    ends = {end.subscription_id for end in found.endings(today - timedelta(days=60))}
    assert ends >= {"SubACTIVE", "SubExpired"}
    assert "SubCanceled" not in ends


# --- deposits ---


def test_deposits_are_what_syncs_saw_arrive_and_leave(acme: Partner, emulator: Any, cisco: Account) -> None:
    from tests.fixtures import account_of

    def line(quantity: int, subscription: str, order: str) -> dict[str, Any]:
        return term_line(quantity, subscriptionId=subscription, orderNumber=order)

    account = account_of(emulator)
    for details in ([line(10, "Sub1", "1")], [line(10, "Sub1", "1"), line(15, "Sub2", "77")], [line(15, "Sub2", "77")]):
        quantity = sum(each["quantity"] for each in details)
        cisco.set_license("DEFAULT", ENHANCED, quantity=quantity, licenseDetails=details)
        run, _ = runs.request(account, "test")
        assert syncing.run_sync(run).status == "succeeded"

    found = deposits.timeline([account.virtual_accounts.get(name="DEFAULT")])

    moves = [[(one.license_name, one.quantity, one.purchase) for one in deposit.movements] for deposit in found]
    assert moves[:2] == [[(ENHANCED, -10, "order 1, Sub1")], [(ENHANCED, 15, "order 77, Sub2")]]
    assert (ENHANCED, 10, "order 1, Sub1") in moves[2]
    assert [deposit.first for deposit in found] == [False, False, True]


def test_a_new_license_in_a_known_pool_is_a_deposit_like_any_other(
    acme: Partner, emulator: Any, cisco: Account, client_of: Any
) -> None:
    from tests.fixtures import account_of

    account = account_of(emulator)
    for name in ("First", "Second"):
        cisco.set_license("DEFAULT", name, quantity=5)
        run, _ = runs.request(account, "test")
        assert syncing.run_sync(run).status == "succeeded"
    pool = account.virtual_accounts.get(name="DEFAULT")
    VirtualAccount.objects.filter(pk=pool.pk).update(purpose="operational")

    newest, oldest = deposits.timeline([pool])

    assert ([one.license_name for one in newest.movements], newest.first) == (["Second"], False)
    assert oldest.first
    assert text(client_of(acme, "viewer").get(f"/pools/{account.pk}/")).count("seen for the first time") == 1


# --- pages and REST ---


def text(response: Any) -> str:
    assert response.status_code == 200
    return str(response.content.decode())


def test_pages_show_figures_each_way(account: SmartAccount, acme: Partner, client_of: Any) -> None:
    client = client_of(acme, "viewer")
    order_more(account)

    overview = text(client.get("/pools/"))
    page = {by: text(client.get(f"/pools/{account.pk}/", {"by": by})) for by in BY}

    for part in ("Ordered", "Running", "2 licenses", "4 licenses"):
        assert part in overview, part
    assert "15 from HCS Cisco UCM Standard License <span>(dual parenting)</span>" in page["license"]
    assert "Products use 4 licenses in the ordered pool" in page["license"]
    assert "1 subscription is not mapped" in page["license"]
    assert "License model not known" in page["model"]
    assert UNMATCHED in page["customer"]
    assert "Core" in page["cluster"]
    assert ">True forward</th>" in page["customer"]
    assert ">SubH</a>" in page["order"]
    assert '<span class="short">20</span>' in page["order"]
    assert 'href="?by=license#figures" aria-current="page"' in text(client.get(f"/pools/{account.pk}/?by=nonsense"))


@pytest.mark.parametrize("by", BY)
def test_file_has_every_row(account: SmartAccount, acme: Partner, client_of: Any, by: str) -> None:
    answer = client_of(acme, "viewer").get(f"/pools/{account.pk}/", {"by": by, "format": "csv"})

    rows = list(csv.reader(io.StringIO(text(answer))))
    found = balance.of(account)
    assert len(rows) == 1 + (len(found.by_license) if by == "license" else len(flat(getattr(found, f"by_{by}"))))
    assert answer["Content-Disposition"].startswith(f'attachment; filename="Acme-pools-by-{by}-')


def test_empty_pools_say_what_to_do(acme: Partner, client_of: Any) -> None:
    account = make.make_smart_account()
    client = client_of(acme, "viewer")

    assert "No pool has a purpose yet" in text(client.get("/pools/"))
    for by in BY:
        assert "No virtual account of this smart account has a purpose" in text(
            client.get(f"/pools/{account.pk}/", {"by": by})
        )
    assert client.get("/pools/999999/").status_code == 404


def test_rest_answers_the_same_figures(account: SmartAccount, acme: Partner, api_of: Any) -> None:
    order_more(account)
    body = api_of(acme, "viewer", "read").get(f"/api/v1/smart-accounts/{account.pk}/pools/").json()

    assert (body["ordered"], body["operational"]) == tuple(
        account.virtual_accounts.get(purpose=purpose).pk for purpose in ("ordered", "operational")
    )
    assert body["by_license"][0] == {
        "license": PLUS,
        "ordered": 120,
        "delivered": 100,
        "outstanding": 20,
        "operational": 100,
        "consumed": 119,
        "difference": -19,
        "short_by_cisco": 0,
        "short_with_borrowing": 0,
        "true_forward": 0,
    }
    assert [group["title"] for group in body["by_customer"]] == ["Harbor", UNMATCHED]
    assert body["by_customer"][0]["licenses"][0]["consumed"] == 90
    assert body["by_cluster"][1]["cluster"] is None
    subscription = account.subscriptions.get(subscription_id="SubH")
    assert (body["by_order"][0]["title"], body["by_order"][0]["subscription"]) == ("SubH", subscription.pk)
    assert body["by_order"][0]["licenses"][0]["outstanding"] == 20


def test_page_takes_the_same_statements_however_much_there_is(
    account: SmartAccount, acme: Partner, client_of: Any
) -> None:
    client, taken = client_of(acme, "viewer"), []
    pool = account.virtual_accounts.get(purpose="operational")
    for number in (0, 2):
        for place in range(number):
            make.make_subscription(smart_account=account, subscription_id=f"More{place}", customer=make.make_customer())
            held(pool, f"License {place}", (f"More{place}", 5, "TERM"))
            make.make_instance({f"License {place}": 3}, virtual_account=pool, cluster=make.make_cluster())
        for by in BY:
            with CaptureQueriesContext(connection) as queries:
                assert client.get(f"/pools/{account.pk}/", {"by": by}).status_code == 200
            taken.append(len(queries))

    assert taken[: len(BY)] == taken[len(BY) :]
