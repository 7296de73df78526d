"""Show smart accounts: their pools, the age of their figures, and their syncs."""

from django.contrib import messages
from django.db import transaction
from django.db.models import Count, OuterRef, Q, Subquery
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST
from django_htmx.http import HttpResponseClientRefresh

from kit.broker import BrokerUnavailable
from kit.forms.pages import DONE, Crumbs, attempt, confirm_page, form_page
from kit.lists import Empty, list_page
from kit.refusals import Refusal
from kit.wording import counted
from licensing.accounts import schedules
from licensing.accounts.filters import SmartAccountFilter
from licensing.accounts.forms import INTERVALS, SmartAccountForm
from licensing.accounts.models import SmartAccount
from licensing.accounts.pages.license_servers import change_secret_page
from licensing.accounts.smart_accounts import save_smart_account
from licensing.accounts.tables import SmartAccountTable, run_state
from licensing.alerts.models import Alert
from licensing.assignments import pool_settings
from licensing.assignments.models import Assignment
from licensing.mirror.models import ProductInstance, SyncRun, VirtualAccount
from licensing.operations import lifecycle, lost_workers, removal, syncing
from people import audit
from people.gate import Need, needs

HERE = ("Smart accounts", "/smart-accounts/")
RUNS_SHOWN = 8


@needs(Need.READ)
def smart_accounts(request: HttpRequest) -> HttpResponse:
    lost_workers.look_for_lost()
    latest = SyncRun.objects.filter(smart_account=OuterRef("pk")).order_by("-queued_at", "-pk")
    rows = SmartAccount.objects.select_related("license_server").annotate(
        pools=Count("virtual_accounts", filter=Q(virtual_accounts__gone_at=None)),
        last_status=Subquery(latest.values("status")[:1]),
    )
    empty = Empty(
        "cloud",
        "No smart accounts yet",
        "Choose them from the accounts that a license server's credentials see.",
        reverse("license-servers"),
        "Go to license servers",
    )
    return list_page(
        request,
        "accounts/smart_accounts/smart_accounts.html",
        SmartAccountFilter(request.GET, queryset=rows),
        SmartAccountTable,
        noun=("smart account", "smart accounts"),
        empty=empty,
    )


@needs(Need.READ)
def smart_account(request: HttpRequest, pk: int) -> HttpResponse:
    account = _find(pk)
    pools = account.virtual_accounts.present().annotate(
        license_count=Count("licenses", filter=Q(licenses__gone_at=None), distinct=True),
        short_count=Count(
            "licenses", filter=Q(licenses__gone_at=None, licenses__status="out_of_compliance"), distinct=True
        ),
    )
    runs = list(account.sync_runs.all()[:RUNS_SHOWN])
    if lost_workers.fail_lost_among(runs):
        runs = list(account.sync_runs.all()[:RUNS_SHOWN])
    next_at = schedules.next_sync_at(account)
    by_name = {pool.name: pool for pool in pools}
    context = {
        "account": account,
        "pools": pools,
        "suggestions": [(by_name[found.name], found) for found in pool_settings.purpose_suggestions(pools)],
        "alert_counts": Alert.objects.open().filter(smart_account=pk).counted(),
        "gone_pools": account.virtual_accounts.exclude(gone_at=None).count(),
        "runs": runs,
        "run": runs[0] if runs else None,
        "every": dict(INTERVALS).get(account.sync_every, f"every {account.sync_every}"),
        "next_sync_at": next_at,
        "due": next_at is not None and next_at <= timezone.now(),
        "paused": run_state(account) == "paused",
    }
    return render(request, "accounts/smart_accounts/smart_account.html", context)


@needs(Need.READ, write=Need.OPERATE)
def smart_account_sync(request: HttpRequest, pk: int) -> HttpResponse:
    """Start a sync on POST. The page polls here for progress, and reloads at its end."""
    account = _find(pk)
    if request.method == "POST":
        try:
            syncing.start_sync(account, str(audit.actor_of(request).label))
        except (Refusal, BrokerUnavailable) as error:
            messages.error(request, str(error))
        return redirect("smart-account", pk)
    run = account.sync_runs.first()
    if run and lost_workers.fail_lost_among([run]):
        run.refresh_from_db()
    if request.htmx and (run is None or not run.unfinished):  # type: ignore[attr-defined]
        return HttpResponseClientRefresh()
    return render(request, "accounts/smart_accounts/sync.html", {"account": account, "run": run})


