"""Orders from a CSV file: what is read, what is bad and why, and what an import writes."""

from datetime import date
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django_tenants.utils import tenant_context

from kit.refusals import Refusal
from licensing.accounts.models import SmartAccount
from licensing.orders.models import Order
from licensing.orders.order_file import importing, planning
from people.audit import SYSTEM
from people.models import AuditEntry
from tenants.models import Partner
from tests import factories as make
from tests.fixtures import BASIC, ENHANCED

HEAD = ",".join(planning.COLUMNS)
GOOD = f"""{HEAD}
acme.example,77,SubA,2026-11-01,harbor,Running,01.11.2027,C-1,{ENHANCED},"1,200"
Acme,77,SubA,,,,,,{BASIC},5
acme.example,,SubB,2026-11-02,,,,,{BASIC},7
"""


@pytest.fixture
def account(acme: Partner) -> SmartAccount:
    account = make.make_smart_account(domain="acme.example", name="Acme")
    make.make_virtual_account(smart_account=account, name="Running", purpose="operational")
    make.make_customer(name="Harbor")
    return account


def bad_lines(text: str) -> list[tuple[int, str]]:
    return [(bad.number, bad.reason) for bad in planning.plan(f"{HEAD}\n{text}").bad]


def stored() -> dict[str, dict[str, int]]:
    return {str(row): {line.license_name: line.quantity for line in row.lines.all()} for row in Order.objects.all()}


def test_an_import_adds_orders_once(account: SmartAccount) -> None:
    assert planning.plan(GOOD).counts() == [("Orders", 2, 0, 0), ("Lines", 3, 0, 0)]

    importing.carry_out(SYSTEM, GOOD, [])

    assert stored() == {"Order 77": {ENHANCED: 1200, BASIC: 5}, "SubB": {BASIC: 7}}
    order = Order.objects.get(number="77")
    assert (str(order.customer), str(order.virtual_account), order.contract) == ("Harbor", "Running", "C-1")
    assert (order.ordered_on, order.renewal_on) == (date(2026, 11, 1), date(2027, 11, 1))
    assert planning.plan(GOOD).counts() == [("Orders", 0, 0, 2), ("Lines", 0, 0, 3)]
    before = AuditEntry.objects.count()
    importing.carry_out(SYSTEM, GOOD, [])
    assert AuditEntry.objects.count() == before


def test_an_import_changes_what_it_says_and_leaves_the_rest(account: SmartAccount) -> None:
    importing.carry_out(SYSTEM, GOOD, [])
    text = f"order_number,subscription_id,license,quantity,contract\n77,SubA,ucm_basic,6,C-2\n,SubB,{ENHANCED},1,\n"

    found = importing.carry_out(SYSTEM, text, [])

    assert found.counts() == [("Orders", 0, 2, 0), ("Lines", 1, 1, 0)]
    assert stored() == {"Order 77": {ENHANCED: 1200, "ucm_basic": 6}, "SubB": {BASIC: 7, ENHANCED: 1}}
    assert Order.objects.get(number="77").contract == "C-2"


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (",,,2026-11-01,,,,,X,1", "It names neither an order nor a subscription."),
        (",77,,,,,,,X,1", "A new order needs ordered_on."),
        (",77,,2026-11-01,,,,,,1", "It names no license."),
        (",77,,2026-11-01,,,,,X,", "quantity '' is not a whole number from 1 on."),
        (",77,,2026-11-01,,,,,X,-3", "quantity '-3' is not a whole number from 1 on."),
        (",77,,2026-11-31,,,,,X,1", "ordered_on '2026-11-31' is not a day. Write it as 2026-12-31."),
        (",77,,2026-11-01,Bay,,,,X,1", "customer 'Bay' is not entered. Add the customer first."),
        (",77,,2026-11-01,,Lab,,,X,1", "virtual_account 'Lab' is not one of Acme."),
        (
            "Else,77,,2026-11-01,,,,,X,1",
            "smart_account 'Else' is neither the domain nor the name of one smart account.",
        ),
        (",77,,2026-11-01,,,,,X,1,2", "It has more cells than the first line has columns."),
        (f",{'7' * 101},,2026-11-01,,,,,X,1", "order_number is longer than 100 characters."),
    ],
)
def test_bad_lines_say_why(account: SmartAccount, line: str, reason: str) -> None:
    assert bad_lines(line) == [(2, reason)]


def test_lines_of_one_order_must_agree(account: SmartAccount) -> None:
    text = ",77,,2026-11-01,,,,C-1,X,1\n,77,,2026-11-02,,,,,Y,1\n,77,,,,,,,x (12.x),2\n,77,,2026-11-01,,,,C-1,Y,3\n"

    assert bad_lines(text) == [
        (3, "ordered_on '2026-11-02' contradicts line 2, where it is '2026-11-01'."),
        (4, "Line 2 names this license of this order already. Enter one line with their sum."),
    ]


def test_with_two_smart_accounts_a_line_names_its_own(account: SmartAccount) -> None:
    make.make_smart_account(name="Other")

    assert bad_lines(",77,,2026-11-01,,,,,X,1") == [(2, "It names no smart account.")]


def test_bad_lines_are_left_out_only_as_the_preview_showed(account: SmartAccount) -> None:
    text = f"{GOOD},,,,,,,,X,1\n"

    with pytest.raises(Refusal):
        importing.carry_out(SYSTEM, text, [])
    assert stored() == {}
    assert importing.carry_out(SYSTEM, text, [5]).lines == 3


def upload(text: str) -> dict[str, Any]:
    return {"file": SimpleUploadedFile("orders.csv", text.encode())}


def test_page_previews_then_imports(account: SmartAccount, acme: Partner, globex: Partner, client_of: Any) -> None:
    client = client_of(acme, "operator")
    assert "order_number" in client.get("/orders/import/").content.decode()
    assert client.post("/orders/import/", upload("colour\n")).status_code == 422

    shown = client.post("/orders/import/", upload(GOOD))
    assert "Import 3 lines" in shown.content.decode()
    assert stored() == {}
    key = shown.context["key"]
    assert client_of(globex, "operator").post("/orders/import/", {"key": key}).status_code == 302
    with tenant_context(globex):
        assert not Order.objects.exists()

    assert client.post("/orders/import/", {"key": key, "leave_out": ""}).status_code == 302
    assert len(stored()) == 2
    assert client_of(acme, "viewer").get("/orders/import/").status_code == 403
