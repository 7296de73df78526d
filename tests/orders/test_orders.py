"""Orders: their states, the verbs, REST, pages, proposals, and each partner's own."""

from datetime import date, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django_tenants.utils import tenant_context

from kit.refusals import Refusal
from licensing.accounts.models import SmartAccount
from licensing.mirror.models import VirtualAccount
from licensing.operations import removal
from licensing.orders import delivery, proposals, saving
from licensing.orders.models import Order
from licensing.orders.saving import LineSpec
from licensing.orders.states import State, standings
from licensing.pools.worklist import Items
from licensing.pools.worklist_words import Reason
from people.audit import SYSTEM
from people.models import AuditEntry
from tenants.models import Partner
from tests import factories as make
from tests.fixtures import BASIC, ENHANCED
from tests.spreadsheets import read_xlsx

TODAY = timezone.localdate


@pytest.fixture
def account(acme: Partner) -> SmartAccount:
    """One ordered, one operational and one general virtual account, without licenses."""
    account = make.make_smart_account(name="Acme")
    for name, purpose in (("Record", "ordered"), ("Running", "operational"), ("Lab", "general")):
        make.make_virtual_account(smart_account=account, name=name, purpose=purpose)
    return account


def pool(name: str) -> VirtualAccount:
    return VirtualAccount.objects.get(name=name)


def held(where: VirtualAccount, quantity: int, subscription: str, name: str = ENHANCED) -> Any:
    row = make.make_license(virtual_account=where, name=name, quantity=quantity, in_use=0)
    make.make_line(license=row, quantity=quantity, subscription_id=subscription)
    return row


def state_of(order: Order) -> State:
    return standings([order])[order.pk].state


def text(response: Any, status: int = 200) -> str:
    assert response.status_code == status, response.content[:2000]
    return str(response.content.decode())


# --- States ---


@pytest.mark.parametrize(
    ("delivered", "days", "state"),
    [(0, 14, "ordered"), (0, 15, "overdue"), (4, 0, "partly_delivered"), (10, 15, "delivered"), (12, 0, "delivered")],
)
def test_state_follows_what_arrived(account: SmartAccount, delivered: int, days: int, state: str) -> None:
    ordered_on = TODAY() - timedelta(days=days)
    order = make.make_order({ENHANCED: 10}, smart_account=account, subscription_id="SubA", ordered_on=ordered_on)
    if delivered:
        held(pool("Running"), delivered, "SubA")

    assert state_of(order) == state


def test_a_partly_delivered_order_says_since_when_it_is_late(account: SmartAccount) -> None:
    ordered_on = TODAY() - timedelta(days=20)
    order = make.make_order({ENHANCED: 10}, smart_account=account, subscription_id="SubA", ordered_on=ordered_on)
    held(pool("Running"), 4, "SubA")

    found = standings([order])[order.pk]

    assert (found.state, found.overdue_since) == ("partly_delivered", ordered_on + timedelta(days=15))
    assert (found.ordered, found.delivered, found.undelivered) == (10, 4, 6)


def test_what_lies_elsewhere_is_in_the_wrong_account(account: SmartAccount) -> None:
    order = make.make_order({ENHANCED: 10}, smart_account=account, subscription_id="SubA")
    row = held(pool("Lab"), 10, "SubA")
    assert state_of(order) == "wrong_account"

    Order.objects.update(virtual_account=pool("Lab"))
    assert state_of(order) == "delivered"

    Order.objects.update(virtual_account=None)
    make.make_movement(license=row, quantity=10, kind="move", counterpart=pool("Running"), subscription_id="SubB")
    assert state_of(order) == "wrong_account"  # that was another purchase
    make.make_movement(license=row, quantity=10, kind="move", counterpart=pool("Running"), subscription_id="SubA")
    assert state_of(order) == "delivered"


def test_what_lies_in_another_smart_account_is_in_the_wrong_account(account: SmartAccount) -> None:
    order = make.make_order({ENHANCED: 10}, smart_account=account, subscription_id="SubA")
    other = make.make_virtual_account(name="Other")
    held(other, 10, "SubA")
    assert state_of(order) == "wrong_account"

    make.make_order({ENHANCED: 10}, smart_account=other.smart_account, subscription_id="SubA")  # there on purpose
    assert state_of(order) == "ordered"


def test_an_order_that_expects_the_ordered_pool_arrives_in_the_operational_one(account: SmartAccount) -> None:
    order = make.make_order(
        {ENHANCED: 10}, smart_account=account, subscription_id="SubA", virtual_account=pool("Record")
    )
    held(pool("Running"), 10, "SubA")

    assert state_of(order) == "delivered"


# --- Verbs ---


