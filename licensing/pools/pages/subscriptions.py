"""The subscription mapper: which customer each subscription belongs to, its license model, its ends."""

from typing import Any

from django.contrib import messages
from django.db.models import IntegerField, OuterRef, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse

from kit.forms.pages import DONE, attempt, form_page
from kit.lists import Empty, list_page
from licensing.accounts.empty_states import to_smart_accounts
from licensing.mirror.models import LicenseLine, LicenseLineQuerySet, Subscription
from licensing.pools import subscriptions as verbs
from licensing.pools.filters import SubscriptionFilter
from licensing.pools.forms import SubscriptionForm
from licensing.pools.tables import SubscriptionTable
from people.audit import actor_of
from people.gate import Need, needs

HERE = ("Subscriptions", "/subscriptions/")
PURPOSE = "license__virtual_account__purpose"


def lines_of(smart_account: Any, subscription_id: Any) -> LicenseLineQuerySet:
    return LicenseLine.objects.present().filter(
        license__virtual_account__smart_account=smart_account, subscription_id=subscription_id
    )


def with_figures(rows: QuerySet[Subscription]) -> QuerySet[Subscription]:
    """Quantities by pool and the next end, found for the rows of one page: joined lines would be grouped for all."""
    lines = lines_of(OuterRef("smart_account"), OuterRef("subscription_id")).order_by()
    return rows.annotate(
        ordered=_total(lines.filter(**{PURPOSE: "ordered"})),
        operational=_total(lines.filter(**{PURPOSE: "operational"})),
        elsewhere=_total(lines.filter(**{PURPOSE: "general"})),
        next_end=lines.next_end(),
    )


def _total(lines: QuerySet[LicenseLine]) -> Coalesce:
    summed = lines.values("subscription_id").annotate(total=Sum("quantity")).values("total")
    return Coalesce(Subquery(summed, output_field=IntegerField()), 0)


@needs(Need.READ)
def subscriptions(request: HttpRequest) -> HttpResponse:
    rows = with_figures(Subscription.objects.select_related("smart_account", "customer"))
    unmapped = Subscription.objects.unmapped().count()
    empty = Empty(
        "receipt",
        "No subscriptions yet",
        "They appear with the purchase lines of the first sync.",
        *to_smart_accounts(),
    )
    return list_page(
        request,
        "pools/subscriptions/subscriptions.html",
        SubscriptionFilter(request.GET, queryset=rows),
        SubscriptionTable,
        noun=("subscription", "subscriptions"),
        empty=empty,
        unmapped=unmapped,
    )


@needs(Need.READ)
def subscription(request: HttpRequest, pk: int) -> HttpResponse:
    found = _find(pk)
    lines = lines_of(found.smart_account_id, found.subscription_id)
    context = {
        "subscription": found,
        "account": found.smart_account,
        "lines": lines.select_related("license__virtual_account").order_by("end", "license__name", "pk"),
    }
    return render(request, "pools/subscriptions/subscription.html", context)


@needs(Need.OPERATE)
def subscription_edit(request: HttpRequest, pk: int) -> HttpResponse:
    found = _find(pk)
    here = reverse("subscription", args=[pk])
    form = SubscriptionForm(request.POST or None, instance=found)
    status, _ = attempt(request, form, lambda: verbs.map_to(actor_of(request), found, **form.cleaned_data))
    if status == DONE:
        messages.success(request, f"{found} was saved.")
        return redirect(here)
    crumbs = [HERE, (str(found), here)]
    return form_page(request, form, heading=f"Map {found}", cancel=here, crumbs=crumbs, status=status)


def _find(pk: int) -> Subscription:
    rows = Subscription.objects.select_related("smart_account", "customer")
    found: Subscription = get_object_or_404(rows, pk=pk)
    return found
