"""Pages of product instances: what is registered, what it uses, and which cluster it belongs to."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse

from kit.forms.pages import DONE, attempt, form_page
from kit.lists import Empty, list_page
from licensing.accounts.empty_states import to_smart_accounts
from licensing.alerts.models import Alert
from licensing.fleet import matching
from licensing.mirror.changes import records
from licensing.mirror.filters import ProductInstanceFilter
from licensing.mirror.forms.annotations import ProductInstanceForm
from licensing.mirror.models import ProductInstance
from licensing.mirror.tables.past import PastProductInstanceTable
from licensing.mirror.tables.present import ProductInstanceTable
from people.audit import actor_of
from people.gate import Need, needs

CHANGES_SHOWN = 10
TWINS_SHOWN = 20


@needs(Need.READ)
def product_instances(request: HttpRequest) -> HttpResponse:
    rows = ProductInstance.objects.select_related("virtual_account__smart_account", "cluster")
    empty = Empty(
        "cpu",
        "No product instances yet",
        "They appear with the first sync after a product has registered.",
        *to_smart_accounts(),
    )
    return list_page(
        request,
        "mirror/product_instances/product_instances.html",
        ProductInstanceFilter(request.GET, queryset=rows),
        ProductInstanceTable,
        past_table=PastProductInstanceTable,
        noun=("product instance", "product instances"),
        empty=empty,
    )


@needs(Need.READ)
def product_instance(request: HttpRequest, pk: int) -> HttpResponse:
    rows = ProductInstance.objects.select_related("virtual_account__smart_account", "cluster__customer")
    found = get_object_or_404(rows, pk=pk)
    context = {
        "instance": found,
        "account": found.virtual_account.smart_account,
        "usage": found.usage.select_related("license"),
        "twins": found.twins()[:TWINS_SHOWN],
        "alerts": Alert.objects.open().filter(subject_type="product_instance", subject_id=pk).by_urgency(),
        "changes": records.of_object("product_instance", pk)[:CHANGES_SHOWN],
    }
    return render(request, "mirror/product_instances/product_instance.html", context)


@needs(Need.OPERATE)
def product_instance_edit(request: HttpRequest, pk: int) -> HttpResponse:
    """Edit its cluster and its note; everything else is Cisco's."""
    found = get_object_or_404(ProductInstance.objects.select_related("cluster"), pk=pk)
    here = reverse("product-instance", args=[pk])
    form = ProductInstanceForm(found, request.POST or None)
    status, _ = attempt(request, form, lambda: matching.save_product_instance(actor_of(request), found, form.wanted()))
    if status == DONE:
        messages.success(request, f"{found} was saved.")
        return redirect(here)
    crumbs = [("Product instances", reverse("product-instances")), (str(found), here)]
    return form_page(request, form, heading=f"Edit {found}", cancel=here, crumbs=crumbs, status=status)
