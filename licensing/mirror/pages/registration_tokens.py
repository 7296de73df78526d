"""Pages of registration tokens: list, create and revoke at Cisco, record by hand. Texts are shown once."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache

from kit.forms.pages import DONE, Crumbs, attempt, confirm_page, form_page
from kit.lists import Empty, list_page
from licensing.mirror import tokens
from licensing.mirror.filters import RegistrationTokenFilter
from licensing.mirror.forms.registration_tokens import CreateTokenForm, RecordTokenForm, TokenUsesForm
from licensing.mirror.models import RegistrationToken
from licensing.mirror.pages.requests import request_of, request_page
from licensing.mirror.tables.past import PastRegistrationTokenTable
from licensing.mirror.tables.present import RegistrationTokenTable
from licensing.operations import requests
from licensing.operations.requests import CiscoRequest
from people.audit import actor_of
from people.gate import Need, needs, signed_in

HERE = ("Registration tokens", "/registration-tokens/")


@needs(Need.READ)
def registration_tokens(request: HttpRequest) -> HttpResponse:
    rows = RegistrationToken.objects.select_related("virtual_account__smart_account")
    empty = Empty(
        "ticket", "No registration tokens yet", "Products register with a token. Syncs also find tokens made in CSSM."
    )
    return list_page(
        request,
        "mirror/registration_tokens/registration_tokens.html",
        RegistrationTokenFilter(request.GET, queryset=rows),
        RegistrationTokenTable,
        past_table=PastRegistrationTokenTable,
        noun=("registration token", "registration tokens"),
        empty=empty,
    )


@needs(Need.READ)
def registration_token(request: HttpRequest, pk: int) -> HttpResponse:
    token = _find(pk)
    return render(request, "mirror/registration_tokens/registration_token.html", {"token": token, "crumbs": [HERE]})


@needs(Need.OPERATE)
def registration_token_add(request: HttpRequest) -> HttpResponse:
    """Start the creation at Cisco. A worker carries it out, and the next page waits for the answer."""
    form = CreateTokenForm(request.POST or None, initial={"virtual_account": request.GET.get("virtual_account")})
    status, asked = attempt(
        request, form, lambda: requests.start(signed_in(request), requests.CREATE_TOKEN, **form.cleaned_data)
    )
    if status == DONE and asked is not None:
        return redirect("token-request", asked.key)
    return form_page(
        request,
        form,
        heading="Make a registration token",
        submit="Make token",
        cancel=HERE[1],
        crumbs=[HERE],
        template="mirror/registration_tokens/add.html",
        status=status,
    )


@needs(Need.OPERATE)
def registration_token_record(request: HttpRequest) -> HttpResponse:
    form = RecordTokenForm(request.POST or None, initial={"virtual_account": request.GET.get("virtual_account")})
    status, token = attempt(request, form, lambda: _record(request, form))
    if status == DONE and token is not None:
        messages.success(request, f"“{token}” was recorded.")
        return redirect("registration-token", token.pk)
    return form_page(
        request,
        form,
        heading="Record a registration token",
        submit="Record token",
        cancel=HERE[1],
        crumbs=[HERE],
        template="mirror/registration_tokens/record.html",
        status=status,
    )


@needs(Need.OPERATE)
def registration_token_uses(request: HttpRequest, pk: int) -> HttpResponse:
    token = _find(pk)
    address = reverse("registration-token", args=[pk])
    form = TokenUsesForm(request.POST or None, initial={"uses_allowed": token.uses_allowed, "uses": token.uses})
    status, _ = attempt(request, form, lambda: tokens.set_uses(actor_of(request), token, **form.cleaned_data))
    if status == DONE:
        messages.success(request, f"“{token}” was saved.")
        return redirect(address)
    heading, crumbs = f"Uses of {token}", _crumbs(token)
    return form_page(request, form, heading=heading, cancel=address, crumbs=crumbs, status=status)


@needs(Need.OPERATE)
def registration_token_revoke(request: HttpRequest, pk: int) -> HttpResponse:
    token = _find(pk)
    started: list[CiscoRequest] = []
    page = confirm_page(
        request,
        lambda: started.append(requests.start(signed_in(request), requests.REVOKE_TOKEN, token=token)),
        heading=f"Revoke “{token}”?",
        consequences=[
            "No product can register with it any more.",
            "Products that have registered with it stay registered.",
            "You cannot undo this. If you need a token later, make a new one.",
        ],
        blockers=["Cisco no longer lists this token, so there is nothing to revoke."] if token.gone_at else [],
        confirm="Revoke token",
        cancel=reverse("registration-token", args=[pk]),
        crumbs=_crumbs(token),
    )
    return page or redirect("token-request", started[0].key)


@needs(Need.OPERATE)
@never_cache
def token_request(request: HttpRequest, key: str) -> HttpResponse:
    """Show the text of a new token once: no other page has it."""
    asked = request_of(request, key)
    answer: dict[str, Any] = {}
    if text := requests.reveal_once(asked):
        answer = {"token": _find(asked.row_id), "text": text}
    if not asked.waits:
        requests.forget(asked)
    return request_page(request, asked, "registration_tokens", HERE, **answer)


def _record(request: HttpRequest, form: RecordTokenForm) -> RegistrationToken:
    values = form.cleaned_data
    return tokens.record_by_hand(
        actor_of(request),
        values["virtual_account"],
        values["text"],
        values["description"],
        values["expires_at"],
        export_controlled=values["export_controlled"],
        uses_allowed=values["uses_allowed"],
    )


def _find(pk: int) -> RegistrationToken:
    rows = RegistrationToken.objects.select_related("virtual_account__smart_account__license_server")
    token: RegistrationToken = get_object_or_404(rows, pk=pk)
    return token


def _crumbs(token: RegistrationToken) -> Crumbs:
    return [HERE, (str(token), reverse("registration-token", args=[token.pk]))]
