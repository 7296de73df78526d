"""Pages of sync runs: how each attempt went, why it failed, and what it changed."""

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import NoReverseMatch, reverse
from django.views.decorators.vary import vary_on_headers
from django_htmx.http import HttpResponseClientRefresh

from kit.lists import Empty, list_page
from licensing.accounts.empty_states import to_smart_accounts
from licensing.mirror.filters import SyncRunFilter
from licensing.mirror.models import Change, SyncRun
from licensing.mirror.tables import SyncRunTable, took
from licensing.operations import lost_workers
from people.gate import Need, needs

CHANGES_SHOWN = 100


@needs(Need.READ)
def sync_runs(request: HttpRequest) -> HttpResponse:
    rows = SyncRun.objects.select_related("smart_account")
    lost_workers.look_for_lost()
    empty = Empty(
        "refresh-cw",
        "No sync runs yet",
        "The portal syncs a smart account when you add it, then on schedule.",
        *to_smart_accounts(),
    )
    return list_page(
        request,
        "mirror/sync_runs/sync_runs.html",
        SyncRunFilter(request.GET, queryset=rows),
        SyncRunTable,
        noun=("sync run", "sync runs"),
        empty=empty,
    )


@vary_on_headers("HX-Request")
@needs(Need.READ)
def sync_run(request: HttpRequest, pk: int) -> HttpResponse:
    """Show a run. While it runs, the page polls for its progress; then it reloads itself."""
    run = get_object_or_404(SyncRun.objects.select_related("smart_account"), pk=pk)
    if lost_workers.fail_lost_among([run]):
        run.refresh_from_db()
    if request.htmx:  # type: ignore[attr-defined]
        return (
            render(request, "mirror/sync_runs/progress.html", {"run": run})
            if run.unfinished
            else HttpResponseClientRefresh()
        )
    changes = run.changes.all()
    context = {
        "run": run,
        "account": run.smart_account,
        "took": took(run),
        "changes": with_addresses(changes),
        "more": max(changes.count() - CHANGES_SHOWN, 0),
        "next_run": SyncRun.objects.filter(smart_account=run.smart_account_id, pk__gt=pk).order_by("pk").first(),
    }
    return render(request, "mirror/sync_runs/sync_run.html", context)


def with_addresses(changes: QuerySet[Change]) -> list[tuple[Change, str]]:
    """Pair each change with the page of the row that changed, where there is one."""
    return [(change, address_of(change)) for change in changes.order_by("kind", "object_type", "label")[:CHANGES_SHOWN]]


def address_of(change: Change) -> str:
    try:
        return reverse(change.object_type.replace("_", "-"), args=[change.object_id])
    except NoReverseMatch:
        return ""
