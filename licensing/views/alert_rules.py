"""Alert rules: what the portal watches, from when on, and how loudly."""

from typing import Any

from django.contrib import messages
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse

from licensing.forms.alerts import THRESHOLDS, AlertRuleForm
from licensing.models import AlertRule
from licensing.views.forms import DONE, attempt, form_page
from people import audit
from people.gate import Need, needs

HERE = ("Alert rules", "/alert-rules/")


@needs(Need.READ)
def alert_rules(request: HttpRequest) -> HttpResponse:
    rules = AlertRule.objects.annotate(open_alerts=Count("alerts", filter=Q(alerts__closed_at=None)))
    rows = [{"rule": rule, "unit": THRESHOLDS.get(rule.kind, ("",))[0].lower()} for rule in rules]
    return render(request, "alert_rules/alert_rules.html", {"rows": rows})


@needs(Need.OWN)
def alert_rule_edit(request: HttpRequest, pk: int) -> HttpResponse:
    rule = get_object_or_404(AlertRule, pk=pk)
    before = audit.snapshot(rule)
    form = AlertRuleForm(request.POST or None, instance=rule)
    status, _ = attempt(request, form, lambda: _save(request, form, before))
    if status == DONE:
        messages.success(request, f"“{rule}” was saved. Alerts follow at the next evaluation, within 15 minutes.")
        return redirect("alert-rules")
    return form_page(request, form, heading=str(rule), cancel=reverse("alert-rules"), crumbs=[HERE], status=status)


def _save(request: HttpRequest, form: AlertRuleForm, before: dict[str, Any]) -> None:
    rule = form.save()
    audit.record(audit.actor_of(request), "changed", rule, before=before)
