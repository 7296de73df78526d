"""Histories for tests of figures: use and purchases on days, written as the recorder writes them."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.db.backends.postgresql.psycopg_any import DateTimeTZRange

from licensing.fleet.models import Customer
from licensing.history.models import Interval, Recording, Series
from licensing.mirror.models import License, VirtualAccount
from tests import factories as make


def moment(day: date, hour: int = 12) -> datetime:
    return datetime(day.year, day.month, day.day, hour, tzinfo=UTC)


def make_recorded_pool(since: date, **values: Any) -> VirtualAccount:
    """A virtual account whose smart account is recorded from that day on."""
    pool = make.make_virtual_account(**values)
    Recording.objects.get_or_create(smart_account=pool.smart_account, defaults={"since": moment(since)})
    return pool


def write_use(
    pool: VirtualAccount, license_name: str, customer: Customer | None, figures: Mapping[date, int], **values: Any
) -> None:
    """`figures`: the use from each of these days on."""
    own = {"customer": customer.pk if customer else 0, "customer_name": customer.name if customer else "", **values}
    series = Series.objects.create(kind="use", virtual_account=pool, license_name=license_name, **own)
    write_intervals(series, figures)


def write_supply(
    pool: VirtualAccount, license_name: str, subscription_id: str, figures: Mapping[date, int], **values: Any
) -> None:
    own = {"license_name": license_name, "subscription_id": subscription_id, **values}
    write_intervals(Series.objects.create(kind="supply", virtual_account=pool, **own), figures)


def write_intervals(series: Series, figures: Mapping[date, int]) -> None:
    days = sorted(figures)
    for place, day in enumerate(days):
        end = moment(days[place + 1]) if place + 1 < len(days) else None
        if figures[day]:
            valid = DateTimeTZRange(moment(day), end)
            Interval.objects.create(series=series, valid=valid, quantity=figures[day])


def make_purchase(
    pool: VirtualAccount, license_name: str, customer: Customer | None, quantity: int, **line: Any
) -> License:
    """What Cisco lists now of one subscription of the customer: a license with one line."""
    row, _ = License.objects.get_or_create(virtual_account=pool, name=license_name)
    made = make.make_line(license=row, quantity=quantity, **line)
    row.quantity += quantity
    row.save()
    if made.subscription_id:
        make.make_subscription(
            smart_account=pool.smart_account, subscription_id=made.subscription_id, customer=customer
        )
    return row


def days_before(day: date, number: int) -> date:
    return day - timedelta(days=number)
