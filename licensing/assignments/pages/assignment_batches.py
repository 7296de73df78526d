"""Batches of assignments: choose, look at what would happen, plan, approve, follow."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.db import transaction
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST

from kit.forms.pages import ASKED, DONE, attempt, confirm_page, form_page
from kit.lists import Empty, invite, list_page
from kit.refusals import Refusal
from licensing.assignments import batches
from licensing.assignments import batches as verbs
from licensing.assignments.clusters.search import ClusterFilter
from licensing.assignments.filters import BatchFilter
from licensing.assignments.forms import BatchForm, OrderForm
from licensing.assignments.models import AssignmentBatch
from licensing.assignments.pages.assignments import pools_to_choose
from licensing.assignments.tables import BatchTable, waits_for_approval
from licensing.fleet.models import Cluster
from people.audit import actor_of
from people.gate import Need, may, needs

HERE = ("Assignment batches", "/assignment-batches/")


@needs(Need.READ)
def assignment_batches(request: HttpRequest) -> HttpResponse:
    rows = AssignmentBatch.objects.select_related("virtual_account").annotate(cluster_count=Count("clusters"))
    empty = Empty(
        "calendar-clock",
        "No batches yet",
        "A batch assigns many clusters in one maintenance window, one by one.",
        *invite(may(request.user, Need.OPERATE), "assignment-batch-add", "New batch"),
    )
    return list_page(
        request,
        "assignments/assignment_batches/assignment_batches.html",
        BatchFilter(request.GET, queryset=rows),
        BatchTable,
        noun=("assignment batch", "assignment batches"),
        empty=empty,
    )


@needs(Need.OPERATE)
def assignment_batch_add(request: HttpRequest) -> HttpResponse:
    """The clusters to choose from are those that the list of clusters showed: its filters come along in the address."""
    clusters = _clusters(request.GET)
    chosen = {"clusters": clusters} if request.GET else {}  # somebody has narrowed them down: these are meant
    form = BatchForm(clusters, pools_to_choose(), request.POST or None, initial=chosen)
    status, drafted = attempt(request, form, lambda: _draft(request, form))
    if status == DONE and drafted is not None:
        return redirect("assignment-batch", drafted.pk)
    return form_page(
        request,
        form,
        heading="New assignment batch",
        submit="Draft and look at it",
        cancel=HERE[1],
        crumbs=[HERE],
        template="assignments/assignment_batches/add.html",
        status=status,
    )


@needs(Need.READ)
def assignment_batch(request: HttpRequest, pk: int) -> HttpResponse:
    """Before it starts: what would happen. Afterwards: what became of each cluster."""
    batch = _batch(pk)
    context: dict[str, Any] = {"batch": batch, "waits_for_approval": waits_for_approval(batch)}
    if batch.state == AssignmentBatch.State.DRAFT:
        return _draft_page(request, batch)
    if batch.state == AssignmentBatch.State.PLANNED:
        preview = verbs.preview(batch)
        context |= {"preview": preview, "rows": [(place, None) for place in preview.places]}
    else:
        context["places"] = batch.clusters.select_related("cluster__customer", "job")
    return render(request, "assignments/assignment_batches/assignment_batch.html", context)


@require_POST
@needs(Need.OPERATE)
def assignment_batch_order(request: HttpRequest, pk: int) -> HttpResponse:
    batch = _batch(pk)
    form = OrderForm(_in_order(batch), request.POST)
    status, done = attempt(request, form, lambda: verbs.reorder(actor_of(request), batch, form.order()))
    if done is None and batch.state == AssignmentBatch.State.DRAFT:
        return _draft_page(request, batch, form, status)
    if done is None:
        messages.error(request, " ".join(map(str, form.non_field_errors())))
    else:
        messages.success(request, "The clusters go in this order.")
    return redirect("assignment-batch", pk)


@require_POST
@needs(Need.OPERATE)
def assignment_batch_plan(request: HttpRequest, pk: int) -> HttpResponse:
    batch = _batch(pk)
    return _perform(request, batch, lambda: batches.plan(actor_of(request), batch), "The batch is planned.")


@require_POST
@needs(Need.OPERATE)
def assignment_batch_approve(request: HttpRequest, pk: int) -> HttpResponse:
    batch = _batch(pk)
    return _perform(request, batch, lambda: verbs.approve(actor_of(request), batch), "You approved the batch.")


@needs(Need.OPERATE)
def assignment_batch_cancel(request: HttpRequest, pk: int) -> HttpResponse:
    batch = _batch(pk)
    address = reverse("assignment-batch", args=[pk])
    page = confirm_page(
        request,
        lambda: batches.cancel(actor_of(request), batch),
        heading=f"Cancel {batch}?",
        consequences=["Nothing more of it starts.", "Jobs that have begun go on: each has its own page."],
        blockers=[] if batch.open else ["This batch is over."],
        confirm="Cancel the batch",
        cancel=address,
        crumbs=[HERE, (str(batch), address)],
    )
    if page is None:
        messages.success(request, f"{batch} was cancelled.")
    return page or redirect("assignment-batch", pk)


def _draft(request: HttpRequest, form: BatchForm) -> AssignmentBatch:
    return verbs.draft(actor_of(request), form.instance, list(form.cleaned_data["clusters"]))


def _draft_page(
    request: HttpRequest, batch: AssignmentBatch, form: OrderForm | None = None, status: int = ASKED
) -> HttpResponse:
    """Its order can be changed here, by who may."""
    preview = verbs.preview(batch)
    order = form or OrderForm([place.cluster for place in preview.places])
    rows = [(place, order.place_of(place.cluster)) for place in preview.places]
    context = {"batch": batch, "preview": preview, "order": order if len(rows) > 1 else None, "rows": rows}
    return render(request, "assignments/assignment_batches/assignment_batch.html", context, status=status)


def _in_order(batch: AssignmentBatch) -> list[Cluster]:
    return [row.cluster for row in batch.clusters.select_related("cluster")]


def _perform(request: HttpRequest, batch: AssignmentBatch, act: Callable[[], Any], said: str) -> HttpResponse:
    try:
        with transaction.atomic():
            act()
        messages.success(request, said)
    except Refusal as refusal:
        messages.error(request, str(refusal))
    return redirect("assignment-batch", batch.pk)


def _clusters(asked: QueryDict) -> QuerySet[Cluster]:
    rows = ClusterFilter(asked, queryset=Cluster.objects.select_related("customer")).rows()
    return rows.order_by("customer__name", "name", "pk")


def _batch(pk: int) -> AssignmentBatch:
    return get_object_or_404(AssignmentBatch.objects.select_related("virtual_account__smart_account"), pk=pk)
