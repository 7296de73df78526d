"""The pools of a smart account: ordered against operational against consumed, deposits, and ends that come up."""

from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone

from kit import files
from licensing.accounts.models import SmartAccount
from licensing.orders import deposits
from licensing.pools import balance
from licensing.pools.balance import Figures, Group, Pools
from people.gate import Need, needs

ROWS_SHOWN = 200
ENDINGS_SHOWN = 12
ENDED_DAYS = 30  # that long an end stays on the line
WAYS: dict[str, str] = {
    "license": "License",
    "model": "License model",
    "customer": "Customer",
    "cluster": "Cluster",
    "order": "Order",
}


@needs(Need.READ)
def pool_list(request: HttpRequest) -> HttpResponse:
    found = [balance.of(account) for account in balance.accounts_with_pools()]
    return render(request, "pools/pools/pools.html", {"found": found})


@needs(Need.READ)
def pool_page(request: HttpRequest, pk: int) -> HttpResponse:
    """Show the pools by license, or as `?by=` asks. `?format=csv` or `xlsx` is the whole table as a file."""
    account = get_object_or_404(SmartAccount, pk=pk)
    found = balance.of(account)
    by = request.GET.get("by", "")
    by = by if by in WAYS else "license"
    if format_ := files.requested_format(request):
        return files.answer(_file_rows(found, by), f"{account} pools by {by}", format_)
    groups: list[Group] = [] if by == "license" else getattr(found, f"by_{by}")
    today = timezone.localdate()
    endings = found.endings(today - timedelta(days=ENDED_DAYS))
    context = {
        "account": account,
        "pools": found,
        "by": by,
        "ways": WAYS,
        "downloads": files.links(request),
        "heads": [head for head, _ in _columns(by)],
        "rows": [(row, _cells(row.figures, by)) for row in found.by_license] if by == "license" else [],
        "groups": [(group, [(one, _cells(one, by)) for one in group.figures]) for group in groups[:ROWS_SHOWN]],
        "left_out": max(len(groups) - ROWS_SHOWN, 0),
        "endings": endings[:ENDINGS_SHOWN],
        "more_endings": max(len(endings) - ENDINGS_SHOWN, 0),
        "deposits": deposits.timeline(filter(None, (found.ordered, found.operational))),
        "unmapped": sum(not row.customer and row.license_model != "perpetual" for row in found.subscriptions.values()),
    }
    return render(request, "pools/pools/pool.html", context)


# Column heads of page and file, the attributes of balance.Figures, and for which ways they are shown.
COLUMNS = (
    ("Ordered", "ordered", {"license", "model", "customer", "order"}),
    ("Delivered", "delivered", {"license", "model", "customer", "order"}),
    ("Undelivered", "undelivered", {"license", "model", "customer", "order"}),
    ("Owned", "owned", {"license", "customer"}),
    ("Used", "used", {"license", "customer", "cluster"}),
    ("Difference", "difference", {"customer"}),
    ("Short by Cisco", "short_by_cisco", {"license", "customer", "cluster"}),
    ("Short with borrowing", "short_with_borrowing", {"license", "customer", "cluster"}),
    ("True forward", "true_forward", {"license", "customer"}),
)
MARKED = {"undelivered", "short_by_cisco", "short_with_borrowing", "true_forward"}


def _columns(by: str) -> list[tuple[str, str]]:
    return [(head, name) for head, name, ways in COLUMNS if by in ways]


def _file_rows(found: Pools, by: str) -> Iterator[list[Any]]:
    columns = _columns(by)
    heads = ["License", *(head for head, _ in columns)]
    if by == "license":
        yield [*heads, "Lent", "Left"]
        for row in found.by_license:
            yield [*_numbers(row.figures, columns), row.lent, row.left]
        return
    yield [WAYS[by], "Of", *heads]
    groups: Iterable[Group] = getattr(found, f"by_{by}")
    for group, one in balance.lines_of(groups):
        yield [group.title, group.below, *_numbers(one, columns)]


def _numbers(one: Figures, columns: list[tuple[str, str]]) -> list[Any]:
    return [one.license, *(getattr(one, name) for _, name in columns)]


def _cells(one: Figures, by: str) -> list[tuple[str, int | None, bool]]:
    """Return head, value, and whether the value is marked as bad."""
    found = []
    for head, name in _columns(by):
        value = getattr(one, name)
        found.append((head, value, bool(value) and (name in MARKED or value < 0)))
    return found
