"""Evaluate what happens when clusters or users are added to a virtual account, leave it or move, by license.

Pages, REST and the check before an assignment ask the same function. Nothing is changed, and Cisco is not asked: the
answer is as old as the mirror. Sources: licenses (docs/domain.md#allocation), license modes (docs/domain.md#X4), the
ordered pool (docs/domain.md#A4).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from django.db.models import Sum

from kit.refusals import Refusal
from kit.wording import shorten
from licensing.allocation import holdings
from licensing.allocation.engine import Explanation, license_of, totals
from licensing.allocation.holdings import Holding
from licensing.allocation.license_names import CURRENT, Side
from licensing.fleet.models import Cluster
from licensing.mirror.models import InstanceUsage, VirtualAccount

SHOWN = 5  # names in a note
MOST = 1_000_000_000  # users of one license; more than any order
# Cluster id -> virtual account id -> license name -> quantity.
Recorded = Mapping[int, Mapping[int, Mapping[str, int]]]


class Action(StrEnum):
    """An action is what people ask for; each needs different virtual accounts (see `scenario`)."""

    ADD = "add"
    MOVE = "move"
    REMOVE = "remove"


@dataclass(frozen=True)
class Scenario:
    """A scenario says which clusters and users arrive where, and where the users come from.

    Clusters come with what their product instances use, from wherever those are registered. `users` are numbers per
    license name, on top. Without a target they are removed; without a source the users are new.
    """

    clusters: Sequence[Cluster] = ()
    users: Mapping[str, int] = field(default_factory=dict)
    target: VirtualAccount | None = None
    source: VirtualAccount | None = None  # of `users` only


@dataclass(frozen=True)
class Row:
    """A row is one license of one pool, under the name that the pool has for it."""

    license: str
    before: Explanation
    after: Explanation

    @property
    def changed(self) -> bool:
        return self.before != self.after


@dataclass(frozen=True)
class PoolOutcome:
    virtual_account: VirtualAccount
    rows: tuple[Row, ...]  # families first from higher to lower, then the others by name

    @property
    def changed(self) -> tuple[Row, ...]:
        return tuple(row for row in self.rows if row.changed)

    @property
    def unchanged(self) -> tuple[Row, ...]:
        return tuple(row for row in self.rows if not row.changed)


@dataclass(frozen=True)
class Shortage:
    """A shortage is a license that is short afterwards by more than before. `text` says all of it in a sentence."""

    virtual_account: VirtualAccount
    license: str
    short: int
    before: int
    text: str


@dataclass(frozen=True)
class Outcome:
    pools: tuple[PoolOutcome, ...]  # every pool touched, the target first
    shortages: tuple[Shortage, ...]  # made or made worse, in the order of pools and rows
    notes: tuple[str, ...]  # what the figures do not say

    @property
    def first_shortage(self) -> Shortage | None:
        return next(iter(self.shortages), None)


def scenario(
    action: str,
    clusters: Sequence[Cluster],
    users: Mapping[str, int],
    virtual_account: VirtualAccount | None,
    source: VirtualAccount | None,
) -> Scenario:
    """Build a scenario from a form or a call.

    Raises Refusal where the action lacks a virtual account or has one too many, so that no input is silently ignored.
    """
    if action == Action.REMOVE and virtual_account:
        raise Refusal(
            "Removed clusters and users have no destination.", "Clear “To”, or choose “Move”.", "virtual_account"
        )
    if action != Action.REMOVE and virtual_account is None:
        raise Refusal("There is no destination.", "Choose a virtual account.", "virtual_account")
    if action == Action.ADD and source:
        raise Refusal("Added users have no source.", "Clear “From”, or choose “Move”.", "source")
    if action != Action.ADD and users and source is None:
        raise Refusal("There is no source for the users.", "Choose the virtual account that they are in now.", "source")
    if source and not users:
        raise Refusal(
            "A source is chosen, but no users are entered.",
            "Enter the number of users, or clear “From”: the portal knows where clusters are.",
            "source",
        )
    return Scenario(tuple(clusters), users, virtual_account, source)


def assignment(cluster: Cluster, virtual_account: VirtualAccount) -> Outcome:
    """Evaluate one assignment before it is made. Raises Refusal for a pool that takes none (ordered, gone)."""
    return evaluate(Scenario(clusters=(cluster,), target=virtual_account))


def evaluate(scenario: Scenario) -> Outcome:
    """Evaluate a scenario in four statements, however many clusters and pools.

    Raises Refusal, with the field at fault, for a scenario that makes no sense: nothing chosen, the ordered pool or one
    that is gone as target, more users taken than there are.
    """
    _check(scenario)
    recorded = _recorded_usage(scenario.clusters)
    pools = _pools(scenario, recorded)
    held = holdings.of(pools.values())
    asked = {pk: dict(holding.asked) for pk, holding in held.items()}
    _take_clusters(asked, recorded)
    _take_users(asked, scenario)
    if scenario.target:
        _add(asked[scenario.target.pk], _arriving(scenario, recorded))
    outcomes = tuple(_compare(held[pk], asked[pk]) for pk in pools)
    shortages = tuple(shortage for outcome in outcomes for shortage in _shortages(outcome))
    return Outcome(outcomes, shortages, tuple(_notes(scenario, recorded)))


def _check(scenario: Scenario) -> None:
    target, source = scenario.target, scenario.source
    if not scenario.clusters and not scenario.users:
        raise Refusal("Nothing is chosen.", "Choose clusters, or enter numbers of users per license.", "clusters")
    for name, number in scenario.users.items():
        if not 0 < number <= MOST:
            raise Refusal(
                f"{number} is not a valid number of users of {name}.", f"Enter a number from 1 to {MOST:,}.", "users"
            )
    if target is None and source is None and scenario.users:
        raise Refusal("The users have neither a source nor a destination.", "Choose a virtual account.", "source")
    if target is not None and target == source:
        raise Refusal("Both virtual accounts are the same.", "Choose two different ones, or only one.", "source")
    if target is not None:
        _check_target(target)


def _check_target(pool: VirtualAccount) -> None:
    if why := pool.not_serving:
        raise Refusal(why, pool.CHOOSE_SERVING, "virtual_account")
    if pool.gone_at:
        raise Refusal(f"{pool} is gone at Cisco.", "Choose a virtual account that exists.", "virtual_account")


def _recorded_usage(clusters: Sequence[Cluster]) -> Recorded:
    found: dict[int, dict[int, dict[str, int]]] = {cluster.pk: {} for cluster in clusters}
    if not clusters:
        return found
    rows: Any = (
        InstanceUsage.objects.filter(product_instance__cluster__in=clusters, product_instance__gone_at=None)
        .filter(quantity__gt=0)
        .order_by()
        .values_list("product_instance__cluster", "product_instance__virtual_account", holdings.USED_NAME)
        .annotate(total=Sum("quantity"))
    )
    for cluster, pool, name, quantity in rows:
        found[cluster].setdefault(pool, {})[name] = quantity
    return found


def _pools(scenario: Scenario, recorded: Recorded) -> dict[int, VirtualAccount]:
    """Return the virtual accounts of a scenario: the target first, then those that clusters or users leave."""
    chosen = {pool.pk: pool for pool in (scenario.target, scenario.source) if pool}
    others = {pool for by_pool in recorded.values() for pool in by_pool} - set(chosen)
    rows = VirtualAccount.objects.filter(pk__in=others).select_related("smart_account") if others else ()
    return chosen | {pool.pk: pool for pool in rows}


def _take_clusters(asked: dict[int, dict[str, int]], recorded: Recorded) -> None:
    """Take the clusters' usage off their pools, never below zero: a sync may have ended between our statements."""
    for by_pool in recorded.values():
        for pool, used in by_pool.items():
            for name, quantity in used.items():
                asked[pool][name] = max(asked[pool].get(name, 0) - quantity, 0)