@pytest.mark.parametrize(
    ("values", "lines", "field"),
    [
        ({"number": "77"}, [], "lines"),
        ({"number": "77"}, [LineSpec(BASIC, 1), LineSpec("ucm_basic", 2)], "lines"),
        ({"number": "77"}, [LineSpec(" ", 1)], "lines"),
        ({}, [LineSpec(BASIC, 1)], "number"),
    ],
)
def test_an_order_that_breaks_a_rule_is_refused(account: SmartAccount, values: Any, lines: Any, field: str) -> None:
    with pytest.raises(Refusal) as refused:
        saving.save_order(SYSTEM, Order(smart_account=account, **values), lines)

    assert refused.value.field == field
    assert not Order.objects.exists()


def test_a_virtual_account_of_another_smart_account_is_refused(account: SmartAccount) -> None:
    order = Order(smart_account=account, number="77", virtual_account=make.make_virtual_account())

    with pytest.raises(Refusal, match="another smart account"):
        saving.save_order(SYSTEM, order, [LineSpec(BASIC, 1)])


def test_the_same_order_twice_is_refused(account: SmartAccount) -> None:
    saving.save_order(SYSTEM, Order(smart_account=account, number="77"), [LineSpec(BASIC, 1)])

    with pytest.raises(Refusal, match="already entered"):
        saving.save_order(SYSTEM, Order(smart_account=account, number="77"), [LineSpec(BASIC, 1)])


def test_the_audit_holds_what_changed_and_what_was_deleted(account: SmartAccount) -> None:
    order = saving.save_order(SYSTEM, Order(smart_account=account, number="77"), [LineSpec(BASIC, 1)])
    saving.save_order(SYSTEM, order, [LineSpec(BASIC, 5)], before={})
    number = str(order.pk)
    saving.delete_order(SYSTEM, order)

    found = AuditEntry.objects.filter(object_type="order", object_id=number).order_by("id")
    assert [entry.changes.get("lines") for entry in found if "lines" in entry.changes] == [
        [{}, {BASIC: 1}],
        [{BASIC: 1}, {BASIC: 5}],
        [{BASIC: 5}, {}],
    ]


def test_a_deleted_customer_leaves_its_orders_without_one(account: SmartAccount) -> None:
    customer = make.make_customer(name="Harbor")
    order = make.make_order(smart_account=account, number="77", customer=customer)
    removal.delete_customer(SYSTEM, customer)

    order.refresh_from_db()
    assert order.customer is None
    (entry,) = AuditEntry.objects.filter(object_type="order", object_id=order.pk)
    assert entry.changes == {"customer": [int(AuditEntry.objects.get(object_type="customer").object_id), None]}


# --- Proposals ---


def test_purchases_that_nobody_entered_are_proposed(account: SmartAccount) -> None:
    harbor = make.make_customer(name="Harbor")
    make.make_subscription(smart_account=account, subscription_id="SubA", customer=harbor)
    held(pool("Record"), 120, "SubA")
    held(pool("Record"), 30, "SubB", BASIC)
    make.make_license(virtual_account=pool("Lab"), name=ENHANCED, quantity=9, in_use=0)  # names no purchase
    make.make_order({BASIC: 30}, smart_account=account, subscription_id="SubB")
    before = delivery.figures([account.pk])

    (found,) = proposals.proposals()
    assert (str(found), found.customer, found.undelivered) == ("SubA", harbor, 111)
    (order,) = proposals.accept_all(SYSTEM)

    assert [(line.license_name, line.quantity) for line in order.lines.all()] == [(ENHANCED, 120)]
    assert (order.customer, order.virtual_account) == (harbor, pool("Running"))
    assert order.renewal_on == TODAY() + timedelta(days=165)
    assert proposals.proposals() == []
    after = delivery.figures([account.pk])
    assert [one.undelivered for one in after] == [one.undelivered for one in before]
    with pytest.raises(Refusal):
        proposals.accept_all(SYSTEM)


# --- REST ---


def body_of(account: SmartAccount, **members: Any) -> dict[str, Any]:
    return {
        "smart_account": account.pk,
        "number": "77",
        "subscription_id": "SubA",
        "ordered_on": "2026-11-01",
        "customer": None,
        "virtual_account": pool("Running").pk,
        "renewal_on": "2027-11-01",
        "contract": "C-1",
        "lines": [{"license_name": ENHANCED, "quantity": 10}],
        **members,
    }


