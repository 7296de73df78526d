"""Auto registration: where it is on, what it would do with each cluster, and the switch."""

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse

from kit.forms.pages import DONE, attempt, confirm_page
from kit.refusals import Refusal
from licensing.accounts.models import SmartAccount
from licensing.assignments import auto_registration as verbs
from licensing.assignments.forms import AutoRegistrationForm
from licensing.assignments.models import AutoRegistration
from people.audit import actor_of
from people.gate import Need, needs

HERE = ("Auto registration", "/auto-registration/")
AT_ONCE = 100  # rows of each of the two tables


@needs(Need.READ)
def auto_registration(request: HttpRequest) -> HttpResponse:
    """Every smart account with an operational pool, and whether it is on there."""
    rows = SmartAccount.objects.filter(virtual_accounts__purpose="operational", virtual_accounts__gone_at=None)
    accounts = rows.select_related("license_server", "auto_registration").order_by("license_server__kind", "name")
    return render(request, "assignments/auto_registration/auto_registration.html", {"accounts": accounts})


@needs(Need.READ, write=Need.OWN)
def auto_registration_of(request: HttpRequest, pk: int) -> HttpResponse:
    """What it would do, or does, with each cluster of the account's side. Posting switches it on."""
    account = get_object_or_404(SmartAccount.objects.select_related("license_server", "auto_registration"), pk=pk)
    option: AutoRegistration | None = getattr(account, "auto_registration", None)
    form = AutoRegistrationForm(request.POST if request.method == "POST" else None)
    status, made = attempt(request, form, lambda: _switch_on(request, account, form.cleaned_data))
    if status == DONE and made is not None:
        messages.success(request, f"Auto registration of {account} is on. Its first pass begins within a minute.")
        return redirect(request.path)
    context: dict[str, Any] = {"account": account, "option": option, "form": form, "pool": verbs.pool_of(account)}
    try:
        context |= _preview(request, verbs.candidates(account, option), option)
    except Refusal as refusal:
        context["refusal"] = refusal
    return render(request, "assignments/auto_registration/account.html", context, status=status)


@needs(Need.OWN)
def auto_registration_off(request: HttpRequest, pk: int) -> HttpResponse:
    option = get_object_or_404(AutoRegistration.objects.select_related("smart_account"), smart_account=pk)
    account, here = option.smart_account, reverse("auto-registration-of", args=[pk])
    page = confirm_page(
        request,
        lambda: verbs.switch_off(actor_of(request), option),
        heading=f"Switch off auto registration of {account}?",
        consequences=[
            "What is registered stays registered, and what is assigned stays assigned.",
            "New clusters are assigned by people from now on.",
            "Clusters that people have moved are candidates again when it is switched on anew.",
        ],
        confirm="Switch off",
        cancel=here,
        crumbs=[HERE, (str(account), here)],
        danger=False,
    )
    if page is None:
        messages.success(request, f"Auto registration of {account} is off.")
    return page or redirect("auto-registration")


def _preview(request: HttpRequest, found: list[verbs.Candidate], option: AutoRegistration | None) -> dict[str, Any]:
    refusals = option.refusals if option else {}
    rows = [(candidate, refusals.get(str(candidate.cluster.pk), "")) for candidate in found]
    eligible = [row for row in rows if row[0].eligible]
    left_out = [row for row in rows if not row[0].eligible]
    return {
        "eligible": Paginator(eligible, AT_ONCE).get_page(request.GET.get("eligible")),
        "left_out": Paginator(left_out, AT_ONCE).get_page(request.GET.get("left_out")),
        "restarting": [candidate.restarts for candidate, _ in eligible if candidate.restarts],
        "refused": refusals.get("", ""),
    }


def _switch_on(request: HttpRequest, account: SmartAccount, values: dict[str, Any]) -> AutoRegistration:
    return verbs.switch_on(actor_of(request), account, **values)
