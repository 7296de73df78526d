"""Assignments, jobs and batches in REST: what was promised stays, and a job stands beside it."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone
from django_tenants.utils import tenant_context

from licensing.assignments import batches, decisions
from licensing.assignments.jobs import runner
from licensing.assignments.models import Assignment, AssignmentBatch, AssignmentJob
from licensing.mirror.models import VirtualAccount
from people.audit import Actor
from tenants.models import Partner
from tests import factories as make

ANNA = Actor(None, "anna@acme.example")
HERE, JOBS, BATCHES = "/api/v1/assignments/", "/api/v1/assignment-jobs/", "/api/v1/assignment-batches/"


def test_assignment_tells_its_job(acme: Partner, api_of: Any) -> None:
    cluster, pool = make.make_cluster(), make.make_pool()
    api = api_of(acme, "operator")

    made = api.post(HERE, {"cluster": cluster.pk, "virtual_account": pool.pk})
    job = api.get(f"{JOBS}{made.json()['job']}/").json()

    assert made.status_code == 201
    assert (made.json()["cluster"], made.json()["virtual_account"], made.json()["ended_at"]) == (
        cluster.pk,
        pool.pk,
        None,
    )
    assert "override_reason" not in made.json()
    assert (job["kind"], job["state"], job["assignment"]) == ("assign", "waiting", made.json()["id"])
    assert [(stage["kind"], stage["state"]) for stage in job["stages"]] == [
        ("verification", "waiting"),
        ("license_mode", "waiting"),
        ("transport", "waiting"),
        ("registration", "waiting"),
    ]
    assert api.get(f"{HERE}{made.json()['id']}/").json()["job"] == job["id"]


def test_end_tells_the_job_that_deregisters(acme: Partner, api_of: Any) -> None:
    made = make.make_assignment(virtual_account=make.make_pool())
    make.make_instance(cluster=made.cluster, virtual_account=made.virtual_account)

    ended = api_of(acme, "operator").post(f"{HERE}{made.pk}/end/").json()

    job = AssignmentJob.objects.get()
    assert (ended["ended_at"] is None, ended["job"], job.kind) == (False, job.pk, "unassign")


def test_assignment_without_a_job_says_null(acme: Partner, api_of: Any) -> None:
    made = make.make_assignment()

    assert api_of(acme, "viewer", "read").get(f"{HERE}{made.pk}/").json()["job"] is None


def test_reassign_answers_the_new_assignment(acme: Partner, api_of: Any) -> None:
    made, pool = make.make_assignment(virtual_account=make.make_pool()), make.make_pool()
    api = api_of(acme, "operator")

    moved = api.post(f"{HERE}{made.pk}/reassign/", {"virtual_account": pool.pk})
    again = api.post(f"{HERE}{made.pk}/reassign/", {"virtual_account": pool.pk})

    assert (moved.status_code, moved.json()["virtual_account"]) == (200, pool.pk)
    assert moved.json()["id"] == Assignment.objects.current().get().pk
    assert (again.status_code, again.json()["errors"]["virtual_account"]) == (
        400,
        [f"{made.cluster} is assigned to {pool} already. Choose another one."],
    )


def test_preflight_says_everything_and_changes_nothing(acme: Partner, api_of: Any) -> None:
    nodes = {"main-pub.example": "publisher"}
    cluster = make.make_cluster(nodes, version="11.5", deployment="enterprise")
    pool = make.make_pool(smart_account=make.make_smart_account(last_synced_at=None))

    said = (
        api_of(acme, "operator").post(f"{HERE}preflight/", {"cluster": cluster.pk, "virtual_account": pool.pk}).json()
    )

    assert [reason["code"] for reason in said["reasons"]] == ["version", "stale"]
    assert said["restarts"] == "main-pub.example"
    assert not Assignment.objects.exists()


@pytest.mark.parametrize("body", [{}, {"virtual_account": "7"}, {"virtual_account": 7, "more": 1}])
def test_reassign_refuses_bodies_that_make_no_sense(acme: Partner, api_of: Any, body: dict[str, Any]) -> None:
    made = make.make_assignment(virtual_account=make.make_pool())

    answer = api_of(acme, "operator").post(f"{HERE}{made.pk}/reassign/", body)

    assert (answer.status_code, Assignment.objects.count()) == (400, 1)


def test_steps_by_hand_over_rest(acme: Partner, api_of: Any) -> None:
    cluster = make.make_cluster(deployment="enterprise")
    job = runner.run(decisions.assign(ANNA, cluster, make.make_pool()).jobs.get())
    api, address = api_of(acme, "operator"), f"{JOBS}{job.pk}/"

    wrong = api.post(f"{address}confirm/", {"stage": "transport"})
    failed = api.post(f"{address}fail/", {"stage": "license_mode", "cause": "No SFTP server."})
    retried = api.post(f"{address}retry/")
    runner.run(AssignmentJob.objects.get())
    confirmed = api.post(f"{address}confirm/", {"stage": "license_mode"})
    cancelled = api.post(f"{address}cancel/")
    over = api.post(f"{address}cancel/")

    assert (wrong.status_code, wrong.json()["detail"]) == (409, "This step does not wait for anybody any more.")
    assert (failed.json()["state"], failed.json()["stages"][1]["cause"]) == ("failed", "No SFTP server.")
    assert retried.json()["state"] == "waiting"
    assert confirmed.json()["stages"][1]["confirmed_by"].startswith("operator@acme.example (token")
    assert (cancelled.json()["state"], over.status_code) == ("cancelled", 409)


def test_viewer_and_read_tokens_change_nothing(acme: Partner, api_of: Any) -> None:
    job, batch = make.make_assignment_job(state="failed"), make.make_batch()
    paths = [f"{JOBS}{job.pk}/{verb}/" for verb in ("confirm", "fail", "retry", "cancel")]
    paths += [f"{BATCHES}{batch.pk}/{verb}/" for verb in ("plan", "approve", "cancel")] + [BATCHES, f"{HERE}preflight/"]

    for api in (api_of(acme, "viewer"), api_of(acme, "owner", "read")):
        assert {api.post(path).status_code for path in paths} == {403}


def batch_body(pool: VirtualAccount, clusters: list[Any], **window: datetime) -> dict[str, Any]:
    moments = {name: moment.isoformat() for name, moment in window.items()}
    return {"name": "Night", "virtual_account": pool.pk, "clusters": clusters, **moments}


def test_batch_over_rest(acme: Partner, api_of: Any) -> None:
    clusters = [make.make_cluster(name=name, deployment="enterprise") for name in ("B", "A")]
    pool, now = make.make_pool(), timezone.now()
    window = {"window_start": now - timedelta(hours=1), "window_end": now + timedelta(hours=1)}
    body = batch_body(pool, [cluster.pk for cluster in clusters], **window)
    operator, owner = api_of(acme, "operator"), api_of(acme, "owner")

    drafted = operator.post(BATCHES, body)
    address = f"{BATCHES}{drafted.json()['id']}/"
    preview = operator.get(f"{address}preview/").json()
    planned = operator.post(f"{address}plan/").json()
    own = operator.post(f"{address}approve/")
    approved = owner.post(f"{address}approve/").json()
    batches.advance(drafted.json()["id"])
    started = operator.get(f"{JOBS}?batch={drafted.json()['id']}").json()["results"]
    cancelled = operator.post(f"{address}cancel/").json()

    assert (drafted.status_code, drafted.json()["state"], drafted.json()["clusters"]) == (
        201,
        "draft",
        body["clusters"],
    )
    assert [(place["name"], place["reasons"]) for place in preview["places"]] == [("B", []), ("A", [])]
    assert all(place["restarts"].endswith(".example") for place in preview["places"])
    assert (planned["state"], own.status_code) == ("planned", 409)
    assert approved["approved_by"].startswith("owner@acme.example")
    assert [job["cluster"] for job in started] == [clusters[0].pk]
    assert cancelled["state"] == "cancelled"


def test_batch_is_reordered_over_rest(acme: Partner, api_of: Any) -> None:
    a, b = make.make_cluster(), make.make_cluster()
    batch, api = make.make_batch([a, b]), api_of(acme, "operator")
    address = f"{BATCHES}{batch.pk}/reorder/"

    turned = api.post(address, {"clusters": [b.pk, a.pk]})
    refused = api.post(address, {"clusters": [b.pk]})

    assert (turned.status_code, turned.json()["clusters"]) == (200, [b.pk, a.pk])
    assert (refused.status_code, list(refused.json()["errors"])) == (400, ["clusters"])
    assert api_of(acme, "viewer").post(address, {"clusters": [a.pk, b.pk]}).status_code == 403


@pytest.mark.parametrize("wrong", [10**30, 2**63, -1, 0, True, "1", 1.0, None, [1], "x" * 5_000])
def test_what_is_no_id_of_a_cluster_is_named(acme: Partner, globex: Partner, api_of: Any, wrong: Any) -> None:
    with tenant_context(globex):
        make.make_cluster()
    cluster, pool, now = make.make_cluster(), make.make_pool(), timezone.now()
    body = batch_body(pool, [cluster.pk, wrong], window_start=now, window_end=now + timedelta(hours=4))

    errors = api_of(acme).post("/api/v1/assignment-batches/", body).json()["errors"]

    assert errors == {"clusters": [f"{str(wrong)[:40]} is not an id."]}
    assert AssignmentBatch.objects.count() == 0


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"clusters": []}, "clusters"),
        ({"clusters": "all"}, "clusters"),
        ({"clusters": [True]}, "clusters"),
        ({"clusters": [4711]}, "clusters"),
        ({"at_once": 0}, "at_once"),
        ({"window_end": "2020-01-01T00:00:00Z"}, "window_end"),
        ({"state": "running"}, "state"),
        ({"approved_by": "me"}, "approved_by"),
    ],
)
def test_batches_that_make_no_sense_are_refused(acme: Partner, api_of: Any, values: dict[str, Any], field: str) -> None:
    now = timezone.now()
    window = {"window_start": now, "window_end": now + timedelta(hours=1)}
    body = batch_body(make.make_pool(), [make.make_cluster().pk], **window)

    answer = api_of(acme, "operator").post(BATCHES, {**body, **values})

    assert (answer.status_code, list(answer.json()["errors"])) == (400, [field])
    assert AssignmentBatch.objects.count() == 0
