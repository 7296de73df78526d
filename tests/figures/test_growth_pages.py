"""Growth as people and programs see it: page, files and REST tell the same figures."""

import csv
import io
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.template.loader import render_to_string
from django.test.utils import CaptureQueriesContext

from licensing.figures.growth.growth import for_customers
from licensing.figures.models import FigureSettings
from licensing.fleet.models import Customer
from people.models import AuditEntry
from tenants.models import Partner
from tests import factories as make
from tests.figures.test_growth import ENHANCED, PLUS, add_price, today
from tests.figures.worlds import days_before, make_purchase, make_recorded_pool, write_use
from tests.spreadsheets import read_xlsx


def text(answer: Any) -> str:
    return str(answer.content.decode())


def make_growing(name: str = "Meadow", used: int = 140) -> Customer:
    """A customer with 100 Enhanced Plus, more of it in use for 60 days, and Enhanced without an order."""
    since = days_before(today(), 60)
    pool, customer = make_recorded_pool(since), make.make_customer(name=name)
    start = days_before(today(), 200)
    make_purchase(pool, PLUS, customer, 100, start=start, end=start + timedelta(days=1094))
    write_use(pool, PLUS, customer, {since: used})
    write_use(pool, ENHANCED, customer, {since: 7})
    return customer


def test_page_files_and_rest_tell_the_same(acme: Partner, client_of: Any, api_of: Any) -> None:
    customer = make_growing()
    add_price(PLUS, "EUR", "2.50", days_before(today(), 400))
    client = client_of(acme, "viewer")

    page = client.get("/growth/")
    rows = {row.license_name: row for row in page.context["page"].object_list}
    results = api_of(acme, "viewer", "read").get("/api/v1/growth/").json()["results"]
    api = {row["license_name"]: row for row in results}
    lines = {line["License"]: line for line in csv.DictReader(io.StringIO(text(client.get("/growth/?format=csv"))))}
    _, *sheet = read_xlsx(client.get("/growth/?format=xlsx").content)[0]
    assert page.context["totals"].true_forward == 47
    assert [[str(cell) for cell in line[3:6]] for line in sheet] == [["100", "140", "40"], ["0", "7", "7"]]
    assert list(rows) == [PLUS, ENHANCED]
    assert set(api) == set(lines) == set(rows)
    for name, row in rows.items():
        assert (row.commitment, row.used, row.true_forward, row.growth) == tuple(
            api[name][member] for member in ("commitment", "used", "true_forward", "growth")
        )
        columns = ("Commitment", "In use", "True forward", "Growth")
        assert [int(lines[name][column]) for column in columns] == [
            row.commitment,
            row.used,
            row.true_forward,
            row.growth,
        ]
    assert api[PLUS]["customer"] == customer.pk
    assert api[PLUS]["cost_per_month"] == [{"currency": "EUR", "amount": "100.00"}]
    assert api[PLUS]["cost_so_far"] == [{"currency": "EUR", "amount": "700.00"}]
    assert (lines[PLUS]["Cost per month EUR"], lines[PLUS]["Cost so far EUR"]) == ("100.00", "700.00")
    assert (api[ENHANCED]["cost_per_month"], api[ENHANCED]["unpriced"]) == ([], True)
    assert lines[ENHANCED]["No price"] == ENHANCED
    assert (api[PLUS]["forecast"]["true_forward"], api[PLUS]["unknown"]) == (40, "")
    assert "EUR 100.00" in text(page)
    assert "No price for 1 license" in text(page)


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ({"q": "harb"}, {"Harbor"}),
        ({"q": "enhanced plus mead"}, {"Meadow"}),
        ({"license": "UC Manager Enhanced Plus License (14.X)"}, {"Harbor", "Meadow"}),
        ({"show": "growing"}, {"Meadow"}),
        ({"as_of": "2020-01-01"}, set()),
        ({"as_of": "2999-01-01"}, set()),
        ({"customer": "0"}, set()),
    ],
)
def test_filters_of_the_page(acme: Partner, client_of: Any, query: dict[str, str], names: set[str]) -> None:
    make_growing()
    make_growing("Harbor", used=90)
    client = client_of(acme, "viewer")

    answer = client.get("/growth/", query)

    assert {row.customer_name for row in answer.context["page"].object_list} == names
    if "license" in query:
        assert {row.license for row in answer.context["page"].object_list} == {"UCM_EnhancedPlus"}
    if "show" in query:
        assert len(answer.context["page"].object_list) == 2
    if not names:
        assert "Clear search and filters" in text(answer)
    if query.get("as_of") == "2020-01-01":
        assert "No figures are recorded for 1 Jan 2020. The history begins on" in text(answer)


