"""Show license servers: their addresses, credentials and connection."""

from typing import Any

from django.contrib import messages
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse

from kit.broker import BrokerUnavailable
from kit.forms.pages import DONE, attempt, confirm_page, form_page
from kit.lists import Empty, invite, list_page
from kit.tables import check_state
from licensing.accounts import clients, servers, smart_accounts
from licensing.accounts.filters import LicenseServerFilter
from licensing.accounts.forms import AddAccountForm, ChooseAccountsForm, CredentialsForm, LicenseServerForm
from licensing.accounts.models import LicenseServer, SmartAccount
from licensing.accounts.tables import LicenseServerTable
from licensing.fleet import on_prem
from licensing.fleet.transport import instance_limit
from licensing.operations import removal
from people import audit
from people.gate import Need, may, needs

HERE = ("License servers", "/license-servers/")


@needs(Need.READ)
def license_servers(request: HttpRequest) -> HttpResponse:
    rows = on_prem.with_counts(LicenseServer.objects.annotate(accounts=Count("smart_accounts")))
    words = "Add the CSSM cloud or an On-Prem server. All other data comes from there."
    button = invite(may(request.user, Need.OWN), "license-server-add", "Add license server")
    empty = Empty("server", "No license servers yet", words, *button)
    return list_page(
        request,
        "accounts/license_servers/license_servers.html",
        LicenseServerFilter(request.GET, queryset=rows),
        LicenseServerTable,
        noun=("license server", "license servers"),
        empty=empty,
    )


@needs(Need.READ)
def license_server(request: HttpRequest, pk: int) -> HttpResponse:
    server = get_object_or_404(on_prem.with_counts(LicenseServer.objects.all()), pk=pk)
    context = {
        "server": server,
        "warnings": on_prem.warnings_of(server),
        "limit": server.instance_limit or instance_limit(server.version),
        "expected_url": "" if server.is_cloud else on_prem.facts_of(server).registration_url,
        "check_state": check_state(server.check_status),
        "accounts": server.smart_accounts.all(),
        "clusters": server.clusters.select_related("customer"),
    }
    return render(request, "accounts/license_servers/license_server.html", context)


@needs(Need.OWN)
def license_server_add(request: HttpRequest) -> HttpResponse:
    """Add a license server. `?kind=on_prem` shows the fields of an On-Prem server."""
    kind = "on_prem" if request.GET.get("kind") == "on_prem" else "cloud"
    server = LicenseServer(kind=kind)
    form = LicenseServerForm(request.POST or None, instance=server)
    status, _ = attempt(request, form, lambda: _save(request, form, None))
    if status == DONE:
        _start_check(request, server)
        messages.success(request, f"{server.name} was added. The connection is being tested.")
        return redirect("license-server", server.pk)
    return form_page(
        request,
        form,
        heading="Add a license server",
        submit="Add and test",
        cancel=HERE[1],
        crumbs=[HERE],
        template="accounts/license_servers/add.html",
        status=status,
        kind=kind,
    )


@needs(Need.OWN)
def license_server_edit(request: HttpRequest, pk: int) -> HttpResponse:
    server = get_object_or_404(LicenseServer, pk=pk)
    name, address, before = server.name, reverse("license-server", args=[pk]), audit.snapshot(server)
    form = LicenseServerForm(request.POST or None, instance=server)
    status, _ = attempt(request, form, lambda: _save(request, form, before))
    if status == DONE:
        messages.success(request, f"{server.name} was saved.")
        return redirect(address)
    crumbs = [HERE, (name, address)]
    return form_page(request, form, heading=f"Edit {name}", cancel=address, crumbs=crumbs, status=status)


@needs(Need.OWN)
def license_server_secret(request: HttpRequest, pk: int) -> HttpResponse:
    server = get_object_or_404(LicenseServer, pk=pk)
    address = reverse("license-server", args=[pk])
    return change_secret_page(request, server, address, [HERE, (server.name, address)])


