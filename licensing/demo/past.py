"""Make up the past of an account: what each cluster used, when each purchase arrived, and how each license stood.

The present comes from the mirror. Use grows towards it, purchases arrive when the demo's plan says so, and Cisco's
rules say what was available on each day. Ages are counted in days before now.
"""

import random
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Min
from django.utils import timezone

from licensing.accounts.models import SmartAccount
from licensing.allocation.engine import Rule, allocate
from licensing.cisco.emulator.borrowing import SUBSTITUTION
from licensing.cisco.emulator.plan import ORDERED, orders_of, plan_of
from licensing.history import reading
from licensing.history.reading import Supply, Use
from licensing.mirror.models import License, ProductInstance

DAYS = 170  # age of the first sample
STEP = 14  # days between two changes of a cluster's use
GROWTH = (0.0, 0.02, 0.03, 0.05, 0.08)  # of a cluster's use, from the first sample to now


@dataclass(frozen=True, slots=True)
class Step:
    """A quantity, and the age in days from which it was in force."""

    ago: int
    quantity: int


@dataclass(frozen=True, slots=True)
class State:
    """Cisco's figures of a license, and the age in days from which it listed them."""

    ago: int
    quantity: int
    in_use: int
    available: int
    status: str
    substitutions: list[dict[str, Any]]

    def same(self, other: "State") -> bool:
        members = ("quantity", "in_use", "available", "status", "substitutions")
        return all(getattr(self, name) == getattr(other, name) for name in members)


@dataclass(frozen=True)
class Past:
    """Steps and states go from the oldest to the present one."""

    uses: list[tuple[Use, list[Step]]]
    supplies: list[tuple[Supply, list[Step]]]
    states: dict[License, list[State]]


def read_past(account: SmartAccount) -> Past:
    now = timezone.now()
    pools = list(account.virtual_accounts.present())
    ids = [pool.pk for pool in pools]
    ages = _ages_of_clusters(ids, now)
    names = {pool.pk: pool.name for pool in pools}
    plan = plan_of(account.domain)
    growth = {pool.name: pool.growth for pool in plan.demo.pools} if plan else {}
    uses = [
        (use, _grow(use, min(ages.get(use.cluster, DAYS), DAYS), growth.get(names[use.virtual_account], 0)))
        for use in reading.use(ids)
    ]
    arrived = Arrivals(account)
    supplies = [
        (supply, [Step(arrived(names[supply.virtual_account], supply.order_number), supply.quantity)])
        for supply in reading.supply(ids)
    ]
    states: dict[License, list[State]] = {}
    for pool in pools:
        rows = list(License.objects.present().filter(virtual_account=pool).select_related("virtual_account"))
        states |= _states(
            rows,
            [(use.license_name, steps) for use, steps in uses if use.virtual_account == pool.pk],
            [(supply.license_name, steps) for supply, steps in supplies if supply.virtual_account == pool.pk],
        )
    return Past(uses, supplies, states)


class Arrivals:
    """Say at what age what an order brought appeared in a pool."""

    def __init__(self, account: SmartAccount) -> None:
        self._orders = {order.number: order for order in orders_of(account.domain)}

    def __call__(self, pool: str, order_number: str) -> int:
        order = self._orders.get(order_number)
        if order is None:
            return DAYS
        return min(order.age if pool == ORDERED else order.arrived, DAYS)


def _ages_of_clusters(pools: Iterable[int], now: datetime) -> dict[int, int]:
    rows = ProductInstance.objects.present().filter(virtual_account__in=pools, cluster__isnull=False).order_by()
    oldest = rows.values_list("cluster").annotate(first=Min("registered_at"))
    return {cluster: (now - first).days for cluster, first in oldest if first}


def _grow(use: Use, age: int, pool_growth: float) -> list[Step]:
    """Let the use of a cluster grow step by step, on days and at a pace of its own unless its pool has one."""
    dice = random.Random(use.cluster_name + use.license_name)  # noqa: S311 - the same past each time
    growth = pool_growth or dice.choice(GROWTH)
    if not use.cluster or age < DAYS:
        growth = 0.0
    steps = [Step(age, round(use.quantity * (1 - growth)))]
    for ago in range(age - 1 - dice.randrange(STEP), 0, -STEP):
        quantity = round(use.quantity * (1 - growth * max(ago - STEP, 0) / age))
        if quantity != steps[-1].quantity:
            steps.append(Step(ago, quantity))
    return steps


Named = list[tuple[str, list[Step]]]


def _states(rows: list[License], uses: Named, supplies: Named) -> dict[License, list[State]]:
    """Return how the licenses of a pool stood: a state for each time that a figure changed, the last as it is now."""
    ages = sorted({DAYS, *(step.ago for _, steps in (*uses, *supplies) for step in steps)}, reverse=True)
    used = _totals(uses, 0)
    beyond = {row.name: row.in_use - used.get(row.name, 0) for row in rows}  # Cisco counts more than it lists
    found: dict[License, list[State]] = {row: [] for row in rows}
    for ago in ages:
        owned, used = _totals(supplies, ago), _totals(uses, ago)
        asked = {row.name: used.get(row.name, 0) + beyond[row.name] for row in rows}
        for row, state in _states_at(ago, rows, owned, asked).items():
            if not found[row] or not state.same(found[row][-1]):
                found[row].append(state)
    for row, states in found.items():
        present = State(0, row.quantity, row.in_use, row.available, row.status, row.substitutions)
        if not present.same(states[-1]):
            states.append(present)
    return found


def _states_at(ago: int, rows: list[License], owned: dict[str, int], asked: dict[str, int]) -> dict[License, State]:
    supply = {row.name: owned.get(row.name, 0) for row in rows}
    served = allocate(supply, asked, {row.name: row.reserved for row in rows if row.reserved > 0})
    lent: dict[str, list[dict[str, Any]]] = {}
    for grant in served.grants:
        if grant.rule != Rule.OWN:
            part = {"license": grant.requested, "substituted_license": grant.granted, "quantity": grant.quantity}
            lent.setdefault(grant.requested, []).append(part | {"type": SUBSTITUTION})
    found = {}
    for row in rows:
        short = served.short.get(row.name, 0) + served.reserved_short.get(row.name, 0)
        status = License.Status.OUT_OF_COMPLIANCE if short else License.Status.IN_COMPLIANCE
        available = served.left[row.name] - short
        figures = (supply[row.name], asked[row.name], available, status.value, lent.get(row.name, []))
        found[row] = State(ago, *figures)
    return found


def _totals(paths: Named, ago: int) -> dict[str, int]:
    """Add up by license what the steps say of this age."""
    found: dict[str, int] = {}
    for name, steps in paths:
        quantity = next((step.quantity for step in reversed(steps) if step.ago >= ago), 0)
        found[name] = found.get(name, 0) + quantity
    return found
