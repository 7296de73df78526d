"""REST of remedies, transfer plans, clocks and the worklist."""

from typing import Any

import pytest
from django_tenants.utils import tenant_context

from licensing.accounts.models import SmartAccount
from licensing.alerts import evaluation
from licensing.alerts.models import Overage
from licensing.mirror.models import License
from licensing.pools.models import TransferPlan, TransferStep
from people.models import User
from tenants.models import Partner
from tests import factories as make

NAME = "Emergency Responder User License"


@pytest.fixture
def short(acme: Partner) -> License:
    """5 are missing in South, 60 are free in North."""
    account = make.make_smart_account(name="Acme Account")
    north = make.make_virtual_account(smart_account=account, name="North")
    south = make.make_virtual_account(smart_account=account, name="South")
    make.make_line(license=make.make_license(virtual_account=north, name=NAME, quantity=60, in_use=0), quantity=60)
    return make.make_license(virtual_account=south, name=NAME, quantity=20, in_use=25)


def test_remedies_of_a_license(acme: Partner, short: License, api_of: Any) -> None:
    answer = api_of(acme, "viewer", "read").get(f"/api/v1/licenses/{short.pk}/remedies/").json()

    assert (answer["license"], answer["short"], answer["borrowing_fails"]) == (short.pk, 5, False)
    move, order = answer["options"]
    assert (move["kind"], move["quantity"], move["headroom"], move["short_after"]) == ("move", 8, 3, 0)
    north = License.objects.get(virtual_account__name="North")
    assert move["moves"] == [
        {
            "license": NAME,
            "source": "North",
            "target": "South",
            "quantity": 8,
            "license_id": north.pk,
            "target_id": short.virtual_account_id,
        }
    ]
    assert [side["virtual_account"] for side in move["effect"]["sides"]] == [
        north.virtual_account_id,
        short.virtual_account_id,
    ]
    assert move["effect"]["sides"][1]["before"] == {"owned": 20, "in_use": 25, "free": 0, "short": 5}
    assert move["effect"]["sides"][1]["after"] == {"owned": 28, "in_use": 25, "free": 3, "short": 0}
    assert (order["kind"], order["quantity"], order["moves"], order["effect"]) == ("order", 5, [], None)


def test_effect_of_a_plan(acme: Partner, globex: Partner, short: License, api_of: Any) -> None:
    evaluation.evaluate()
    north = License.objects.get(virtual_account__name="North")
    move = {"license": north.pk, "target": short.virtual_account_id, "quantity": 5}
    plan = api_of(acme, "operator").post("/api/v1/transfer-plans/", move).json()
    path = f"/api/v1/transfer-plans/{plan['id']}/effect/"

    alerts = api_of(acme, "viewer", "read").get(path).json()["alerts"]

    assert [(one["change"], one["kind"], one["place"]) for one in alerts] == [
        ("opens", "free_below", "South"),
        ("closes", "out_of_compliance", "South"),
    ]
    assert alerts[0]["summary"] == "0 free licenses out of 25 in South of Acme Account. The threshold is 10 percent."
    assert api_of(globex, "viewer", "read").get(path).status_code == 404


def test_several_moves_are_one_plan_and_no_more_than_is_free(acme: Partner, short: License, api_of: Any) -> None:
    api, north = api_of(acme, "operator"), License.objects.get(virtual_account__name="North")
    west = make.make_virtual_account(smart_account=short.virtual_account.smart_account, name="West")
    here, there = (
        {"license": north.pk, "target": target, "quantity": 30} for target in (short.virtual_account_id, west.pk)
    )

    made = api.post("/api/v1/transfer-plans/", {"moves": [here, there]})
    assert made.status_code == 201
    assert [(step["target"], step["quantity"]) for step in made.json()["steps"]] == [
        (short.virtual_account_id, 30),
        (west.pk, 30),
    ]
    assert TransferPlan.objects.get().state == "draft", "creating it sends nothing"

    refused = api.post("/api/v1/transfer-plans/", {"moves": [here, {**there, "quantity": 31}]})
    assert (refused.status_code, refused.json()["errors"]) == (
        400,
        {"quantity": [f"60 licenses of {NAME} are free in North, and 61 were to move. Enter at most 60."]},
    )
    for beside in ({"license": north.pk}, {"whole_account": True}, {"from_ordered": True}):
        answer = api.post("/api/v1/transfer-plans/", {"moves": [here], **beside})
        assert (answer.status_code, list(answer.json()["errors"])) == (400, list(beside))
    for moves in ([], [{**here, "quantity": 0}], [{**here, "more": 1}], [here["license"]]):
        assert api.post("/api/v1/transfer-plans/", {"moves": moves}).status_code == 400
    assert TransferPlan.objects.count() == 1


