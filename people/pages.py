"""Show the pages for users, API tokens, the audit and the own profile."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from kit.forms.pages import DONE, attempt, confirm_page, form_page
from kit.lists import Empty, list_page
from kit.wording import counted
from people import audit
from people import users as verbs
from people.filters import ApiTokenFilter, AuditFilter, UserFilter
from people.forms import ApiTokenForm, NewUserForm, PasswordForm, ProfileForm, UserForm
from people.gate import Need, may, needs
from people.models import ApiToken, AuditEntry, Role, User
from people.tables import ApiTokenTable, AuditTable, OwnersAuditTable, OwnTokenTable, UserTable

USERS = ("Users", "/users/")
API_TOKENS = ("API tokens", "/api-tokens/")


@needs(Need.OWN)
def users(request: HttpRequest) -> HttpResponse:
    rows = UserFilter(request.GET, queryset=User.objects.all())
    empty = Empty("users", "No users")
    return list_page(request, "people/users/users.html", rows, UserTable, noun=("user", "users"), empty=empty)


@needs(Need.OWN)
def user(request: HttpRequest, pk: int) -> HttpResponse:
    person = get_object_or_404(User, pk=pk)
    return render(
        request, "people/users/user.html", {"person": person, "tokens": _tokens_of(person), "crumbs": [USERS]}
    )


@needs(Need.OWN)
@never_cache
def user_add(request: HttpRequest) -> HttpResponse:
    form = NewUserForm(request.POST or None)
    typed = form.data.get("password", "")
    password = typed or verbs.make_password()
    status, person = attempt(request, form, lambda: verbs.add(audit.actor_of(request), form.instance, password))
    if status == DONE and person is not None:
        if not typed:
            return _show_password(request, person, password)
        messages.success(request, f"{person.email} was added. Hand over the password in a safe way.")
        return redirect("user", person.pk)
    return form_page(
        request, form, heading="Add a user", submit="Add user", cancel=reverse("users"), crumbs=[USERS], status=status
    )


@needs(Need.OWN)
def user_edit(request: HttpRequest, pk: int) -> HttpResponse:
    person = get_object_or_404(User, pk=pk)
    before, address, name = audit.snapshot(person), reverse("user", args=[pk]), str(person)
    form = UserForm(request.POST or None, instance=person)
    status, _ = attempt(request, form, lambda: verbs.change(audit.actor_of(request), form.instance, before))
    if status == DONE:
        messages.success(request, f"{person.email} was saved.")
        return redirect(address)
    crumbs = [USERS, (name, address)]
    return form_page(request, form, heading=f"Edit {name}", cancel=address, crumbs=crumbs, status=status)


@needs(Need.OWN)
def user_deactivate(request: HttpRequest, pk: int) -> HttpResponse:
    person = get_object_or_404(User, pk=pk)
    address = reverse("user", args=[pk])
    tokens = sum(token.state == "active" for token in _tokens_of(person))
    page = confirm_page(
        request,
        lambda: verbs.deactivate(audit.actor_of(request), person),
        heading=f"Deactivate {person}?",
        consequences=[
            f"{person.email} is signed out and can no longer sign in.",
            f"{counted(tokens, 'API token')} will stop working." if tokens else "No API token is affected.",
            "The user stays in the audit and can be reactivated at any time.",
        ],
        confirm="Deactivate user",
        cancel=address,
        crumbs=[USERS, (str(person), address)],
    )
    if page is None:
        messages.success(request, f"{person.email} was deactivated.")
    return page or redirect(address)


@require_POST
@needs(Need.OWN)
def user_reactivate(request: HttpRequest, pk: int) -> HttpResponse:
    person = get_object_or_404(User, pk=pk)
    verbs.reactivate(audit.actor_of(request), person)
    messages.success(request, f"{person.email} can sign in again.")
    return redirect("user", pk)


@needs(Need.OWN)
@never_cache
def user_reset_password(request: HttpRequest, pk: int) -> HttpResponse:
    person = get_object_or_404(User, pk=pk)
    address = reverse("user", args=[pk])
    form = PasswordForm(person, request.POST or None)
    typed = form.data.get("password", "")
    password = typed or verbs.make_password()
    status, _ = attempt(request, form, lambda: verbs.reset_password(audit.actor_of(request), person, password))
    if status == DONE and not typed:
        return _show_password(request, person, password)
    if status == DONE:
        messages.success(request, f"{person.email} has a new password. Hand it over in a safe way.")
        return redirect(address)
    return form_page(
        request,
        form,
        heading=f"New password for {person}",
        submit="Set password",
        cancel=address,
        crumbs=[USERS, (str(person), address)],
        status=status,
    )


@needs(Need.READ)
def api_tokens(request: HttpRequest) -> HttpResponse:
    """List all API tokens for owners, and their own for everyone else."""
    owns = may(request.user, Need.OWN)
    rows = ApiToken.objects.select_related("user")
    if not owns:
        rows = rows.filter(user=request.user.pk)
    empty = Empty("key", "No API tokens", "Programs use them to read and write through REST.")
    return list_page(
        request,
        "people/api_tokens/api_tokens.html",
        ApiTokenFilter(request.GET, queryset=rows),
        ApiTokenTable if owns else OwnTokenTable,
        noun=("API token", "API tokens"),
        empty=empty,
        heading="API tokens",
    )


@needs(Need.OWN)
@never_cache
def api_token_add(request: HttpRequest) -> HttpResponse:
    form = ApiTokenForm(request.POST or None, initial={"user": request.user.pk})
    status, made = attempt(request, form, lambda: _issue(request, form))
    if status == DONE and made is not None:
        token, text = made
        context = {"token": token, "text": text, "crumbs": [API_TOKENS]}
        return render(request, "people/api_tokens/created.html", context)
    return form_page(
        request,
        form,
        heading="Make an API token",
        submit="Make token",
        cancel=reverse("api-tokens"),
        crumbs=[API_TOKENS],
        status=status,
    )


@needs(Need.OWN)
def api_token_revoke(request: HttpRequest, pk: int) -> HttpResponse:
    token = get_object_or_404(ApiToken.objects.select_related("user"), pk=pk)
    page = confirm_page(
        request,
        lambda: verbs.revoke_token(audit.actor_of(request), token),
        heading=f"Revoke {token.name}?",
        consequences=[
            f"Programs that use {token} for {token.user.email} no longer get access.",
            "You cannot restore a revoked token. Make a new one instead.",
        ],
        confirm="Revoke token",
        cancel=reverse("api-tokens"),
        crumbs=[API_TOKENS],
    )
    if page is None:
        messages.success(request, f"{token.name} was revoked.")
    return page or redirect("api-tokens")


@needs(Need.READ)
def audit_entries(request: HttpRequest) -> HttpResponse:
    rows = AuditFilter(request.GET, queryset=AuditEntry.objects.all())
    empty = Empty("scroll-text", "No entries yet", "Every change by a person or a program appears here.")
    table = OwnersAuditTable if may(request.user, Need.OWN) else AuditTable
    return list_page(
        request, "people/audit/audit.html", rows, table, noun=("entry", "entries"), empty=empty, heading="Audit"
    )


@needs(Need.READ)
def profile(request: HttpRequest) -> HttpResponse:
    person = get_object_or_404(User, pk=request.user.pk)
    before = audit.snapshot(person)
    form = ProfileForm(request.POST or None, instance=person)
    status, _ = attempt(request, form, lambda: verbs.change(audit.actor_of(request), form.instance, before))
    if status == DONE:
        messages.success(request, "Your name was saved.")
        return redirect("profile")
    context = {"form": form, "person": person, "tokens": _tokens_of(person), "owns": person.role == Role.OWNER}
    return render(request, "people/profile/profile.html", context, status=status)


def _issue(request: HttpRequest, form: ApiTokenForm) -> tuple[ApiToken, str]:
    values = form.cleaned_data
    actor = audit.actor_of(request)
    return verbs.issue_token(actor, values["user"], values["name"], values["scope"], form.expires_at())


def _tokens_of(person: User) -> list[ApiToken]:
    return list(person.api_tokens.select_related("user"))


def _show_password(request: HttpRequest, person: User, password: str) -> HttpResponse:
    """Show a generated password in the answer to the post; a redirect would have to keep it somewhere."""
    return render(request, "people/users/password.html", {"person": person, "password": password, "crumbs": [USERS]})