def test_rest_enters_changes_and_deletes(account: SmartAccount, acme: Partner, api_of: Any) -> None:
    api = api_of(acme, "operator")
    held(pool("Running"), 4, "SubA")

    made = api.post("/api/v1/orders/", body_of(account))

    assert made.status_code == 201, made.json()
    shown = made.json()
    lines = [{"license_name": ENHANCED, "quantity": 10, "delivered": 4}]
    expected = {**body_of(account), "id": shown["id"], "state": "partly_delivered", "lines": lines}
    assert shown == {**expected, "overdue_since": "2026-11-16" if TODAY() > date(2026, 11, 15) else None}
    address = f"/api/v1/orders/{shown['id']}/"
    assert api.get(address).json() == api.get("/api/v1/orders/").json()["results"][0] == shown

    assert api.put(address, shown).json() == shown
    changed = api.patch(address, {"lines": [{"license_name": ENHANCED, "quantity": 4}]}).json()
    assert (changed["state"], changed["lines"][0]["delivered"]) == ("delivered", 4)
    assert api.delete(address).status_code == 204
    assert api.get(address).status_code == 404


def test_rest_takes_the_smart_account_of_the_virtual_account(account: SmartAccount, acme: Partner, api_of: Any) -> None:
    body = body_of(account)
    del body["smart_account"]

    assert api_of(acme).post("/api/v1/orders/", body).json()["smart_account"] == account.pk


@pytest.mark.parametrize(
    ("members", "field"),
    [
        ({"lines": []}, "lines"),
        ({"lines": [{"license_name": ENHANCED}]}, "lines"),
        ({"lines": [{"license_name": ENHANCED, "quantity": 0}]}, "lines"),
        ({"lines": [{"license_name": ENHANCED, "quantity": 1, "delivered": 1}]}, "lines"),
        ({"lines": [{"license_name": ENHANCED, "quantity": 1}] * 2}, "lines"),
        ({"number": "", "subscription_id": ""}, "number"),
        ({"state": "delivered"}, "state"),
        ({"colour": "blue"}, "colour"),
        ({"ordered_on": "yesterday"}, "ordered_on"),
        ({"customer": 4711}, "customer"),
        ({"smart_account": None}, "smart_account"),
    ],
)
def test_rest_refuses_bad_input(
    account: SmartAccount, acme: Partner, api_of: Any, members: dict[str, Any], field: str
) -> None:
    answer = api_of(acme).post("/api/v1/orders/", body_of(account, **members))

    assert answer.status_code == 400, answer.json()
    assert answer["Content-Type"] == "application/problem+json"
    assert {name.split(".")[0] for name in answer.json()["errors"]} == {field}
    assert not Order.objects.exists()


def test_rest_filters_and_roles(account: SmartAccount, acme: Partner, api_of: Any) -> None:
    first = make.make_order(smart_account=account, number="1")
    held(pool("Running"), 10, "SubA")
    second = make.make_order({ENHANCED: 10}, smart_account=account, subscription_id="SubA")
    viewer = api_of(acme, "viewer", "read")

    def found(query: str) -> list[int]:
        return [row["id"] for row in viewer.get(f"/api/v1/orders/?{query}").json()["results"]]

    assert found("state=delivered") == [second.pk]
    assert found("state=ordered") == found("number=1") == [first.pk]
    assert found(f"smart_account={account.pk}&subscription_id=SubA") == [second.pk]
    assert viewer.get("/api/v1/orders/?state=lost").status_code == 400
    assert viewer.get("/api/v1/orders/?colour=blue").status_code == 400
    assert viewer.post("/api/v1/orders/", body_of(account)).status_code == 403


@pytest.mark.parametrize("address", ["/api/v1/orders/", "/orders/", "/orders/?state=ordered", "/orders/proposals/"])
def test_statements_do_not_depend_on_rows(
    account: SmartAccount, acme: Partner, client_of: Any, api_of: Any, address: str
) -> None:
    get = api_of(acme).get if address.startswith("/api") else client_of(acme, "operator").get
    get(address)
    taken = []
    for number in (1, 3):
        for place in range(number):
            make.make_order(smart_account=account, number=f"{number}-{place}", customer=make.make_customer())
            held(pool("Record"), 5, f"Sub{number}-{place}", f"License {number} {place}")
            held(pool("Running"), 5, f"Sub{number}-{place}", f"License {number} {place}")
        with CaptureQueriesContext(connection) as queries:
            assert get(address).status_code == 200
        taken.append(len(queries))

    assert taken[0] == taken[1]


# --- Pages ---


def test_pages_show_what_arrived(account: SmartAccount, acme: Partner, client_of: Any) -> None:
    order = make.make_order(
        {ENHANCED: 100, BASIC: 5}, smart_account=account, number="77", subscription_id="SubA", contract="C-1"
    )
    row = held(pool("Running"), 100, "SubA")
    record = held(pool("Record"), 4, "SubA")
    names = {"subscription_id": "SubA", "kind": "move", "by_portal": True}
    make.make_movement(license=row, quantity=96, counterpart=pool("Record"), **names)
    make.make_movement(license=record, quantity=-96, counterpart=pool("Running"), **names)
    client = client_of(acme, "viewer")

    listed = text(client.get("/orders/"))
    shown = " ".join(text(client.get(f"/orders/{order.pk}/")).split())
    movements = text(client.get("/movements/"))

    assert "Order 77" in listed
    assert "Partly delivered" in listed
    assert '<span class="short">101</span>' in listed  # 96 that only moved, and 5
    assert "moved by the portal from Record to Running" in shown
    assert "Moved by the portal from Record to Running" in movements
    assert '<span class="short">96</span>' in shown
    assert "Recorded as ordered" in shown
    assert "Add order" not in listed
    rows = read_xlsx(client.get("/orders/?format=xlsx").content)[0]
    assert dict(zip(rows[0], rows[1], strict=True))["Undelivered"] == 101
    assert text(client.get("/orders/?state=delivered")).count("Order 77") == 0


