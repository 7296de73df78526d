"""The page of orders that syncs have found, and that nobody has entered yet."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from kit.forms.pages import ASKED, REFUSED
from kit.refusals import Refusal
from kit.templatetags.components import counted
from licensing.orders import proposals
from people.audit import actor_of
from people.gate import Need, needs

SHOWN = 200


@needs(Need.OPERATE)
def order_proposals(request: HttpRequest) -> HttpResponse:
    """Show what can be entered. A post enters the one that `accept` names ("account:key"), or all."""
    status = ASKED
    if request.method == "POST":
        try:
            entered = proposals.accept_all(actor_of(request), _chosen(request.POST.get("accept", "")))
        except Refusal as refusal:
            messages.error(request, str(refusal))
            status = REFUSED
        else:
            messages.success(request, f"{counted(len(entered), 'order was,orders were')} added.")
            return redirect("order", entered[0].pk) if len(entered) == 1 else redirect("orders")
    found = proposals.proposals()
    context = {"proposals": found[:SHOWN], "number": len(found), "left_out": max(len(found) - SHOWN, 0)}
    return render(request, "orders/proposals/proposals.html", context, status=status)


def _chosen(text: str) -> list[tuple[int, str]] | None:
    account, _, key = text.partition(":")
    if text == "all":
        return None
    return [(int(account), key)] if account.isdecimal() and len(account) < 19 else []
