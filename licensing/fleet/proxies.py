"""Set and remove the proxies of customers and clusters."""

from dataclasses import dataclass

from django.core.validators import RegexValidator
from django.db import transaction
from django.db.models import Q

from kit import guards
from kit.refusals import check_value
from kit.wording import shorten_sentences
from licensing.fleet import transport
from licensing.fleet.models import Cluster, Customer, Proxy
from licensing.fleet.paths import transport_of, with_transport
from licensing.fleet.saving import save_row
from licensing.mirror.models import VirtualAccount
from people import audit
from people.audit import Actor

# A name or an IP address. Products resolve it, the portal does not.
HOST_NAME = RegexValidator(
    r"^[A-Za-z0-9_:]([A-Za-z0-9_.:-]*[A-Za-z0-9_.:])?\Z", "Enter a host name or an IP address, without scheme and port."
)


@dataclass(frozen=True, slots=True)
class ProxySpec:
    """The wanted proxy. `password` None keeps the stored one."""

    host: str
    port: int
    username: str = ""
    password: str | None = None


@transaction.atomic
def set_proxy(actor: Actor, owner: Customer | Cluster, spec: ProxySpec | None) -> None:
    """Set the proxy of a customer or cluster; None removes it. Raises Refusal while a cluster needs it."""
    proxy = Proxy.objects.filter(**{owner._meta.model_name or "": owner}).first()
    if spec is None:
        if proxy:
            guard_of_proxy(owner).check(f"The proxy {proxy} of {owner} is in use.")
            audit.record(actor, "removed proxy", owner, changes={"proxy": [str(proxy), None]})
            proxy.delete()
        return
    before = audit.snapshot(proxy) if proxy else None
    proxy = proxy or Proxy(**{owner._meta.model_name or "": owner})
    old = str(proxy) if before else None
    _fill_proxy(proxy, spec)
    save_row(proxy, before, "proxy_")
    if before is None or before != audit.snapshot(proxy):
        audit.record(actor, "changed proxy", owner, changes={"proxy": [old, str(proxy)]})


def guard_of_proxy(owner: Customer | Cluster) -> guards.Guard:
    """Guard a proxy that assigned clusters use. They are unassigned first (docs/domain.md#unassign-first)."""
    mine = Q(pk=owner.pk) if isinstance(owner, Cluster) else Q(customer=owner)
    rule = transport.Rule.CLUSTER_PROXY if isinstance(owner, Cluster) else transport.Rule.CUSTOMER_PROXY
    assigned = VirtualAccount.objects.filter(assignments__ended_at=None).values("assignments__cluster")
    rows = with_transport(Cluster.objects.filter(mine, pk__in=assigned))
    using = [str(cluster) for cluster in rows if transport_of(cluster).rule == rule]
    return guards.Guard(
        shorten_sentences(
            (f"{name} is assigned and reaches Cisco through it." for name in using), len(using), guards.SHOWN
        ),
        (
            "End the assignments of these clusters.",
            "Remove the proxy.",
            "Assign them again. To use another proxy, enter it instead; the assignments can then stay.",
        ),
    )


def _fill_proxy(proxy: Proxy, spec: ProxySpec) -> None:
    check_value(HOST_NAME, spec.host, "a proxy", "proxy_host")
    proxy.host, proxy.port, proxy.username = spec.host, spec.port, spec.username
    if spec.password is not None:
        proxy.password = spec.password
