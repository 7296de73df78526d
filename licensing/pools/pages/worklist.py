"""The worklist: what somebody should look at, with a reason and what to do."""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from kit import files
from kit.lists import PER_PAGE
from licensing.accounts.empty_states import all_clear
from licensing.pools import worklist as work
from licensing.pools.filters import WorklistForm
from licensing.pools.worklist import Item, Items
from licensing.pools.worklist_words import Reason
from people.gate import Need, may, needs

NOTHING_TO_DO = all_clear("Nothing to do", "Nothing is stranded, silent, misplaced or unmatched as of the last syncs.")
# Where each reason is settled: the page for who may operate, and its button's words.
ACTIONS = {
    Reason.STRANDED: ("license-transfer", "Move them"),
    Reason.NOT_DEPOSITED: ("license", "Open license"),
    Reason.WRONG_DEPOSIT: ("license-transfer", "Move them"),
    Reason.GHOST: ("product-instance-remove", "Remove it"),
    Reason.MISPLACED: ("product-instance-transfer", "Move it"),
    Reason.AMBIGUOUS: ("product-instance-edit", "Choose cluster"),
    Reason.UNMATCHED: ("product-instance-edit", "Choose cluster"),
}
SHOWS = {"license": "license", "product_instance": "product-instance", "order": "order"}


@needs(Need.READ)
def worklist(request: HttpRequest) -> HttpResponse:
    """`?format=csv` or `xlsx` is everything that fits, as a file."""
    form = WorklistForm(request.GET)
    items = _items(form)
    if format_ := files.requested_format(request):
        return files.answer(_file_rows(items), "worklist", format_)
    counts = work.counts(items)
    pages: Any = Paginator(cast("Any", items), PER_PAGE)  # it asks for `count` and slices alone
    page = pages.get_page(request.GET.get("page"))
    may_operate = may(request.user, Need.OPERATE)
    context: dict[str, Any] = {
        "filter": SimpleNamespace(form=form),
        "kept": {},
        "page": page,
        "rows": [(item, _subject(item), *_action(item, may_operate)) for item in page.object_list],
        "counts": [(reason, count) for reason, count in counts.items()],
        "empty": None if counts else NOTHING_TO_DO(),
        "downloads": files.links(request),
        "reason": form.cleaned_data.get("reason") if form.is_valid() else "",
    }
    return render(request, "pools/worklist/worklist.html", context)


def _file_rows(items: Items) -> Iterator[list[Any]]:
    yield ["Reason", "What", "Virtual account", "Licenses", "Why", "What to do", "As of"]
    for item in items[: len(items)]:
        yield [
            Reason(item.reason).label,
            item.subject,
            item.virtual_account_name,
            item.licenses,
            item.text,
            item.next_step,
            item.as_of,
        ]


def _items(form: WorklistForm) -> Items:
    """Nothing where a filter's value is none: an empty page, not one that ignores the filter."""
    if not form.is_valid():
        return Items(smart_account=0)
    wanted = form.cleaned_data
    account = wanted["smart_account"]
    reasons = (Reason(wanted["reason"]),) if wanted["reason"] else ()
    return Items(reasons, account.pk if account else None, wanted["q"])


def _subject(item: Item) -> str:
    return reverse(SHOWS[item.subject_type], args=[item.subject_id])


def _action(item: Item, may_operate: bool) -> tuple[str, str]:
    """Address and words; who may only look is led to the row."""
    if not may_operate:
        return "", ""
    if item.way == "register":
        return f"{reverse('registration-token-add')}?virtual_account={item.way_id}", "Make a token"
    if item.way == "reassign":
        return reverse("cluster", args=[item.way_id]), "Open cluster"
    if item.subject_type == "order":
        return _subject(item), "Open order"
    route, words = ACTIONS[Reason(item.reason)]
    return reverse(route, args=[item.subject_id]), words
