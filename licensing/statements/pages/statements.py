"""Pages of statements: the list, one on screen, its files, and issuing one."""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_safe

from kit import files
from kit.forms.pages import DONE, attempt, form_page
from kit.lists import Empty, invite, list_page
from licensing.fleet.models import Customer
from licensing.statements import issuing, wording
from licensing.statements.content import period
from licensing.statements.filters import StatementFilter
from licensing.statements.forms import CorrectionForm, IssueForm, proposed_period
from licensing.statements.models import Logo, Statement, StatementFile
from licensing.statements.rendering import sheets
from licensing.statements.tables import StatementTable
from people import audit
from people.gate import Need, may, needs

HERE = ("Statements", "/statements/")
PDF = "application/pdf"


@needs(Need.READ)
def statements(request: HttpRequest) -> HttpResponse:
    rows = Statement.objects.plain().select_related("corrected_by", "corrects")
    rows = rows.defer("content", "corrected_by__content", "corrects__content")
    empty = Empty(
        "file-text",
        "No statements yet",
        "A statement says what a customer used, held and owes over a period. Issue the first one for last month.",
        *invite(may(request.user, Need.OPERATE), "statement-add", "Issue statement"),
    )
    return list_page(
        request,
        "statements/statements/statements.html",
        StatementFilter(request.GET, queryset=rows),
        StatementTable,
        noun=("statement", "statements"),
        empty=empty,
    )


@needs(Need.READ)
def statement(request: HttpRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(Statement.objects.select_related("corrects", "customer", "logo", "issued_by"), pk=pk)
    context = {
        "statement": found,
        "words": wording.words(found.content),
        "later": Statement.objects.plain().filter(corrects=found).first(),
        "links": found.links.all(),
        "mails": found.mails.all(),
        "base": reverse("statement", args=[pk]),
    }
    return render(request, "statements/statements/statement.html", context)


@require_safe
@needs(Need.READ)
def statement_file(request: HttpRequest, pk: int, format: str) -> HttpResponse:  # noqa: A002 - named in the address
    return file_of(get_object_or_404(Statement, pk=pk), format)


@require_safe
@needs(Need.READ)
def statement_logo(request: HttpRequest, pk: int) -> HttpResponse:
    return logo_of(get_object_or_404(Statement.objects.select_related("logo"), pk=pk))


def file_of(found: Statement, format_: str) -> HttpResponse:
    """Return a file of a statement: pdf as it was issued; csv, xlsx or txt from the frozen content."""
    if format_ == "pdf":
        pdf = StatementFile.objects.values_list("pdf", flat=True).get(statement=found)
        return files.download(bytes(pdf), PDF, f"{found.filename}.pdf")
    if format_ not in sheets.FORMATS:
        raise Http404("A statement has the files pdf, xlsx, csv and txt.")
    return sheets.answer(found, format_)


def logo_of(found: Statement) -> HttpResponse:
    if found.logo is None:
        raise Http404("This statement has no logo.")
    return picture(found.logo)


def picture(logo: Logo) -> HttpResponse:
    return HttpResponse(bytes(logo.content), content_type=logo.media_type, headers={"Cache-Control": "private"})


@needs(Need.OPERATE)
def statement_add(request: HttpRequest) -> HttpResponse:
    """Issue a statement. `?customer=` chooses the customer; the period is the last full month."""
    number = request.GET.get("customer", "")
    chosen = Customer.objects.filter(pk=int(number)).first() if number.isdecimal() and len(number) < 19 else None
    initial = {**proposed_period(), "customer": chosen}
    form = IssueForm(request.POST or None, initial=initial)
    status, made = attempt(request, form, lambda: _issue(request, form.cleaned_data))
    if status == DONE and made is not None:
        return _issued(request, made)
    cancel = reverse("customer", args=[chosen.pk]) if chosen else reverse("statements")
    return form_page(
        request,
        form,
        heading=f"Issue a statement for {chosen}" if chosen else "Issue a statement",
        submit="Issue statement",
        cancel=cancel,
        crumbs=[HERE],
        status=status,
        template="statements/statements/issue.html",
        first_day=period.first_day(),
    )


@needs(Need.OPERATE)
def statement_correct(request: HttpRequest, pk: int) -> HttpResponse:
    """Issue a new statement that replaces this one. The present one stays as it is."""
    old = get_object_or_404(Statement.objects.select_related("customer"), pk=pk)
    initial = {"period_start": old.period_start, "period_end": old.period_end}
    form = CorrectionForm(request.POST or None, initial=initial)
    status, made = attempt(request, form, lambda: _correct(request, old, form.cleaned_data))
    if status == DONE and made is not None:
        return _issued(request, made)
    return form_page(
        request,
        form,
        heading=f"Correct {str(old).lower()}",
        submit="Issue correction",
        cancel=reverse("statement", args=[pk]),
        crumbs=[HERE, (old.number, reverse("statement", args=[pk]))],
        status=status,
        template="statements/statements/issue.html",
        first_day=period.first_day(),
        old=old,
    )


def _issue(request: HttpRequest, values: dict[str, Any]) -> Statement:
    actor = audit.actor_of(request)
    return issuing.issue(actor, values["customer"], values["period_start"], values["period_end"])


def _correct(request: HttpRequest, old: Statement, values: dict[str, Any]) -> Statement:
    return issuing.correct(audit.actor_of(request), old, values["period_start"], values["period_end"], values["reason"])


def _issued(request: HttpRequest, made: Statement) -> HttpResponse:
    messages.success(request, f"Statement {made.number} for {made.customer_name} was issued.")
    return redirect("statement", made.pk)
