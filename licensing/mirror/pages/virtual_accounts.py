"""Pages of virtual accounts: the pools, what is in them, and what people decided about them."""

from typing import Any

from django.contrib import messages
from django.db.models import Case, Count, IntegerField, OuterRef, QuerySet, Subquery, When
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST

from kit.forms.pages import DONE, attempt, form_page
from kit.lists import Empty, list_page
from kit.refusals import Refusal
from licensing.accounts.empty_states import to_smart_accounts
from licensing.alerts.models import Alert
from licensing.allocation import explanation, holdings
from licensing.assignments import pool_settings
from licensing.mirror.changes import records
from licensing.mirror.filters import VirtualAccountFilter
from licensing.mirror.forms.annotations import VirtualAccountForm
from licensing.mirror.models import License, ProductInstance, VirtualAccount
from licensing.mirror.tables.past import PastVirtualAccountTable
from licensing.mirror.tables.present import VirtualAccountTable
from people.audit import actor_of
from people.gate import Need, needs

SHOWN = 15
CHANGES_SHOWN = 10


def count_of(rows: QuerySet[Any]) -> Coalesce:
    """Count the rows of each pool in a subquery, because joining several tables would multiply them."""
    per_pool = rows.filter(virtual_account=OuterRef("pk")).order_by().values("virtual_account")
    return Coalesce(Subquery(per_pool.annotate(n=Count("pk")).values("n"), output_field=IntegerField()), 0)


@needs(Need.READ)
def virtual_accounts(request: HttpRequest) -> HttpResponse:
    rows = VirtualAccount.objects.select_related("smart_account", "owner").annotate(
        license_count=count_of(License.objects.present()),
        short_count=count_of(License.objects.short()),
        instance_count=count_of(ProductInstance.objects.present()),
    )
    empty = Empty(
        "layers", "No virtual accounts yet", "They appear with the first sync of a smart account.", *to_smart_accounts()
    )
    return list_page(
        request,
        "mirror/virtual_accounts/virtual_accounts.html",
        VirtualAccountFilter(request.GET, queryset=rows),
        VirtualAccountTable,
        past_table=PastVirtualAccountTable,
        noun=("virtual account", "virtual accounts"),
        empty=empty,
    )


@needs(Need.READ)
def virtual_account(request: HttpRequest, pk: int) -> HttpResponse:
    pool = get_object_or_404(VirtualAccount.objects.select_related("smart_account", "owner"), pk=pk)
    licenses, instances = pool.licenses.present(), pool.product_instances.present()
    found = explanation.explain(holdings.of([pool])[pool.pk])
    by_row = {row.pk: part for part in found.values() for row in part.rows}
    shown = list(short_first(licenses)[:SHOWN])
    context = {
        "pool": pool,
        "account": pool.smart_account,
        "licenses": [(row, by_row.get(row.pk)) for row in shown],
        "unlisted": [part for part in found.values() if not part.rows],
        "license_count": licenses.count(),
        "instances": instances.select_related("cluster").order_by("host_name", "pk")[:SHOWN],
        "instance_count": instances.count(),
        "tokens": pool.registration_tokens.present()[:SHOWN],
        "assignments": pool.assignments.current().select_related("cluster__customer"),
        "alerts": Alert.objects.open().filter(subject_type="virtual_account", subject_id=pk).by_urgency(),
        "alert_counts": Alert.objects.open().filter(virtual_account=pk).counted(),
        "changes": records.of_object("virtual_account", pk)[:CHANGES_SHOWN],
    }
    return render(request, "mirror/virtual_accounts/virtual_account.html", context)


def short_first(rows: QuerySet[License]) -> QuerySet[License]:
    """Order licenses that are out of compliance first, then by name."""
    short = Case(When(status=License.Status.OUT_OF_COMPLIANCE, then=0), default=1, output_field=IntegerField())
    return rows.order_by(short, "name", "pk")


@needs(Need.OPERATE)
def virtual_account_edit(request: HttpRequest, pk: int) -> HttpResponse:
    """Edit purpose, license mode, owner data and note; everything else is Cisco's."""
    pool = get_object_or_404(VirtualAccount, pk=pk)
    here = reverse("virtual-account", args=[pk])
    form = VirtualAccountForm(pool, request.POST or None)
    status, _ = attempt(
        request, form, lambda: pool_settings.save_virtual_account(actor_of(request), pool, form.cleaned_data)
    )
    if status == DONE:
        messages.success(request, f"{pool} was saved.")
        return redirect(here)
    crumbs = [("Virtual accounts", reverse("virtual-accounts")), (str(pool), here)]
    return form_page(request, form, heading=f"Edit {pool}", cancel=here, crumbs=crumbs, status=status)


@require_POST
@needs(Need.OPERATE)
def virtual_account_purpose(request: HttpRequest, pk: int) -> HttpResponse:
    """Accept a purpose that the smart account's page suggests."""
    pool = get_object_or_404(VirtualAccount, pk=pk)
    try:
        pool_settings.set_purpose(actor_of(request), pool, request.POST.get("purpose", ""))
    except Refusal as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, f"{pool} is the {pool.get_purpose_display().lower()} pool now.")
    return redirect("smart-account", pool.smart_account_id)
