"""What if: on the page and in REST, which ask the same function."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django_tenants.utils import tenant_context

from licensing.mirror.models import VirtualAccount
from people.models import AuditEntry
from tenants.models import Partner
from tests import factories as make
from tests.allocation.test_what_if import BASIC, CUWL, ENHANCED, PLUS, cluster_in, pool_with

URL = "/api/v1/what-if/"


def lines(*users: tuple[str, Any]) -> dict[str, Any]:
    sent = {"users-TOTAL_FORMS": len(users), "users-INITIAL_FORMS": 0}
    for place, (name, number) in enumerate(users):
        sent |= {f"users-{place}-license": name, f"users-{place}-number": number}
    return sent


def text(response: Any, status: int = 200) -> str:
    assert response.status_code == status
    return str(response.content.decode())


def test_page_shows_before_and_after_and_names_the_first_shortage(acme: Partner, client_of: Any) -> None:
    there = pool_with({ENHANCED: 5, CUWL: 1}, name="There")
    cluster = cluster_in(pool_with({ENHANCED: 9}, name="Here"), {ENHANCED: 8}, name="Core")
    query = {"action": "add", "clusters": cluster.pk, "virtual_account": there.pk}

    answer = text(client_of(acme, "viewer").get("/what-if/", query))

    for part in (
        f"There would be 2 short of {ENHANCED}: 8 needed, 6 covered.",
        "5 own",
        "1 from UC Manager CUWL License (12.X) <span>(higher license)</span>",
        ">Here</a>",
        "2 short",
    ):
        assert part in answer, part


def test_page_says_when_nothing_becomes_short_and_asks_nothing_at_first(acme: Partner, client_of: Any) -> None:
    pool, client = pool_with({ENHANCED: 5}), client_of(acme, "viewer")

    answer = text(
        client.get("/what-if/", {"action": "add", "virtual_account": pool.pk, **lines((ENHANCED, 3), ("", ""))})
    )

    assert "No license becomes short by this." in answer
    assert "Afterwards" not in text(client.get("/what-if/", {"virtual_account": pool.pk}))
    assert AuditEntry.objects.count() == 0


@pytest.mark.parametrize(
    ("query", "status", "said"),
    [
        ({"action": "add"}, 409, "There is no destination."),
        ({"action": "add", "virtual_account": "x"}, 422, "Select a valid choice"),
        ({"action": "add", "clusters": "999999"}, 422, "is not one of the available choices"),
        ({"action": "burn"}, 422, "Select a valid choice"),
        (
            {"action": "remove", "clusters": "{cluster}", "virtual_account": "{pool}"},
            409,
            "Removed clusters and users have no destination.",
        ),
        ({"action": "remove", **lines((ENHANCED, 1))}, 409, "There is no source for the users."),
        ({"action": "add", "virtual_account": "{pool}", "source": "{pool}", **lines((ENHANCED, 1))}, 409, "no source"),
        (
            {"action": "remove", "clusters": "{cluster}", "source": "{pool}"},
            409,
            "A source is chosen, but no users are entered.",
        ),
        ({"action": "add", "virtual_account": "{pool}", **lines(("", 3))}, 422, "Enter the license."),
        ({"action": "add", "virtual_account": "{pool}", **lines((ENHANCED, ""))}, 422, "Enter the number of users."),
        ({"action": "add", "virtual_account": "{pool}", **lines((ENHANCED, -2))}, 422, "greater than or equal to 1"),
        ({"action": "add", "virtual_account": "{pool}", "users-TOTAL_FORMS": "x"}, 422, "ManagementForm"),
        ({"action": "add", "virtual_account": "{ordered}", "clusters": "{cluster}"}, 409, "is the ordered pool"),
    ],
)
def test_page_says_what_is_wrong_and_keeps_what_was_entered(
    acme: Partner, client_of: Any, query: dict[str, Any], status: int, said: str
) -> None:
    known = {
        "pool": pool_with({ENHANCED: 5}).pk,
        "ordered": make.make_virtual_account(purpose="ordered").pk,
        "cluster": make.make_cluster().pk,
    }
    sent = {name: value.format(**known) if isinstance(value, str) else value for name, value in query.items()}

    answer = text(client_of(acme, "viewer").get("/what-if/", sent), status)

    assert said in answer


def test_more_lines_are_added_and_nothing_is_lost(acme: Partner, client_of: Any) -> None:
    pool = pool_with({ENHANCED: 5})
    query = {"action": "add", "virtual_account": pool.pk, "more": "1", **lines((ENHANCED, 3))}

    response = client_of(acme, "viewer").get("/what-if/", query)

    assert 'value="3"' in text(response)
    assert len(response.context["lines"].forms) == 4


def test_rest_answers_what_the_page_shows(acme: Partner, api_of: Any) -> None:
    there = pool_with({ENHANCED: 5, CUWL: 1}, name="There")
    cluster = cluster_in(pool_with({ENHANCED: 9}, name="Here"), {ENHANCED: 8})
    sent = {"action": "add", "clusters": [cluster.pk], "virtual_account": there.pk, "users": {"UCM_Basic": 2}}

    answer = api_of(acme, "viewer", "read").post(URL, sent)
    body = answer.json()

    assert answer.status_code == 200
    assert body["first_shortage"] == {
        "virtual_account": there.pk,
        "license": ENHANCED,
        "short": 2,
        "before": 0,
        "text": f"There would be 2 short of {ENHANCED}: 8 needed, 6 covered.",
    }
    assert [(found["license"], found["short"]) for found in body["shortages"]] == [(ENHANCED, 2), (BASIC, 2)]
    assert [part["name"] for part in body["virtual_accounts"]] == ["There", "Here"]
    row = next(row for row in body["virtual_accounts"][0]["licenses"] if row["license"] == ENHANCED)
    assert row["before"] == {
        "owned": 5,
        "requested": 0,
        "reserved": 0,
        "served_by": [],
        "lent_to": [],
        "left": 5,
        "short": 0,
    }
    assert row["after"]["served_by"] == [
        {"requested": ENHANCED, "granted": ENHANCED, "quantity": 5, "rule": "own"},
        {"requested": ENHANCED, "granted": CUWL, "quantity": 1, "rule": "hierarchy"},
    ]
    assert body["virtual_accounts"][0]["as_of"].endswith("Z")


@pytest.mark.parametrize(
    ("sent", "field"),
    [
        ({}, "action"),
        ({"action": "burn"}, "action"),
        ({"action": "add", "pool": 1}, "pool"),
        ({"action": "add"}, "virtual_account"),
        ({"action": "add", "virtual_account": 999_999, "users": {PLUS: 1}}, "virtual_account"),
        ({"action": "add", "virtual_account": "POOL", "clusters": [999_999]}, "clusters"),
        ({"action": "add", "virtual_account": "POOL", "clusters": ["1"]}, "clusters.0"),
        ({"action": "add", "virtual_account": "POOL", "clusters": [True]}, "clusters.0"),
        ({"action": "add", "virtual_account": "POOL", "clusters": 1}, "clusters"),
        ({"action": "add", "virtual_account": "POOL"}, "clusters"),
        ({"action": "add", "virtual_account": "POOL", "users": {ENHANCED: 0}}, f"users.{ENHANCED}"),
        ({"action": "add", "virtual_account": "POOL", "users": {ENHANCED: "5"}}, f"users.{ENHANCED}"),
        ({"action": "add", "virtual_account": "POOL", "users": {ENHANCED: 2.5}}, f"users.{ENHANCED}"),
        ({"action": "add", "virtual_account": "POOL", "users": {"": 2}}, "users"),
        ({"action": "add", "virtual_account": "POOL", "users": [ENHANCED]}, "users"),
        ({"action": "add", "virtual_account": True, "users": {ENHANCED: 2}}, "virtual_account"),
        ({"action": "move", "virtual_account": "POOL", "users": {ENHANCED: 2}}, "source"),
        ({"action": "remove", "source": "POOL", "users": {PLUS: 2}}, "users"),
        ({"action": "remove", "source": "POOL"}, "source"),
    ],
)
def test_rest_names_the_field_at_fault(acme: Partner, api_of: Any, sent: dict[str, Any], field: str) -> None:
    pool = pool_with({ENHANCED: 5})
    body = {name: pool.pk if value == "POOL" else value for name, value in sent.items()}

    answer = api_of(acme, "viewer").post(URL, body)

    assert answer.status_code == 400
    assert answer["Content-Type"] == "application/problem+json"
    assert list(answer.json()["errors"]) == [field]


def test_rest_cannot_reach_the_other_partners_rows(acme: Partner, globex: Partner, api_of: Any) -> None:
    mine = pool_with({ENHANCED: 5})
    with tenant_context(globex):
        theirs = make.make_virtual_account(id=mine.pk + 777)
        cluster = make.make_cluster(id=888_888)
    api = api_of(acme)

    answers = [
        api.post(URL, {"action": "add", "virtual_account": theirs.pk, "users": {ENHANCED: 1}}),
        api.post(URL, {"action": "add", "virtual_account": mine.pk, "clusters": [cluster.pk]}),
    ]

    assert [list(answer.json()["errors"]) for answer in answers] == [["virtual_account"], ["clusters"]]


def test_doors_take_the_same_statements_for_one_cluster_and_for_three(
    acme: Partner, api_of: Any, client_of: Any
) -> None:
    api, client, taken = api_of(acme), client_of(acme, "viewer"), []
    target: VirtualAccount = pool_with({ENHANCED: 5})
    clusters: list[int] = []
    api.get(URL)  # writes down that the token was used
    for number in (1, 2):
        clusters += [cluster_in(pool_with({ENHANCED: 1, BASIC: 1}), {ENHANCED: 2}).pk for _ in range(number)]
        sent = {"action": "add", "virtual_account": target.pk, "clusters": clusters}
        for ask in (lambda: api.post(URL, sent), lambda: client.get("/what-if/", sent)):  # noqa: B023 - used here
            with CaptureQueriesContext(connection) as queries:
                assert ask().status_code == 200
            taken.append(len(queries))

    assert taken[:2] == taken[2:]
