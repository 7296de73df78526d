"""Pages for the remedies of a shortage, and for moving one license by hand."""

import re
from typing import Any

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
from licensing.pools.remedies import Kind, Remedies, Remedy
from licensing.pools.transfers import planning
from licensing.pools.transfers.planning import Wanted
from people.audit import actor_of
from people.gate import Need, needs

INSTANCES_SHOWN = 10
# What the buttons of the page ask for: this shortage, from the ordered pool too, or all of the account's.
SCOPES = ("license", "license_ordered", "account")
BUTTONS = {Kind.MOVE: "license", Kind.MOVE_ORDERED: "license_ordered"}
# Ids of the license at its source and of the target.
QUANTITY = re.compile(r"quantity-(\d{1,18})-(\d{1,18})")
MOST = 2**31 - 1


@needs(Need.READ, write=Need.OPERATE)
def license_remedies(request: HttpRequest, pk: int) -> HttpResponse:
    """Posting makes a transfer plan of the quantities in the form, or without any of what is offered, computed anew."""
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
        "options": [_shown(request, found, option) for option in found.options],
        "overage": Overage.objects.open().filter(license=row).select_related("owner").first(),
        "plans": row.virtual_account.smart_account.transfer_plans.exclude(
            state__in=(TransferPlan.State.DONE, TransferPlan.State.CANCELLED)
        ),
        "instances_shown": INSTANCES_SHOWN,
    }
    return render(request, "pools/remedies/remedies.html", context, status=status)


def _shown(request: HttpRequest, found: Remedies, option: Remedy) -> dict[str, Any]:
    """A remedy with the fields of its moves, which keep what was typed, and its effect."""
    typed = request.POST if request.POST.get("scope") == BUTTONS.get(option.kind) else {}
    moves = []
    for part in option.wanted:
        name = f"quantity-{part.license.pk}-{part.target.pk}"
        free = found.books.free_to_move(part.license)
        moves.append({"part": part, "name": name, "free": free, "value": typed.get(name, part.quantity)})
    effect = found.effect(option) if moves else None
    return {"remedy": option, "moves": moves, "effect": effect, "scope": BUTTONS.get(option.kind)}


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
    if typed := _typed(request):
        wanted, reason = typed, f"{row.name} is short in {row.virtual_account}"
    elif scope == "account":
        wanted, reason = remedies.wanted_for_account(account), "All shortages of the smart account"
    else:
        wanted = remedies.wanted_for(row, from_ordered=scope == "license_ordered")
        reason = f"{row.name} is short in {row.virtual_account}"
    return planning.create(actor_of(request), account, wanted, reason[:500])


def _typed(request: HttpRequest) -> list[Wanted]:
    """Return the moves with the quantities that a person entered, in the order of the form. 0 leaves one out."""
    fields = [(found, str(text).strip()) for name, text in request.POST.items() if (found := QUANTITY.fullmatch(name))]
    rows = License.objects.select_related("virtual_account").in_bulk([int(found[1]) for found, _ in fields])
    targets = VirtualAccount.objects.in_bulk([int(found[2]) for found, _ in fields])
    wanted = []
    for found, text in fields:
        row, target = rows.get(int(found[1])), targets.get(int(found[2]))
        if row is None or target is None:
            raise Refusal("A license or virtual account of this form is gone.", "Reload the page.")
        if not text.isdecimal() or int(text) > MOST:
            raise Refusal(f"{text!r} is not a number of licenses.", "Enter a whole number, 0 or more.", "quantity")
        if int(text):
            wanted.append(Wanted(row, target, int(text)))
    if fields and not wanted:
        raise Refusal("There is nothing to move.", "Enter at least 1 license.", "quantity")
    return wanted


def _find(pk: int) -> License:
    rows = License.objects.select_related("virtual_account__smart_account__license_server")
    found: License = get_object_or_404(rows, pk=pk)
    return found
