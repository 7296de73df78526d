"""Batches: statements of many customers, started here and watched while a worker makes them."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST
from django.views.decorators.vary import vary_on_headers
from django_htmx.http import HttpResponseClientRefresh

from kit.forms.pages import DONE, attempt, form_page
from kit.lists import Empty, invite, list_page
from kit.refusals import Refusal
from licensing.statements import batches
from licensing.statements.filters import BatchFilter
from licensing.statements.forms import BatchForm, proposed_period
from licensing.statements.models import StatementBatch
from licensing.statements.pages.statements import HERE
from licensing.statements.tables import BatchTable
from licensing.statements.wording import span
from people import audit
from people.gate import Need, may, needs

BATCHES = ("Batches", "/statements/batches/")
MOST_SHOWN = 500


@needs(Need.READ)
def statement_batches(request: HttpRequest) -> HttpResponse:
    empty = Empty(
        "files",
        "No batches yet",
        "A batch issues the statements of all customers for one period.",
        *invite(may(request.user, Need.OPERATE), "statement-batch-add", "Start batch"),
    )
    return list_page(
        request,
        "statements/batches/batches.html",
        BatchFilter(request.GET, queryset=batches.with_counts(StatementBatch.objects.all())),
        BatchTable,
        noun=("statement batch", "statement batches"),
        empty=empty,
        crumbs=[HERE],
    )


@vary_on_headers("HX-Request")
@needs(Need.READ)
def statement_batch(request: HttpRequest, pk: int) -> HttpResponse:
    """Show a batch. While it runs, the page polls for its progress; then it reloads itself."""
    batch = get_object_or_404(batches.with_counts(StatementBatch.objects.all()), pk=pk)
    if request.htmx:  # type: ignore[attr-defined]
        if batch.open:
            return render(request, "statements/batches/progress.html", {"batch": batch})
        return HttpResponseClientRefresh()
    rows = batch.items.select_related("statement").defer("statement__content")
    context = {
        "batch": batch,
        "words": span(batch.period_start, batch.period_end),
        # The ones that need attention first: failed stands before issued and skipped in the alphabet.
        "items": rows.order_by("state", "customer_name", "id")[:MOST_SHOWN],
        "more": max(batch.total - MOST_SHOWN, 0),  # type: ignore[attr-defined]
    }
    return render(request, "statements/batches/batch.html", context)


@needs(Need.OPERATE)
def statement_batch_add(request: HttpRequest) -> HttpResponse:
    form = BatchForm(request.POST or None, initial=proposed_period())
    status, made = attempt(request, form, lambda: _create(request, form))
    if status == DONE and made is not None:
        return redirect("statement-batch", made.pk)
    return form_page(
        request,
        form,
        heading="Issue statements for many customers",
        submit="Start batch",
        cancel=reverse("statement-batches"),
        crumbs=[HERE, BATCHES],
        status=status,
    )


@require_POST
@needs(Need.OPERATE)
def statement_batch_cancel(request: HttpRequest, pk: int) -> HttpResponse:
    try:
        batches.cancel(audit.actor_of(request), get_object_or_404(StatementBatch, pk=pk))
        messages.success(request, "The batch was cancelled. Statements that it issued stay.")
    except Refusal as refusal:
        messages.error(request, str(refusal))
    return redirect("statement-batch", pk)


def _create(request: HttpRequest, form: BatchForm) -> StatementBatch:
    values = form.cleaned_data
    return batches.create(
        audit.actor_of(request), values["period_start"], values["period_end"], values["tag"], values["send_mails"]
    )
