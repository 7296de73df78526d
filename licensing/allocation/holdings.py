"""Read from the mirror what virtual accounts hold and what is asked of them, for the allocation engine."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.db.models import QuerySet, Sum
from django.db.models.functions import Coalesce

from licensing.allocation.engine import Allocation, allocate, license_of, totals
from licensing.allocation.license_names import CURRENT
from licensing.mirror.models import InstanceUsage, License, VirtualAccount

# The license that a use is linked to, or the name that the product gave where the pool does not list it.
USED_NAME = Coalesce("license__name", "license_name")


@dataclass(frozen=True)
class Holding:
    """A holding is one virtual account with its quantities per license name, as Cisco spells it.

    It is as old as the last sync of its smart account.
    """

    pool: VirtualAccount
    licenses: tuple[License, ...]
    demand: Mapping[str, int]  # what its product instances use

    @cached_property
    def supply(self) -> dict[str, int]:
        return {row.name: max(row.quantity, 0) for row in self.licenses}

    @cached_property
    def reserved(self) -> dict[str, int]:
        """Return what reservations (SLR, PLR) bind, on top of what is in use (docs/cisco-api.md#reserved)."""
        return {row.name: row.reserved for row in self.licenses if row.reserved > 0}

    @cached_property
    def unexplained(self) -> dict[str, int]:
        """Return what Cisco counts as in use beyond what product instances use and what borrowing explains.

        It counts as asked: a license that Cisco reports as taken is not free.

        Cisco may count a lent license as in use at the lender (docs/cisco-api.md#lent-licenses), so what the engine
        or Cisco's own substitutions lend is not counted a second time.
        """
        lent = {part.license: part.lent for part in self._by_instances.explain()}
        for name, quantity in _lent_by_cisco(self.licenses).items():
            lent[name] = max(lent.get(name, 0), quantity)
        known = totals([*((_tag(name), quantity) for name, quantity in self.demand.items()), *lent.items()])
        found: dict[str, int] = {}
        for (
            row
        ) in self.licenses:  # the spellings of one license together: what one of them uses may be listed as another
            tag = _tag(row.name)
            part = max(row.in_use, 0)
            taken = min(part, known.get(tag, 0))
            known[tag] = known.get(tag, 0) - taken
            if part > taken:
                found[row.name] = part - taken
        return found

    @property
    def asked(self) -> dict[str, int]:
        return totals([*self.demand.items(), *self.unexplained.items()])

    @cached_property
    def allocation(self) -> Allocation:
        """Allocate what is asked of the virtual account today."""
        return self.allocate(self.asked)

    def allocate(self, asked: Mapping[str, int]) -> Allocation:
        """Allocate the supply of this virtual account to another demand."""
        return allocate(self.supply, asked, self.reserved)

    @cached_property
    def _by_instances(self) -> Allocation:
        return self.allocate(self.demand)


def of(pools: Iterable[VirtualAccount]) -> dict[int, Holding]:
    """Return the holdings by the virtual account's id, in two statements however many there are."""
    pools = list(pools)
    licenses: dict[int, list[License]] = {pool.pk: [] for pool in pools}
    for row in License.objects.present().filter(virtual_account__in=pools):
        licenses[row.virtual_account_id].append(row)
    used = usage(InstanceUsage.objects.filter(product_instance__virtual_account__in=pools))
    return {pool.pk: Holding(pool, tuple(licenses[pool.pk]), used.get(pool.pk, {})) for pool in pools}


def usage(rows: QuerySet[InstanceUsage]) -> dict[int, dict[str, int]]:
    """Add up what present product instances use: virtual account id -> license name -> quantity."""
    found: dict[int, dict[str, int]] = {}
    summed: Any = (
        rows.filter(product_instance__gone_at=None, quantity__gt=0)
        .order_by()
        .values_list("product_instance__virtual_account", USED_NAME)
        .annotate(total=Sum("quantity"))
    )
    for pool, name, quantity in summed:
        found.setdefault(pool, {})[name] = quantity
    return found


def _lent_by_cisco(licenses: Iterable[License]) -> dict[str, int]:
    """Return what Cisco reports as lent, by the tag of the lender."""
    parts: list[dict[str, Any]] = [part for row in licenses for part in row.substitutions]
    return totals((_tag(part["substituted_license"]), max(part["quantity"] or 0, 0)) for part in parts)


def _tag(name: str) -> str:
    return license_of(name, CURRENT)
