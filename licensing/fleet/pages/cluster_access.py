"""The pages of the access to a cluster, and its run sheet in the commands of its own application."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse

from kit.broker import BrokerUnavailable
from kit.forms.pages import DONE, attempt, form_page
from kit.tables import check_state
from licensing.fleet import paths
from licensing.fleet.access import manual, reach, run_sheets, settings
from licensing.fleet.forms import ClusterAccessForm
from licensing.fleet.models import Cluster, ClusterAccess
from licensing.fleet.pages.clusters import crumbs_of
from people.audit import actor_of
from people.gate import Need, needs


@needs(Need.READ)
def cluster_access(request: HttpRequest, pk: int) -> HttpResponse:
    cluster = _find(pk)
    access = reach.access_of(cluster) or ClusterAccess(cluster=cluster)
    over_axl = not reach.asks_people(reach.way_to(cluster))
    context = {
        "cluster": cluster,
        "access": access,
        "over_axl": over_axl,
        "sheet": _run_sheet_sections(cluster),
        **_check_context(access),
    }
    return render(request, "fleet/cluster_access/cluster_access.html", context)


@needs(Need.OPERATE)
def cluster_access_edit(request: HttpRequest, pk: int) -> HttpResponse:
    cluster, here = _find(pk), reverse("cluster-access", args=[pk])
    form = ClusterAccessForm(cluster, request.POST or None, instance=reach.access_of(cluster) or ClusterAccess())
    status, saved = attempt(request, form, lambda: settings.save(actor_of(request), cluster, form.spec()))
    if status == DONE and saved is not None:
        messages.success(request, f"The access to {cluster} was saved.")
        if saved.method == ClusterAccess.Method.AXL:
            _start_check(request, saved)
        return redirect(here)
    crumbs = [*crumbs_of(cluster), ("Access", here)]
    return form_page(
        request,
        form,
        heading=f"Access to {cluster}",
        submit="Save and test",
        cancel=here,
        crumbs=crumbs,
        template="fleet/cluster_access/edit.html",
        status=status,
    )


@needs(Need.READ, write=Need.OPERATE)
def cluster_access_check(request: HttpRequest, pk: int) -> HttpResponse:
    """Start a test on POST. The page then fetches the answer from here until it is there."""
    access = get_object_or_404(ClusterAccess.objects.select_related("cluster"), cluster=pk)
    if request.method == "POST":
        _start_check(request, access)
        return redirect("cluster-access", pk)
    return render(
        request,
        "fleet/cluster_access/check.html",
        {"cluster": access.cluster, "access": access, **_check_context(access)},
    )


def _find(pk: int) -> Cluster:
    rows = Cluster.objects.select_related("customer__proxy", "proxy", "license_server", "access")
    return get_object_or_404(rows.prefetch_related("nodes"), pk=pk)


def _run_sheet_sections(cluster: Cluster) -> list[tuple[str, list[str]]]:
    """Return (title, steps) in the order in which an assignment takes them."""
    sheet = manual.sheet_of(cluster)
    steps = [
        ("License mode: to HCS", run_sheets.mode(sheet, "hcs")),
        ("License mode: to Enterprise", run_sheets.mode(sheet, "enterprise")),
        ("Transport", run_sheets.transport(sheet, paths.transport_of(cluster))),
        ("Register", run_sheets.register(sheet)),
        ("Deregister", run_sheets.deregister(sheet)),
    ]
    return [(title, lines) for title, lines in steps if lines]


def _check_context(access: ClusterAccess) -> dict[str, Any]:
    return {"check_state": check_state(access.check_status), "found": access.check_found}


def _start_check(request: HttpRequest, access: ClusterAccess) -> None:
    try:
        settings.start_check(access)
    except BrokerUnavailable as error:
        messages.error(request, str(error))