def test_an_account_that_was_not_recorded_yet_is_named(acme: Partner, client_of: Any) -> None:
    make_growing()
    make_recorded_pool(days_before(today(), 5))
    client = client_of(acme, "viewer")

    past = text(client.get("/growth/", {"as_of": f"{days_before(today(), 20)}"}))

    assert past.count("is not recorded before") == 1
    assert "is not recorded before" not in text(client.get("/growth/"))


def test_rest_filters_pages_and_refuses(acme: Partner, api_of: Any) -> None:
    meadow = make_growing()
    make_growing("Harbor")
    api = api_of(acme, "viewer", "read")

    def found(**query: Any) -> list[tuple[str, str]]:
        rows = api.get("/api/v1/growth/", query).json()["results"]
        return sorted((row["customer_name"], row["license_name"]) for row in rows)

    assert found(customer=meadow.pk) == [("Meadow", ENHANCED), ("Meadow", PLUS)]
    assert found(license_name="ucm_enhancedplus") == [("Harbor", PLUS), ("Meadow", PLUS)]
    assert found(as_of=f"{days_before(today(), 30)}", license_name=ENHANCED) == [
        ("Harbor", ENHANCED),
        ("Meadow", ENHANCED),
    ]
    seen, url = [], "/api/v1/growth/?limit=3"
    while url:
        answer = api.get(url).json()
        seen += [row["id"] for row in answer["results"]]
        url = answer["next"]
    assert len(seen) == len(set(seen)) == 4
    back = api.get(answer["previous"]).json()
    assert [row["id"] for row in back["results"]] == seen[:3]
    for query in (
        {"as_of": "2999-01-01"},
        {"as_of": "2020-01-01"},
        {"as_of": "x"},
        {"customer": "0"},
        {"nothing": "1"},
    ):
        refused = api.get("/api/v1/growth/", query)
        assert (refused.status_code, list(refused.json()["errors"])) == (400, list(query))


def test_lists_take_the_same_statements_for_one_customer_and_for_three(
    acme: Partner, client_of: Any, api_of: Any
) -> None:
    client, api, taken = client_of(acme, "viewer"), api_of(acme), []
    make_growing("First")
    api.get("/api/v1/growth/")
    for number in (0, 2):
        for place in range(number):
            make_growing(f"Another {place}")
        for door, address in ((client, "/growth/"), (client, "/growth/?format=csv"), (api, "/api/v1/growth/")):
            with CaptureQueriesContext(connection) as queries:
                assert door.get(address).status_code == 200
            taken.append(len(queries))

    assert taken[:3] == taken[3:]


def test_owner_chooses_the_measure(acme: Partner, client_of: Any) -> None:
    owner = client_of(acme, "owner")

    answer = owner.post("/growth/settings/", {"measure": "end_of_month"}, follow=True)

    assert "Growth is now measured by end of month." in text(answer)
    assert FigureSettings.objects.get().measure == "end_of_month"
    assert AuditEntry.objects.get(object_type="figuresettings").changes == {"measure": ["peak", "end_of_month"]}
    assert owner.post("/growth/settings/", {"measure": "sum"}).status_code == 422
    assert client_of(acme, "operator").post("/growth/settings/", {"measure": "peak"}).status_code == 403
    assert "Change measure" not in text(client_of(acme, "operator").get("/growth/"))


def test_a_price_that_begins_within_the_period_is_told(acme: Partner, client_of: Any, api_of: Any) -> None:
    make_growing()
    for name in (PLUS, ENHANCED):
        add_price(name, "EUR", "2.50", days_before(today(), 75))

    page = text(client_of(acme, "viewer").get("/growth/", {"license": PLUS}))
    (row,) = api_of(acme).get("/api/v1/growth/", {"license_name": PLUS}).json()["results"]

    assert ("Price begins later for 1 license" in page, "No price" in page) == (True, False)
    assert (row["cost_per_month"], row["unpriced"]) == ([{"currency": "EUR", "amount": "100.00"}], True)


def test_empty_page_says_what_belongs_here(acme: Partner, client_of: Any) -> None:
    assert "No growth yet" in text(client_of(acme, "viewer").get("/growth/"))


def test_section_of_a_customers_page(acme: Partner) -> None:
    customer = make_growing()
    add_price(PLUS, "EUR", "2.50", days_before(today(), 400))
    (found,) = for_customers([customer.pk])

    shown = render_to_string("figures/growth/section.html", {"growth": found})

    assert found.totals.cost_per_month.sums == [("EUR", Decimal("100.00"))]
    assert all(part in shown for part in ("True forward and growth", PLUS, "EUR 100.00", f"customer={customer.pk}"))
    assert "uses no licenses" in render_to_string("figures/growth/section.html", {"growth": None})
