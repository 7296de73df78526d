"""The usage report: licenses and products of all smart accounts in one list and one file."""

from django.http import HttpRequest, HttpResponse

from kit.lists import Empty, list_page
from licensing.accounts.empty_states import to_smart_accounts
from licensing.mirror.filters import UsageFilter
from licensing.mirror.models import InstanceUsage
from licensing.mirror.tables.past import PastUsageTable
from licensing.mirror.tables.present import UsageTable
from people.gate import Need, needs


@needs(Need.READ)
def usage(request: HttpRequest) -> HttpResponse:
    empty = Empty(
        "cpu",
        "No usage yet",
        "Usage appears with the first sync after a product has registered.",
        *to_smart_accounts(),
    )
    return list_page(
        request,
        "mirror/usage/usage.html",
        UsageFilter(request.GET, queryset=InstanceUsage.objects.current()),
        UsageTable,
        past_table=PastUsageTable,
        noun=("use", "uses"),
        empty=empty,
        heading="Usage report",
    )
