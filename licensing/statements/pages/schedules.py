"""Schedules: whose statement is issued and sent each month. Owners decide."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse

from kit.forms.pages import DONE, attempt, confirm_page, form_page
from kit.lists import Empty, invite, list_page
from licensing.statements.filters import ScheduleFilter
from licensing.statements.forms import ScheduleForm
from licensing.statements.mails import scheduled
from licensing.statements.models import StatementSchedule
from licensing.statements.pages.statements import HERE
from licensing.statements.tables import ScheduleTable
from people import audit
from people.gate import Need, may, needs

SCHEDULES = ("Schedules", "/statements/schedules/")


@needs(Need.READ)
def statement_schedules(request: HttpRequest) -> HttpResponse:
    empty = Empty(
        "calendar-clock",
        "No schedules yet",
        "A schedule issues the statement of a customer each month and sends it by mail.",
        *invite(may(request.user, Need.OWN), "statement-schedule-add", "Add schedule"),
    )
    return list_page(
        request,
        "statements/schedules/schedules.html",
        ScheduleFilter(request.GET, queryset=StatementSchedule.objects.select_related("customer")),
        ScheduleTable,
        noun=("statement schedule", "statement schedules"),
        empty=empty,
        crumbs=[HERE],
    )


@needs(Need.OWN)
def statement_schedule_add(request: HttpRequest) -> HttpResponse:
    return _edit(request, StatementSchedule(), "Add a schedule")


@needs(Need.OWN)
def statement_schedule_edit(request: HttpRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(StatementSchedule.objects.select_related("customer"), pk=pk)
    return _edit(request, found, f"Schedule of {found.customer}")


@needs(Need.OWN)
def statement_schedule_delete(request: HttpRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(StatementSchedule.objects.select_related("customer"), pk=pk)
    page = confirm_page(
        request,
        lambda: scheduled.delete_schedule(audit.actor_of(request), found),
        heading=f"Delete the schedule of {found.customer}?",
        consequences=["No statement is issued or sent by itself any more.", "Statements that were issued stay."],
        confirm="Delete schedule",
        cancel=reverse("statement-schedule", args=[pk]),
        crumbs=[HERE, SCHEDULES],
    )
    if page is None:
        messages.success(request, f"The schedule of {found.customer} was deleted.")
    return page or redirect("statement-schedules")


def _edit(request: HttpRequest, row: StatementSchedule, heading: str) -> HttpResponse:
    before = audit.snapshot(row) if row.pk else None
    form = ScheduleForm(request.POST or None, instance=row)
    status, saved = attempt(request, form, lambda: _save(request, form, before))
    if status == DONE and saved is not None:
        messages.success(request, f"The schedule of {saved.customer} was saved.")
        return redirect("statement-schedules")
    return form_page(
        request,
        form,
        heading=heading,
        cancel=reverse("statement-schedules"),
        crumbs=[HERE, SCHEDULES],
        status=status,
        template="statements/schedules/edit.html",
        schedule=row,
    )


def _save(request: HttpRequest, form: ScheduleForm, before: dict[str, Any] | None) -> StatementSchedule:
    row: StatementSchedule = form.instance
    for name in StatementSchedule.OWN:
        setattr(row, name, form.cleaned_data[name])
    scheduled.save_schedule(audit.actor_of(request), row, before)
    return row