def _take_users(asked: dict[int, dict[str, int]], scenario: Scenario) -> None:
    if scenario.source is None:
        return
    left = asked[scenario.source.pk]
    for name, number in scenario.users.items():
        spellings = [known for known in left if license_of(known, CURRENT) == license_of(name, CURRENT)]
        there = sum(left[known] for known in spellings)
        if there < number:
            raise Refusal(
                f"{scenario.source} uses {there:,} of {name}, so {number:,} cannot leave.",
                "Lower the number, or choose another virtual account.",
                "users",
            )
        remaining = number
        for known in spellings:
            taken = min(left[known], remaining)
            left[known] -= taken
            remaining -= taken


def _arriving(scenario: Scenario, recorded: Recorded) -> dict[str, int]:
    changing = {cluster.pk for cluster in scenario.clusters if _becomes_hcs(cluster, scenario.target)}
    used = (
        (_map_to_hcs(name) if cluster in changing else name, quantity)
        for cluster, by_pool in recorded.items()
        for part in by_pool.values()
        for name, quantity in part.items()
    )
    return totals([*used, *scenario.users.items()])


def _becomes_hcs(cluster: Cluster, pool: VirtualAccount | None) -> bool:
    """An assignment brings a cluster to its pool's license mode (docs/domain.md#H13)."""
    return bool(pool and pool.license_mode == Side.HCS and cluster.deployment == Cluster.Deployment.ENTERPRISE)


