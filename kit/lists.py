"""Show a list: filtered, sorted and in pages, or all of it as a file."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.core.paginator import EmptyPage, PageNotAnInteger, Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.functional import cached_property

from kit import files
from kit.filters import ListFilter
from kit.tables import PortalTable

PER_PAGE = 50
# Counting a million rows takes longer than showing fifty of them (measured: 52 ms against 0.3 ms).
COUNT_CAP = 10_000


@dataclass(frozen=True, slots=True)
class Empty:
    """An empty list says why it is empty, and offers the first action."""

    icon: str
    title: str
    text: str = ""
    href: str = ""
    action: str = ""


def invite(allowed: bool, route: str, action: str) -> tuple[str, ...]:
    """Return address and label of the button of an `Empty`, for people who may use the page it leads to."""
    return (reverse(route), action) if allowed else ()


class CappedPaginator(Paginator):
    """Count no further than COUNT_CAP. People reach later rows by searching."""

    @cached_property
    def count(self) -> int:
        rows: Any = self.object_list
        found = rows.data.table.countable()  # a table's rows hold its data, which knows its table
        return min(int(found.values("pk")[: COUNT_CAP + 1].count()), COUNT_CAP)

    @cached_property
    def capped(self) -> bool:
        return self.count == COUNT_CAP


def list_page(
    request: HttpRequest,
    template: str,
    filter_: ListFilter,
    table_class: type[PortalTable],
    *,
    noun: tuple[str, str],
    empty: Empty | Callable[[], Empty],
    past_table: type[PortalTable] | None = None,
    **context: Any,
) -> HttpResponse:
    """Render a list page, or return the list as a file. `noun`: singular and plural. `context`: for its blocks.

    `past_table` shows the list at a day in the past.
    """
    rows = filter_.rows()
    past = getattr(filter_, "past", None)
    table = past_table(rows) if past and past_table else table_class(rows)
    if sort := request.GET.getlist("sort"):
        table.order_by = sort
    if format_ := files.requested_format(request):
        name = f"{noun[1]} as of {past.day:%Y-%m-%d}" if past else noun[1]
        return files.answer(table.as_values(), name, format_)
    paginate(table, request.GET.get("page", "1"))
    table.leave_out_empty()
    paginator: CappedPaginator = table.paginator
    shown = {
        "filter": filter_,
        "past": past,
        "table": table,
        "chips": filter_.chips(request),
        "filtered": any(request.GET.get(name) for name in filter_.form.fields),
        "kept": {"sort": ",".join(sort)} if sort else {},
        "shown_count": f"{paginator.count:,}{'+' if paginator.capped else ''}",
        "shown_noun": noun[paginator.count != 1],
        "noun_plural": noun[1],
        "capped": paginator.capped,
        "downloads": files.links(request),
        "empty": empty() if callable(empty) and not paginator.count else empty,
        "heading": noun[1].capitalize(),
    }
    return render(request, template, {**shown, **context})


def paginate(table: PortalTable, page: str) -> None:
    try:
        table.paginate(CappedPaginator, per_page=PER_PAGE, page=page)
    except PageNotAnInteger:
        table.page = table.paginator.page(1)
    except EmptyPage:
        table.page = table.paginator.page(table.paginator.num_pages)
