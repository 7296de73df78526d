"""Pages of the whole history of one mirrored row."""

from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse

from kit.lists import Empty, list_page
from licensing.mirror.changes import records
from licensing.mirror.filters import HistoryFilter
from licensing.mirror.models import License, ProductInstance, VirtualAccount
from licensing.mirror.tables.present import HistoryTable
from people.gate import Need, needs


@needs(Need.READ)
def license_changes(request: HttpRequest, pk: int) -> HttpResponse:
    return _history(request, "license", get_object_or_404(License, pk=pk))


@needs(Need.READ)
def product_instance_changes(request: HttpRequest, pk: int) -> HttpResponse:
    return _history(request, "product_instance", get_object_or_404(ProductInstance, pk=pk))


@needs(Need.READ)
def virtual_account_changes(request: HttpRequest, pk: int) -> HttpResponse:
    return _history(request, "virtual_account", get_object_or_404(VirtualAccount, pk=pk))


def _history(request: HttpRequest, object_type: str, row: Model) -> HttpResponse:
    here = reverse(object_type.replace("_", "-"), args=[row.pk])
    empty = Empty(
        "refresh-cw", "No changes", "Syncs have recorded no change of it, or no longer keep one.", here, "Back"
    )
    return list_page(
        request,
        "mirror/history.html",
        HistoryFilter(request.GET, queryset=records.of_object(object_type, row.pk)),
        HistoryTable,
        noun=("change", "changes"),
        empty=empty,
        heading=f"Changes of {row}",
        crumbs=[(str(row), here)],
    )