def _map_to_hcs(name: str) -> str:
    """Return the HCS license that Table 1 maps an Enterprise request to. A name that Table 1 lacks stays."""
    mapped = CURRENT.mapping.get(license_of(name, CURRENT))
    return CURRENT.display_name(mapped) if mapped else name


def _add(asked: dict[str, int], more: Mapping[str, int]) -> None:
    for name, quantity in more.items():
        asked[name] = asked.get(name, 0) + quantity


def _compare(holding: Holding, asked: Mapping[str, int]) -> PoolOutcome:
    nothing = dict.fromkeys([*holding.asked, *asked], 0)  # both sides name the same licenses
    before = holding.allocate(nothing | holding.asked).explain()
    after = holding.allocate(nothing | dict(asked)).explain()
    names = _map_spellings([*holding.supply, *nothing])
    rows = (Row(names[license_of(old.license, CURRENT)], old, new) for old, new in zip(before, after, strict=True))
    return PoolOutcome(holding.pool, tuple(row for row in rows if _has_quantities(row)))


def _has_quantities(row: Row) -> bool:
    return any(part.owned or part.requested or part.reserved for part in (row.before, row.after))


def _map_spellings(names: Iterable[str]) -> dict[str, str]:
    """Map each tag to the pool's own spelling, the one that it owns first.

    A tag that the pool does not own gets Cisco's display name.
    """
    found: dict[str, str] = {}
    for name in names:
        tag = license_of(name, CURRENT)
        found.setdefault(tag, CURRENT.display_name(tag) if name == tag else name)
    return found


def _shortages(outcome: PoolOutcome) -> Iterable[Shortage]:
    for row in outcome.rows:
        short, before = row.after.short, row.before.short
        if short > before:
            needed = row.after.needed
            text = (
                f"{outcome.virtual_account} would be {short:,} short of {row.license}: "
                f"{needed:,} needed, {needed - short:,} covered" + (f"; {before:,} short today." if before else ".")
            )
            yield Shortage(outcome.virtual_account, row.license, short, before, text)


def _notes(scenario: Scenario, recorded: Recorded) -> Iterable[str]:
    unknown = [str(cluster) for cluster in scenario.clusters if not recorded[cluster.pk]]
    if unknown:
        yield (
            f"No usage is recorded for {shorten(unknown, SHOWN)}: no product instance is matched to it, "
            "or it uses no license. It counts as zero here."
        )
    changing = [str(cluster) for cluster in scenario.clusters if _becomes_hcs(cluster, scenario.target)]
    if changing:
        yield (
            f"{shorten(changing, SHOWN)}: changes from Enterprise to HCS mode, which restarts the publisher. It then "
            "asks for the HCS licenses that Cisco's Table 1 names, and those are counted here."
        )
    unknown_names = [name for name in scenario.users if CURRENT.find(name) is None]
    if unknown_names:
        yield f"Cisco's rules do not know {shorten(unknown_names, SHOWN)}: only licenses of that exact name count."
    yield from _mode_notes(scenario)


def _mode_notes(scenario: Scenario) -> Iterable[str]:
    pool = scenario.target
    if pool is None or not scenario.clusters:
        return
    if not pool.license_mode:
        yield f"{pool} has no license mode yet. Set it before you assign clusters."
    if pool.license_mode == Side.ENTERPRISE:
        leaving = [str(row) for row in scenario.clusters if row.deployment == Cluster.Deployment.HCS]
        if leaving:
            yield (
                f"{shorten(leaving, SHOWN)}: changes from HCS to Enterprise mode, which restarts the publisher. Which "
                "Enterprise licenses it then asks for is known only afterwards, so today's licenses are counted here."
            )
