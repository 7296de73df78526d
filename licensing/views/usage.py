"""The usage report: licenses and products of all smart accounts in one list and one file (domain.md row I5)."""

from django.http import HttpRequest, HttpResponse

from licensing.filters.mirror import UsageFilter
from licensing.models import InstanceUsage
from licensing.tables.mirror import UsageTable
from licensing.views.lists import Empty, list_page
from people.gate import Need, needs


@needs(Need.READ)
def usage(request: HttpRequest) -> HttpResponse:
    """What is used now: gone products and quantities of none are left out."""
    rows = InstanceUsage.objects.filter(product_instance__gone_at=None, quantity__gt=0).select_related(
        "license", "product_instance__virtual_account__smart_account", "product_instance__cluster__customer"
    )
    empty = Empty("cpu", "Nothing is used yet", "It appears with the first sync after a product has registered.")
    return list_page(
        request, "usage/usage.html", UsageFilter(request.GET, queryset=rows), UsageTable,
        noun=("use", "uses"), empty=empty, heading="Usage report",
    )  # fmt: skip
