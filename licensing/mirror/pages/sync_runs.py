"""Pages of sync runs: how each attempt went, why it failed, and what it changed."""

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.vary import vary_on_headers
from django_htmx.http import HttpResponseClientRefresh

from kit.lists import Empty, list_page
from licensing.accounts.empty_states import to_smart_accounts
from licensing.mirror.changes import records
from licensing.mirror.filters import ChangeFilter, SyncRunFilter
from licensing.mirror.models import Change, SyncRun
from licensing.mirror.tables.present import ChangeTable, SyncRunTable, address_of, took
from licensing.operations import lost_workers
from people.gate import Need, needs

CHANGES_SHOWN = 25


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
    changes = records.of_run(run)
    context = {
        "run": run,
        "account": run.smart_account,
        "took": took(run),
        "changes": with_addresses(changes),
        "number": changes.count(),
        "why_none": records.explain_none(run),
        "next_run": SyncRun.objects.filter(smart_account=run.smart_account_id, pk__gt=pk).order_by("pk").first(),
    }
    return render(request, "mirror/sync_runs/sync_run.html", context)


@needs(Need.READ)
def sync_run_changes(request: HttpRequest, pk: int) -> HttpResponse:
    """List every change of a run. `?format=csv` or `xlsx` is what the filters leave, as a file."""
    run = get_object_or_404(SyncRun.objects.select_related("smart_account"), pk=pk)
    return list_page(
        request,
        "mirror/sync_runs/changes.html",
        ChangeFilter(request.GET, queryset=records.of_run(run)),
        ChangeTable,
        noun=("change", "changes"),
        empty=Empty("refresh-cw", "No changes", records.explain_none(run), reverse("sync-run", args=[pk]), "Open sync"),
        heading="Changes",
        run=run,
    )


def with_addresses(changes: QuerySet[Change]) -> list[tuple[Change, str]]:
    """Pair the first changes with the page of the row that changed, where there is one."""
    return [(change, address_of(change)) for change in changes[:CHANGES_SHOWN]]