def test_plan_is_made_approved_and_started(
    acme: Partner, short: License, api_of: Any, acme_users: dict[str, User]
) -> None:
    SmartAccount.objects.update(approve_transfers=True)
    operator, owner = api_of(acme, "operator"), api_of(acme, "owner")

    made = operator.post("/api/v1/transfer-plans/", {"license": short.pk, "reason": "South"})
    assert made.status_code == 201
    plan = made.json()
    assert (plan["state"], plan["needs_approval"], plan["created_by"]) == ("draft", True, acme_users["operator"].pk)
    assert [(step["quantity"], step["state"]) for step in plan["steps"]] == [(8, "waiting")]

    path = f"/api/v1/transfer-plans/{plan['id']}"
    assert operator.post(f"{path}/execute/").status_code == 409
    assert operator.post(f"{path}/approve/").status_code == 409
    assert owner.post(f"{path}/approve/").json()["state"] == "approved"
    started = operator.post(f"{path}/execute/")
    assert (started.status_code, started.json()["state"]) == (202, "queued")
    assert operator.post(f"{path}/cancel/").status_code == 409


def test_one_move_by_hand(acme: Partner, short: License, api_of: Any) -> None:
    api, north = api_of(acme, "operator"), License.objects.get(virtual_account__name="North")
    move = {"license": north.pk, "target": short.virtual_account_id, "quantity": 60}

    plan = api.post("/api/v1/transfer-plans/", move).json()
    assert [(step["license"], step["target"], step["quantity"]) for step in plan["steps"]] == [
        (north.pk, short.virtual_account_id, 60)
    ]
    too_many = api.post("/api/v1/transfer-plans/", {**move, "quantity": 61})
    assert (too_many.status_code, list(too_many.json()["errors"])) == (400, ["quantity"])
    assert api.post("/api/v1/transfer-plans/", {"license": north.pk, "quantity": 61}).status_code == 400
    for name in ("whole_account", "from_ordered"):
        answer = api.post("/api/v1/transfer-plans/", {**move, name: True})
        assert (answer.status_code, list(answer.json()["errors"])) == (400, [name])
    assert api.post(f"/api/v1/transfer-plans/{plan['id']}/cancel/").json()["state"] == "cancelled"


def test_unclear_step_is_settled(acme: Partner, globex: Partner, short: License, api_of: Any) -> None:
    operator = api_of(acme, "operator")
    plans = [operator.post("/api/v1/transfer-plans/", {"license": short.pk}).json() for _ in range(2)]
    (path, step), (other, _) = ((f"/api/v1/transfer-plans/{plan['id']}", plan["steps"][0]["id"]) for plan in plans)
    figures = {"source": {"quantity": 60}, "target": {"quantity": 20}}
    TransferPlan.objects.update(state="stopped")
    TransferStep.objects.update(state="unclear", before=figures, after=figures)

    assert api_of(acme, "viewer").post(f"{path}/settle/", {"step": step, "moved": True}).status_code == 403
    assert api_of(globex, "operator").post(f"{path}/settle/", {"step": step, "moved": True}).status_code == 404
    for body in ({}, {"step": step}, {"step": "x", "moved": True}, {"step": step, "moved": True, "why": ""}):
        answer = operator.post(f"{path}/settle/", body)
        assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json")
    wrong = operator.post(f"{other}/settle/", {"step": step, "moved": True})
    assert (wrong.status_code, list(wrong.json()["errors"])) == (400, ["step"])
    assert TransferStep.objects.filter(state="unclear").count() == 2

    settled = operator.post(f"{path}/settle/", {"step": step, "moved": True})
    assert (settled.status_code, settled.json()["steps"][0]["state"]) == (200, "verified")
    assert operator.post(f"{path}/settle/", {"step": step, "moved": True}).status_code == 409


