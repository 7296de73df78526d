"""Pages that remove, replace and move a product instance at Cisco.

Each page asks, lets a worker do the work, and shows Cisco's answer.
"""

from collections.abc import Callable

from django.db.models import QuerySet
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.views.decorators.cache import never_cache

from kit.forms.pages import DONE, attempt, form_page
from licensing.assignments.models import Assignment
from licensing.mirror.forms.product_instances import RemoveInstanceForm, ReplaceInstanceForm, TransferInstanceForm
from licensing.mirror.models import ProductInstance
from licensing.mirror.pages.requests import request_of, request_page
from licensing.operations import product_instances, requests
from licensing.operations.requests import CiscoRequest
from people.gate import Need, needs, signed_in

HERE = ("Product instances", "/product-instances/")


@needs(Need.OPERATE)
def product_instance_remove(request: HttpRequest, pk: int) -> HttpResponse:
    found = _find(pk)
    form = RemoveInstanceForm(request.POST if request.method == "POST" else None)
    return _action_page(
        request,
        found,
        form,
        lambda: requests.start(signed_in(request), requests.REMOVE_INSTANCE, instance=found, **form.cleaned_data),
        heading=f"Remove {found}?",
        submit="Remove at Cisco",
        danger=True,
        consequences=[
            f"Cisco removes its registration from {found.virtual_account}, which frees the licenses that it uses.",
            "The product stays unregistered until you register it again. If you can, deregister it on the device.",
            *_assignment_consequences(found),
        ],
    )


@needs(Need.OPERATE)
def product_instance_replace(request: HttpRequest, pk: int) -> HttpResponse:
    found = _find(pk)
    form = ReplaceInstanceForm(found, request.POST if request.method == "POST" else None)
    removed = (
        f"{found} is removed at Cisco; the licenses that it uses become free in {found.virtual_account}."
        if found.gone_at is None
        else "Cisco no longer lists it, so nothing is removed there."
    )
    return _action_page(
        request,
        found,
        form,
        lambda: requests.start(signed_in(request), requests.REPLACE_INSTANCE, instance=found, **form.cleaned_data),
        heading=f"{found} was replaced",
        danger=found.gone_at is None,
        of_gone_ones_too=True,
        submit="Hand over and remove" if found.gone_at is None else "Hand over",
        consequences=[
            removed,
            "The device in its place takes over its cluster, as a decision by hand, and its note.",
            "Serial numbers that you entered for nodes stay as they are: change them on the cluster's page.",
        ],
    )


@needs(Need.OPERATE)
def product_instance_transfer(request: HttpRequest, pk: int) -> HttpResponse:
    found = _find(pk)
    planned = _current_assignments(found).values_list("virtual_account", flat=True).first()
    form = TransferInstanceForm(found, planned, request.POST if request.method == "POST" else None)
    return _action_page(
        request,
        found,
        form,
        lambda: requests.start(
            signed_in(request), requests.TRANSFER_INSTANCE, instance=found, target=form.cleaned_data["virtual_account"]
        ),
        heading=f"Move {found}",
        submit="Move at Cisco",
        danger=False,
        consequences=[
            f"It leaves {found.virtual_account} and uses the licenses of the other virtual account from then on.",
            "Its reservations move with it, but no licenses do. If licenses may run short, try a what-if first.",
            *_assignment_consequences(found),
        ],
    )


@needs(Need.OPERATE)
@never_cache
def instance_request(request: HttpRequest, key: str) -> HttpResponse:
    return request_page(request, request_of(request, key), "product_instances", HERE)


def _action_page(
    request: HttpRequest,
    found: ProductInstance,
    form: Form,
    start: Callable[[], CiscoRequest],
    *,
    heading: str,
    submit: str,
    danger: bool,
    consequences: list[str],
    of_gone_ones_too: bool = False,
) -> HttpResponse:
    here = reverse("product-instance", args=[found.pk])
    status, asked = attempt(request, form, start)
    if status == DONE and asked is not None:
        return redirect("instance-request", asked.key)
    return form_page(
        request,
        form,
        heading=heading,
        submit=submit,
        cancel=here,
        crumbs=[HERE, (str(found), here)],
        status=status,
        template="mirror/product_instances/act.html",
        instance=found,
        danger=danger,
        consequences=consequences,
        reserved=product_instances.is_reserved(found),
        nothing_to_do=found.gone_at is not None and not of_gone_ones_too,
    )


def _assignment_consequences(found: ProductInstance) -> list[str]:
    """Say that the assignment stays, because it is the portal's own.

    Where the product is in another pool than the assignment says, moving the product there corrects that.
    """
    return [
        f"{row.cluster} stays assigned to {row.virtual_account}"
        + ("; change that too." if row.virtual_account_id == found.virtual_account_id else ".")
        for row in _current_assignments(found).select_related("virtual_account", "cluster")
    ]


def _current_assignments(found: ProductInstance) -> QuerySet[Assignment]:
    return Assignment.objects.current().filter(cluster=found.cluster_id)


def _find(pk: int) -> ProductInstance:
    rows = ProductInstance.objects.select_related("virtual_account__smart_account", "cluster")
    found: ProductInstance = get_object_or_404(rows, pk=pk)
    return found
