"""True forward: what a customer uses beyond what it has bought (docs/figures.md#true-forward). Pure.

Cisco bills growth from the next anniversary on and credits nothing for less (docs/domain.md#true-forward). A customer's
own purchases serve each other's requests by the allocation rules first. Nobody else's do: what one customer leaves
unused does not lower another one's bill. Totals by license, or of all, are sums over customers for the same reason.
"""

from collections.abc import Mapping

from licensing.allocation.engine import allocate


def true_forward(committed: Mapping[str, int], used: Mapping[str, int]) -> dict[str, int]:
    """Return, by license, what is used beyond the commitment. Licenses without any are left out."""
    return dict(allocate(committed, used).short)
