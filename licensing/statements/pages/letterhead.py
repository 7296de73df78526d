"""The letterhead: name, address, logo and the texts of mails. Owners save it."""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_safe

from kit.forms.pages import DONE, attempt, form_page
from licensing.statements import letterheads
from licensing.statements.forms import LetterheadForm
from licensing.statements.models import Letterhead
from licensing.statements.pages.statements import HERE, picture
from people import audit
from people.gate import Need, needs


@needs(Need.OWN)
def letterhead(request: HttpRequest) -> HttpResponse:
    present = letterheads.current()
    initial = {name: getattr(present, name) for name in Letterhead.OWN}
    initial["mail_subject"] = present.mail_subject or letterheads.SUBJECT
    initial["mail_text"] = present.mail_text or letterheads.TEXT
    form = LetterheadForm(request.POST or None, request.FILES or None, initial=initial, has_logo=bool(present.logo))
    status, saved = attempt(request, form, lambda: _save(request, form.cleaned_data))
    if status == DONE and saved is not None:
        messages.success(request, "The letterhead was saved. Statements that were issued before keep theirs.")
        return redirect("letterhead")
    return form_page(
        request,
        form,
        heading="Letterhead",
        submit="Save letterhead",
        cancel=reverse("statements"),
        crumbs=[HERE],
        status=status,
        template="statements/letterhead/letterhead.html",
        letterhead=present,
    )


@require_safe
@needs(Need.READ)
def letterhead_logo(request: HttpRequest) -> HttpResponse:
    logo = letterheads.current().logo
    if logo is None:
        raise Http404("The letterhead has no logo.")
    return picture(logo)


def _save(request: HttpRequest, values: dict[str, Any]) -> Letterhead:
    file, remove = values.pop("logo"), values.pop("remove_logo", False)
    # One byte more than allowed is enough to refuse it: a huge file is not read whole.
    logo = file.read(letterheads.MOST_BYTES + 1) if file else None
    return letterheads.save(audit.actor_of(request), values, logo, remove)
