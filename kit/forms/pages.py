"""Save a form, or ask before an action that cannot be undone."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from django.db import transaction
from django.forms import BaseForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from kit.broker import BrokerUnavailable
from kit.refusals import Refusal

Result = TypeVar("Result")
# (label, address) of the pages above this one.
Crumbs = Sequence[tuple[str, str]]
ASKED, DONE, REFUSED, INVALID = 200, 303, 409, 422


def attempt(
    request: HttpRequest, form: BaseForm, act: Callable[[], Result], also: Sequence[Any] = ()
) -> tuple[int, Result | None]:
    """Run `act` if the form was posted and is valid, with the forms in `also`.

    Returns the status to answer with (DONE on success) and the result of `act`. A refusal, and work that cannot be
    queued, become an error of the form, so that people do not lose what they typed.
    """
    if request.method != "POST":
        return ASKED, None
    checked = [part.is_valid() for part in (form, *also)]  # a list, because each part shows its errors
    if not all(checked):
        return INVALID, None
    try:
        with transaction.atomic():  # saves the change together with its audit entry
            return DONE, act()
    except Refusal as refusal:
        form.add_error(refusal.field if refusal.field in form.fields else None, str(refusal))
    except BrokerUnavailable as error:
        form.add_error(None, str(error))
    return REFUSED, None


def form_page(
    request: HttpRequest,
    form: BaseForm,
    *,
    heading: str,
    cancel: str,
    submit: str = "Save",
    crumbs: Crumbs = (),
    template: str = "components/form_page.html",
    status: int = ASKED,
    **context: Any,
) -> HttpResponse:
    shown = {"form": form, "heading": heading, "cancel": cancel, "submit": submit, "crumbs": crumbs, **context}
    return render(request, template, shown, status=status)


def confirm_page(
    request: HttpRequest,
    act: Callable[[], Any],
    *,
    heading: str,
    confirm: str,
    cancel: str,
    lead: str = "",
    consequences: Sequence[str] = (),
    blockers: Sequence[str] = (),
    steps: Sequence[str] = (),
    crumbs: Crumbs = (),
    danger: bool = True,
    template: str = "components/confirm_page.html",
    **also: Any,
) -> HttpResponse | None:
    """Ask for confirmation, then run `act`. Returns None when that is done.

    `blockers` and a refusal take the place of the button, with `steps` that clear them. `also` goes to the template.
    """
    status = REFUSED if blockers and request.method == "POST" else ASKED
    if request.method == "POST" and not blockers:
        try:
            with transaction.atomic():
                act()
        except Refusal as refusal:
            status, blockers, steps = REFUSED, refusal.blockers or [str(refusal)], refusal.steps or steps
        except BrokerUnavailable as error:
            status, blockers = REFUSED, [str(error)]
        else:
            return None
    context = {
        **also,
        "heading": heading,
        "confirm": confirm,
        "cancel": cancel,
        "lead": lead,
        "crumbs": crumbs,
        "danger": danger,
        "consequences": consequences,
        "blockers": blockers,
        "steps": steps if blockers else (),
    }
    return render(request, template, context, status=status)