@pytest.mark.parametrize("body", [{}, {"license": 99_999_999}, {"license": "x"}, {"license": True}, {"unknown": 1}])
def test_input_that_makes_no_sense_is_explained(acme: Partner, short: License, api_of: Any, body: Any) -> None:
    answer = api_of(acme, "operator").post("/api/v1/transfer-plans/", body)

    assert answer.status_code == 400
    assert answer.json()["errors"]
    assert not TransferPlan.objects.exists()


def test_license_that_is_not_short_has_no_plan(acme: Partner, short: License, api_of: Any) -> None:
    north = License.objects.get(virtual_account__name="North")

    answer = api_of(acme, "operator").post("/api/v1/transfer-plans/", {"license": north.pk})

    assert (answer.status_code, answer.json()["detail"]) == (409, "There is nothing to move.")


def test_clock_is_read_and_taken_care_of(
    acme: Partner, short: License, api_of: Any, acme_users: dict[str, User]
) -> None:
    evaluation.evaluate()
    operator = api_of(acme, "operator")
    (row,) = operator.get("/api/v1/overages/?state=running").json()["results"]
    assert (row["license"], row["days_left"], row["ended_at"], row["owner"]) == (short.pk, 90, None, None)

    changed = operator.patch(f"/api/v1/overages/{row['id']}/", {"owner": acme_users["owner"].pk, "note": "Ordered"})

    assert (changed.status_code, changed.json()["note"]) == (200, "Ordered")
    assert Overage.objects.get().owner == acme_users["owner"]
    assert operator.patch(f"/api/v1/overages/{row['id']}/", {"since": "2026-01-01T00:00:00Z"}).status_code == 400
    assert operator.get("/api/v1/overages/?state=ended").json()["results"] == []


def test_worklist_pages_and_filters(acme: Partner, api_of: Any) -> None:
    pool = make.make_virtual_account()
    for number in range(3):
        make.make_instance({"X": number}, virtual_account=pool, host_name=f"{number}.example")
    api = api_of(acme, "viewer", "read")

    first = api.get("/api/v1/worklist/?limit=2").json()
    second = api.get(first["next"]).json()
    rows = [*first["results"], *second["results"]]

    assert {row["subject"] for row in rows} == {"0.example", "1.example", "2.example"}
    assert {(row["reason"], row["virtual_account"]) for row in rows} == {("unmatched", pool.pk)}
    assert second["next"] is None
    assert api.get(second["previous"]).json()["results"] == first["results"]
    assert api.get("/api/v1/worklist/?reason=ghost").json()["results"] == []
    assert api.get(f"/api/v1/worklist/?smart_account={pool.smart_account_id}").json()["results"] == rows
    for bad in ("reason=x", "smart_account=x", "unknown=1", "reason="):
        assert api.get(f"/api/v1/worklist/?{bad}").status_code == 400, bad


@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.parametrize(("name", "statements"), [("transfer-plans", 6), ("overages", 5), ("worklist", 11)])
def test_statements_do_not_grow_with_the_rows(
    acme: Partner, api_of: Any, django_assert_num_queries: Any, rows: int, name: str, statements: int
) -> None:
    for _ in range(rows):
        make.make_plan()
        make.make_overage()
        make.make_instance()
    api = api_of(acme, "viewer", "read")
    api.get(f"/api/v1/{name}/")

    with django_assert_num_queries(statements):
        assert len(api.get(f"/api/v1/{name}/").json()["results"]) == rows


def test_nothing_of_the_other_partner_is_listed(acme: Partner, globex: Partner, api_of: Any) -> None:
    with tenant_context(globex):
        make.make_plan()
        make.make_overage()
        make.make_instance()

    for name in ("transfer-plans", "overages", "worklist"):
        assert api_of(acme).get(f"/api/v1/{name}/").json()["results"] == [], name


def test_viewers_change_nothing(acme: Partner, short: License, api_of: Any) -> None:
    plan, clock = make.make_plan(), make.make_overage()

    for api in (api_of(acme, "viewer", "write"), api_of(acme, "owner", "read")):
        assert api.post("/api/v1/transfer-plans/", {"license": short.pk}).status_code == 403
        for verb in ("approve", "execute", "cancel"):
            assert api.post(f"/api/v1/transfer-plans/{plan.pk}/{verb}/").status_code == 403
        assert api.patch(f"/api/v1/overages/{clock.pk}/", {"note": "x"}).status_code == 403
