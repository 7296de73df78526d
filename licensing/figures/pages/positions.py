"""The list of positions, and the context of the section that other pages include."""

from collections.abc import Iterator, Sequence
from typing import Any

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from kit import files
from kit.lists import PER_PAGE
from kit.refusals import Refusal
from licensing.accounts.empty_states import NOTHING_KNOWN
from licensing.figures.dates import open_books_of
from licensing.figures.forms.positions import PositionsForm
from licensing.figures.positions import Books, By, Position
from people.gate import Need, needs

WAYS = {
    By.LICENSE: "License",
    By.CUSTOMER: "Customer",
    By.CLUSTER: "Cluster",
    By.VIRTUAL_ACCOUNT: "Virtual account",
}
ROUTES = {
    By.LICENSE: "license",
    By.CUSTOMER: "customer",
    By.CLUSTER: "cluster",
    By.VIRTUAL_ACCOUNT: "virtual-account",
}
# Column heads of page and file, and the attributes of a Position that they show.
COLUMNS = {
    "Owned": "owned",
    "Ordered": "ordered",
    "Delivered": "delivered",
    "Undelivered": "undelivered",
    "Used": "used",
    "Lent": "lent",
    "Short by Cisco": "short_by_cisco",
    "Short with borrowing": "short_with_borrowing",
    "True forward": "true_forward",
}
MARKED = {"undelivered", "short_by_cisco", "short_with_borrowing", "true_forward"}
BY_HEAD = {By.CUSTOMER: "Customer", By.CLUSTER: "Cluster", By.VIRTUAL_ACCOUNT: "Virtual account"}


@needs(Need.READ)
def positions(request: HttpRequest) -> HttpResponse:
    """Show who holds, uses and owes what, `?by=` and on the day `?as_of=`. `?format=` is the whole table as a file."""
    form = PositionsForm(request.GET)
    by = By(form.value("by") or By.LICENSE)
    rows, books, refused = _rows(form, by)
    if format_ := files.requested_format(request):
        return files.answer(_file_rows(rows, by), f"positions by {by.replace('_', ' ')}", format_)
    page = Paginator(rows, PER_PAGE).get_page(request.GET.get("page"))
    context: dict[str, Any] = {
        "filter": {"form": form},
        "kept": {"by": by.value},
        "by": by,
        "ways": list(WAYS.items()),
        "page": page,
        "section": section(list(page.object_list), by),
        "books": books,
        "refused": refused,
        "empty": NOTHING_KNOWN if not rows and books is not None and not books.facts.accounts else None,
        "downloads": files.links(request),
    }
    return render(request, "figures/positions/positions.html", context)


def section(rows: Sequence[Position], by: By | None = None) -> dict[str, Any]:
    """Return what `figures/positions/table.html` shows: columns that some row fills, and the rows' cells.

    `by` None leaves out whose position it is.
    """
    shown = {head: name for head, name in COLUMNS.items() if any(getattr(row, name) is not None for row in rows)}
    return {
        "owner_head": BY_HEAD.get(by, "") if by else "",
        "heads": list(shown),
        "rows": [
            {
                "position": row,
                "address": reverse(ROUTES[row.by], args=[row.id]) if row.id else "",
                "cells": [(head, getattr(row, name), name in MARKED) for head, name in shown.items()],
            }
            for row in rows
        ],
    }


def _rows(form: PositionsForm, by: By) -> tuple[list[Position], Books | None, str]:
    """Return the rows, and the sentence that says why there are none. An invalid filter finds nothing."""
    if not form.is_valid():
        return [], None, " ".join(str(message) for messages in form.errors.values() for message in messages)
    wanted = form.cleaned_data
    try:
        books = open_books_of(
            wanted["as_of"], smart_account=form.link("smart_account"), virtual_account=form.link("virtual_account")
        )
    except Refusal as refusal:
        return [], None, str(refusal)
    rows = books.of_customer_by(wanted["customer"].pk, by) if wanted["customer"] else books.positions(by)
    words = wanted["q"].casefold().split()
    found = [row for row in rows if all(word in f"{row.name} {row.license_name}".casefold() for word in words)]
    return found, books, ""


def _file_rows(rows: Sequence[Position], by: By) -> Iterator[list[Any]]:
    owner = [BY_HEAD[by]] if by in BY_HEAD else []
    yield [*owner, "License", *COLUMNS, "As of"]
    for row in rows:
        name = [row.name] if owner else []
        yield [*name, row.license_name, *(getattr(row, column) for column in COLUMNS.values()), row.as_of]
