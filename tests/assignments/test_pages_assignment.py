"""Pages of assignment jobs and batches: lists, steps done by hand, planning and approving."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from licensing.assignments import batches, decisions
from licensing.assignments.jobs import runner
from licensing.assignments.models import Assignment, AssignmentBatch, AssignmentJob
from licensing.assignments.tables import BatchTable
from licensing.fleet.models import Cluster
from licensing.mirror.models import VirtualAccount
from people.audit import Actor
from people.models import AuditEntry
from tenants.models import Partner
from tests import factories as make

ANNA = Actor(None, "anna@acme.example")
LISTS = {"/assignment-jobs/": make.make_assignment_job, "/assignment-batches/": make.make_batch}


def page(response: Any) -> str:
    return str(response.content.decode())


def begun(**values: Any) -> AssignmentJob:
    cluster = make.make_cluster(**{"name": "Main", "deployment": "enterprise", **values})
    return runner.run(decisions.assign(ANNA, cluster, make.make_pool(name="Pool")).jobs.get())


@pytest.mark.parametrize("address", LISTS)
def test_list_takes_as_many_queries_for_three_rows_as_for_one(acme: Partner, client_of: Any, address: str) -> None:
    client, counts = client_of(acme, "viewer"), []
    client.get(address)

    for rows in (1, 2):
        for _ in range(rows):
            LISTS[address]()
        with CaptureQueriesContext(connection) as queries:
            shown = client.get(address)
        counts.append(len(queries))

    assert len(shown.context["table"].rows) == 3
    assert counts == [8 if "jobs" in address else 7] * 2


@pytest.mark.parametrize(("show", "found"), [("", 3), ("all", 4), ("failed", 1), ("waiting", 1), ("over", 1)])
def test_jobs_that_are_not_over_are_listed_first(acme: Partner, client_of: Any, show: str, found: int) -> None:
    for state in ("running", "failed", "by_hand"):
        make.make_assignment_job(state=state)
    make.make_assignment_job(state="done", finished_at=timezone.now())

    shown = client_of(acme, "viewer").get("/assignment-jobs/", {"show": show} if show else {})

    assert len(shown.context["table"].rows) == found


def test_job_shows_its_run_sheet_and_goes_on_when_each_line_is_ticked(acme: Partner, client_of: Any) -> None:
    job = begun()
    client, address = client_of(acme, "operator"), f"/assignment-jobs/{job.pk}/"
    lines = job.stages.get(kind="license_mode").instructions
    ticks = {f"step-{place}": "on" for place in range(1, len(lines) + 1)}

    shown = client.get(address)
    some = client.post(f"{address}confirm/", {"stage": "license_mode", "step-1": "on"})
    done = client.post(f"{address}confirm/", {"stage": "license_mode", **ticks})
    again = client.post(f"{address}confirm/", {"stage": "license_mode", **ticks})

    assert all(line in page(shown) for line in ("ciscoconf.HCSMode_v4.cop.sgn", "Run sheet: license mode"))
    assert (some.status_code, page(some).count("Tick this step when it is done.")) == (422, len(lines) - 1)
    assert done["Location"] == address
    assert (again.status_code, "This step does not wait for anybody any more." in page(again)) == (409, True)
    stage = job.stages.get(kind="license_mode")
    assert (stage.state, stage.confirmed_by) == ("done", "operator@acme.example")


def test_step_that_could_not_be_done_says_why_and_is_tried_again(acme: Partner, client_of: Any) -> None:
    job = begun()
    client, address = client_of(acme, "operator"), f"/assignment-jobs/{job.pk}/"

    silent = client.post(f"{address}fail/", {"stage": "license_mode", "cause": " "})
    client.post(f"{address}fail/", {"stage": "license_mode", "cause": "No SFTP server."})
    failed = page(client.get(address))
    client.post(f"{address}retry/")
    twice = client.post(f"{address}retry/", follow=True)

    assert silent.status_code == 422
    assert "No SFTP server." in failed
    assert "Try again" in failed
    assert "has not failed. Reload its page." in page(twice)
    job.refresh_from_db()
    assert job.state == "waiting"


def test_job_is_cancelled_after_a_question(acme: Partner, client_of: Any) -> None:
    job = begun()
    client, address = client_of(acme, "operator"), f"/assignment-jobs/{job.pk}/cancel/"

    asked = client.get(address)
    done = client.post(address)
    late = client.post(address)

    assert "The assignment stays as well" in page(asked)
    assert done["Location"] == f"/assignment-jobs/{job.pk}/"
    assert (late.status_code, "This job is over." in page(late)) == (409, True)
    assert Assignment.objects.current().count() == 1


def test_new_batch_without_any_cluster_leads_to_the_first(acme: Partner, client_of: Any) -> None:
    client = client_of(acme, "operator")

    assert "There is no cluster yet" in page(client.get("/assignment-batches/add/"))
    assert "No cluster fits the filters" in page(client.get("/assignment-batches/add/?customer=1"))


def test_list_of_batches_writes_numbers_as_all_pages_do() -> None:
    batch = AssignmentBatch(pk=1, name="North", kind="assign")
    batch.cluster_count = 2000  # type: ignore[attr-defined]

    assert BatchTable([batch]).rows[0].get_cell("cluster_count") == "2,000"


def test_empty_list_of_batches_invites_those_who_may(acme: Partner, client_of: Any) -> None:
    def invited(role: str) -> bool:
        return "/assignment-batches/add/" in page(client_of(acme, role).get("/assignment-batches/"))

    assert (invited("operator"), invited("viewer")) == (True, False)


def test_viewer_reads_the_run_sheet_and_does_nothing(acme: Partner, client_of: Any) -> None:
    job = begun()
    client, address = client_of(acme, "viewer"), f"/assignment-jobs/{job.pk}/"

    shown = page(client.get(address))

    assert "ciscoconf.HCSMode_v4.cop.sgn" in shown
    assert "<form method" not in shown.replace('<form method="post" action="/accounts/logout/"', "")
    answers = {path: client.post(address + path).status_code for path in ("confirm/", "fail/", "retry/", "cancel/")}
    assert answers == dict.fromkeys(answers, 403)


@pytest.mark.parametrize(("state", "again"), [("running", True), ("waiting", True), ("by_hand", False)])
def test_page_asks_again_while_a_worker_is_at_the_job(acme: Partner, client_of: Any, state: str, again: bool) -> None:
    job = make.make_assignment_job(state=state)
    client, address = client_of(acme, "viewer"), f"/assignment-jobs/{job.pk}/"

    whole = page(client.get(address))
    part = client.get(address, headers={"HX-Request": "true"})

    assert ('hx-trigger="every 2s"' in whole) is again
    assert (part.headers.get("HX-Refresh") == "true") is not again
    assert ("Stages" in page(part)) is again


def test_assignment_moves_from_its_page(acme: Partner, client_of: Any) -> None:
    made = make.make_assignment(cluster=make.make_cluster(name="Main"), virtual_account=make.make_pool(name="Old"))
    pool = make.make_pool(name="New")
    client, address = client_of(acme, "operator"), f"/assignments/{made.pk}/reassign/"

    asked = page(client.get(address))
    refused = client.post(address, {"virtual_account": make.make_virtual_account(name="Unset").pk})
    moved = client.post(address, {"virtual_account": pool.pk})

    assert "It leaves Old first" in asked
    assert (refused.status_code, "Unset has no license mode." in page(refused)) == (409, True)
    job = AssignmentJob.objects.get()
    assert moved["Location"] == f"/assignment-jobs/{job.pk}/"
    assert Assignment.objects.current().get().virtual_account == pool


def test_shortage_is_gone_over_on_the_page(acme: Partner, client_of: Any) -> None:
    cluster, pool = make.make_cluster(), make.make_pool()
    make.make_instance({"UC Manager Enhanced License (12.x)": 5}, cluster=cluster)
    client, address = client_of(acme, "operator"), f"/clusters/{cluster.pk}/assign/"

    refused = client.post(address, {"virtual_account": pool.pk})
    done = client.post(address, {"virtual_account": pool.pk, "override_reason": "Ordered yesterday."})

    assert list(refused.context["form"].errors) == ["override_reason"]
    job = AssignmentJob.objects.get()
    assert (done["Location"], job.override_reason) == (f"/assignment-jobs/{job.pk}/", "Ordered yesterday.")


# --- Batches ---


def window() -> dict[str, str]:
    now = timezone.now()
    return {
        "window_start": f"{now - timedelta(hours=1):%Y-%m-%dT%H:%M}",
        "window_end": f"{now + timedelta(hours=3):%Y-%m-%dT%H:%M}",
    }


def batch_form(pool: VirtualAccount, clusters: Sequence[int], **others: Any) -> dict[str, Any]:
    """Return what the form of a new batch posts; `others` come last and replace what is there."""
    values = {"name": "Night", "kind": "assign", "virtual_account": pool.pk, "clusters": clusters}
    return {**values, **window(), **others}


def test_batch_is_drafted_looked_at_planned_and_approved_by_another(acme: Partner, client_of: Any) -> None:
    first = make.make_cluster({"a-pub.example": "publisher"}, name="A", deployment="enterprise")
    old = make.make_cluster(name="Old one", version="11.5")
    pool = make.make_pool(name="Pool")
    operator, owner = client_of(acme, "operator"), client_of(acme, "owner")
    values = batch_form(pool, [first.pk, old.pk], at_once=1, stop_on_error="on", needs_approval="on")

    drafted = operator.post("/assignment-batches/add/", values)
    batch = AssignmentBatch.objects.get()
    address = f"/assignment-batches/{batch.pk}/"
    preview = page(operator.get(address))
    operator.post(f"{address}plan/")
    own = page(operator.post(f"{address}approve/", follow=True))
    owner.post(f"{address}approve/")
    batches.advance(batch.pk)
    running = page(owner.get(address))

    assert drafted["Location"] == address
    assert "<strong>a-pub.example</strong>" in preview
    assert "Old one has version 11.5, which knows no Smart Licensing." in preview
    assert "You drafted this batch yourself." in own
    assert AssignmentJob.objects.get().cluster == first
    assert f"/assignment-jobs/{AssignmentJob.objects.get().pk}/" in running
    actions = AuditEntry.objects.filter(object_type="assignmentbatch").order_by("id").values_list("action", flat=True)
    assert list(actions) == ["drafted", "planned", "approved", "started"]


def test_batch_that_makes_no_sense_loses_nothing_that_was_typed(acme: Partner, client_of: Any) -> None:
    cluster, pool = make.make_cluster(), make.make_pool()
    values = batch_form(pool, [cluster.pk], at_once=2, window_end="2020-01-01T00:00")

    refused = client_of(acme, "operator").post("/assignment-batches/add/", values)

    assert (refused.status_code, list(refused.context["form"].errors)) == (409, ["window_end"])
    assert 'value="Night"' in page(refused)
    assert AssignmentBatch.objects.count() == 0


def test_batch_of_none_at_a_time_is_told_at_its_field(acme: Partner, client_of: Any) -> None:
    cluster, pool = make.make_cluster(), make.make_pool()
    values = batch_form(pool, [cluster.pk], at_once=0)

    refused = client_of(acme, "operator").post("/assignment-batches/add/", values)

    assert refused.context["form"].errors == {"at_once": ["Nothing would ever start. Let at least one go at a time."]}


def test_clusters_of_a_batch_are_those_that_the_list_showed(acme: Partner, client_of: Any) -> None:
    make.make_cluster(name="Harbor")
    make.make_cluster(name="Lake")

    form = client_of(acme, "operator").get("/assignment-batches/add/?q=Harbor").context["form"]

    assert [cluster.name for cluster in form.fields["clusters"].queryset] == ["Harbor"]


@pytest.mark.parametrize(
    ("typed", "order"),
    [
        ((1, 2, 3, 4), "ABCD"),
        ((4, 2, 3, 4), "BCDA"),  # down: behind the one that had this place
        ((1, 2, 1, 4), "CABD"),  # up: before it
        ((9, 2, 3, 1), "DBCA"),
        ((2, 1, 4, 3), "BADC"),
    ],
)
def test_order_of_a_draft_is_typed_on_its_page(
    acme: Partner, client_of: Any, typed: tuple[int, ...], order: str
) -> None:
    clusters = [make.make_cluster(name=name) for name in "ABCD"]
    batch = make.make_batch(clusters)
    values = {f"place-{cluster.pk}": place for cluster, place in zip(clusters, typed, strict=True)}

    answer = client_of(acme, "operator").post(f"/assignment-batches/{batch.pk}/order/", values)

    assert answer["Location"] == f"/assignment-batches/{batch.pk}/"
    assert "".join(row.cluster.name for row in batch.clusters.all()) == order


def test_order_that_is_none_is_said_and_kept_and_a_planned_one_stands(acme: Partner, client_of: Any) -> None:
    a, b = make.make_cluster(name="A"), make.make_cluster(name="B")
    batch = make.make_batch([a, b])
    operator, address = client_of(acme, "operator"), f"/assignment-batches/{batch.pk}/"

    wrong = operator.post(f"{address}order/", {f"place-{a.pk}": "last", f"place-{b.pk}": 7})
    AssignmentBatch.objects.update(state="planned")
    late = operator.post(f"{address}order/", {f"place-{a.pk}": 2, f"place-{b.pk}": 1}, follow=True)

    assert wrong.status_code == 422
    assert "Enter a whole number." in page(wrong)
    assert 'value="last"' in page(wrong)
    assert f'aria-describedby="id_place-{a.pk}_error"' in page(wrong)
    assert f'id="id_place-{a.pk}_error"' in page(wrong)
    assert 'value="7"' in page(wrong)
    assert f"{batch} is planned." in page(late)
    assert [row.cluster.name for row in batch.clusters.all()] == ["A", "B"]


def test_viewer_sees_the_order_and_does_not_change_it(acme: Partner, client_of: Any) -> None:
    batch, viewer = make.make_batch([make.make_cluster(), make.make_cluster()]), client_of(acme, "viewer")

    assert "Set this order" not in page(viewer.get(f"/assignment-batches/{batch.pk}/"))
    assert viewer.post(f"/assignment-batches/{batch.pk}/order/").status_code == 403


def test_2000_clusters_are_drafted_on_the_page(acme: Partner, client_of: Any) -> None:
    customer, pool = make.make_cluster().customer, make.make_pool()
    Cluster.objects.bulk_create(Cluster(customer=customer, name=f"C{number}") for number in range(1_999))
    values = batch_form(pool, list(Cluster.objects.values_list("pk", flat=True)), name="All", at_once=1)

    drafted = client_of(acme, "operator").post("/assignment-batches/add/", values)

    assert drafted["Location"] == f"/assignment-batches/{AssignmentBatch.objects.get().pk}/"
    assert AssignmentBatch.objects.get().clusters.count() == 2_000


def test_batch_is_cancelled_after_a_question(acme: Partner, client_of: Any) -> None:
    batch = make.make_batch(state="planned", needs_approval=False)
    client, address = client_of(acme, "operator"), f"/assignment-batches/{batch.pk}/cancel/"

    asked, done, late = client.get(address), client.post(address), client.post(address)

    assert "Nothing more of it starts." in page(asked)
    assert done["Location"] == f"/assignment-batches/{batch.pk}/"
    assert late.status_code == 409
    batch.refresh_from_db()
    assert batch.state == "cancelled"


@pytest.mark.parametrize("state", ["draft", "planned", "running", "done"])
def test_page_of_a_batch_takes_as_many_queries_for_three_clusters_as_for_one(
    acme: Partner, client_of: Any, state: str
) -> None:
    client, counts = client_of(acme, "operator"), []

    for number in (1, 3):
        batch = make.make_batch(
            [make.make_cluster() for _ in range(number)], state=state, approved_by="ben@acme.example"
        )
        for place in batch.clusters.all() if state in ("running", "done") else ():
            place.job = make.make_assignment_job(cluster=place.cluster, state="done")
            place.save()
        client.get(f"/assignment-batches/{batch.pk}/")
        with CaptureQueriesContext(connection) as queries:
            client.get(f"/assignment-batches/{batch.pk}/")
        counts.append(len(queries))

    assert counts[0] == counts[1]
