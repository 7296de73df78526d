"""Pages for the remedies of a shortage, and for moving one license by hand."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse

from kit.forms.pages import DONE, REFUSED, attempt, form_page
from kit.refusals import Refusal
from licensing.alerts.models import Overage
from licensing.mirror.models import License, VirtualAccount
from licensing.pools import remedies
from licensing.pools.forms import TransferForm
from licensing.pools.models import TransferPlan
from licensing.pools.pages.transfer_plans import next_page
from licensing.pools.transfers import planning
from licensing.pools.transfers.planning import Wanted
from people.audit import actor_of
from people.gate import Need, needs

INSTANCES_SHOWN = 10
# What the buttons of the page ask for: this shortage, from the ordered pool too, or all of the account's.
SCOPES = ("license", "license_ordered", "account")


@needs(Need.READ, write=Need.OPERATE)
def license_remedies(request: HttpRequest, pk: int) -> HttpResponse:
    """Posting makes a transfer plan of what the page offers, computed anew."""
    row = _find(pk)
    status = 200
    if request.method == "POST":
        try:
            return next_page(_make_plan(request, row))
        except Refusal as refusal:
            messages.error(request, str(refusal))
            status = REFUSED
    found = remedies.remedies_for(row)
    context = {
        "license": row,
        "pool": row.virtual_account,
        "account": row.virtual_account.smart_account,
        "found": found,
        "options": found.options,
        "overage": Overage.objects.open().filter(license=row).select_related("owner").first(),
        "plans": row.virtual_account.smart_account.transfer_plans.exclude(
            state__in=(TransferPlan.State.DONE, TransferPlan.State.CANCELLED)
        ),
        "instances_shown": INSTANCES_SHOWN,
    }
    return render(request, "pools/remedies/remedies.html", context, status=status)


@needs(Need.OPERATE)
def license_transfer(request: HttpRequest, pk: int) -> HttpResponse:
    """A draft with this one move; `?target=` suggests where to."""
    row = _find(pk)
    account = row.virtual_account.smart_account
    pools = VirtualAccount.objects.present().filter(smart_account=account).exclude(pk=row.virtual_account_id)
    form = TransferForm(
        pools.serving(),
        request.POST or None,
        initial={"quantity": max(row.available, 0) or None, "target": request.GET.get("target")},
    )

    def make() -> TransferPlan:
        values = form.cleaned_data
        return planning.create(
            actor_of(request), account, [Wanted(row, values["target"], values["quantity"])], values["reason"]
        )

    status, plan = attempt(request, form, make)
    if status == DONE and plan is not None:
        return next_page(plan)
    here = reverse("license", args=[pk])
    return form_page(
        request,
        form,
        heading=f"Move licenses out of {row.virtual_account}",
        submit="Make a transfer plan",
        cancel=here,
        crumbs=[("Licenses", reverse("licenses")), (row.name, here)],
        template="pools/remedies/transfer.html",
        status=status,
        license=row,
    )


def _make_plan(request: HttpRequest, row: License) -> TransferPlan:
    scope, account = request.POST.get("scope"), row.virtual_account.smart_account
    if scope not in SCOPES:
        raise Refusal("It is not said what the plan is for.", "Use the buttons of this page.")
    if scope == "account":
        wanted, reason = remedies.wanted_for_account(account), "All shortages of the smart account"
    else:
        wanted = remedies.wanted_for(row, from_ordered=scope == "license_ordered")
        reason = f"{row.name} is short in {row.virtual_account}"
    return planning.create(actor_of(request), account, wanted, reason[:500])


def _find(pk: int) -> License:
    rows = License.objects.select_related("virtual_account__smart_account__license_server")
    found: License = get_object_or_404(rows, pk=pk)
    return found
