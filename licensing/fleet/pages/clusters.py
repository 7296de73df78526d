"""Pages of clusters with their nodes, and where each cluster is licensed."""

from typing import Any

from django.contrib import messages
from django.db.models import Prefetch, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse

from kit.forms.pages import ASKED, DONE, Crumbs, attempt, confirm_page, form_page
from kit.lists import Empty, invite, list_page
from licensing.assignments.clusters import status as cluster_status
from licensing.assignments.clusters.search import ClusterFilter
from licensing.assignments.models import Assignment
from licensing.fleet import clusters as fleet_clusters
from licensing.fleet import paths, proxies
from licensing.fleet.forms import ClusterForm, NodeFormSet, ProxyForm, node_rows
from licensing.fleet.models import Cluster, Proxy
from licensing.fleet.tables import ClusterTable, current_pool
from licensing.operations import removal
from people import audit
from people.gate import Need, may, needs

HERE = ("Clusters", "/clusters/")
INSTANCES_SHOWN = 50


def with_pools(rows: QuerySet[Cluster]) -> QuerySet[Cluster]:
    """Prefetch each cluster's current assignment (`current`, at most one) for tables.current_pool."""
    current = Assignment.objects.current().select_related("virtual_account__smart_account")
    return rows.prefetch_related(Prefetch("assignments", queryset=current, to_attr="current"))


@needs(Need.READ)
def clusters(request: HttpRequest) -> HttpResponse:
    fleet_rows = Cluster.objects.with_evaluation().select_related("customer")
    rows = with_pools(cluster_status.with_status(fleet_rows))
    empty = Empty(
        "boxes",
        "No clusters yet",
        "A cluster is one installation of a UC application for a customer.",
        *invite(may(request.user, Need.OPERATE), "cluster-add", "Add cluster"),
    )
    return list_page(
        request,
        "fleet/clusters/clusters.html",
        ClusterFilter(request.GET, queryset=rows),
        ClusterTable,
        noun=("cluster", "clusters"),
        empty=empty,
    )


@needs(Need.READ)
def cluster(request: HttpRequest, pk: int) -> HttpResponse:
    rows = paths.with_transport(Cluster.objects.with_evaluation()).select_related("access")
    found: Any = get_object_or_404(with_pools(cluster_status.with_status(rows)), pk=pk)
    assignment = current_pool(found)
    instances = found.product_instances.present()
    shown = instances.select_related("virtual_account__smart_account").prefetch_related("usage")[:INSTANCES_SHOWN]
    context = {
        "cluster": found,
        "assignment": assignment,
        "job": found.assignment_jobs.open().select_related("cluster", "virtual_account").first(),
        "meaning": cluster_status.MEANING[cluster_status.Status(found.status)],
        "ended": found.assignments.exclude(ended_at=None).select_related("virtual_account"),
        "nodes": found.nodes.all(),
        "transport": paths.transport_of(found),
        "instances": shown,
    }
    if found.managed_on_premise:  # nobody asks the cluster itself, so its facts are as old as somebody's last change
        context["entered_at"] = audit.latest([found]).get(found, found.created_at)
    return render(request, "fleet/clusters/cluster.html", context)


@needs(Need.OPERATE)
def cluster_add(request: HttpRequest) -> HttpResponse:
    return _edit(request, Cluster(), "Add a cluster", reverse("clusters"))


@needs(Need.OPERATE)
def cluster_edit(request: HttpRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(Cluster, pk=pk)
    return _edit(request, found, f"Edit {found}", reverse("cluster", args=[pk]))


@needs(Need.OPERATE)
def cluster_delete(request: HttpRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(Cluster, pk=pk)
    name, guard = found.name, removal.guard_cluster(found)
    page = confirm_page(
        request,
        lambda: removal.delete_cluster(audit.actor_of(request), found),
        heading=f"Delete {name}?",
        consequences=[
            f"Its {found.nodes.count()} nodes, its proxy and the history of its assignments are deleted.",
            f"Product instances that lose their cluster: {found.product_instances.count()}. At Cisco nothing changes.",
        ],
        blockers=guard.blockers,
        steps=guard.steps,
        confirm="Delete cluster",
        cancel=reverse("cluster", args=[pk]),
        crumbs=crumbs_of(found),
    )
    if page is None:
        messages.success(request, f"{name} was deleted.")
    return page or redirect("clusters")


def crumbs_of(row: Cluster) -> Crumbs:
    return [HERE, (str(row), reverse("cluster", args=[row.pk]))]


def _edit(request: HttpRequest, row: Cluster, heading: str, cancel: str) -> HttpResponse:
    """Add or edit a cluster. `more` in the post asks for more rows for nodes; nothing is saved then."""
    before, crumbs = (audit.snapshot(row), crumbs_of(row)) if row.pk else (None, [HERE])
    form = ClusterForm(request.POST or None, instance=row, initial=_initial_customer(request))
    # No initial values beside posted ones: a line that equals its initial values would count as left empty.
    nodes = NodeFormSet(node_rows(request.POST), prefix="nodes", initial=None if request.POST else _nodes_of(row))
    proxy = ProxyForm(Proxy.objects.filter(cluster=row).first() if row.pk else None, request.POST or None)
    status, saved = ASKED, None
    if "more" not in request.POST:
        status, saved = attempt(request, form, lambda: _save(request, form, nodes, proxy, before), also=[nodes, proxy])
    if status == DONE and saved is not None:
        messages.success(request, f"{saved} was saved.")
        return redirect("cluster", saved.pk)
    return form_page(
        request,
        form,
        heading=heading,
        cancel=cancel,
        crumbs=crumbs,
        template="fleet/clusters/edit.html",
        status=status,
        proxy=proxy,
        nodes=nodes,
    )


def _save(
    request: HttpRequest, form: ClusterForm, nodes: Any, proxy: ProxyForm, before: dict[str, Any] | None
) -> Cluster:
    actor = audit.actor_of(request)
    named = [values for values in nodes.cleaned_data if values.get("host_name")]
    specs = [fleet_clusters.NodeSpec(values["host_name"], values["role"], values["serial"]) for values in named]
    saved = fleet_clusters.save_cluster(actor, form.instance, specs, before=before)
    proxies.set_proxy(actor, saved, proxy.spec())
    return saved


def _initial_customer(request: HttpRequest) -> dict[str, str]:
    """Return the customer from whose page the user comes.

    It is empty otherwise, or it would replace the customer of a stored cluster.
    """
    number = request.GET.get("customer", "")
    return {"customer": number} if number.isdecimal() else {}


def _nodes_of(row: Cluster) -> list[Any]:
    return list(row.nodes.values("host_name", "role", "serial")) if row.pk else [{"host_name": "", "role": "publisher"}]
