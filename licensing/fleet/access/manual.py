"""Reach a cluster by hand, with a run sheet for each step. Its status is what the last sync saw."""

from licensing.fleet.access import run_sheets
from licensing.fleet.access.answers import Answer, ByHand, Done, Status
from licensing.fleet.access.run_sheets import Sheet
from licensing.fleet.models import Cluster
from licensing.fleet.transport import Transport
from licensing.mirror.models import ProductInstance


def sheet_of(cluster: Cluster) -> Sheet:
    nodes = list(cluster.nodes.all())
    publisher = next((node.host_name for node in nodes if node.role == "publisher"), "")
    return Sheet(cluster.application, cluster.version, publisher, tuple(node.host_name for node in nodes))


def seen_by_sync(cluster: Cluster) -> Status:
    """Return where the last sync saw the cluster's product instances.

    Without instances nothing is known, for the sync may be older than the registration. With instances in several
    virtual accounts, the cluster is registered, and its virtual account is left open.
    """
    rows = ProductInstance.objects.present().filter(cluster=cluster).select_related("virtual_account__smart_account")
    pools = {row.virtual_account for row in rows}
    if not pools:
        return Status()
    as_of = min(
        (pool.smart_account.last_synced_at for pool in pools if pool.smart_account.last_synced_at), default=None
    )
    if len(pools) > 1:
        return Status(registered=True, as_of=as_of)
    pool = pools.pop()
    return Status(registered=True, virtual_account=pool.name, smart_account=str(pool.smart_account), as_of=as_of)


class Manual:
    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.sheet = sheet_of(cluster)

    def probe(self) -> Status:
        return self.status()

    def status(self) -> Status:
        return seen_by_sync(self.cluster)

    def set_mode(self, mode: str) -> Answer:
        steps = run_sheets.mode(self.sheet, mode)
        return ByHand(steps) if steps else Done("Expressway has no license mode.")

    def set_transport(self, transport: Transport) -> Answer:
        return ByHand(run_sheets.transport(self.sheet, transport))

    def register(self, token_text: str) -> Answer:
        return ByHand(run_sheets.register(self.sheet))

    def deregister(self) -> Answer:
        return ByHand(run_sheets.deregister(self.sheet))
