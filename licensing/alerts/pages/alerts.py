"""Alerts: what was found, why, what to do about it, and who does."""

from collections.abc import Callable

from django import forms
from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST

from kit.lists import list_page
from kit.refusals import Refusal
from licensing.accounts.empty_states import all_clear
from licensing.alerts import handling
from licensing.alerts.filters import AlertFilter
from licensing.alerts.forms import CommentForm, OwnerForm, SavedFilterForm, SnoozeForm
from licensing.alerts.kinds import FACTS, in_words
from licensing.alerts.models import Alert
from licensing.alerts.pages.actions import next_step
from licensing.alerts.subjects import PAGES, subject_address
from licensing.alerts.tables import AlertTable, PastAlertTable, shown_state
from licensing.channels.models import Delivery, Notice
from people import saved_filters
from people.audit import actor_of
from people.gate import Need, needs
from people.models import SavedFilter

OTHERS_SHOWN = 10
EVENTS_SHOWN = 200
TOLD_SHOWN = 20
PAGE = "alerts"


@needs(Need.READ)
def alerts(request: HttpRequest) -> HttpResponse:
    rows = Alert.objects.by_urgency().select_related("owner")
    empty = all_clear("Nothing needs attention", "No alert is open. Alerts close by themselves when all is well.")
    return list_page(
        request,
        "alerts/alerts/alerts.html",
        AlertFilter(request.GET, queryset=rows, request=request),
        AlertTable,
        past_table=PastAlertTable,
        noun=("alert", "alerts"),
        empty=empty,
        saved=SavedFilter.objects.filter(user=request.user.pk, page=PAGE),
        saving=SavedFilterForm(initial={"query": request.GET.urlencode()}),
    )


@needs(Need.READ)
def alert(request: HttpRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(Alert.objects.select_related("rule", "owner"), pk=pk)
    same_subject = Alert.objects.filter(subject_type=found.subject_type, subject_id=found.subject_id)
    context = {
        "alert": found,
        "words": found.words,
        "state": shown_state(found),
        "subject_href": subject_address(found),
        "subject_word": PAGES.get(found.subject_type, "smart-account").replace("-", " "),
        "step": next_step(found, request.user),  # type: ignore[arg-type]
        "about": FACTS[found.kind].about,
        "speaks": in_words(found.rule),
        "others": same_subject.exclude(pk=pk).by_urgency()[:OTHERS_SHOWN],
        "events": found.events.order_by("-at", "-pk")[:EVENTS_SHOWN],
        "told": Delivery.objects.about(found)[:TOLD_SHOWN],
        "to_tell": Notice.objects.filter(alert=found, message=None).select_related("channel").order_by("not_before"),
        "owner_form": OwnerForm(initial={"owner": found.owner_id}),
        "snooze_form": SnoozeForm(initial={"span": "1d"}),
        "comment_form": CommentForm(),
    }
    return render(request, "alerts/alerts/alert.html", context)


@require_POST
@needs(Need.OPERATE)
def alert_acknowledge(request: HttpRequest, pk: int) -> HttpResponse:
    done = "Acknowledged. The alert stays open until what it warns of is over."
    return _act(request, pk, None, lambda found: handling.acknowledge(actor_of(request), found), done)


@require_POST
@needs(Need.OPERATE)
def alert_own(request: HttpRequest, pk: int) -> HttpResponse:
    form = OwnerForm(request.POST)
    return _act(
        request, pk, form, lambda found: handling.own(actor_of(request), found, form.cleaned_data["owner"]), "Saved."
    )


@require_POST
@needs(Need.OPERATE)
def alert_snooze(request: HttpRequest, pk: int) -> HttpResponse:
    form = SnoozeForm(request.POST)
    done = "Saved. A snoozed alert stays open, and closes by itself when all is well."
    return _act(request, pk, form, lambda found: handling.snooze(actor_of(request), found, form.until()), done)


@require_POST
@needs(Need.OPERATE)
def alert_comment(request: HttpRequest, pk: int) -> HttpResponse:
    form = CommentForm(request.POST)
    return _act(
        request, pk, form, lambda found: handling.comment(actor_of(request), found, form.cleaned_data["text"]), "Saved."
    )


@require_POST
@needs(Need.READ)
def alert_filter_save(request: HttpRequest) -> HttpResponse:
    """Delete one of the person's own filters. Every role may."""
    form = SavedFilterForm(request.POST)
    if not form.is_valid():
        messages.error(request, _error_text(form))
        return redirect("alerts")
    query = form.cleaned_data["query"]
    try:
        saved_filters.save(actor_of(request), request.user, PAGE, form.cleaned_data["name"], query)  # type: ignore[arg-type]
        messages.success(request, "The filters were saved.")
    except Refusal as refusal:
        messages.error(request, str(refusal))
    return redirect(f"/alerts/?{query}" if query else "/alerts/")


@require_POST
@needs(Need.READ)
def alert_filter_delete(request: HttpRequest, pk: int) -> HttpResponse:
    row = get_object_or_404(SavedFilter, pk=pk, user=request.user.pk)
    saved_filters.delete(actor_of(request), row)
    messages.success(request, f"“{row}” was deleted.")
    return redirect("alerts")


def _act(
    request: HttpRequest, pk: int, form: forms.Form | None, act: Callable[[Alert], None], done: str
) -> HttpResponse:
    found = get_object_or_404(Alert, pk=pk)
    if form is not None and not form.is_valid():
        messages.error(request, _error_text(form))
        return redirect("alert", pk)
    try:
        with transaction.atomic():
            act(found)
        messages.success(request, done)
    except Refusal as refusal:
        messages.error(request, str(refusal))
    return redirect("alert", pk)


def _error_text(form: forms.Form) -> str:
    return " ".join(str(error) for errors in form.errors.values() for error in errors)
