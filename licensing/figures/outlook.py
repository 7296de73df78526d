"""What the overview draws: out-of-compliance licenses by day, and terms that end in the coming months."""

from collections import Counter
from dataclasses import dataclass
from datetime import date, timedelta

from django.db import connection

from licensing.mirror.models import LicenseLine

# Days of accounts that the history did not know yet come from the daily samples, which keep no status: a license that
# uses more than it has counts as short there.
SHORT_BY_DAY = """
WITH days AS (
    SELECT day::date AS day, ((day + interval '1 day') AT TIME ZONE 'UTC') - interval '1 microsecond' AS ends
    FROM generate_series(%(first)s::timestamp, %(last)s::timestamp, '1 day') day
),
license AS (
    SELECT license.id, recording.since
    FROM mirror_license license
    JOIN mirror_virtualaccount pool ON pool.id = license.virtual_account_id
    JOIN accounts_smartaccount account ON account.id = pool.smart_account_id AND account.paused_at IS NULL
    LEFT JOIN history_recording recording ON recording.smart_account_id = account.id
)
SELECT days.day, count(*) FROM days
JOIN history_licensestate state ON state.status = 'out_of_compliance' AND state.valid @> days.ends
JOIN license ON license.id = state.license_id
GROUP BY 1
UNION ALL
SELECT sample.day, count(*) FROM mirror_usagesample sample JOIN license ON license.id = sample.license_id
WHERE sample.day BETWEEN %(first)s AND %(last)s AND (sample.available < 0 OR sample.in_use > sample.quantity)
    AND (license.since IS NULL OR sample.day < (license.since AT TIME ZONE 'UTC')::date)
GROUP BY 1
"""


@dataclass(frozen=True, slots=True)
class Month:
    """Licenses whose term ends in a month. `first`: its first day."""

    first: date
    licenses: int
    terms: int


def short_by_day(first: date, last: date) -> dict[date, int]:
    """Return how many licenses were out of compliance at the end of each UTC day, with days of none. One statement."""
    with connection.cursor() as cursor:
        cursor.execute(SHORT_BY_DAY, {"first": first, "last": last})
        found: Counter[date] = Counter()
        for day, number in cursor.fetchall():
            found[day] += number
    return {day: found[day] for day in (first + timedelta(days=step) for step in range((last - first).days + 1))}


def terms_ahead(today: date, months: int) -> list[Month]:
    """Return the terms that end in this month and the coming ones, of accounts that are not paused. One statement."""
    firsts = [_month_after(today, step) for step in range(months + 1)]
    lines = LicenseLine.objects.ending_by(firsts[-1] - timedelta(days=1)).filter(
        end__gte=today, quantity__gt=0, license__virtual_account__smart_account__paused_at=None
    )
    licenses: Counter[date] = Counter()
    terms: Counter[date] = Counter()
    for end, quantity in lines.order_by().values_list("end", "quantity"):
        if end:
            licenses[end.replace(day=1)] += quantity
            terms[end.replace(day=1)] += 1
    return [Month(first, licenses[first], terms[first]) for first in firsts[:-1]]


def _month_after(day: date, months: int) -> date:
    """Return the first day of the month so many months later."""
    years, month = divmod(day.month - 1 + months, 12)
    return date(day.year + years, month + 1, 1)
