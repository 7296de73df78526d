"""Write the demo's past: half a year of use, orders that arrived, samples, clocks, and mapped subscriptions.

All of it is made up from the data of the first sync, and the same each time. The past of each cluster's use and of each
purchase comes first (licensing.demo.past). Intervals, daily samples and clocks are read off it, so they agree.
"""

from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from django.db import transaction
from django.utils import timezone

from licensing.accounts.models import SmartAccount
from licensing.alerts.models import Alert, AlertEvent, Kind, Overage
from licensing.demo import intervals, purchases
from licensing.demo.past import DAYS, Arrivals, State, read_past
from licensing.mirror.models import Change, License, LicenseLine, SyncRun, UsageSample
from people.audit import Actor

SYNC_TOOK = timedelta(seconds=8)


@transaction.atomic
def write(account: SmartAccount) -> None:
    """Write the history of an account after its first sync, which is dated back."""
    now = timezone.now()
    past = read_past(account)
    _date_back(account, now - timedelta(days=DAYS))
    runs = _add_runs(account, past.states, now)
    _add_samples(past.states, now)
    _add_clocks(past.states, now)
    intervals.write(account, past, now)
    purchases.write_movements(account, past, runs)
    purchases.map_subscriptions(account, now)
    purchases.enter_orders(account, now, Actor(None, f"owner@{account.domain}"))


def _date_back(account: SmartAccount, then: datetime) -> None:
    runs = SyncRun.objects.filter(smart_account=account)
    Change.objects.filter(sync_run__in=runs).update(at=then)
    runs.update(queued_at=then, started_at=then, finished_at=then + SYNC_TOOK, heartbeat_at=then)


def _add_runs(account: SmartAccount, states: dict[License, list[State]], now: datetime) -> dict[int, SyncRun]:
    """Add the syncs that saw something arrive or a license run short, and today's, which saw nothing.

    Returns by age all but today's, with the first one.
    """
    runs = {DAYS: SyncRun.objects.filter(smart_account=account).earliest("pk")}
    seen: dict[int, list[Change]] = {}
    lines: dict[int, list[LicenseLine]] = {}
    for line in LicenseLine.objects.filter(license__in=states).order_by("position"):
        lines.setdefault(line.license_id, []).append(line)
    arrived = Arrivals(account)
    for row, story in states.items():
        bought = lines.get(row.pk, [])
        ages = [arrived(row.virtual_account.name, line.order_number) for line in bought]
        for before, after in pairwise(story):
            if (before.quantity, before.status) != (after.quantity, after.status):
                seen.setdefault(after.ago, []).append(
                    Change(
                        kind=Change.Kind.CHANGED,
                        object_type="license",
                        object_id=row.pk,
                        label=f"{row.name} in {row.virtual_account.name}",
                        values=_differences(before, after) | _new_lines(bought, ages, after.ago),
                    )
                )
    for ago in sorted(seen, reverse=True):
        then = now - timedelta(days=ago)
        runs[ago] = _add_run(account, then, changed=len(seen[ago]), unchanged=len(states) - len(seen[ago]))
        for change in seen[ago]:
            change.sync_run, change.at = runs[ago], then
    Change.objects.bulk_create(change for changes in seen.values() for change in changes)
    _add_run(account, now, unchanged=len(states))
    return runs


def _differences(before: State, after: State) -> dict[str, Any]:
    """Return what a sync writes down of a change: the members that differ, old and new."""
    members = ("quantity", "in_use", "available", "status", "substitutions")
    pairs = {name: [getattr(before, name), getattr(after, name)] for name in members}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def _new_lines(lines: list[LicenseLine], ages: list[int], ago: int) -> dict[str, Any]:
    """Return the purchase lines before and after those that arrived at this age."""
    before, after = (
        [_line(line) for line, age in zip(lines, ages, strict=True) if age >= since] for since in (ago + 1, ago)
    )
    return {} if before == after else {"lines": [before, after]}


def _line(line: LicenseLine) -> dict[str, Any]:
    return {
        "type": line.type,
        "quantity": line.quantity,
        "start": line.start and line.start.isoformat(),
        "end": line.end and line.end.isoformat(),
        "subscription_id": line.subscription_id,
        "status": line.status,
        "order_number": line.order_number,
        "sku": line.sku,
    }


def _add_run(account: SmartAccount, then: datetime, **counts: int) -> SyncRun:
    return SyncRun.objects.create(
        smart_account=account,
        status=SyncRun.Status.SUCCEEDED,
        requested_by="schedule",
        queued_at=then,
        started_at=then,
        finished_at=then + SYNC_TOOK,
        **counts,
    )


def _add_samples(states: dict[License, list[State]], now: datetime) -> None:
    """Add the sample of each day before today. The sync has added today's."""
    rows = []
    for row, story in states.items():
        for state, after in zip(story, [*story[1:], None], strict=True):
            rows += [
                UsageSample(
                    license=row,
                    day=(now - timedelta(days=ago)).date(),
                    quantity=state.quantity,
                    in_use=state.in_use,
                    available=state.available,
                    reserved=row.reserved,
                )
                for ago in range(state.ago, after.ago if after else 0, -1)
            ]
    UsageSample.objects.bulk_create(rows, batch_size=2_000, ignore_conflicts=True)


def _add_clocks(states: dict[License, list[State]], now: datetime) -> None:
    """Start the clock of each license that is short now with the sync that first saw it short, and date its alert back.

    The first sync has started them too late: it did not know the past.
    """
    Overage.objects.filter(license__in=states).delete()
    clocks = []
    for row, story in states.items():
        ago = None
        for state in reversed(story):
            if state.status != License.Status.OUT_OF_COMPLIANCE:
                break
            ago = state.ago
        if ago is not None:
            clocks.append(Overage(license=row, since=now - timedelta(days=ago)))
    Overage.objects.bulk_create(clocks)
    for clock in clocks:
        alerts = Alert.objects.filter(
            kind=Kind.OUT_OF_COMPLIANCE, subject_type="license", subject_id=clock.license_id, closed_at=None
        )
        AlertEvent.objects.filter(alert__in=alerts, kind=AlertEvent.Kind.OPENED).update(at=clock.since)
        alerts.update(opened_at=clock.since)
