"""Pages of licenses: how many are owned and in use, until when, and which products use them."""

from django.db.models import OuterRef, Prefetch, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render

from kit.lists import Empty, list_page
from licensing.accounts.empty_states import to_smart_accounts
from licensing.alerts.models import Alert, Overage
from licensing.allocation import explanation
from licensing.mirror.changes import records
from licensing.mirror.filters import LicenseFilter
from licensing.mirror.models import License, LicenseLine
from licensing.mirror.pages.trend import trend_context
from licensing.mirror.tables.past import PastLicenseTable
from licensing.mirror.tables.present import LicenseTable
from people.gate import Need, needs

USERS_SHOWN = 25
CHANGES_SHOWN = 10


def with_next_end(rows: QuerySet[License]) -> QuerySet[License]:
    """Annotate licenses with their next end of a term.

    A subquery runs for the rows of one page only; a join would group the lines of all licenses.
    """
    return rows.annotate(next_end=LicenseLine.objects.filter(license=OuterRef("pk")).next_end())


@needs(Need.READ)
def licenses(request: HttpRequest) -> HttpResponse:
    clocks = Prefetch("overages", Overage.objects.open(), to_attr="clocks")
    rows = with_next_end(License.objects.select_related("virtual_account__smart_account").prefetch_related(clocks))
    empty = Empty(
        "key-round", "No licenses yet", "They appear with the first sync of a smart account.", *to_smart_accounts()
    )
    return list_page(
        request,
        "mirror/licenses/licenses.html",
        LicenseFilter(request.GET, queryset=rows),
        LicenseTable,
        past_table=PastLicenseTable,
        noun=("license", "licenses"),
        empty=empty,
    )


@needs(Need.READ)
def license(request: HttpRequest, pk: int) -> HttpResponse:  # noqa: A001 - the field's word
    found = get_object_or_404(License.objects.select_related("virtual_account__smart_account"), pk=pk)
    usage = found.usage.filter(product_instance__gone_at=None)
    elsewhere = License.objects.present().filter(name=found.name).exclude(pk=pk)
    alerts = Alert.objects.open().filter(subject_type="license", subject_id=pk)
    context = {
        "license": found,
        "account": found.virtual_account.smart_account,
        "lines": found.lines.all(),
        "users": usage.select_related("product_instance__cluster__customer").order_by("-quantity", "pk")[:USERS_SHOWN],
        "user_count": usage.count(),
        "elsewhere": elsewhere.select_related("virtual_account").order_by("-available", "pk")[:USERS_SHOWN],
        "alerts": alerts.by_urgency(),
        "overage": Overage.objects.open().filter(license=found).select_related("owner").first(),
        "changes": records.of_object("license", pk)[:CHANGES_SHOWN],
        "explained": explanation.explain_license(found),
        "known_causes": explanation.KNOWN_CAUSES,
        **trend_context(found),
    }
    return render(request, "mirror/licenses/license.html", context)
