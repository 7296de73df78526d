"""Pages for alert rules, and for what a rule would have found."""

from django.contrib import messages
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse

from kit.forms.pages import ASKED, DONE, INVALID, attempt, confirm_page, form_page
from kit.templatetags.components import counted
from licensing.alerts import rules, scopes
from licensing.alerts.forms import AlertRuleForm
from licensing.alerts.kinds import FACTS, in_words
from licensing.alerts.models import AlertRule, Kind
from licensing.alerts.replay.replay import would_have_fired
from people.audit import actor_of, snapshot
from people.gate import Need, needs

HERE = ("Alert rules", "/alert-rules/")
SOON = "Alerts follow at the next evaluation, within 15 minutes."
REPLAYED_DAYS = 90


@needs(Need.READ)
def alert_rules(request: HttpRequest) -> HttpResponse:
    rows = AlertRule.objects.annotate(open_alerts=Count("alerts", filter=Q(alerts__closed_at=None)))
    order = {kind: place for place, kind in enumerate(FACTS)}
    found = sorted(rows.select_related("owner"), key=lambda rule: (order[rule.kind], rule.name))
    shown = [{"rule": rule, "speaks": in_words(rule), "scoped": scopes.counted(rule)} for rule in found]
    return render(request, "alerts/alert_rules/alert_rules.html", {"rows": shown})


@needs(Need.OWN)
def alert_rule_add(request: HttpRequest) -> HttpResponse:
    """First of which kind, then what it counts."""
    kind = request.GET.get("kind", "")
    if kind not in FACTS:
        kinds = [(kind, Kind(kind).label, facts.about) for kind, facts in FACTS.items()]
        return render(request, "alerts/alert_rules/add.html", {"kinds": kinds, "crumbs": [HERE]})
    rule = AlertRule(kind=kind, lead_days=list(FACTS[kind].notices))
    return _form(request, rule, None, f"New rule: {rule.get_kind_display()}")


@needs(Need.OWN)
def alert_rule_edit(request: HttpRequest, pk: int) -> HttpResponse:
    rule = get_object_or_404(AlertRule, pk=pk)
    return _form(request, rule, snapshot(rule), str(rule))


@needs(Need.OWN)
def alert_rule_delete(request: HttpRequest, pk: int) -> HttpResponse:
    rule = get_object_or_404(AlertRule, pk=pk)
    here = reverse("alert-rule-edit", args=[pk])
    number = rule.alerts.count()
    theirs = "its" if number == 1 else "their"
    page = confirm_page(
        request,
        lambda: rules.delete(actor_of(request), rule),
        heading=f"Delete {rule}?",
        confirm="Delete",
        cancel=here,
        crumbs=[HERE, (str(rule), here)],
        consequences=[
            f"{counted(number, 'alert,alerts')} of it and {theirs} history go with it.",
            "To keep them, switch the rule off instead.",
        ],
    )
    if page is None:
        messages.success(request, f"“{rule}” was deleted.")
    return page or redirect("alert-rules")


def _form(request: HttpRequest, rule: AlertRule, before: dict[str, object] | None, heading: str) -> HttpResponse:
    form = AlertRuleForm(rule, request.POST or None)
    replay = None
    if "replay" in request.POST:
        status = ASKED if form.is_valid() else INVALID
        replay = would_have_fired(form.filled(), REPLAYED_DAYS) if status == ASKED else None
    else:
        status, _ = attempt(request, form, lambda: rules.save(actor_of(request), form.filled(), before))
    if status == DONE:
        messages.success(request, f"“{rule}” was saved. {SOON}")
        return redirect("alert-rules")
    return form_page(
        request,
        form,
        heading=heading,
        cancel=reverse("alert-rules"),
        crumbs=[HERE],
        status=status,
        template="alerts/alert_rules/edit.html",
        rule=rule,
        about=FACTS[rule.kind].about,
        replay=replay,
        days=REPLAYED_DAYS,
    )
