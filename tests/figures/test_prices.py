"""The price list: entered by page, file, REST and admin, by one verb; found by license, currency and day."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from django_tenants.utils import tenant_context

from kit.refusals import Refusal
from licensing.figures.models import Price
from licensing.figures.prices.price_file import Imported, import_prices
from licensing.figures.prices.saving import save_price, valid_on
from people import audit
from people.models import AuditEntry
from tenants.models import Partner
from tests import factories as make

PLUS, OTHER_SPELLING = "UC Manager Enhanced Plus License (12.x)", "UC Manager  Enhanced Plus license (14.X)"
HEAD = "license,currency,price_a_month,valid_from"
VALUES = {"license_name": PLUS, "currency": "EUR", "amount": "2.50", "valid_from": "2026-01-01"}


def add(name: str = PLUS, currency: str = "EUR", amount: str = "2.5", day: str = "2026-01-01") -> Price:
    price = Price(license_name=name, currency=currency, amount=Decimal(amount), valid_from=date.fromisoformat(day))
    return save_price(audit.SYSTEM, price)


def stored() -> list[tuple[str, str, Decimal, str]]:
    rows = Price.objects.order_by("license", "currency", "valid_from")
    return [(row.license, row.currency, row.amount, f"{row.valid_from}") for row in rows]


def text(answer: Any) -> str:
    return str(answer.content.decode())


@pytest.mark.parametrize("door", ["page", "rest", "admin"])
def test_every_door_adds_changes_and_deletes_a_price(acme: Partner, client_of: Any, api_of: Any, door: str) -> None:
    changed = {**VALUES, "amount": "3.1", "currency": "USD"}
    if door == "rest":
        api = api_of(acme, "operator")
        assert api.post("/api/v1/prices/", VALUES).status_code == 201
    elif door == "page":
        client_of(acme, "operator").post("/prices/add/", VALUES)
    else:
        client_of(acme, "owner").post(reverse("admin:figures_price_add"), VALUES)
    assert stored() == [("UCM_EnhancedPlus", "EUR", Decimal("2.5"), "2026-01-01")]
    pk = Price.objects.get().pk

    if door == "rest":
        assert api.put(f"/api/v1/prices/{pk}/", changed).status_code == 200
    elif door == "page":
        client_of(acme, "operator").post(f"/prices/{pk}/edit/", changed)
    else:
        client_of(acme, "owner").post(reverse("admin:figures_price_change", args=[pk]), changed)
    assert stored() == [("UCM_EnhancedPlus", "USD", Decimal("3.1"), "2026-01-01")]

    if door == "rest":
        assert api.delete(f"/api/v1/prices/{pk}/").status_code == 204
    elif door == "page":
        client_of(acme, "operator").post(f"/prices/{pk}/delete/")
    else:
        client_of(acme, "owner").post(reverse("admin:figures_price_delete", args=[pk]), {"post": "yes"})
    assert stored() == []
    entries = AuditEntry.objects.filter(object_type="price").order_by("id")
    assert [entry.action for entry in entries] == ["added", "changed", "deleted"]
    assert entries[1].changes == {"currency": ["EUR", "USD"], "amount": ["2.5000", "3.1"]} | entries[1].changes


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"currency": "EUX"}, "currency"),
        ({"currency": "EURO"}, "currency"),
        ({"amount": "-1"}, "amount"),
        ({"amount": "1.23456"}, "amount"),
        ({"license_name": ""}, "license_name"),
        ({"license_name": OTHER_SPELLING}, "valid_from"),
    ],
)
def test_bad_prices_are_refused_at_their_field(
    acme: Partner, client_of: Any, api_of: Any, values: dict[str, str], field: str
) -> None:
    add()
    sent = {**VALUES, "license_name": "Another license", **values}

    answer = api_of(acme, "operator").post("/api/v1/prices/", sent)
    page = client_of(acme, "operator").post("/prices/add/", sent)

    assert (answer.status_code, list(answer.json()["errors"])) == (400, [field])
    assert (page.status_code in (409, 422), list(page.context["form"].errors)) == (True, [field])
    assert Price.objects.count() == 1


def test_viewer_reads_and_changes_nothing_and_the_other_partner_is_not_reached(
    acme: Partner, globex: Partner, client_of: Any, api_of: Any
) -> None:
    price = add()
    client, api = client_of(acme, "viewer"), api_of(acme, "viewer")

    assert client.get(f"/prices/{price.pk}/").status_code == 200
    assert "Add price" not in text(client.get("/prices/"))
    for path in ("add/", "import/", f"{price.pk}/edit/", f"{price.pk}/delete/"):
        assert client.post(f"/prices/{path}", VALUES).status_code == 403
    assert api.post("/api/v1/prices/", VALUES).status_code == 403
    assert api.delete(f"/api/v1/prices/{price.pk}/").status_code == 403
    assert api_of(globex).get(f"/api/v1/prices/{price.pk}/").status_code == 404
    assert client_of(globex, "owner").get(f"/prices/{price.pk}/").status_code == 404


def test_rest_finds_prices_by_license_in_any_spelling_and_by_currency(acme: Partner, api_of: Any) -> None:
    first = add()
    add("Another license", "USD")
    api = api_of(acme, "viewer", "read")

    for query in ({"license_name": OTHER_SPELLING}, {"currency": "eur"}):
        (row,) = api.get("/api/v1/prices/", query).json()["results"]
        assert row == {"id": first.pk, **VALUES, "amount": "2.5000"}


def test_valid_prices_are_the_latest_that_have_begun(acme: Partner, client_of: Any) -> None:
    today = timezone.localdate()
    for number, amount in ((-400, "1"), (-30, "2"), (30, "3")):
        add(amount=amount, day=f"{today + timedelta(days=number)}")
    add(currency="USD", amount="9", day=f"{today + timedelta(days=60)}")
    client = client_of(acme, "viewer")

    assert [row.amount for row in valid_on(Price.objects.all(), today)] == [2]
    for query, amounts in (({"valid": "now"}, [2]), ({"valid": "later"}, [3, 9]), ({}, [1, 2, 3, 9])):
        rows = client.get("/prices/", query).context["table"].rows
        assert sorted(row.record.amount for row in rows) == amounts


# --- the file ---


def test_import_adds_and_changes_and_the_export_is_imported_again(acme: Partner, client_of: Any) -> None:
    add()
    client = client_of(acme, "operator")
    content = f"{HEAD}\n{OTHER_SPELLING},EUR,2.75,2026-01-01\n{PLUS};x,usd,3,2026-06-01\n=1+1,EUR,1,2026-01-01\n"
    upload = {"file": SimpleUploadedFile("prices.csv", content.encode())}

    answer = client.post("/prices/import/", upload, follow=True)

    assert "2 prices added, 1 changed, 0 unchanged." in text(answer)
    before = stored()
    assert ("UCM_EnhancedPlus", "EUR", Decimal("2.75"), "2026-01-01") in before
    assert len(before) == 3
    assert AuditEntry.objects.filter(object_type="price", action="imported").count() == 3

    exported = client.get("/prices/", {"format": "csv"}).content.decode()
    assert import_prices(audit.SYSTEM, exported) == Imported(0, 0, 3)
    assert stored() == before
    again = client.post("/prices/import/", {"file": SimpleUploadedFile("p.csv", exported.encode())}, follow=True)
    assert "No changes" in text(again)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (f"{PLUS},EUR,two,2026-01-01", "'two' is not a price."),
        (f'{PLUS},EUR,"1,234",2026-01-01', "'1,234' is not a price."),
        (f"{PLUS},EUR,2,1.1.2026", "'1.1.2026' is not a day."),
        (f"{PLUS},EUX,2,2026-01-01", "currency: Enter a currency"),
        (",EUR,2,2026-01-01", "license_name: "),
        (f"{OTHER_SPELLING},EUR,2,2027-01-01", "An earlier line has the same license, currency and day."),
    ],
)
def test_a_bad_line_refuses_the_whole_file(acme: Partner, client_of: Any, line: str, reason: str) -> None:
    content = f"{HEAD}\n{PLUS},EUR,2,2027-01-01\n{line}\n"

    with pytest.raises(Refusal) as refused:
        import_prices(audit.SYSTEM, content)

    assert len(refused.value.blockers) == 1
    assert refused.value.blockers[0].startswith(f"Line 3: {reason}")
    page = client_of(acme, "operator").post("/prices/import/", {"file": SimpleUploadedFile("p.csv", content.encode())})
    assert (page.status_code, "Line 3:" in text(page)) == (409, True)
    assert stored() == []


def test_a_file_without_a_column_is_refused(acme: Partner) -> None:
    with pytest.raises(Refusal, match="does not name the column currency"):
        import_prices(audit.SYSTEM, "license,price_a_month,valid_from\n")


def test_prices_with_a_decimal_comma_are_read(acme: Partner) -> None:
    import_prices(audit.SYSTEM, f"{HEAD.replace(',', ';')}\n{PLUS};EUR;2,50;2026-01-01\n")

    assert stored() == [("UCM_EnhancedPlus", "EUR", Decimal("2.5"), "2026-01-01")]


def test_lists_take_the_same_statements_for_one_row_and_for_three(acme: Partner, client_of: Any, api_of: Any) -> None:
    client, api, taken = client_of(acme, "viewer"), api_of(acme), []
    api.get("/api/v1/prices/")
    for number in (1, 2):
        for place in range(number):
            add(currency=("EUR", "USD", "CHF")[number + place - 1])
        for door, address in ((client, "/prices/"), (api, "/api/v1/prices/")):
            with CaptureQueriesContext(connection) as queries:
                assert door.get(address).status_code == 200
            taken.append(len(queries))

    assert taken[:2] == taken[2:]


def test_partners_have_price_lists_of_their_own(acme: Partner, globex: Partner, api_of: Any) -> None:
    with tenant_context(globex):
        add(currency="USD")
    add()

    assert [row["currency"] for row in api_of(acme).get("/api/v1/prices/").json()["results"]] == ["EUR"]
    assert [row["currency"] for row in api_of(globex).get("/api/v1/prices/").json()["results"]] == ["USD"]


def test_names_of_licenses_are_suggested_once(acme: Partner, client_of: Any) -> None:
    for name in (PLUS, OTHER_SPELLING, "A license of nobody"):
        make.make_license(name=name)

    page = client_of(acme, "operator").get("/prices/add/", {"license": PLUS})

    assert len(page.context["form"].names) == 2
    assert page.context["form"]["license_name"].value() == PLUS
