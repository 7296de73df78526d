"""Assignments: a cluster's place in a virtual account."""

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse

from kit.forms.pages import DONE, attempt, confirm_page, form_page
from kit.lists import Empty, list_page
from licensing.assignments import decisions
from licensing.assignments.filters import AssignmentFilter
from licensing.assignments.forms import AssignClusterForm, AssignPoolForm
from licensing.assignments.models import Assignment, AssignmentJob
from licensing.assignments.tables import AssignmentTable, PastAssignmentTable
from licensing.fleet.models import Cluster
from licensing.mirror.models import VirtualAccount
from people.audit import actor_of
from people.gate import Need, needs

HERE = ("Assignments", "/assignments/")


def all_assignments() -> QuerySet[Assignment]:
    return Assignment.objects.select_related("cluster__customer", "virtual_account__smart_account")


@needs(Need.READ)
def assignments(request: HttpRequest) -> HttpResponse:
    empty = Empty(
        "link",
        "No cluster is assigned",
        "Open a cluster and assign it to the pool whose licenses it uses.",
        reverse("clusters"),
        "Go to clusters",
    )
    return list_page(
        request,
        "assignments/assignments/assignments.html",
        AssignmentFilter(request.GET, queryset=all_assignments()),
        AssignmentTable,
        past_table=PastAssignmentTable,
        noun=("assignment", "assignments"),
        empty=empty,
    )


@needs(Need.READ)
def assignment(request: HttpRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(all_assignments(), pk=pk)
    context = {"assignment": found, "jobs": found.jobs.select_related("cluster", "virtual_account").order_by("-pk")}
    return render(request, "assignments/assignments/assignment.html", context)


@needs(Need.OPERATE)
def cluster_assign(request: HttpRequest, pk: int) -> HttpResponse:
    cluster = get_object_or_404(Cluster.objects.select_related("customer"), pk=pk)
    asked_for = {"virtual_account": request.GET.get("virtual_account")}
    form = AssignClusterForm(pools_to_choose(), request.POST or None, initial=asked_for)
    status, made = attempt(request, form, lambda: decisions.assign(actor_of(request), cluster, **form.cleaned_data))
    if status == DONE and made is not None:
        messages.success(request, f"{cluster} is assigned to {made.virtual_account}. This job brings it there.")
        return to_job(made)
    return form_page(
        request,
        form,
        heading=f"Assign {cluster}",
        submit="Assign",
        cancel=reverse("cluster", args=[pk]),
        crumbs=[("Clusters", "/clusters/"), (str(cluster), reverse("cluster", args=[cluster.pk]))],
        template="assignments/assignments/assign.html",
        status=status,
        cluster=cluster,
    )


@needs(Need.OPERATE)
def virtual_account_assign(request: HttpRequest, pk: int) -> HttpResponse:
    pool = get_object_or_404(VirtualAccount.objects.select_related("smart_account"), pk=pk)
    address = reverse("virtual-account", args=[pk])
    free = Cluster.objects.exclude(pk__in=Assignment.objects.current().values("cluster"))
    form = AssignPoolForm(free.select_related("customer").order_by("customer__name", "name"), request.POST or None)
    status, made = attempt(
        request, form, lambda: decisions.assign(actor_of(request), virtual_account=pool, **form.cleaned_data)
    )
    if status == DONE and made is not None:
        messages.success(request, f"{made.cluster} is assigned to {pool}. This job brings it there.")
        return to_job(made)
    crumbs = [("Virtual accounts", reverse("virtual-accounts")), (pool.name, address)]
    return form_page(
        request,
        form,
        heading=f"Assign a cluster to {pool}",
        submit="Assign",
        cancel=address,
        crumbs=crumbs,
        template="assignments/assignments/assign.html",
        status=status,
        pool=pool,
    )


@needs(Need.OPERATE)
def assignment_end(request: HttpRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(all_assignments(), pk=pk)
    address = reverse("assignment", args=[pk])
    page = confirm_page(
        request,
        lambda: decisions.end(actor_of(request), found),
        heading=f"End the assignment of {found.cluster}?",
        consequences=[
            f"{found.cluster} no longer counts as a user of {found.virtual_account}, and can be assigned elsewhere.",
            "Where its products are registered there, a job deregisters them: by hand, or over the way set for it.",
            "An assignment job that has not come to its end is cancelled.",
            "The history keeps this assignment.",
        ],
        blockers=["This assignment has ended already."] if found.ended_at else [],
        confirm="End assignment",
        cancel=address,
        crumbs=[HERE, (str(found), address)],
        danger=False,
    )
    if page is None:
        messages.success(request, f"{found.cluster} is no longer assigned.")
    return page or to_job(found)


@needs(Need.OPERATE)
def assignment_reassign(request: HttpRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(all_assignments(), pk=pk)
    address = reverse("assignment", args=[pk])
    form = AssignClusterForm(pools_to_choose().exclude(pk=found.virtual_account_id), request.POST or None)
    actor = actor_of(request)
    status, made = attempt(request, form, lambda: decisions.reassign(actor, found.cluster, **form.cleaned_data))
    if status == DONE and made is not None:
        messages.success(request, f"{made.cluster} is assigned to {made.virtual_account}. This job moves it.")
        return to_job(made)
    return form_page(
        request,
        form,
        heading=f"Move {found.cluster} out of {found.virtual_account}",
        submit="Move",
        cancel=address,
        crumbs=[HERE, (str(found), address)],
        template="assignments/assignments/assign.html",
        status=status,
        cluster=found.cluster,
        leaves=found.virtual_account,
    )


def pools_to_choose() -> QuerySet[VirtualAccount]:
    rows = VirtualAccount.objects.present().select_related("smart_account")
    return rows.order_by("smart_account__name", "name")  # type: ignore[no-any-return]


def to_job(row: Assignment) -> HttpResponse:
    """To the job under way, where there is one; else to the cluster."""
    job = AssignmentJob.objects.open().filter(assignment=row).first()
    return redirect("assignment-job", job.pk) if job else redirect("cluster", row.cluster_id)
