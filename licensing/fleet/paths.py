"""Resolve how a cluster reaches Cisco."""

from typing import Any

from django.db import models

from licensing.fleet import on_prem, transport
from licensing.fleet.models import Cluster, Customer, Proxy


def with_transport(clusters: models.QuerySet[Cluster]) -> models.QuerySet[Cluster]:
    """Join everything that `transport_of` reads, in one query."""
    return clusters.select_related("customer__proxy", "proxy", "license_server")


def transport_of(cluster: Cluster) -> transport.Transport:
    """Return how the cluster reaches Cisco. Fetch it with `with_transport`."""
    return transport.resolve(*_transport_facts(cluster))


def change_if_proxy_moved(cluster: Cluster) -> str:
    """Return what would change if cluster and customer swapped their proxies; "" where nothing would."""
    now, moved = transport.resolve(*_transport_facts(cluster)), transport.if_proxy_moved(*_transport_facts(cluster))
    if (now.mode, now.proxy) == (moved.mode, moved.proxy):
        return ""
    if moved.mode == transport.Mode.DIRECT:
        return "It would reach Cisco directly, because Expressway-E does not use the customer's proxy."
    return f"It would use the proxy {moved.proxy}."


def _transport_facts(cluster: Cluster) -> tuple[transport.ClusterFacts, transport.Proxies, Any]:
    proxies = transport.Proxies(_proxy_facts(cluster), _proxy_facts(cluster.customer))
    server = cluster.license_server
    facts = on_prem.facts_of(server) if server is not None and not server.is_cloud else None
    return transport.ClusterFacts(cluster.application), proxies, facts


def _proxy_facts(owner: Customer | Cluster) -> transport.ProxyFacts | None:
    proxy: Proxy | None = getattr(owner, "proxy", None)
    return transport.ProxyFacts(proxy.host, proxy.port) if proxy else None
