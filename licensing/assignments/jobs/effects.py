"""What an assignment changes on the cluster itself. Pure.

The license mode of a virtual account is the mode of its clusters: an assignment changes Enterprise to HCS by itself
(docs/domain.md#H13), and the publisher restarts (docs/domain.md#P8). Expressway knows no license mode.
"""

from licensing.fleet.models import Cluster, Node
from licensing.mirror.models import VirtualAccount

NO_PUBLISHER = "the publisher (not named)"


def changes_mode(cluster: Cluster, pool: VirtualAccount) -> bool:
    """`deployment` is the mode that the cluster runs in as far as anybody has recorded."""
    return bool(pool.license_mode) and not cluster.is_expressway and cluster.deployment != pool.license_mode


def restarting_publisher(cluster: Cluster, pool: VirtualAccount) -> str:
    """The host name of the publisher that restarts, "" where none does. Reads the nodes: prefetch them for many."""
    if not changes_mode(cluster, pool):
        return ""
    names = [node.host_name for node in cluster.nodes.all() if node.role == Node.Role.PUBLISHER]
    return names[0] if names else NO_PUBLISHER
