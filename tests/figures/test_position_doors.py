"""Positions on the page, in files and in REST: the same rows, for the same questions."""

import csv
import io
import random
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from django_tenants.utils import tenant_context

from licensing.figures.pages.positions import COLUMNS
from licensing.figures.positions import By, open_books
from licensing.fleet.models import Customer
from licensing.history.recording import record
from tenants.models import Partner
from tests import factories as make
from tests.figures.test_positions import PLUS, make_world


@pytest.fixture
def world(acme: Partner) -> None:
    make_world(make.make_smart_account(last_synced_at=timezone.now()), random.Random(11))


def rest_rows(api: Any, address: str) -> list[dict[str, Any]]:
    answer = api.get(address)
    assert answer.status_code == 200, answer.content
    found = answer.json()
    return found["results"] if isinstance(found, dict) else found


@pytest.mark.parametrize("by", list(By))
def test_page_file_and_rest_agree(world: None, acme: Partner, client_of: Any, api_of: Any, by: By) -> None:
    ours = open_books().positions(by)
    from_rest = rest_rows(api_of(acme, "viewer"), f"/api/v1/positions/?by={by}&limit=1000")
    text = client_of(acme, "viewer").get(f"/positions/?by={by}&format=csv").content.decode()
    rows = list(csv.DictReader(io.StringIO(text)))

    assert len(ours) == len(from_rest) == len(rows) > 3
    for row, line in zip(ours, rows, strict=True):
        assert {head: line[head] for head in COLUMNS} == {
            head: "" if getattr(row, name) is None else str(getattr(row, name)) for head, name in COLUMNS.items()
        }
    figures = sorted(
        ((row["id"] or 0, row["license_name"], *(row[name] for name in COLUMNS.values())) for row in from_rest), key=str
    )
    assert figures == sorted(
        ((row.id or 0, row.license_name, *(getattr(row, name) for name in COLUMNS.values())) for row in ours), key=str
    )


def test_rest_pages_through_all(world: None, acme: Partner, api_of: Any) -> None:
    api, found, address = api_of(acme, "viewer"), [], "/api/v1/positions/?by=cluster&limit=4"
    while address:
        answer = api.get(address).json()
        found += [(row["id"], row["license_name"]) for row in answer["results"]]
        address = answer["next"]

    assert len(found) == len(set(found)) == len(open_books().positions(By.CLUSTER))


def test_filters_of_rest(world: None, acme: Partner, api_of: Any) -> None:
    api, customer = api_of(acme, "viewer"), Customer.objects.first()
    assert customer is not None
    rows = rest_rows(api, f"/api/v1/positions/?by=cluster&customer={customer.pk}&license_name=UCM_EnhancedPlus")
    own = rest_rows(api, f"/api/v1/customers/{customer.pk}/position/")
    cluster = rows[0]["id"]

    assert {row["license_name"] for row in rows} == {PLUS}
    assert sum(row["used"] for row in rows) == next(row["used"] for row in own if row["license_name"] == PLUS)
    assert rows[0] in rest_rows(api, f"/api/v1/clusters/{cluster}/position/")
    for question in ("by=order", "as_of=yesterday", "as_of=2999-01-01", "smart_account=x", "nothing=1", "by="):
        answer = api.get(f"/api/v1/positions/?{question}")
        assert answer.status_code in {400, 409, 422}, question
        assert answer.headers["Content-Type"] == "application/problem+json"


def test_past_day_on_page_and_rest(world: None, acme: Partner, api_of: Any, client_of: Any) -> None:
    then = timezone.now() - timedelta(days=3)
    before = rest_rows(api_of(acme, "viewer"), "/api/v1/positions/?by=customer")
    record(None, then)
    make.make_instance({PLUS: 5}, virtual_account=make.make_virtual_account(name="More"))
    asked = f"by=customer&as_of={then.date()}"
    past = rest_rows(api_of(acme, "viewer"), f"/api/v1/positions/?{asked}")
    page = client_of(acme, "viewer").get(f"/positions/?{asked}").content.decode()
    early = client_of(acme, "viewer").get(f"/positions/?as_of={then.date() - timedelta(days=9)}").content.decode()

    assert [{**row, "as_of": ""} for row in past] == [{**row, "as_of": ""} for row in before]
    assert "At the end of" in page
    assert "The history begins on" in early


def test_queries_do_not_depend_on_rows(
    world: None, acme: Partner, api_of: Any, client_of: Any, django_assert_num_queries: Any
) -> None:
    client, api = client_of(acme, "viewer"), api_of(acme, "viewer")
    client.get("/positions/")
    api.get("/api/v1/positions/")
    for number in range(2):
        with django_assert_num_queries(15):
            client.get("/positions/?by=customer")
        with django_assert_num_queries(13):
            api.get("/api/v1/positions/?by=customer")
        make_world(make.make_smart_account(name=f"More {number}"), random.Random(number))


def test_partners_see_their_own(world: None, acme: Partner, globex: Partner, api_of: Any) -> None:
    with tenant_context(globex):
        assert rest_rows(api_of(globex, "owner"), "/api/v1/positions/?by=customer") == []
        customer = make.make_customer(name="Theirs").pk
    theirs = api_of(acme, "owner").get(f"/api/v1/customers/{customer + 1000}/position/")
    assert theirs.status_code == 404
