"""Gather the facts and warnings of On-Prem servers from their rows, for licensing.fleet.transport.

The row holds what people enter. How many product instances a server carries, and whether Expressways register with it,
is read from the mirror and from the fleet: `with_counts` fetches both for any number of servers at once.
"""

from typing import Any

from django.db.models import Count, Exists, IntegerField, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.utils import timezone

from licensing.accounts.models import LicenseServer
from licensing.fleet import transport
from licensing.fleet.models import Cluster
from licensing.mirror.models import ProductInstance


def with_counts(servers: QuerySet[LicenseServer]) -> Any:
    """Annotate each server with `present_instances` and `has_expressways`."""
    of_server = "virtual_account__smart_account__license_server"
    present = ProductInstance.objects.present().filter(**{of_server: OuterRef("pk")})
    counted = present.order_by().values(of_server).annotate(number=Count("pk")).values("number")
    expressways = Cluster.objects.filter(license_server=OuterRef("pk"), application__in=Cluster.EXPRESSWAYS)
    return servers.annotate(
        present_instances=Coalesce(Subquery(counted, output_field=IntegerField()), 0),
        has_expressways=Exists(expressways),
    )


def facts_of(server: LicenseServer) -> transport.ServerFacts:
    """Return the facts of a server.

    Its host name is that of its API, or the SSM On-Prem Name where the API has an address (docs/domain.md#F17).
    """
    known = transport.ServerFacts.at(server.name, server.api_base_url, server.version, server.hcmf_version)
    named = "" if transport.is_ip(server.on_prem_name) else server.on_prem_name.strip().rstrip(".").lower()
    return transport.ServerFacts(
        name=server.name,
        version=server.version,
        fqdn=known.fqdn or named,
        ip=known.ip,
        hcmf_version=server.hcmf_version,
        recorded_url=server.registration_url,
        on_prem_name=server.on_prem_name,
        common_name=server.host_common_name,
        product_instances=getattr(server, "present_instances", None),
        instance_limit=server.instance_limit,
        last_synced_at=server.last_cloud_sync_at,
        offline=server.offline,
    )


def warnings_of(server: LicenseServer) -> tuple[transport.ServerWarning, ...]:
    """Return the warnings of a server, none for a cloud server.

    `server` comes from `with_counts`; without it, warnings that need counts are left out.
    """
    if server.is_cloud:
        return ()
    return transport.server_warnings(facts_of(server), timezone.now(), getattr(server, "has_expressways", False))