@needs(Need.OWN)
def smart_account_edit(request: HttpRequest, pk: int) -> HttpResponse:
    account = _find(pk)
    crumbs, before = _crumbs(account), audit.snapshot(account)
    form = SmartAccountForm(request.POST or None, instance=account)
    status, _ = attempt(request, form, lambda: save_smart_account(audit.actor_of(request), form.instance, before))
    if status == DONE:
        messages.success(request, f"{account} was saved.")
        return redirect("smart-account", pk)
    name, address = crumbs[-1]
    return form_page(request, form, heading=f"Edit {name}", cancel=address, crumbs=crumbs, status=status)


@needs(Need.OWN)
def smart_account_secret(request: HttpRequest, pk: int) -> HttpResponse:
    account = _find(pk)
    return change_secret_page(request, account, reverse("smart-account", args=[pk]), list(_crumbs(account)))


@needs(Need.OWN)
def smart_account_pause(request: HttpRequest, pk: int) -> HttpResponse:
    account = _find(pk)
    page = confirm_page(
        request,
        lambda: lifecycle.pause(audit.actor_of(request), account),
        heading=f"Pause {account}?",
        consequences=[
            "The portal no longer syncs it, neither by schedule nor by hand.",
            "The last figures stay and get older. Its open alerts are closed.",
            "You can resume it at any time.",
        ],
        confirm="Pause smart account",
        cancel=reverse("smart-account", args=[pk]),
        crumbs=_crumbs(account),
        danger=False,
    )
    if page is None:
        messages.success(request, f"{account} was paused.")
    return page or redirect("smart-account", pk)


@require_POST
@needs(Need.OWN)
def smart_account_resume(request: HttpRequest, pk: int) -> HttpResponse:
    account = _find(pk)
    try:
        with transaction.atomic():
            lifecycle.resume(audit.actor_of(request), account)
        messages.success(request, f"{account} was resumed. The next sync starts within moments.")
    except Refusal as refusal:
        messages.error(request, str(refusal))
    return redirect("smart-account", pk)


@needs(Need.OWN)
def smart_account_remove(request: HttpRequest, pk: int) -> HttpResponse:
    account = _find(pk)
    name, guard = str(account), removal.guard_smart_account(account)
    page = confirm_page(
        request,
        lambda: lifecycle.remove(audit.actor_of(request), account),
        heading=f"Remove {name}?",
        consequences=_deletion_consequences(account),
        blockers=guard.blockers,
        steps=guard.steps,
        confirm="Remove smart account",
        cancel=reverse("smart-account", args=[pk]),
        crumbs=_crumbs(account),
    )
    if page is None:
        messages.success(request, f"{name} was removed. Nothing changed at Cisco.")
    return page or redirect("smart-accounts")


def _find(pk: int) -> SmartAccount:
    account: SmartAccount = get_object_or_404(SmartAccount.objects.select_related("license_server"), pk=pk)
    return account


def _crumbs(account: SmartAccount) -> Crumbs:
    return [HERE, (str(account), reverse("smart-account", args=[account.pk]))]


def _deletion_consequences(account: SmartAccount) -> list[str]:
    pools = VirtualAccount.objects.filter(smart_account=account).count()
    instances = ProductInstance.objects.filter(virtual_account__smart_account=account).count()
    ended = Assignment.objects.filter(virtual_account__smart_account=account).exclude(ended_at=None).count()
    return [
        f"The portal deletes {counted(pools, 'virtual account')} with licenses and history, and "
        f"{counted(instances, 'product instance')}.",
        f"Purposes, license modes and notes are lost, and the history of {counted(ended, 'ended assignment')}.",
        "Nothing changes at Cisco.",
    ]
