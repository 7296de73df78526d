"""Gather what a statement says. This is the one place of the app that reads figures.

The result is plain JSON and is frozen with the statement: all its files are made from it.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, date, datetime
from functools import cached_property
from typing import Any

from licensing.accounts.models import SmartAccount
from licensing.figures.positions import Position
from licensing.fleet.models import Cluster, Customer
from licensing.history import reading
from licensing.mirror.models import SyncRun
from licensing.statements.content import figures, inventory
from licensing.statements.content.costs import Growths
from licensing.statements.content.period import Period, check
from licensing.statements.content.trends import Trends

VERSION = 1
# Figures of a position, as licensing.figures names and defines them (docs/figures.md).
FIGURES = (
    "ordered",
    "delivered",
    "undelivered",
    "owned",
    "used",
    "covered_by_own",
    "covered_by_higher",
    "covered_by_dual_parenting",
    "lent",
    "short_by_cisco",
    "short_with_borrowing",
    "true_forward",
)
Content = dict[str, Any]


class Reader:
    """The figures of one period, read once and used for any number of customers."""

    def __init__(self, start: date, end: date, now: datetime | None = None, many: bool = False) -> None:
        """Read the figures. `many`: for a batch, which asks for each customer."""
        self.period: Period = check(start, end, now)
        self.held = figures.read(self.period.at)
        self.trends = Trends(self.held.books, self.period)
        self.growths = Growths(end, many)
        self.recorded = reading.recorded_from()

    def gather(self, customer: Customer) -> Content:
        """Return everything that the statement of this customer says."""
        period, growth = self.period, self.growths.of(customer)
        return {
            "version": VERSION,
            "customer": customer.name,
            "period": {"start": period.start.isoformat(), "end": period.end.isoformat()},
            "at": period.at.isoformat(),
            "licenses": [_license(row) for row in self.held.positions[customer.pk]],
            "clusters": self._clusters(customer),
            "trends": self._trends(customer),
            "growth": self.growths.periods(growth),
            "costs": self.growths.costs(growth),
            "terms": self._terms(customer),
            "pools": inventory.rows_of_pools(self.held, customer.pk),
            "synced": self._synced(customer),
            "remarks": self._remarks(customer),
        }

    def has_figures(self, customer: Customer) -> bool:
        """Return whether the customer used or held anything at the end of the period."""
        return bool(self.held.positions[customer.pk])

    def _clusters(self, customer: Customer) -> list[dict[str, Any]]:
        by_cluster: dict[int, list[Position]] = defaultdict(list)
        for row in self.held.clusters[customer.pk]:
            by_cluster[row.id or 0].append(row)
        known = Cluster.objects.in_bulk(by_cluster)
        return [
            {
                "name": rows[0].name,
                "application": known[number].get_application_display() if number in known else "",
                "release": known[number].version if number in known else "",
                "licenses": [{"name": row.license_name, "used": row.used} for row in rows],
            }
            for number, rows in by_cluster.items()
        ]

    def _trends(self, customer: Customer) -> list[dict[str, Any]]:
        first = min(self._recorded(customer).values())
        by_day = self.trends.of(customer.pk, first)
        return [{"license": name, **lines, **_summary(lines["used"])} for name, lines in sorted(by_day.items())]

    def _terms(self, customer: Customer) -> list[dict[str, Any]]:
        parts = self.held.supply[customer.pk]
        ends = self.held.ends
        found: dict[tuple[int, str, str], int] = defaultdict(int)
        for part in parts:
            account = self.held.books.facts.pools[part.virtual_account].smart_account_id
            found[account, part.subscription_id, part.license_name] += part.quantity
        return [
            {
                "subscription": key[1],
                "license": key[2],
                "quantity": quantity,
                "ends": ends[key].isoformat() if key in ends else None,
            }
            for key, quantity in sorted(found.items(), key=lambda item: item[0][1:])
        ]

    def _accounts(self, customer: Customer) -> list[SmartAccount]:
        """Return the smart accounts in which the customer used or held anything."""
        parts = (*self.held.use[customer.pk], *self.held.supply[customer.pk])
        found = {
            part.virtual_account: self.held.books.facts.pools[part.virtual_account].smart_account for part in parts
        }
        return sorted({row.pk: row for row in found.values()}.values(), key=str)

    def _synced(self, customer: Customer) -> list[dict[str, Any]]:
        """Return when each account was last read from Cisco before the end of the period."""
        found = []
        for account in self._accounts(customer):
            last = self._last_syncs.get(account.pk)
            found.append({"account": str(account), "at": last.isoformat() if last else None})
        return found

    @cached_property
    def _last_syncs(self) -> dict[int, datetime]:
        runs = SyncRun.objects.filter(status=SyncRun.Status.SUCCEEDED, finished_at__lte=self.period.at)
        latest = runs.order_by("smart_account", "-finished_at").distinct("smart_account")
        return {number: at for number, at in latest.values_list("smart_account", "finished_at") if at}

    def _recorded(self, customer: Customer) -> dict[SmartAccount, datetime]:
        """Return from when on the accounts of this customer are recorded. Without any: all accounts."""
        accounts = self._accounts(customer) or SmartAccount.objects.filter(pk__in=self.recorded)
        return {row: self.recorded[row.pk] for row in accounts if row.pk in self.recorded}

    def _remarks(self, customer: Customer) -> list[dict[str, Any]]:
        """Return what a reader must know about the figures, as codes with values. statements.wording words them."""
        found: list[dict[str, Any]] = []
        if not self.period.over:
            found.append({"code": "not_over", "at": self.period.at.isoformat()})
        recorded = self._recorded(customer)
        for account, since in sorted(recorded.items(), key=lambda item: item[1]):
            day = since.astimezone(UTC).date()
            if day > self.period.start:
                name = str(account) if len(recorded) > 1 else ""
                found.append({"code": "recorded_from", "day": day.isoformat(), "account": name})
        return found


def _license(row: Position) -> dict[str, Any]:
    return {"name": row.license_name, **{name: getattr(row, name) for name in FIGURES}}


def _summary(used: Sequence[int | None]) -> dict[str, int]:
    """Return the highest and the average use of the recorded days."""
    known = [value for value in used if value is not None]
    return {"peak": max(known, default=0), "average": round(sum(known) / len(known)) if known else 0}


def gather(customer: Customer, start: date, end: date) -> Content:
    """Return what a statement of this customer for this period says. Raises Refusal for an impossible period."""
    return Reader(start, end).gather(customer)
