"""Assignment jobs: the four stages of each, what it waits for, and what people can do about it."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST
from django.views.decorators.vary import vary_on_headers
from django_htmx.http import HttpResponseClientRefresh

from kit.forms.pages import DONE, attempt, confirm_page
from kit.lists import Empty, list_page
from kit.refusals import Refusal
from licensing.assignments.filters import JobFilter
from licensing.assignments.forms import FailureForm, RunSheetForm
from licensing.assignments.jobs import actions
from licensing.assignments.models import AssignmentJob, AssignmentStage
from licensing.assignments.tables import JobTable
from people.audit import actor_of
from people.gate import Need, needs

HERE = ("Assignment jobs", "/assignment-jobs/")
# A worker is at it, or will be at once: the page looks again by itself.
MOVING = (AssignmentJob.State.WAITING, AssignmentJob.State.RUNNING)
RELATED = ("cluster__customer", "virtual_account__smart_account", "previous", "assignment", "batch")


@needs(Need.READ)
def assignment_jobs(request: HttpRequest) -> HttpResponse:
    rows = AssignmentJob.objects.select_related("cluster__customer", "virtual_account").prefetch_related("stages")
    empty = Empty(
        "list-checks",
        "No job is under way",
        "Each assignment is carried out by a job. Open a cluster to assign it.",
        reverse("clusters"),
        "Go to clusters",
    )
    return list_page(
        request,
        "assignments/assignment_jobs/assignment_jobs.html",
        JobFilter(request.GET, queryset=rows),
        JobTable,
        noun=("assignment job", "assignment jobs"),
        empty=empty,
    )


@vary_on_headers("HX-Request")
@needs(Need.READ)
def assignment_job(request: HttpRequest, pk: int) -> HttpResponse:
    """While a worker is at it, the page asks for the stages alone; when it stands, for itself."""
    job = _job(pk)
    if request.htmx:  # type: ignore[attr-defined]
        moving = job.state in MOVING
        return (
            render(request, "assignments/assignment_jobs/stages.html", shown(job))
            if moving
            else HttpResponseClientRefresh()
        )
    return render(request, "assignments/assignment_jobs/assignment_job.html", shown(job))


@require_POST
@needs(Need.OPERATE)
def assignment_job_confirm(request: HttpRequest, pk: int) -> HttpResponse:
    job = _job(pk)
    form = _run_sheet(job, request.POST)
    act = form.data.get("stage", "")
    return _perform(request, job, form, lambda: actions.confirm(actor_of(request), job, act), "run_sheet")


@require_POST
@needs(Need.OPERATE)
def assignment_job_fail(request: HttpRequest, pk: int) -> HttpResponse:
    job = _job(pk)
    form = FailureForm("", request.POST)
    return _perform(
        request,
        job,
        form,
        lambda: actions.report_failure(actor_of(request), job, form.cleaned_data["stage"], form.cleaned_data["cause"]),
        "failure",
    )


@require_POST
@needs(Need.OPERATE)
def assignment_job_retry(request: HttpRequest, pk: int) -> HttpResponse:
    job = _job(pk)
    try:
        with transaction.atomic():
            actions.retry(actor_of(request), job)
    except Refusal as refusal:
        messages.error(request, str(refusal))
    return redirect("assignment-job", pk)


@needs(Need.OPERATE)
def assignment_job_cancel(request: HttpRequest, pk: int) -> HttpResponse:
    job = _job(pk)
    address = reverse("assignment-job", args=[pk])
    page = confirm_page(
        request,
        lambda: actions.cancel(actor_of(request), job),
        heading="Cancel this job?",
        consequences=[
            "What it has done on the cluster already stays as it is.",
            "The assignment stays as well: end it if the cluster does not belong there.",
        ],
        blockers=[] if job.open else ["This job is over."],
        confirm="Cancel the job",
        cancel=address,
        crumbs=[HERE, (str(job), address)],
    )
    if page is None:
        messages.success(request, "The job was cancelled.")
    return page or redirect("assignment-job", pk)


def shown(job: AssignmentJob, **forms: Any) -> dict[str, Any]:
    """The page's context; `forms`: those that were posted and come back."""
    stages = list(job.stages.all())
    at = next((stage for stage in stages if stage.state == AssignmentStage.State.BY_HAND), None)
    context = {"job": job, "stages": stages, "moving": job.state in MOVING, "at": at}
    if at and job.state == AssignmentJob.State.BY_HAND:
        context |= {"run_sheet": RunSheetForm(at.kind, at.instructions), "failure": FailureForm(at.kind)}
        context["needs_token"] = any("<token>" in line for line in at.instructions)
    return context | forms


def _perform(request: HttpRequest, job: AssignmentJob, form: Any, act: Callable[[], Any], name: str) -> HttpResponse:
    status, _ = attempt(request, form, act)
    if status == DONE:
        return redirect("assignment-job", job.pk)
    again = _job(job.pk)
    return render(
        request, "assignments/assignment_jobs/assignment_job.html", shown(again, **{name: form}), status=status
    )


def _run_sheet(job: AssignmentJob, posted: Any) -> RunSheetForm:
    """Of the stage that was posted: a step that has moved on since is refused by the verb, not by missing ticks."""
    at = next((stage for stage in job.stages.all() if stage.state == AssignmentStage.State.BY_HAND), None)
    same = at is not None and at.kind == posted.get("stage")
    return RunSheetForm("", at.instructions if at and same else [], posted)


def _job(pk: int) -> AssignmentJob:
    return get_object_or_404(AssignmentJob.objects.select_related(*RELATED).prefetch_related("stages"), pk=pk)
