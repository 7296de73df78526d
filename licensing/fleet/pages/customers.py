"""Pages of customers and their clusters."""

from typing import Any

from django.contrib import messages
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse

from kit.forms.pages import DONE, attempt, confirm_page, form_page
from kit.lists import Empty, invite, list_page
from kit.templatetags.components import counted
from licensing.assignments.clusters import status as cluster_status
from licensing.fleet import customers as fleet_customers
from licensing.fleet import proxies
from licensing.fleet.filters import CustomerFilter
from licensing.fleet.forms import CustomerForm, ProxyForm
from licensing.fleet.models import Customer, Proxy
from licensing.fleet.pages.clusters import with_pools
from licensing.fleet.tables import CustomerTable
from licensing.operations import removal
from people import audit
from people.gate import Need, may, needs

HERE = ("Customers", "/customers/")


@needs(Need.READ)
def customers(request: HttpRequest) -> HttpResponse:
    assigned = Q(clusters__assignments__isnull=False, clusters__assignments__ended_at=None)
    rows = Customer.objects.annotate(
        cluster_count=Count("clusters", distinct=True),
        assigned_count=Count("clusters", filter=assigned, distinct=True),
    )
    empty = Empty(
        "building-2",
        "No customers yet",
        "Add your customers and their clusters to see who uses which license.",
        *invite(may(request.user, Need.OPERATE), "customer-add", "Add customer"),
    )
    return list_page(
        request,
        "fleet/customers/customers.html",
        CustomerFilter(request.GET, queryset=rows),
        CustomerTable,
        noun=("customer", "customers"),
        empty=empty,
    )


@needs(Need.READ)
def customer(request: HttpRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(Customer, pk=pk)
    context = {
        "customer": found,
        "proxy": Proxy.objects.filter(customer=found).first(),
        "clusters": with_pools(cluster_status.with_status(found.clusters.all())),
    }
    return render(request, "fleet/customers/customer.html", context)


@needs(Need.OPERATE)
def customer_add(request: HttpRequest) -> HttpResponse:
    return _edit(request, Customer(), "Add a customer", reverse("customers"))


@needs(Need.OPERATE)
def customer_edit(request: HttpRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(Customer, pk=pk)
    return _edit(request, found, f"Edit {found}", reverse("customer", args=[pk]))


@needs(Need.OPERATE)
def customer_delete(request: HttpRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(Customer, pk=pk)
    name, address, guard = found.name, reverse("customer", args=[pk]), removal.guard_customer(found)
    mapped = found.subscriptions.count()
    unmapped = f"{counted(mapped, 'subscription is,subscriptions are')} left without a customer."
    ordered = found.orders.count()
    without = f"{counted(ordered, 'order is,orders are')} left without a customer."
    page = confirm_page(
        request,
        lambda: removal.delete_customer(audit.actor_of(request), found),
        heading=f"Delete {name}?",
        consequences=[
            "Its note and its proxy are deleted.",
            *([unmapped] if mapped else []),
            *([without] if ordered else []),
            "The audit log keeps its name and who deleted it.",
        ],
        blockers=guard.blockers,
        steps=guard.steps,
        confirm="Delete customer",
        cancel=address,
        crumbs=[HERE, (name, address)],
    )
    if page is None:
        messages.success(request, f"{name} was deleted.")
    return page or redirect("customers")


def _edit(request: HttpRequest, row: Customer, heading: str, cancel: str) -> HttpResponse:
    before = audit.snapshot(row) if row.pk else None
    crumbs = [HERE, (row.name, cancel)] if row.pk else [HERE]
    form = CustomerForm(request.POST or None, instance=row)
    proxy = ProxyForm(Proxy.objects.filter(customer=row).first() if row.pk else None, request.POST or None)
    status, saved = attempt(request, form, lambda: _save(request, form, proxy, before), also=[proxy])
    if status == DONE and saved is not None:
        messages.success(request, f"{saved} was saved.")
        return redirect("customer", saved.pk)
    return form_page(
        request,
        form,
        heading=heading,
        cancel=cancel,
        crumbs=crumbs,
        template="fleet/customers/edit.html",
        status=status,
        proxy=proxy,
    )


def _save(request: HttpRequest, form: CustomerForm, proxy: ProxyForm, before: dict[str, Any] | None) -> Customer:
    actor = audit.actor_of(request)
    saved = fleet_customers.save_customer(actor, form.instance, before)
    proxies.set_proxy(actor, saved, proxy.spec())
    return saved
