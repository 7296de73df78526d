"""Pages of the price list: its prices, and the import of a file of them."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse

from kit.forms.pages import ASKED, DONE, INVALID, REFUSED, attempt, confirm_page, form_page
from kit.lists import Empty, invite, list_page
from kit.refusals import Refusal
from kit.templatetags.components import counted
from licensing.figures.filters.prices import PriceFilter
from licensing.figures.forms.prices import PriceFileForm, PriceForm
from licensing.figures.models import Price
from licensing.figures.prices import price_file, saving
from licensing.figures.tables.prices import PriceTable, amount_words
from licensing.fleet.fleet_file.reading import MAX_BYTES, decode
from people.audit import actor_of, snapshot
from people.gate import Need, may, needs

HERE = ("Prices", "/prices/")


@needs(Need.READ)
def prices(request: HttpRequest) -> HttpResponse:
    empty = Empty(
        "coins",
        "No prices yet",
        "Enter what a license costs a month, and the growth of your customers is shown with its cost.",
        *invite(may(request.user, Need.OPERATE), "price-add", "Add price"),
    )
    return list_page(
        request,
        "figures/prices/prices.html",
        PriceFilter(request.GET, queryset=Price.objects.all()),
        PriceTable,
        noun=("price", "prices"),
        empty=empty,
    )


@needs(Need.READ)
def price(request: HttpRequest, pk: int) -> HttpResponse:
    """Show a price with the earlier and later ones of its license."""
    found = get_object_or_404(Price, pk=pk)
    rows = Price.objects.filter(license=found.license).order_by("currency", "-valid_from")
    shown = [(row, amount_words(row.amount)) for row in rows]
    context = {"price": found, "amount": amount_words(found.amount), "rows": shown}
    return render(request, "figures/prices/price.html", context)


@needs(Need.OPERATE)
def price_add(request: HttpRequest) -> HttpResponse:
    row = Price(license_name=request.GET.get("license", "")[:300])
    return _edit(request, row, "Add price", reverse("prices"))


@needs(Need.OPERATE)
def price_edit(request: HttpRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(Price, pk=pk)
    return _edit(request, found, f"Edit {found}", reverse("price", args=[pk]))


@needs(Need.OPERATE)
def price_delete(request: HttpRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(Price, pk=pk)
    name, here = str(found), reverse("price", args=[pk])
    page = confirm_page(
        request,
        lambda: saving.delete_price(actor_of(request), found),
        heading=f"Delete {name}?",
        confirm="Delete price",
        cancel=here,
        crumbs=[HERE, (name, here)],
        consequences=[
            "An earlier price in the same currency becomes valid again. Without one, the cost of this license is "
            "unknown."
        ],
    )
    if page is None:
        messages.success(request, f"{name} was deleted.")
    return page or redirect("prices")


@needs(Need.OPERATE)
def prices_import(request: HttpRequest) -> HttpResponse:
    form, status, bad = PriceFileForm(request.POST or None, request.FILES or None), ASKED, list[str]()
    if request.method == "POST":
        status = INVALID
        if form.is_valid():
            try:
                done = price_file.import_prices(actor_of(request), _text_of(form))
            except Refusal as refusal:
                form.add_error("file", str(refusal))
                status, bad = REFUSED, refusal.blockers
            else:
                messages.success(request, imported_words(done))
                return redirect("prices")
    context = {"form": form, "columns": price_file.COLUMNS.items(), "bad": bad}
    return render(request, "figures/prices/import.html", context, status=status)


def imported_words(done: price_file.Imported) -> str:
    if not done.added and not done.changed:
        return "No changes: the price list already has the prices of the file."
    return f"{counted(done.added, 'price,prices')} added, {done.changed:,} changed, {done.unchanged:,} unchanged."


def _text_of(form: PriceFileForm) -> str:
    # One byte more than allowed is enough to refuse it: a huge file is not read whole.
    return decode(form.cleaned_data["file"].read(MAX_BYTES + 1))


def _edit(request: HttpRequest, row: Price, heading: str, cancel: str) -> HttpResponse:
    before: dict[str, Any] | None = snapshot(row) if row.pk else None
    crumbs = [HERE, (str(row), cancel)] if row.pk else [HERE]
    form = PriceForm(request.POST or None, instance=row, names=saving.license_names())
    status, saved = attempt(request, form, lambda: saving.save_price(actor_of(request), form.filled(), before))
    if status == DONE and saved is not None:
        messages.success(request, f"{saved} was saved.")
        return redirect("price", saved.pk)
    return form_page(
        request,
        form,
        heading=heading,
        cancel=cancel,
        crumbs=crumbs,
        status=status,
        submit="Save" if row.pk else "Add price",
        template="figures/prices/edit.html",
    )
