"""Registration tokens: the inventory, making and revoking at Cisco, recording by hand. Texts are shown once."""

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache

from licensing import errand_tasks, errands, tasks, tokens
from licensing.filters.tokens import RegistrationTokenFilter
from licensing.forms.tokens import CreateTokenForm, RecordTokenForm
from licensing.models import RegistrationToken
from licensing.refusals import Refusal
from licensing.tables.tokens import RegistrationTokenTable
from licensing.views.forms import ASKED, DONE, INVALID, REFUSED, Crumbs, attempt, confirm_page, form_page
from licensing.views.lists import Empty, list_page
from people.audit import actor_of
from people.gate import Need, needs
from people.models import User

HERE = ("Registration tokens", "/registration-tokens/")


@needs(Need.READ)
def registration_tokens(request: HttpRequest) -> HttpResponse:
    rows = RegistrationToken.objects.select_related("virtual_account__smart_account")
    empty = Empty("ticket", "No registration tokens", "Products register with them. Syncs find those made elsewhere.")
    return list_page(
        request, "registration_tokens/registration_tokens.html",
        RegistrationTokenFilter(request.GET, queryset=rows), RegistrationTokenTable,
        noun=("registration token", "registration tokens"), empty=empty,
    )  # fmt: skip


@needs(Need.READ)
def registration_token(request: HttpRequest, pk: int) -> HttpResponse:
    token = _find(pk)
    return render(request, "registration_tokens/registration_token.html", {"token": token, "crumbs": [HERE]})


@needs(Need.OPERATE)
def registration_token_add(request: HttpRequest) -> HttpResponse:
    """Cisco makes it, so a worker asks for it; the next page waits for the answer."""
    form = CreateTokenForm(request.POST or None, initial={"virtual_account": request.GET.get("virtual_account")})
    status = ASKED
    if request.method == "POST":
        status = INVALID
        if form.is_valid():
            values = form.cleaned_data
            pool, description, days = (
                values[name] for name in ("virtual_account", "description", "expires_after_days")
            )
            try:
                return redirect(
                    "token-errand", errand_tasks.start_token_creation(_user(request), pool, description, days)
                )
            except Refusal as refusal:
                form.add_error(refusal.field or None, str(refusal))
            except tasks.BrokerUnavailable as error:
                form.add_error(None, str(error))
            status = REFUSED
    return form_page(
        request, form, heading="Make a registration token", submit="Make token", cancel=HERE[1], crumbs=[HERE],
        template="registration_tokens/add.html", status=status,
    )  # fmt: skip


@needs(Need.OPERATE)
def registration_token_record(request: HttpRequest) -> HttpResponse:
    form = RecordTokenForm(request.POST or None, initial={"virtual_account": request.GET.get("virtual_account")})
    status, token = attempt(request, form, lambda: _record(request, form))
    if status == DONE and token is not None:
        messages.success(request, f"“{token}” was recorded.")
        return redirect("registration-token", token.pk)
    return form_page(
        request, form, heading="Record a registration token", submit="Record token", cancel=HERE[1], crumbs=[HERE],
        template="registration_tokens/record.html", status=status,
    )  # fmt: skip


@needs(Need.OPERATE)
def registration_token_revoke(request: HttpRequest, pk: int) -> HttpResponse:
    token = _find(pk)
    started: list[str] = []
    page = confirm_page(
        request,
        lambda: started.append(_start_revocation(request, token)),
        heading=f"Revoke “{token}”?",
        consequences=[
            "Nobody can register a product with it any more.",
            "Products that have registered with it stay registered.",
            "Cisco cannot take this back: make a new token instead.",
        ],
        blockers=["Cisco no longer lists this token, so there is nothing to revoke."] if token.gone_at else [],
        confirm="Revoke token",
        cancel=reverse("registration-token", args=[pk]),
        crumbs=_crumbs(token),
    )
    return page or redirect("token-errand", started[0])


@needs(Need.OPERATE)
@never_cache
def token_errand(request: HttpRequest, key: str) -> HttpResponse:
    """Waits for a worker's answer, and tells it once to who asked. The text of a new token is in no other answer."""
    errand = errands.find(key)
    if errand is None:
        raise Http404
    if errand.user_id != request.user.pk:
        raise PermissionDenied("Somebody else asked for this.")
    context: dict[str, object] = {"errand": errand, "waits": errands.waits(errand), "crumbs": [HERE]}
    if not context["waits"] and errands.take(errand) and errand.state == "done" and errand.row_id:
        token = _find(errand.row_id)
        context |= {"token": token, "text": tokens.text_of(token)}
    part = "registration_tokens/errand_answer.html" if request.htmx else "registration_tokens/errand.html"  # type: ignore[attr-defined]
    return render(request, part, context)


def _record(request: HttpRequest, form: RecordTokenForm) -> RegistrationToken:
    values = form.cleaned_data
    return tokens.record_by_hand(
        actor_of(request), values["virtual_account"], values["text"], values["description"], values["expires_at"],
        export_controlled=values["export_controlled"],
    )  # fmt: skip


def _start_revocation(request: HttpRequest, token: RegistrationToken) -> str:
    try:
        return errand_tasks.start_token_revocation(_user(request), token)
    except tasks.BrokerUnavailable as error:
        raise Refusal(error.message, error.next_step) from None


def _user(request: HttpRequest) -> User:
    assert isinstance(request.user, User)  # the gate lets nobody else in
    return request.user


def _find(pk: int) -> RegistrationToken:
    rows = RegistrationToken.objects.select_related("virtual_account__smart_account")
    token: RegistrationToken = get_object_or_404(rows, pk=pk)
    return token


def _crumbs(token: RegistrationToken) -> Crumbs:
    return [HERE, (str(token), reverse("registration-token", args=[token.pk]))]
