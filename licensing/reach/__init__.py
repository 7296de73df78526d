"""Reaching a cluster itself. `of(cluster)` is the way that is set for it; the protocol is answers.Reach."""

from licensing.models import Cluster
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

__all__ = ["Answer", "ByHand", "Done", "Reach", "ReachError", "ReachRefused", "ReachUnavailable", "Status", "of"]


def of(cluster: Cluster) -> Reach:
    """By hand unless another way is set (models.ClusterAccess)."""
    return Manual(cluster)
