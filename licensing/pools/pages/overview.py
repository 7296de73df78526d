"""The first page: am I compliant, where not, since when, what fixes it, and how old are these numbers?"""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.vary import vary_on_headers
from django_htmx.http import HttpResponseClientRefresh

from kit.broker import BrokerUnavailable
from kit.refusals import Refusal
from licensing.accounts.models import LicenseServer, SmartAccount
from licensing.alerts.subjects import subject_address
from licensing.operations import lost_workers, syncing
from licensing.pools import overview as position
from people.audit import actor_of
from people.gate import Need, needs

ALERTS_SHOWN = 10
SHORT_SHOWN = 6
ENDING_DAYS, ENDING_SHOWN = 90, 6
POOL_ROWS_SHOWN = 12


@vary_on_headers("HX-Request")
@needs(Need.READ, write=Need.OPERATE)
def overview(request: HttpRequest) -> HttpResponse:
    """Posting starts a sync. While one runs, the page asks for the accounts alone; when it is over, for itself."""
    if request.method == "POST":
        return _start_sync(request)
    accounts = position.accounts_with_latest_run()
    if lost_workers.fail_lost_among(run for account in accounts for run in account.latest):  # type: ignore[attr-defined]
        accounts = position.accounts_with_latest_run()
    running = any(run.unfinished for account in accounts for run in account.latest)  # type: ignore[attr-defined]
    context = {"accounts": accounts, "running": running}
    if request.htmx:  # type: ignore[attr-defined]
        return render(request, "pools/overview/accounts.html", context) if running else HttpResponseClientRefresh()
    if not any(account.last_synced_at for account in accounts):
        return render(request, "pools/overview/first_steps.html", context | {"server": LicenseServer.objects.first()})
    return render(request, "pools/overview/overview.html", context | _figures(accounts))


def _figures(accounts: list[SmartAccount]) -> dict[str, object]:
    compliance = position.compliance()
    shortages = position.shortages(SHORT_SHOWN) if compliance.short else []
    attention = position.attention([row.alert.pk for row in shortages if row.alert])
    in_doubt = position.in_doubt(accounts)
    ending = position.terms_ending(ENDING_DAYS)
    return {
        "compliance": compliance,
        "shortages": shortages,
        "oldest_shortage": shortages[0] if shortages else None,  # the one that has been short longest
        "attention": [(group, group.alert and subject_address(group.alert)) for group in attention[:ALERTS_SHOWN]],
        "more_attention": len(attention) > ALERTS_SHOWN,
        "in_doubt": in_doubt,
        "quiet": not (compliance.short or attention or in_doubt),
        "oldest": position.oldest_sync(accounts),
        "ending": ending[:ENDING_SHOWN],
        "ending_days": ENDING_DAYS,
        "pools": position.pool_pairs(POOL_ROWS_SHOWN),
    }


def _start_sync(request: HttpRequest) -> HttpResponse:
    number = request.POST.get("smart_account", "")
    account = get_object_or_404(SmartAccount, pk=int(number) if number.isdecimal() else 0)
    try:
        syncing.start_sync(account, actor_of(request).label)
        messages.success(request, f"The sync of {account} is on its way.")
    except (Refusal, BrokerUnavailable) as error:
        messages.error(request, str(error))
    return redirect("overview")
