"""The page that shows how each cluster reaches Cisco, by which rule, and what moving a proxy would change."""

from collections import Counter

from django.http import HttpRequest, HttpResponse

from kit.lists import Empty, invite, list_page
from licensing.fleet import paths
from licensing.fleet.filters import TransportFilter
from licensing.fleet.models import Cluster
from licensing.fleet.tables import TransportTable
from licensing.fleet.transport import MODE_WORDS
from people.gate import Need, may, needs


@needs(Need.READ)
def transport(request: HttpRequest) -> HttpResponse:
    filter_ = TransportFilter(request.GET, queryset=paths.with_transport(Cluster.objects.all()))
    modes = Counter(paths.transport_of(cluster).mode for cluster in filter_.queryset)
    tiles = [(mode.value, label, modes[mode]) for mode, label in MODE_WORDS.items()]
    empty = Empty(
        "route",
        "No clusters yet",
        "Each cluster reaches Cisco directly, by a proxy or over an On-Prem server.",
        *invite(may(request.user, Need.OPERATE), "cluster-add", "Add cluster"),
    )
    return list_page(
        request,
        "fleet/transport/transport.html",
        filter_,
        TransportTable,
        noun=("cluster", "clusters"),
        empty=empty,
        tiles=tiles,
    )
