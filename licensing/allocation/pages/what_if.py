"""Show the effect of adding, moving or removing clusters and users before it is done. Nothing is changed."""

from typing import Any

from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render

from kit.forms.pages import ASKED, INVALID, REFUSED
from kit.refusals import Refusal
from licensing.allocation import what_if as verbs
from licensing.allocation.forms import LINES, MOST_LINES, UsersFormSet, WhatIfForm, license_names, users_of
from licensing.allocation.what_if import Outcome
from people.gate import Need, needs


@needs(Need.READ)
def what_if(request: HttpRequest) -> HttpResponse:
    """Show the form and its answer. A scenario is an address: it can be kept, sent and opened again after a sync."""
    asked = request.GET if "action" in request.GET else None
    form = WhatIfForm(asked, initial=_initial_values(request.GET))
    lines = UsersFormSet(_user_lines(asked), prefix="users")
    status, outcome = (ASKED, None) if asked is None or "more" in asked else _answer(form, lines)
    context = {"form": form, "lines": lines, "outcome": outcome, "names": license_names()}
    return render(request, "allocation/what_if/what_if.html", context, status=status)


def _answer(form: WhatIfForm, lines: Any) -> tuple[int, Outcome | None]:
    if not all([form.is_valid(), not lines.is_bound or lines.is_valid()]):
        return INVALID, None
    chosen = form.cleaned_data
    users = users_of(lines) if lines.is_bound else {}
    try:
        return ASKED, verbs.evaluate(
            verbs.scenario(
                chosen["action"], list(chosen["clusters"]), users, chosen["virtual_account"], chosen["source"]
            )
        )
    except Refusal as refusal:
        form.add_error(refusal.field if refusal.field in form.fields else None, str(refusal))
        return REFUSED, None


def _initial_values(query: QueryDict) -> dict[str, Any]:
    """Return the initial values that a link from a cluster or a virtual account carries."""
    return {"clusters": query.getlist("clusters"), "virtual_account": query.get("virtual_account")}


def _user_lines(asked: QueryDict | None) -> QueryDict | None:
    """Return the lines of users, with empty ones added on `more`; None where the address has none."""
    if asked is None or "users-TOTAL_FORMS" not in asked:
        return None
    lines = asked.copy()
    if "more" in lines:
        total = str(lines["users-TOTAL_FORMS"])
        lines["users-TOTAL_FORMS"] = str(min((int(total) if total.isdecimal() else 0) + LINES, MOST_LINES))
    return lines