def test_pages_add_edit_and_delete(account: SmartAccount, acme: Partner, client_of: Any) -> None:
    client = client_of(acme, "operator")
    posted = {
        "smart_account": account.pk,
        "number": "77",
        "subscription_id": "",
        "ordered_on": "2026-11-01",
        "customer": "",
        "virtual_account": pool("Running").pk,
        "renewal_on": "",
        "contract": "",
        "lines-TOTAL_FORMS": 2,
        "lines-INITIAL_FORMS": 0,
        "lines-0-license_name": ENHANCED,
        "lines-0-quantity": 10,
    }
    assert "Add an order" in text(client.get("/orders/add/"))
    assert text(client.post("/orders/add/", {**posted, "more": "1"})).count("lines-4-quantity") > 0
    assert "Enter how many" in text(client.post("/orders/add/", {**posted, "lines-0-quantity": ""}), 422)
    assert client.post("/orders/add/", posted).status_code == 302
    order = Order.objects.get()
    assert [(line.license_name, line.quantity) for line in order.lines.all()] == [(ENHANCED, 10)]
    assert "already entered" in text(client.post("/orders/add/", posted), 409)

    edit = f"/orders/{order.pk}/edit/"
    assert ENHANCED in text(client.get(edit))
    assert client.post(edit, {**posted, "contract": "C-9", "lines-0-quantity": 12}).status_code == 302
    order.refresh_from_db()
    assert (order.contract, order.lines.get().quantity) == ("C-9", 12)
    assert "Delete Order 77?" in text(client.get(f"/orders/{order.pk}/delete/"))
    assert client.post(f"/orders/{order.pk}/delete/").status_code == 302
    assert not Order.objects.exists()


def test_page_enters_a_proposal(account: SmartAccount, acme: Partner, client_of: Any) -> None:
    held(pool("Record"), 120, "SubA")
    held(pool("Record"), 30, "SubB", BASIC)
    client = client_of(acme, "operator")

    assert "Syncs saw 2 purchases that you have not entered" in text(client.get("/orders/"))
    assert "SubA" in text(client.get("/orders/proposals/"))
    assert client.post("/orders/proposals/", {"accept": f"{account.pk}:SubA"}).status_code == 302
    assert [order.subscription_id for order in Order.objects.all()] == ["SubA"]
    text(client.post("/orders/proposals/", {"accept": "nonsense"}), 409)
    assert client.post("/orders/proposals/", {"accept": "all"}).status_code == 302
    assert Order.objects.count() == 2
    assert client_of(acme, "viewer").get("/orders/proposals/").status_code == 403


def test_an_order_of_which_nothing_is_mirrored_is_on_the_worklist(
    account: SmartAccount, acme: Partner, client_of: Any, api_of: Any
) -> None:
    order = make.make_order({ENHANCED: 10, BASIC: 5}, smart_account=account, number="77")

    (item,) = Items((Reason.NOT_DEPOSITED,))[0:10]
    assert (item.subject, item.subject_type, item.subject_id, item.licenses) == ("Order 77", "order", order.pk, 15)
    assert item.text == "You ordered 15 licenses with order 77, and Cisco did not deliver them. 15 are missing."
    assert f'href="/orders/{order.pk}/"' in text(client_of(acme, "operator").get("/worklist/"))
    assert api_of(acme).get("/api/v1/worklist/").json()["results"][0]["subject_type"] == "order"


def test_partners_have_orders_of_their_own(
    account: SmartAccount, acme: Partner, globex: Partner, client_of: Any, api_of: Any
) -> None:
    order = make.make_order(smart_account=account, number="77")
    with tenant_context(globex):
        theirs = make.make_order(id=order.pk + 1, number="99")

    assert client_of(acme, "owner").get(f"/orders/{theirs.pk}/").status_code == 404
    assert api_of(globex).get(f"/api/v1/orders/{order.pk}/").status_code == 404
    assert [row["number"] for row in api_of(globex).get("/api/v1/orders/").json()["results"]] == ["99"]
    assert "Order 99" not in text(client_of(acme, "owner").get("/orders/"))
