"""Assignment jobs and batches in the browser: light, dark and on a phone, and a run sheet walked through."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from licensing.assignments import batches, decisions
from licensing.assignments.jobs import actions, registration_check, runner
from licensing.assignments.models import AssignmentBatch, AssignmentJob
from people.audit import Actor
from tests import factories as make
from tests.browser.looks import LOOKS, check, visit

ANNA = Actor(None, "operator@acme.example")
LONG = "cucm-publisher-with-a-very-long-name.data-centre-north.customer.example"


@pytest.fixture
def addresses(site: str, in_partner: Any) -> list[str]:
    """A job in each state that the page tells apart, and batches before and after their start."""
    with in_partner("acme"):
        pool = make.make_pool(name="va-operational")
        by_hand = decisions.assign(ANNA, _enterprise("By hand"), pool).jobs.get()
        runner.run(by_hand)
        failed = runner.run(decisions.assign(ANNA, _enterprise("Failed"), pool).jobs.get())
        actions.report_failure(ANNA, failed, "license_mode", "The SFTP server does not answer.")
        verifying = make.make_assignment_job(
            {"verification": "done", "license_mode": "skipped", "transport": "done", "registration": "running"},
            state="verifying",
            virtual_account=pool,
        )
        waiting = make.make_assignment_job(virtual_account=pool)
        jobs = [by_hand, failed, verifying, waiting]
        planned, running = _batch("Saturday night", pool), _batch("Sunday night", pool, needs_approval=False)
        draft = _batch("Monday night", pool)
        batches.plan(ANNA, planned)
        batches.plan(ANNA, running)
        batches.advance(running.pk)
        rows = [*[f"/assignment-jobs/{job.pk}/" for job in jobs], f"/assignment-jobs/{by_hand.pk}/cancel/"]
        rows += [f"/assignment-batches/{batch.pk}/" for batch in (draft, planned, running)]
        rows += [f"/assignments/{by_hand.assignment_id}/", f"/assignments/{by_hand.assignment_id}/reassign/"]
    return ["/assignment-jobs/", "/assignment-batches/", "/assignment-batches/add/", *rows]


def _enterprise(name: str, **values: Any) -> Any:
    nodes = {f"{name.lower().replace(' ', '-')}-{LONG}": "publisher"}
    return make.make_cluster(nodes, **{"name": name, "deployment": "enterprise", **values})


def _batch(name: str, pool: Any, **values: Any) -> AssignmentBatch:
    now = timezone.now()
    batch = AssignmentBatch(
        name=name, virtual_account=pool, window_start=now, window_end=now + timedelta(hours=4), **values
    )
    clusters = [_enterprise(f"{name} {letter}") for letter in "AB"]
    return batches.draft(ANNA, batch, [*clusters, _enterprise(f"{name} old", version="11.5")])


@pytest.mark.parametrize(("scheme", "width"), LOOKS)
def test_pages_are_accessible_and_whole(
    addresses: list[str], site: str, sign_in: Callable[..., Page], page: Page, scheme: str, width: int
) -> None:
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    page.set_viewport_size({"width": width, "height": 900})
    sign_in("acme", "owner")
    for address in addresses:
        page.goto(f"http://acme.localhost:{site}{address}")
        check(page, address)


def test_cluster_is_assigned_and_its_run_sheet_walked_through(
    site: str, in_partner: Any, sign_in: Callable[..., Page], page: Page
) -> None:
    with in_partner("acme"):
        pool, cluster = make.make_pool(name="va-operational"), _enterprise("Main")
    sign_in("acme", "operator")
    page.goto(f"http://acme.localhost:{site}/clusters/{cluster.pk}/assign/")
    page.get_by_label("Virtual account").select_option(str(pool.pk))
    page.get_by_role("button", name="Assign").click()
    expect(page.get_by_role("heading", name="Assign Main")).to_be_visible()
    waiting = page.get_by_text("waiting for a worker", exact=True)  # the page follows by itself
    for stage in ("license mode", "transport", "registration"):
        expect(waiting).to_be_visible()
        with in_partner("acme"):
            runner.run(AssignmentJob.objects.get())
        expect(page.get_by_role("heading", name=f"Run sheet: {stage}")).to_be_visible()
        for box in page.get_by_role("checkbox").all():
            box.check()
        page.get_by_role("button", name="All of this is done").click()
    expect(page.get_by_text("Nothing is left to do here.")).to_be_visible()

    with in_partner("acme"):
        make.make_instance(cluster=cluster, virtual_account=pool)
        registration_check.look(make.make_sync_run(smart_account=pool.smart_account, started_at=timezone.now()))
    visit(page, page.url)
    expect(page.get_by_text("Seen by a sync.")).to_be_visible()
