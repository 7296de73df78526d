"""Choose the way to a cluster. The protocol that all ways follow is answers.Reach."""

from licensing.fleet.access.answers import Reach
from licensing.fleet.access.manual import Manual
from licensing.fleet.access.unified_cm import UnifiedCm
from licensing.fleet.models import Cluster, ClusterAccess


def way_to(cluster: Cluster) -> Reach:
    """Return the way that is set for the cluster (models.ClusterAccess), by hand where none is set.

    Clusters that are managed on premise are always reached by hand (docs/domain.md#H8). Takes one query where `access`
    was not fetched with the cluster.
    """
    access = access_of(cluster)
    if access is None or access.method != ClusterAccess.Method.AXL or cluster.managed_on_premise:
        return Manual(cluster)
    return UnifiedCm(cluster, access) if cluster.has_axl else Manual(cluster)


def asks_people(way: Reach) -> bool:
    """Return whether all of it is done by hand: then nothing waits for the network, and nothing changes by itself."""
    return type(way) is Manual  # other ways fall back on its run sheets for what they have no call for


def access_of(cluster: Cluster) -> ClusterAccess | None:
    return getattr(cluster, "access", None)
