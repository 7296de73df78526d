"""Pages for licenses out of compliance: since when, how long they may stay so, and who owns them."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from kit.forms.pages import DONE, attempt, form_page
from kit.lists import list_page
from licensing.accounts.empty_states import all_clear
from licensing.alerts import overages as alerts
from licensing.alerts.filters import OverageFilter
from licensing.alerts.forms import OverageForm, StartForm
from licensing.alerts.models import Overage
from licensing.alerts.tables import OverageTable, PastOverageTable
from people.audit import actor_of
from people.gate import Need, needs


@needs(Need.READ)
def overages(request: HttpRequest) -> HttpResponse:
    rows = Overage.objects.select_related("license__virtual_account__smart_account", "owner")
    empty = all_clear("Nothing is out of compliance", "A clock starts with the sync that finds a shortage.")
    return list_page(
        request,
        "alerts/overages/overages.html",
        OverageFilter(request.GET, queryset=rows),
        OverageTable,
        past_table=PastOverageTable,
        noun=("shortage", "shortages"),
        empty=empty,
        heading="Out of compliance",
    )


@needs(Need.OPERATE)
def overage_edit(request: HttpRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(Overage.objects.select_related("license", "owner"), pk=pk)
    here = reverse("license", args=[found.license_id])
    form = OverageForm(found, request.POST or None)
    status, _ = attempt(
        request,
        form,
        lambda: alerts.take_care(actor_of(request), found, form.cleaned_data["owner"], form.cleaned_data["note"]),
    )
    if status == DONE:
        messages.success(request, "Saved.")
        return redirect(here)
    crumbs = [("Licenses", reverse("licenses")), (found.license.name, here)]
    return form_page(request, form, heading="Who sees to this shortage", cancel=here, crumbs=crumbs, status=status)


@needs(Need.OPERATE)
def overage_since(request: HttpRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(Overage.objects.select_related("license", "owner"), pk=pk)
    here = reverse("license", args=[found.license_id])
    form = StartForm(found, request.POST or None)
    status, _ = attempt(
        request,
        form,
        lambda: alerts.correct_start(
            actor_of(request), found, form.cleaned_data["since"], form.cleaned_data["since_reason"]
        ),
    )
    if status == DONE:
        messages.success(request, "The start is corrected. Days left, alert and due date follow it.")
        return redirect(here)
    return form_page(
        request,
        form,
        heading="Correct the start",
        submit="Correct start",
        cancel=here,
        crumbs=[("Licenses", reverse("licenses")), (found.license.name, here)],
        status=status,
        template="alerts/overages/start.html",
        overage=found,
    )


@require_POST
@needs(Need.OPERATE)
def overage_restore(request: HttpRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(Overage, pk=pk)
    alerts.restore_start(actor_of(request), found)
    messages.success(request, "The recorded start counts again.")
    return redirect("license", found.license_id)