@needs(Need.OWN)
def license_server_delete(request: HttpRequest, pk: int) -> HttpResponse:
    server = get_object_or_404(LicenseServer, pk=pk)
    address, name, guard = reverse("license-server", args=[pk]), server.name, removal.guard_server(server)
    page = confirm_page(
        request,
        lambda: removal.delete_server(audit.actor_of(request), server),
        heading=f"Delete {name}?",
        consequences=["The portal deletes its address and its credentials.", "Nothing changes at Cisco."],
        blockers=guard.blockers,
        steps=guard.steps,
        confirm="Delete license server",
        cancel=address,
        crumbs=[HERE, (name, address)],
    )
    if page is None:
        messages.success(request, f"{name} was deleted.")
    return page or redirect("license-servers")


@needs(Need.READ, write=Need.OWN)
def license_server_check(request: HttpRequest, pk: int) -> HttpResponse:
    """Start a connection test on POST; the page then polls here for the result."""
    server = get_object_or_404(LicenseServer, pk=pk)
    if request.method == "POST":
        _start_check(request, server)
        return redirect("license-server", pk)
    context = {"server": server, "check_state": check_state(server.check_status)}
    return render(request, "accounts/license_servers/check.html", context)


@needs(Need.OWN)
def license_server_accounts(request: HttpRequest, pk: int) -> HttpResponse:
    """Add accounts: chosen from those that the credentials see, or by name if they do not list it."""
    server = get_object_or_404(LicenseServer, pk=pk)
    known = {account.domain.lower(): account for account in server.smart_accounts.all()}
    seen = [{**found, "account": known.get(found["domain"].lower())} for found in server.visible_accounts]
    by_hand = "domain" in request.POST
    choices = [(found["domain"], _label(found)) for found in seen if not found["account"]]
    choose = ChooseAccountsForm(choices, None if by_hand else request.POST or None)
    name_one = AddAccountForm(request.POST if by_hand else None)
    form = name_one if by_hand else choose
    status, added = attempt(request, form, lambda: _add_accounts(request, server, form.cleaned_data))
    if status == DONE and added:
        messages.success(
            request, f"Added {', '.join(str(account) for account in added)}. The first sync starts within moments."
        )
        return redirect("smart-account", added[0].pk) if len(added) == 1 else redirect("smart-accounts")
    context = {"server": server, "seen": seen, "choices": choices, "choose": choose, "name_one": name_one}
    return render(request, "accounts/license_servers/accounts.html", context, status=status)


def change_secret_page(
    request: HttpRequest, row: LicenseServer | SmartAccount, address: str, crumbs: list[tuple[str, str]]
) -> HttpResponse:
    """Show the page that changes credentials, of a license server or of a smart account."""
    form = CredentialsForm(row, request.POST or None)
    status, changed = attempt(request, form, lambda: _change_secret(request, row, form.cleaned_data))
    if status == DONE:
        words = "The credentials were saved. Test the connection to see whether they work."
        messages.success(request, words if changed else "Nothing has changed.")
        return redirect(address)
    return form_page(
        request,
        form,
        heading=f"Credentials of {row}",
        cancel=address,
        crumbs=crumbs,
        submit="Save credentials",
        status=status,
    )


def _change_secret(request: HttpRequest, row: LicenseServer | SmartAccount, values: dict[str, Any]) -> bool:
    """Save credentials. An empty secret with an unchanged client ID keeps the stored ones, and returns False."""
    if not values["client_secret"] and values["client_id"] == row.client_id:
        return False
    servers.change_secret(audit.actor_of(request), row, values["client_id"], values["client_secret"])
    return True


def _save(request: HttpRequest, form: LicenseServerForm, before: dict[str, Any] | None) -> LicenseServer:
    server: LicenseServer = form.instance
    if secret := form.cleaned_data.get("client_secret"):
        server.client_secret = secret
    return servers.save_server(audit.actor_of(request), server, before)


def _start_check(request: HttpRequest, server: LicenseServer) -> None:
    try:
        clients.start_check(server)
    except BrokerUnavailable as error:
        messages.error(request, str(error))


def _add_accounts(request: HttpRequest, server: LicenseServer, values: dict[str, Any]) -> list[SmartAccount]:
    domains = values.get("domains") or [values["domain"]]
    actor = audit.actor_of(request)
    return [smart_accounts.add_smart_account(actor, server, domain) for domain in domains]


def _label(found: dict[str, Any]) -> str:
    roles = ", ".join(found.get("roles") or ())
    name = f"{found['name']} · {found['domain']}" if found.get("name") else found["domain"]
    return f"{name} · {roles}" if roles else name
