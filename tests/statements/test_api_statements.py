"""REST issues statements, serves their files by token and makes expiring links."""

import hashlib
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from licensing.statements import issuing
from licensing.statements.models import Statement
from tenants.models import Partner
from tests.spreadsheets import read_xlsx
from tests.statements.world import JUNE, World, make_world

ADDRESS = "/api/v1/statements/"
PERIOD = {"period_start": "2026-06-01", "period_end": "2026-06-30"}


@pytest.fixture
def world(acme: Partner) -> World:
    return make_world()


def test_post_issues_and_the_files_answer_to_the_token(world: World, acme: Partner, api_of: Any) -> None:
    api = api_of(acme, "operator")
    answer = api.post(ADDRESS, {"customer": world.harbor.pk, **PERIOD})

    assert answer.status_code == 201
    made = answer.json()
    row = Statement.objects.get()
    assert {name: made[name] for name in ("id", "number", "customer", "sha256", "corrects", *PERIOD)} == {
        "id": row.pk,
        "number": row.number,
        "customer": world.harbor.pk,
        "sha256": row.sha256,
        "corrects": None,
        **PERIOD,
    }
    assert set(made["files"]) == {"pdf", "xlsx", "csv", "txt"}
    pdf = api.get(made["files"]["pdf"], HTTP_ACCEPT="application/pdf")
    assert (pdf.status_code, pdf["Content-Type"]) == (200, "application/pdf")
    assert hashlib.sha256(pdf.content).hexdigest() == made["sha256"]
    assert read_xlsx(api.get(made["files"]["xlsx"]).content)[0][1][0] == row.number
    assert row.number in api.get(made["files"]["csv"]).content.decode()
    assert api.get(f"{ADDRESS}{row.pk}/").json() == made
    assert api_of(acme, None).get(made["files"]["pdf"]).status_code == 401


def test_correction_names_the_old_one_and_each_points_at_the_other(world: World, acme: Partner, api_of: Any) -> None:
    api, body = api_of(acme, "operator"), {"customer": world.harbor.pk, **PERIOD}
    old = api.post(ADDRESS, body).json()
    new = api.post(ADDRESS, {**body, "corrects": old["id"], "reason": "Matched late."}).json()

    assert (new["corrects"], new["reason"]) == (old["id"], "Matched late.")
    assert api.get(f"{ADDRESS}{old['id']}/").json()["corrected_by"] == new["id"]
    again = api.post(ADDRESS, {**body, "corrects": old["id"]})
    assert (again.status_code, list(again.json()["errors"])) == (400, ["corrects"])
    other = api.post(ADDRESS, {**body, "customer": world.meadow.pk, "corrects": new["id"]})
    assert (other.status_code, list(other.json()["errors"])) == (400, ["corrects"])


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"period_end": "2026-05-01"}, "period_end"),
        ({"period_start": "2026-05-01", "period_end": "2026-06-02"}, "period_end"),
        ({"period_end": "2999-01-01"}, "period_end"),
        ({"customer": 99_999_999}, "customer"),
        ({"color": "red"}, "color"),
        ({"period_start": None}, "period_start"),
    ],
)
def test_bad_input_names_its_field(
    world: World, acme: Partner, api_of: Any, values: dict[str, Any], field: str
) -> None:
    answer = api_of(acme, "operator").post(ADDRESS, {"customer": world.harbor.pk, **PERIOD, **values})

    assert (answer.status_code, list(answer.json()["errors"])) == (400, [field])


def test_statements_are_immutable(world: World, acme: Partner, api_of: Any) -> None:
    made = issuing.issue(world.actor, world.harbor, *JUNE)
    api = api_of(acme)

    for method in ("put", "patch", "delete"):
        assert getattr(api, method)(f"{ADDRESS}{made.pk}/", {}).status_code == 405


def test_link_opens_without_a_sign_in(
    world: World, acme: Partner, globex: Partner, api_of: Any, client_of: Any
) -> None:
    made = issuing.issue(world.actor, world.harbor, *JUNE)
    answer = api_of(acme, "operator").post(f"{ADDRESS}{made.pk}/link/", {"expires_after_days": 2})

    assert answer.status_code == 201
    path = answer.json()["address"].removeprefix("http://acme.localhost")
    assert made.number in client_of(acme).get(path).content.decode()
    assert client_of(globex).get(path).status_code == 404
    assert api_of(globex).post(f"{ADDRESS}{made.pk}/link/").status_code == 404
    assert api_of(acme, "viewer").post(f"{ADDRESS}{made.pk}/link/").status_code == 403
    assert api_of(acme, "operator", "read").post(ADDRESS, {}).status_code == 403


def test_list_filters_and_asks_the_same_for_one_and_three(world: World, acme: Partner, api_of: Any) -> None:
    api, counts = api_of(acme, "viewer", "read"), []
    api.get(ADDRESS)
    old = issuing.issue(world.actor, world.harbor, *JUNE)
    with CaptureQueriesContext(connection) as asked:
        api.get(ADDRESS)
    counts.append(len(asked))
    issuing.correct(world.actor, old, *JUNE)
    issuing.issue(world.actor, world.meadow, *JUNE)
    with CaptureQueriesContext(connection) as asked:
        rows = api.get(ADDRESS).json()["results"]
    counts.append(len(asked))

    assert (len(rows), counts[0]) == (3, counts[1])
    assert len(api.get(f"{ADDRESS}?customer={world.meadow.pk}").json()["results"]) == 1
    assert [row["id"] for row in api.get(f"{ADDRESS}?number={old.number}").json()["results"]] == [old.pk]
