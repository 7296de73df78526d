"""Pages that create and delete a virtual account at Cisco: ask, let a worker do it, show its answer."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.views.decorators.cache import never_cache

from kit.forms.pages import DONE, attempt, confirm_page, form_page
from licensing.mirror.forms.virtual_accounts import NewVirtualAccountForm
from licensing.mirror.models import VirtualAccount
from licensing.mirror.pages.requests import request_of, request_page
from licensing.operations import removal, requests
from licensing.operations.requests import CiscoRequest
from people.gate import Need, needs, signed_in

HERE = ("Virtual accounts", "/virtual-accounts/")


@needs(Need.OPERATE)
def virtual_account_add(request: HttpRequest) -> HttpResponse:
    form = NewVirtualAccountForm(request.POST or None, initial={"smart_account": request.GET.get("smart_account")})
    status, asked = attempt(request, form, lambda: _start_creation(request, form))
    if status == DONE and asked is not None:
        return redirect("virtual-account-request", asked.key)
    return form_page(
        request,
        form,
        heading="Make a virtual account",
        submit="Make it at Cisco",
        cancel=HERE[1],
        crumbs=[HERE],
        status=status,
    )


@needs(Need.OPERATE)
def virtual_account_delete(request: HttpRequest, pk: int) -> HttpResponse:
    rows = VirtualAccount.objects.select_related("smart_account__license_server")
    pool: VirtualAccount = get_object_or_404(rows, pk=pk)
    here, guard, started = (
        reverse("virtual-account", args=[pk]),
        removal.guard_virtual_account(pool),
        list[CiscoRequest](),
    )
    page = confirm_page(
        request,
        lambda: started.append(requests.start(signed_in(request), requests.DELETE_VIRTUAL_ACCOUNT, pool=pool)),
        heading=f"Delete {pool}?",
        consequences=[
            f"Cisco deletes it from {pool.smart_account}, with the registration tokens that are left in it.",
            "Here it stays as gone, with its history.",
        ],
        blockers=guard.blockers,
        steps=guard.steps,
        confirm="Delete at Cisco",
        cancel=here,
        crumbs=[HERE, (pool.name, here)],
    )
    return page or redirect("virtual-account-request", started[0].key)


@needs(Need.OPERATE)
@never_cache
def virtual_account_request(request: HttpRequest, key: str) -> HttpResponse:
    asked = request_of(request, key)
    made = VirtualAccount.objects.filter(pk=asked.row_id).first()
    return request_page(request, asked, "virtual_accounts", HERE, made=made)


def _start_creation(request: HttpRequest, form: NewVirtualAccountForm) -> CiscoRequest:
    values = form.cleaned_data
    return requests.start(
        signed_in(request),
        requests.CREATE_VIRTUAL_ACCOUNT,
        account=values["smart_account"],
        name=values["name"],
        description=values["description"],
    )
