"""Write the made-up past as the intervals that licensing.history would have recorded."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db.backends.postgresql.psycopg_any import DateTimeTZRange

from licensing.accounts.models import SmartAccount
from licensing.demo.past import DAYS, Past, State, Step
from licensing.history.models import Interval, LicenseState, Recording, Series

BATCH = 2_000


def write(account: SmartAccount, past: Past, now: datetime) -> None:
    """Replace what was recorded of the account since its first sync by half a year of intervals."""
    Series.objects.filter(virtual_account__smart_account=account).delete()
    LicenseState.objects.filter(license__virtual_account__smart_account=account).delete()
    Recording.objects.update_or_create(smart_account=account, defaults={"since": now - timedelta(days=DAYS)})
    stories = [
        (
            Series(
                kind=Series.Kind.USE,
                virtual_account_id=use.virtual_account,
                license_name=use.license_name,
                cluster=use.cluster,
                customer=use.customer,
                cluster_name=use.cluster_name,
                customer_name=use.customer_name,
            ),
            steps,
        )
        for use, steps in past.uses
    ] + [
        (
            Series(
                kind=Series.Kind.SUPPLY,
                virtual_account_id=supply.virtual_account,
                license_name=supply.license_name,
                subscription_id=supply.subscription_id,
                order_number=supply.order_number,
            ),
            steps,
        )
        for supply, steps in past.supplies
    ]
    Series.objects.bulk_create([series for series, _ in stories], batch_size=BATCH)
    intervals = [
        Interval(series=series, valid=valid, quantity=step.quantity)
        for series, steps in stories
        for step, valid in zip(steps, _ranges(steps, now), strict=True)
        if step.quantity
    ]
    Interval.objects.bulk_create(intervals, batch_size=BATCH)
    states = [
        LicenseState(
            license=row,
            valid=valid,
            quantity=state.quantity,
            in_use=state.in_use,
            available=state.available,
            reserved=row.reserved,
            status=state.status,
            substitutions=state.substitutions,
        )
        for row, story in past.states.items()
        for state, valid in zip(story, _ranges(story, now), strict=True)
    ]
    LicenseState.objects.bulk_create(states, batch_size=BATCH)


def _ranges(story: Sequence[Step] | Sequence[State], now: datetime) -> list[DateTimeTZRange]:
    """Return from when to when each part of a story lasted. The last one lasts."""
    begins = [now - timedelta(days=part.ago) for part in story]
    return [DateTimeTZRange(begin, end) for begin, end in zip(begins, [*begins[1:], None], strict=True)]
