"""Pages of orders: the list, one order with what arrived of it, adding, changing and deleting."""

from typing import Any

from django.contrib import messages
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse

from kit.forms.pages import ASKED, DONE, Crumbs, attempt, confirm_page, form_page
from kit.lists import Empty, invite, list_page
from licensing.allocation.license_names import NAMES
from licensing.mirror.models import License, VirtualAccount
from licensing.orders import proposals, saving
from licensing.orders.filters import OrderFilter
from licensing.orders.forms import LineFormSet, OrderForm, line_rows, specs_of
from licensing.orders.models import Movement, Order
from licensing.orders.states import standings
from licensing.orders.tables import OrderTable, PastOrderTable
from people import audit
from people.gate import Need, may, needs

HERE = ("Orders", "/orders/")
MOVEMENTS_SHOWN = 50
NAMES_OFFERED = 300


@needs(Need.READ)
def orders(request: HttpRequest) -> HttpResponse:
    rows = Order.objects.select_related("smart_account", "customer", "virtual_account")
    empty = Empty(
        "shopping-cart",
        "No orders yet",
        "Add what you bought at Cisco, import a file, or accept what syncs have found.",
        *invite(may(request.user, Need.OPERATE), "order-add", "Add order"),
    )
    return list_page(
        request,
        "orders/orders/orders.html",
        OrderFilter(request.GET, queryset=rows),
        OrderTable,
        past_table=PastOrderTable,
        noun=("order", "orders"),
        empty=empty,
        proposed=len(proposals.proposals()),
    )


@needs(Need.READ)
def order(request: HttpRequest, pk: int) -> HttpResponse:
    found = _find(pk)
    standing = standings([found])[pk]
    names = [one.virtual_account for one in standing.places]
    pools = VirtualAccount.objects.select_related("smart_account").in_bulk(names)
    movements = list(_movements(found)[: MOVEMENTS_SHOWN + 1])
    context = {
        "order": found,
        "account": found.smart_account,
        "standing": standing,
        "lines": [(line, standing.figures.get(saving.tag_of(line))) for line in found.lines.all()],
        "places": [(pools[place.virtual_account], place) for place in standing.places],
        "movements": movements[:MOVEMENTS_SHOWN],
        "more_movements": len(movements) > MOVEMENTS_SHOWN,
    }
    return render(request, "orders/orders/order.html", context)


@needs(Need.OPERATE)
def order_add(request: HttpRequest) -> HttpResponse:
    return _edit(request, Order(), "Add an order", reverse("orders"))


@needs(Need.OPERATE)
def order_edit(request: HttpRequest, pk: int) -> HttpResponse:
    found = _find(pk)
    return _edit(request, found, f"Edit {found}", reverse("order", args=[pk]))


@needs(Need.OPERATE)
def order_delete(request: HttpRequest, pk: int) -> HttpResponse:
    found = _find(pk)
    name = str(found)
    page = confirm_page(
        request,
        lambda: saving.delete_order(audit.actor_of(request), found),
        heading=f"Delete {name}?",
        consequences=["Its lines are deleted here. At Cisco nothing changes, and what arrived stays as it is."],
        confirm="Delete order",
        cancel=reverse("order", args=[pk]),
        crumbs=crumbs_of(found),
    )
    if page is None:
        messages.success(request, f"{name} was deleted.")
    return page or redirect("orders")


def crumbs_of(row: Order) -> Crumbs:
    return [HERE, (str(row), reverse("order", args=[row.pk]))]


def _find(pk: int) -> Order:
    rows = Order.objects.select_related("smart_account", "customer", "virtual_account").prefetch_related("lines")
    found: Order = get_object_or_404(rows, pk=pk)
    return found


def _movements(order: Order) -> Any:
    """Return what arrived, left and moved under this order, the newest first."""
    named = Q(subscription_id=order.subscription_id) if order.subscription_id else Q()
    if order.number:
        by_number = Q(order_number=order.number)
        named = named | (by_number & Q(subscription_id="")) if order.subscription_id else by_number
    rows = Movement.objects.filter(named, virtual_account__smart_account=order.smart_account_id)
    return rows.select_related("virtual_account", "counterpart")


def _edit(request: HttpRequest, row: Order, heading: str, cancel: str) -> HttpResponse:
    """Add or edit an order. `more` in the post asks for more rows for lines; nothing is saved then."""
    before, crumbs = (audit.snapshot(row), crumbs_of(row)) if row.pk else (None, [HERE])
    form = OrderForm(request.POST or None, instance=row)
    # No initial values beside posted ones: a line that equals its initial values would count as left empty.
    lines = LineFormSet(line_rows(request.POST), prefix="lines", initial=None if request.POST else _lines_of(row))
    status, saved = ASKED, None
    if "more" not in request.POST:
        status, saved = attempt(request, form, lambda: _save(request, row, form, lines, before), also=[lines])
    if status == DONE and saved is not None:
        messages.success(request, f"{saved} was saved.")
        return redirect("order", saved.pk)
    return form_page(
        request,
        form,
        heading=heading,
        cancel=cancel,
        crumbs=crumbs,
        template="orders/orders/edit.html",
        status=status,
        lines=lines,
        names=_names(),
    )


def _save(request: HttpRequest, row: Order, form: OrderForm, lines: Any, before: dict[str, Any] | None) -> Order:
    for name, value in form.cleaned_data.items():
        setattr(row, name, value)
    return saving.save_order(audit.actor_of(request), row, specs_of(lines), before)


def _lines_of(row: Order) -> list[Any]:
    return list(row.lines.values("license_name", "quantity")) if row.pk else []


def _names() -> list[str]:
    """Return the license names that the form offers: those of the mirror, then Cisco's list."""
    listed = License.objects.present().order_by("name").values_list("name", flat=True).distinct()[:NAMES_OFFERED]
    return list(dict.fromkeys([*listed, *(shown[0] for shown in NAMES.values() if shown)]))
