"""Read from the history how use and supply changed, day by day, for some customers or for all.

A day is a UTC day and stands for its end, as in licensing.history.reading: what changed on a day is part of its figure.
The rows are differences, added up in the database, so their number does not depend on how many clusters or virtual
accounts a customer has.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.db import connection

from kit.refusals import Refusal
from licensing.allocation.engine import license_of
from licensing.allocation.license_names import CURRENT
from licensing.figures.dates import is_past, words
from licensing.figures.growth.measures import Steps
from licensing.figures.growth.periods import Cover
from licensing.history.models import Recording

Key = tuple[int, str]  # customer, 0 for what belongs to none; and license
NOBODY = 0

USE = """
SELECT series.customer, series.license_name, pool.smart_account_id, max(series.customer_name), event.day,
    sum(event.quantity)::integer
FROM history_series series
JOIN mirror_virtualaccount pool ON pool.id = series.virtual_account_id
JOIN accounts_smartaccount account ON account.id = pool.smart_account_id AND account.paused_at IS NULL
JOIN history_interval interval ON interval.series_id = series.id AND interval.valid && tstzrange(%(begin)s, %(end)s)
CROSS JOIN LATERAL (VALUES
    (greatest((lower(interval.valid) AT TIME ZONE 'UTC')::date, %(first)s), interval.quantity),
    ((upper(interval.valid) AT TIME ZONE 'UTC')::date, -interval.quantity)
) AS event (day, quantity)
WHERE series.kind = 'use' AND event.day <= %(last)s {of_customers}
GROUP BY 1, 2, 3, 5
HAVING sum(event.quantity) <> 0
"""
# The subscriptions of customers, with the license names that their purchase lines cover.
COVERS = """
SELECT coalesce(subscription.customer_id, 0), subscription.id, subscription.subscription_id, license.name,
    min(line.start), CASE WHEN bool_and(line."end" IS NOT NULL) THEN max(line."end") END
FROM mirror_subscription subscription
JOIN accounts_smartaccount account ON account.id = subscription.smart_account_id AND account.paused_at IS NULL
JOIN mirror_virtualaccount pool ON pool.smart_account_id = account.id
JOIN mirror_license license ON license.virtual_account_id = pool.id AND license.gone_at IS NULL
JOIN mirror_licenseline line ON line.license_id = license.id
    AND line.subscription_id = subscription.subscription_id AND NOT starts_with(lower(line.status), 'cancel')
WHERE true {of_customers}
GROUP BY subscription.id, license.name
"""


@dataclass(slots=True)
class Use:
    """What customers used, by license: its steps, and the smart accounts in which it was used."""

    steps: dict[Key, Steps]
    accounts: dict[Key, set[int]] = field(default_factory=dict)
    customer_names: dict[int, str] = field(default_factory=dict)
    license_names: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))


@dataclass(frozen=True, slots=True)
class Recorded:
    """From when on a smart account is recorded, and when it was synced last."""

    since: date
    synced_at: datetime

    @property
    def synced(self) -> date:
        return _day(self.synced_at)


def use(customers: Collection[int] | None, first: date, last: date) -> Use:
    """Return the use from one day to another. `customers` None: of all; NOBODY stands for unmatched use."""
    clause = "" if customers is None else "AND series.customer = ANY(%(customers)s)"
    changes: dict[Key, dict[date, int]] = defaultdict(lambda: defaultdict(int))
    found = Use({}, defaultdict(set))
    given = {"first": first, "last": last, "begin": begin_of(first), "end": begin_of(last + timedelta(days=1))}
    for customer, name, account, customer_name, day, quantity in _run(
        USE.format(of_customers=clause), {**given, "customers": list(customers or ())}
    ):
        key = (customer, license_of(name, CURRENT))
        changes[key][day] += quantity
        found.accounts[key].add(account)
        found.customer_names[customer] = customer_name
        found.license_names[key[1]].add(name)
    found.steps = {key: Steps(differences) for key, differences in changes.items()}
    return found


def covers(customers: Collection[int] | None) -> dict[Key, list[Cover]]:
    """Return the subscriptions that cover each license of each customer, by the purchase lines that Cisco lists."""
    clause = "" if customers is None else "AND coalesce(subscription.customer_id, 0) = ANY(%(customers)s)"
    rows = _run(COVERS.format(of_customers=clause), {"customers": list(customers or ())})
    starts: dict[int, date] = {}
    for _, pk, _, _, start, _ in rows:
        if start:
            starts[pk] = min(start, starts.get(pk, start))
    found: dict[Key, list[Cover]] = defaultdict(list)
    for customer, pk, subscription_id, name, _, end in rows:
        if pk in starts:
            found[customer, license_of(name, CURRENT)].append(Cover(subscription_id, starts[pk], end))
    return found


def accounts() -> dict[int, Recorded]:
    """Return the smart accounts that are recorded and not paused."""
    rows = Recording.objects.filter(smart_account__paused_at=None).values_list(
        "smart_account", "since", "smart_account__last_synced_at"
    )
    return {pk: Recorded(_day(since), synced or since) for pk, since, synced in rows}


def not_recorded(day: date) -> list[str]:
    """Return a sentence for each smart account that is not recorded on that day, which is not in the future.

    Raises Refusal for a day of which nothing is recorded, and for one in the future.
    """
    if not is_past(day):
        return []
    records = list(Recording.objects.filter(smart_account__paused_at=None).select_related("smart_account"))
    later = [(record.smart_account, _day(record.since)) for record in records if _day(record.since) > day]
    if records and len(later) == len(records):
        step = f"The history begins on {words(min(since for _, since in later))}: enter that day or a later one."
        raise Refusal(f"No figures are recorded for {words(day)}.", step, "as_of")
    return [f"{account} is not recorded before {words(since)}." for account, since in later]


def _run(statement: str, given: dict[str, Any]) -> Iterable[Any]:
    with connection.cursor() as cursor:
        cursor.execute(statement, given)
        return list(cursor.fetchall())


def begin_of(day: date) -> datetime:
    return datetime.combine(day, time.min, UTC)


def _day(moment: datetime) -> date:
    return moment.astimezone(UTC).date()
