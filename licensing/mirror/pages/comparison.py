"""The page that shows what changed between two days or two sync runs."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from kit.forms.pages import ASKED, INVALID, REFUSED
from kit.lists import Empty, list_page
from kit.refusals import Refusal
from licensing.mirror.changes.comparison import Comparison, compare
from licensing.mirror.filters import NetChangeFilter
from licensing.mirror.forms.comparison import DaysForm, RunsForm, add_refusal, mark_required
from licensing.mirror.models import SyncRun
from licensing.mirror.tables.present import NetChangeTable
from people.gate import Need, needs

TEMPLATE = "mirror/sync_runs/comparison.html"
CHOSEN = ("start", "end", "smart_account", "first_run", "second_run")
GAPS_SHOWN = 5
COUNTED_UP_TO = 2_000  # objects


@needs(Need.READ)
def comparison(request: HttpRequest) -> HttpResponse:
    """Ask for two days or two sync runs, and list what differs. `?format=csv` or `xlsx` is the list as a file."""
    chosen = {name: request.GET[name] for name in CHOSEN if request.GET.get(name)}
    asked = bool({"start", "end", "first_run"} & set(chosen))
    second = _second_run(chosen)
    days, runs = DaysForm(chosen if asked else None), RunsForm(chosen if asked else None, second)
    context: dict[str, Any] = {"days": days, "runs": runs, "heading": "What changed", "second_run": second}
    status, found = _compare(days, runs, chosen) if asked else (ASKED, None)
    for form in (days, runs):
        mark_required(form)
    if found is None:
        return render(request, TEMPLATE, context, status=status)
    return _listing(request, found, chosen, context)


def _second_run(chosen: dict[str, str]) -> SyncRun | None:
    text = chosen.get("second_run", "")
    if not (text.isascii() and text.isdigit() and len(text) < len("9223372036854775807")):
        return None
    return SyncRun.objects.select_related("smart_account").filter(pk=int(text)).first()


def _compare(days: DaysForm, runs: RunsForm, chosen: dict[str, str]) -> tuple[int, Comparison | None]:
    """Return the comparison, or the status of an answer that shows why there is none."""
    form = runs if {"first_run", "second_run"} & set(chosen) else days
    if not all([days.is_valid(), runs.is_valid()]):
        return INVALID, None
    try:
        return ASKED, compare(**days.cleaned_data, **runs.cleaned_data)
    except Refusal as refusal:
        add_refusal(form, refusal)
        return REFUSED, None


def _count_same(found: Comparison) -> int | None:
    """Return how many objects changed and changed back, or None where many changed: counting would take seconds."""
    touched = found.touched.values("pk")[: COUNTED_UP_TO + 1].count()
    return touched - found.rows.count() if touched <= COUNTED_UP_TO else None


def _listing(request: HttpRequest, found: Comparison, chosen: dict[str, str], context: dict[str, Any]) -> HttpResponse:
    sort = {"sort": ",".join(request.GET.getlist("sort"))} if request.GET.get("sort") else {}
    here = request.GET.copy()
    for name in set(here) - set(chosen):
        del here[name]
    empty = Empty(
        "git-compare-arrows",
        "No changes",
        "The portal recorded no difference between the two moments."
        if found.gaps
        else "Everything was the same at both moments.",
    )
    return list_page(
        request,
        TEMPLATE,
        NetChangeFilter(request.GET, queryset=found.rows.select_related("sync_run__smart_account")),
        NetChangeTable,
        noun=("change", "changes"),
        empty=empty,
        **context,
        found=found,
        same=_count_same(found),
        gaps=found.gaps[:GAPS_SHOWN],
        more_gaps=max(len(found.gaps) - GAPS_SHOWN, 0),
        kept={**chosen, **sort},
        clear_href=f"{reverse('sync-run-comparison')}?{here.urlencode()}",
    )
