"""Which way each cluster reaches Cisco, by which rule, and what a proxy that moves would change."""

from collections import Counter

from django.http import HttpRequest, HttpResponse

from licensing import fleet
from licensing.filters.transport import TransportFilter
from licensing.models import Cluster
from licensing.tables.transport import TransportTable
from licensing.transport import MODE_WORDS
from licensing.views.lists import Empty, invite, list_page
from people.gate import Need, needs


@needs(Need.READ)
def transport(request: HttpRequest) -> HttpResponse:
    filter_ = TransportFilter(request.GET, queryset=fleet.with_transport(Cluster.objects.all()))
    modes = Counter(fleet.transport_of(cluster).mode for cluster in filter_.queryset)
    tiles = [(mode.value, label, modes[mode]) for mode, label in MODE_WORDS.items()]
    empty = Empty(
        "route", "No clusters yet", "Each cluster reaches Cisco directly, by a proxy or over an On-Prem server.",
        *invite(request, Need.OPERATE, "cluster-add", "Add cluster"),
    )  # fmt: skip
    return list_page(
        request, "transport/transport.html", filter_, TransportTable, noun=("cluster", "clusters"), empty=empty,
        tiles=tiles,
    )  # fmt: skip
