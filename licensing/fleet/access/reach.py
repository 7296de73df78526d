"""Reaching a cluster itself. `of(cluster)` is the way that is set for it; the protocol is answers.Reach."""

from licensing.fleet.access.answers import (
    Answer,
    ByHand,
    Done,
    Reach,
    ReachError,
    ReachRefused,
    ReachUnavailable,
    Status,
)
from licensing.fleet.access.manual import Manual
from licensing.fleet.access.unified_cm import UnifiedCm
from licensing.fleet.models import Cluster, ClusterAccess

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
    "asks_people",
    "of",
]


def of(cluster: Cluster) -> Reach:
    """By hand unless another way is set (models.ClusterAccess); always for clusters that are managed on premise, which
    are out of reach (docs/domain.md#H8). One query where `access` was not fetched with it."""
    access = access_of(cluster)
    if access is None or access.method != ClusterAccess.Method.AXL or cluster.managed_on_premise:
        return Manual(cluster)
    return UnifiedCm(cluster, access) if cluster.has_axl else Manual(cluster)


def asks_people(way: Reach) -> bool:
    """Whether all of it is done by hand: then nothing waits for the network, and nothing changes by itself."""
    return type(way) is Manual  # other ways fall back on its run sheets for what they have no call for


def access_of(cluster: Cluster) -> ClusterAccess | None:
    return getattr(cluster, "access", None)
