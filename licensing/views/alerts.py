"""Alerts: what was found, why, and what to do about it."""

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST

from licensing import alerts as verbs
from licensing.filters.alerts import AlertFilter
from licensing.models import Alert
from licensing.refusals import Refusal
from licensing.tables.alerts import AlertTable, shown_state
from licensing.views.lists import Empty, list_page
from people.audit import actor_of
from people.gate import Need, needs

OTHERS_SHOWN = 10


@needs(Need.READ)
def alerts(request: HttpRequest) -> HttpResponse:
    rows = Alert.objects.by_urgency()
    empty = Empty(
        "circle-check", "Nothing needs attention", "No alert is open. Alerts close by themselves when all is well."
    )
    return list_page(
        request, "alerts/alerts.html", AlertFilter(request.GET, queryset=rows), AlertTable,
        noun=("alert", "alerts"), empty=empty,
    )  # fmt: skip


@needs(Need.READ)
def alert(request: HttpRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(Alert.objects.select_related("rule", "owner"), pk=pk)
    same_subject = Alert.objects.filter(subject_type=found.subject_type, subject_id=found.subject_id)
    context = {
        "alert": found,
        "state": shown_state(found),
        "subject_href": subject_address(found),
        "others": same_subject.exclude(pk=pk).by_urgency()[:OTHERS_SHOWN],
    }
    return render(request, "alerts/alert.html", context)


@require_POST
@needs(Need.OPERATE)
def alert_acknowledge(request: HttpRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(Alert, pk=pk)
    try:
        with transaction.atomic():
            verbs.acknowledge(actor_of(request), found)
        messages.success(request, "Acknowledged. The alert stays open until what it warns of is over.")
    except Refusal as refusal:
        messages.error(request, str(refusal))
    return redirect("alert", pk)


def subject_address(found: Alert) -> str:
    """The page of what the alert is about."""
    if found.subject_type not in Alert.SUBJECTS:
        return ""
    return reverse(found.subject_type.replace("_", "-"), args=[found.subject_id])
