"""The page of what arrived, left and moved."""

from django.http import HttpRequest, HttpResponse

from kit.lists import Empty, list_page
from licensing.accounts.empty_states import to_smart_accounts
from licensing.orders.filters import MovementFilter
from licensing.orders.models import Movement
from licensing.orders.tables import MovementTable
from people.gate import Need, needs


@needs(Need.READ)
def movements(request: HttpRequest) -> HttpResponse:
    empty = Empty(
        "package",
        "No deposits yet",
        "They appear after the first sync that sees licenses.",
        *to_smart_accounts(),
    )
    return list_page(
        request,
        "orders/movements/movements.html",
        MovementFilter(request.GET, queryset=Movement.objects.select_related("virtual_account", "counterpart")),
        MovementTable,
        noun=("deposit or move", "deposits and moves"),
        empty=empty,
    )
