"""Summarise where the partner stands: compliance, shortages, the pools side by side, terms. Reads only the mirror.

Paused accounts do not count: nothing is known of them until they are resumed.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import reduce
from itertools import zip_longest
from operator import or_

from django.db.models import Count, Min, Prefetch, Q, QuerySet
from django.utils import timezone

from licensing.accounts.models import SmartAccount
from licensing.alerts.models import Alert, Kind, Overage, Severity
from licensing.allocation.engine import license_of
from licensing.allocation.license_names import CURRENT
from licensing.mirror.models import License, LicenseLine, SyncRun, VirtualAccount

ORDERED, OPERATIONAL = VirtualAccount.Purpose.ORDERED, VirtualAccount.Purpose.OPERATIONAL
# As many alerts of one kind stand each for itself.
ALONE = 2
SHORT = Q(status=License.Status.OUT_OF_COMPLIANCE)
UNKNOWN = Q(status=License.Status.UNKNOWN)


@dataclass(frozen=True, slots=True)
class Compliance:
    """Licenses by status, and how many virtual accounts hold the short ones."""

    total: int
    short: int
    unknown: int
    pools_short: int
    pools: int


@dataclass(frozen=True, slots=True)
class Shortage:
    """A license out of compliance. Its clock says since when; its alert says what fixes it, unless its rule is off."""

    license: License
    alert: Alert | None

    @property
    def clock(self) -> Overage | None:
        return next(iter(self.license.clocks), None)  # type: ignore[attr-defined]

    @property
    def since(self) -> datetime | None:
        """Return when its clock started, or before the first evaluation when its alert opened."""
        if self.clock:
            return self.clock.since
        return self.alert.opened_at if self.alert else None

    @property
    def lacking(self) -> int:
        return self.license.short_by_cisco


@dataclass(frozen=True, slots=True)
class PoolRow:
    """One license in the two pools of a smart account; None where a pool does not have it."""

    name: str
    ordered: License | None
    operational: License | None

    @property
    def pressed(self) -> float:
        """Short ones first, then by how much of the operational quantity is in use."""
        rows = [row for row in (self.ordered, self.operational) if row]
        if any(row.status == License.Status.OUT_OF_COMPLIANCE for row in rows):
            return 2.0
        running = self.operational
        return min(running.in_use / running.quantity, 1.0) if running and running.quantity else 0.0


@dataclass(frozen=True, slots=True)
class PoolPair:
    account: SmartAccount
    ordered: VirtualAccount | None
    operational: VirtualAccount | None
    rows: Sequence[PoolRow]
    more: int


@dataclass(frozen=True, slots=True)
class Attention:
    """One open alert, or (alert None) `count` of a kind that are as severe; `first_due` of them is the next date."""

    severity: str
    kind: Kind
    count: int
    first_due: datetime | None
    since: datetime
    alert: Alert | None


def compliance() -> Compliance:
    rows = License.objects.present().of_active_accounts()
    pool = "virtual_account"
    return Compliance(
        **rows.aggregate(
            total=Count("pk"),
            short=Count("pk", filter=SHORT),
            unknown=Count("pk", filter=UNKNOWN),
            pools=Count(pool, distinct=True),
            pools_short=Count(pool, filter=SHORT, distinct=True),
        )
    )


def shortages(limit: int) -> list[Shortage]:
    """The ones that have been short longest first."""
    alerts = Alert.objects.open().filter(kind=Kind.OUT_OF_COMPLIANCE, subject_type="license")
    by_license = {alert.subject_id: alert for alert in alerts.order_by("opened_at")}
    clocks = Prefetch("overages", Overage.objects.open().select_related("owner"), to_attr="clocks")
    rows = License.objects.short().of_active_accounts().select_related("virtual_account__smart_account")
    rows = rows.prefetch_related(clocks)
    found = [Shortage(row, by_license.get(row.pk)) for row in rows.order_by("available", "pk")]
    found.sort(key=lambda shortage: shortage.since or timezone.now())
    return found[:limit]


def attention(apart_from: Sequence[int]) -> list[Attention]:
    """Return open alerts, most urgent first. Three or more of one kind and severity are one line."""
    rows = Alert.objects.open().exclude(pk__in=apart_from)
    kinds = rows.values("kind", "severity").annotate(count=Count("pk"), first_due=Min("due_at"), since=Min("opened_at"))
    groups = [
        Attention(row["severity"], Kind(row["kind"]), row["count"], row["first_due"], row["since"], None)
        for row in kinds.order_by()
    ]
    few = [group for group in groups if group.count <= ALONE]
    which = reduce(or_, (Q(kind=group.kind, severity=group.severity) for group in few), Q(pk=None))
    alone = [
        Attention(alert.severity, Kind(alert.kind), 1, alert.due_at, alert.opened_at, alert)
        for alert in rows.filter(which)
    ]
    far = timezone.now() + timedelta(days=36500)
    found = [*alone, *(group for group in groups if group.count > ALONE)]
    return sorted(found, key=lambda group: (Severity.values.index(group.severity), group.first_due or far, group.since))


def accounts_with_latest_run() -> list[SmartAccount]:
    """Each with `latest`: its newest sync run in a list, or an empty list."""
    newest = SyncRun.objects.order_by("smart_account_id", "-queued_at", "-pk").distinct("smart_account_id")
    rows = SmartAccount.objects.select_related("license_server")
    return list(rows.prefetch_related(Prefetch("sync_runs", queryset=newest, to_attr="latest")))


def in_doubt(accounts: Iterable[SmartAccount]) -> list[SmartAccount]:
    """Accounts whose figures cannot be relied on: never synced, too old, or the latest sync failed."""
    active = (account for account in accounts if not account.paused_at)
    return [account for account in active if account.is_outdated() or _has_failed(account)]


def _has_failed(account: SmartAccount) -> bool:
    return any(run.status == SyncRun.Status.FAILED for run in account.latest)  # type: ignore[attr-defined]


def oldest_sync(accounts: Iterable[SmartAccount]) -> SmartAccount | None:
    """The account whose numbers are the oldest of those that count: the page is no fresher than they."""
    synced = [(account.last_synced_at, account) for account in accounts if not account.paused_at]
    known: list[tuple[datetime, SmartAccount]] = [(moment, account) for moment, account in synced if moment]
    return min(known, key=lambda pair: pair[0])[1] if known else None


def pool_pairs(limit: int) -> list[PoolPair]:
    """Ordered and operational pool of each account that has one, license by license; the most pressed rows first."""
    licenses = License.objects.present()
    pools = VirtualAccount.objects.present().filter(purpose__in=(ORDERED, OPERATIONAL), smart_account__paused_at=None)
    pools = pools.select_related("smart_account").prefetch_related(Prefetch("licenses", licenses, to_attr="held"))
    by_account: dict[SmartAccount, dict[str, VirtualAccount]] = {}
    for pool in pools.order_by("smart_account__name", "smart_account__domain"):
        by_account.setdefault(pool.smart_account, {})[pool.purpose] = pool
    return [_pair(account, pair, limit) for account, pair in by_account.items()]


def _pair(account: SmartAccount, pools: dict[str, VirtualAccount], limit: int) -> PoolPair:
    ordered, operational = _by_license(pools.get(ORDERED)), _by_license(pools.get(OPERATIONAL))
    tags = {*ordered, *operational}
    rows = [row for tag in tags for row in _beside(ordered.get(tag, []), operational.get(tag, []))]
    rows.sort(key=lambda row: (-row.pressed, row.name))
    return PoolPair(account, pools.get(ORDERED), pools.get(OPERATIONAL), rows[:limit], max(len(rows) - limit, 0))


def _by_license(pool: VirtualAccount | None) -> dict[str, list[License]]:
    """Tag -> the rows of a pool: one for each spelling of the license."""
    found: dict[str, list[License]] = {}
    for row in pool.held if pool else ():  # type: ignore[attr-defined]
        found.setdefault(license_of(row.name, CURRENT), []).append(row)
    return found


def _beside(ordered: Sequence[License], operational: Sequence[License]) -> Iterator[PoolRow]:
    """One license in two pools, which may spell it differently; what is spelled alike stands side by side."""
    alike = {row.name for row in ordered} & {row.name for row in operational}
    sides = (sorted(rows, key=lambda row: (row.name not in alike, row.name)) for rows in (ordered, operational))
    for bought, running in zip_longest(*sides):
        yield PoolRow((bought or running).name, bought, running)


def terms_ending(days: int) -> QuerySet[LicenseLine]:
    """Lines that end within so many days, or have ended, of accounts that count; the next one first."""
    rows = LicenseLine.objects.ending_by(last_day(days)).filter(license__virtual_account__smart_account__paused_at=None)
    return rows.select_related("license__virtual_account").order_by("end", "pk")


def last_day(days: int) -> date:
    return timezone.localdate() + timedelta(days=days)
