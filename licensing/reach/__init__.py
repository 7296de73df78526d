"""Reaching a cluster itself. `of(cluster)` is the way that is set for it; the protocol is answers.Reach."""

from licensing.models import Cluster, ClusterAccess
from licensing.reach.answers import (
    Answer,
    ByHand,
    Done,
    Reach,
    ReachError,
    ReachRefused,
    ReachUnavailable,
    Status,
)
from licensing.reach.manual import Manual
from licensing.reach.unified_cm import UnifiedCm

__all__ = [
    "Answer",
    "ByHand",
    "Done",
    "Reach",
    "ReachError",
    "ReachRefused",
    "ReachUnavailable",
    "Status",
    "access_of",
    "of",
]


def of(cluster: Cluster) -> Reach:
    """By hand unless another way is set (models.ClusterAccess). One query where `access` was not fetched with it."""
    access = access_of(cluster)
    if access is not None and access.method == ClusterAccess.Method.AXL and cluster.application == "cucm":
        return UnifiedCm(cluster, access)
    return Manual(cluster)


def access_of(cluster: Cluster) -> ClusterAccess | None:
    return getattr(cluster, "access", None)
