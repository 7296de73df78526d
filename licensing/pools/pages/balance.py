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
from licensing.pools.balance import Group, Pools
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
    """Show the two pools by license, or as `?by=` asks. `?format=csv` or `xlsx` is the whole table as a file."""
    account = get_object_or_404(SmartAccount, pk=pk)
    found = balance.of(account)
    by = request.GET.get("by", "")
    by = by if by in WAYS else "license"
    if format_ := files.requested_format(request):
        return files.answer(_file_rows(found, by), f"{account} pools by {by}", format_)
    groups = [] if by == "license" else getattr(found, f"by_{by}")
    today = timezone.localdate()
    endings = found.endings(today - timedelta(days=ENDED_DAYS))
    context = {
        "account": account,
        "pools": found,
        "by": by,
        "ways": WAYS,
        "downloads": files.links(request),
        "groups": groups[:ROWS_SHOWN],
        "left_out": max(len(groups) - ROWS_SHOWN, 0),
        "endings": endings[:ENDINGS_SHOWN],
        "more_endings": max(len(endings) - ENDINGS_SHOWN, 0),
        "deposits": deposits.timeline(filter(None, (found.ordered, found.operational))),
        "unmapped": sum(not row.customer and row.license_model != "perpetual" for row in found.subscriptions.values()),
    }
    return render(request, "pools/pools/pool.html", context)


def _file_rows(found: Pools, by: str) -> Iterator[list[Any]]:
    figures = ["License", "Ordered", "Operational", "Consumed", "Difference", "Undelivered", "True forward"]
    if by == "license":
        yield [*figures, "Borrowed", "Lent", "Left", "Short"]
        for row in found.by_license:
            part = row.explained
            stand = [part.borrowed, part.lent, part.left, part.short] if part else ["", "", "", ""]
            yield [*_numbers(row.figures), *stand]
        return
    if by == "order":
        figures[2] = "Delivered"
    yield [WAYS[by], "Of", *figures]
    groups: Iterable[Group] = getattr(found, f"by_{by}")
    for group, one in balance.lines_of(groups):
        yield [group.title, group.below, *_numbers(one)]


def _numbers(one: balance.Figures) -> list[Any]:
    forward = "" if one.true_forward is None else one.true_forward
    return [one.license, one.ordered, one.operational, one.consumed, one.difference, one.outstanding, forward]
