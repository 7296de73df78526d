"""Transfer plans: reviewed, approved, executed step by step, and kept."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.db.models import Count, QuerySet, Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST
from django.views.decorators.vary import vary_on_headers
from django_htmx.http import HttpResponseClientRefresh

from kit.broker import BrokerUnavailable
from kit.forms.pages import confirm_page
from kit.lists import Empty, list_page
from kit.refusals import Refusal
from licensing.pools.filters import TransferPlanFilter
from licensing.pools.models import TransferPlan, TransferStep
from licensing.pools.tables import TransferPlanTable
from licensing.pools.transfers import effect, planning
from people.audit import Actor, actor_of
from people.gate import Need, needs


def all_plans() -> QuerySet[TransferPlan]:
    return TransferPlan.objects.select_related(
        "smart_account__license_server", "created_by", "approved_by", "started_by"
    )


@needs(Need.READ)
def transfer_plans(request: HttpRequest) -> HttpResponse:
    rows = all_plans().annotate(step_count=Count("steps"), moved=Sum("steps__quantity"))
    empty = Empty(
        "arrow-left-right",
        "No transfer plans yet",
        "A license that is short offers one among its remedies.",
        f"{reverse('licenses')}?status=out_of_compliance",
        "Licenses out of compliance",
    )
    return list_page(
        request,
        "pools/transfer_plans/transfer_plans.html",
        TransferPlanFilter(request.GET, queryset=rows),
        TransferPlanTable,
        noun=("transfer plan", "transfer plans"),
        empty=empty,
    )


def next_page(plan: TransferPlan) -> HttpResponse:
    """Lead from a new plan to the confirmation, or to its page while something is in its way."""
    return redirect("transfer-plan" if _blocker(plan) else "transfer-plan-execute", plan.pk)


@vary_on_headers("HX-Request")
@needs(Need.READ)
def transfer_plan(request: HttpRequest, pk: int) -> HttpResponse:
    """While it is executed, the steps are asked for again and again; at its end the whole page."""
    plan = get_object_or_404(all_plans(), pk=pk)
    steps = list(plan.steps.select_related("license", "source", "target"))
    verified = sum(step.state == step.State.VERIFIED for step in steps)
    context = {
        "plan": plan,
        "account": plan.smart_account,
        "steps": steps,
        "moved": sum(step.quantity for step in steps),
        "verified": verified,
        "blocker": _blocker(plan),
        "may_approve": plan.state == plan.State.DRAFT and plan.created_by_id != request.user.pk,
        "startable": plan.state in plan.STARTABLE,
        "settleable": {step.pk for step in steps if _settleable(plan, step)},
        "effect": effect.of_plan(plan) if plan.state in plan.STARTABLE else None,
    }
    if request.htmx:  # type: ignore[attr-defined]
        return (
            render(request, "pools/transfer_plans/steps.html", context)
            if plan.executing
            else HttpResponseClientRefresh()
        )
    return render(request, "pools/transfer_plans/transfer_plan.html", context)


@require_POST
@needs(Need.OPERATE)
def transfer_plan_approve(request: HttpRequest, pk: int) -> HttpResponse:
    return _do(request, pk, planning.approve, "Approved. It can be executed now.")


@needs(Need.OPERATE)
def transfer_plan_execute(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask first, and name what goes to Cisco. A worker then does it; the plan's page shows how far it is."""
    plan = get_object_or_404(all_plans(), pk=pk)
    here, blocker = reverse("transfer-plan", args=[pk]), _blocker(plan)
    if plan.state not in plan.STARTABLE:
        return _do(request, pk, lambda _, plan: planning.check_start(plan), "")
    asked = confirm_page(
        request,
        lambda: planning.request(actor_of(request), plan),
        heading=f"Send transfer plan #{plan.pk} to Cisco?",
        confirm="Send to Cisco",
        cancel=here,
        blockers=[blocker] if blocker else (),
        crumbs=[("Transfer plans", reverse("transfer-plans")), (str(plan), here)],
        danger=False,
        template="pools/transfer_plans/confirm.html",
        plan=plan,
        requests=planning.requests_to_cisco(plan),
        effect=effect.of_plan(plan),
    )
    return asked or redirect(here)


@require_POST
@needs(Need.OPERATE)
def transfer_plan_cancel(request: HttpRequest, pk: int) -> HttpResponse:
    return _do(request, pk, planning.cancel, "Cancelled. What has moved stays moved.")


@require_POST
@needs(Need.OPERATE)
def transfer_step_settle(request: HttpRequest, pk: int, step: int) -> HttpResponse:
    """`moved` is yes or no."""
    found, moved = get_object_or_404(TransferStep, pk=step, plan=pk), request.POST.get("moved")
    if moved not in ("yes", "no"):
        messages.error(request, "It is not said whether the licenses moved. Use the buttons of the step.")
        return redirect("transfer-plan", pk)
    return _do(request, pk, lambda actor, _: planning.settle(actor, found, moved == "yes"), "The step is settled.")


def _settleable(plan: TransferPlan, step: TransferStep) -> bool:
    try:
        planning.check_settling(plan, step)
    except Refusal:
        return False
    return True


def _do(request: HttpRequest, pk: int, act: Callable[[Actor, Any], object], done: str) -> HttpResponse:
    plan = get_object_or_404(all_plans(), pk=pk)
    try:
        act(actor_of(request), plan)
        if done:
            messages.success(request, done)
    except (Refusal, BrokerUnavailable) as error:
        messages.error(request, str(error))
    return redirect("transfer-plan", pk)


def _blocker(plan: TransferPlan) -> str:
    """Return why the plan cannot be executed now; empty where it can, or where it is over."""
    if plan.state not in plan.STARTABLE:
        return ""
    try:
        planning.check_start(plan)
    except Refusal as refusal:
        return str(refusal)
    return ""
