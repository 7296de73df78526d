"""Lists at a day in the past: what they showed at its end, and what of it was not recorded.

A day is a UTC day, as in `dates`. Licenses and their use come from the history, which positions count too. Everything
else is the mirror, rewound by the changes that syncs recorded since. Smart accounts whose past is unknown are left out
and named.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db.models import Count, F, FilteredRelation, OuterRef, Prefetch, Q, QuerySet, Subquery

from kit.past import Past
from kit.refusals import Refusal
from licensing.accounts.models import SmartAccount
from licensing.assignments.models import Assignment, AssignmentJob
from licensing.figures.dates import is_past, words
from licensing.fleet.models import Cluster, Customer
from licensing.history import reading
from licensing.history.models import Interval, LicenseState, Series
from licensing.mirror.changes import comparison, rewinding
from licensing.mirror.changes.comparison import Gap
from licensing.mirror.models import InstanceUsage, License, ProductInstance, VirtualAccount
from licensing.orders.models import Order
from licensing.orders.states import standings

STATE = ("quantity", "in_use", "available", "reserved", "status", "substitutions")
GAPS_NAMED = 3


@dataclass(frozen=True, slots=True)
class Known:
    """The end of a day, and the smart accounts of which nothing is known then."""

    day: date
    at: datetime
    gaps: tuple[Gap, ...]

    def past(self, rows: QuerySet[Any], path: str) -> Past:
        """Return the rows of a list without those of unknown accounts. `path` leads to a row's smart account."""
        unknown = [gap.smart_account.pk for gap in self.gaps]
        chosen = rows.exclude(**{f"{path}__in": unknown}) if unknown else rows
        return Past(self.day, self.at, chosen, [gap.text for gap in self.gaps], self.gaps)


def look_back(day: date) -> Known | None:
    """Return what is known of the end of a UTC day; None for today, which is the present.

    Raises Refusal for a future day, and for one of which nothing is known.
    """
    if not is_past(day):
        return None
    at = reading.end_of(day)
    gaps = tuple(comparison.gaps_at(at))
    if SmartAccount.objects.count() == len(gaps):
        why = " ".join(gap.text for gap in gaps[:GAPS_NAMED]) or "The history begins with the first sync."
        raise Refusal(f"Nothing is recorded for {words(day)}.", f"{why} Enter a later day.", "as_of")
    return Known(day, at, gaps)


def licenses(day: date) -> Past | None:
    """Return the licenses of a day with their figures and purchase lines. Filter and sort their state by `state_at`."""
    known = look_back(day)
    if known is None:
        return None
    rows = License.objects.annotate(state_at=FilteredRelation("states", condition=Q(states__valid__contains=known.at)))
    rows = rows.filter(state_at__isnull=False).annotate(**{f"{name}_then": F(f"state_at__{name}") for name in STATE})
    rows = rows.select_related("virtual_account__smart_account").prefetch_related("lines")
    return known.past(rewinding.rewound(rows, "license", known.at, _set_states), "virtual_account__smart_account")


def virtual_accounts(day: date) -> Past | None:
    """Return the virtual accounts of a day with the number of their licenses and product instances."""
    known = look_back(day)
    if known is None:
        return None
    at = known.at
    rows = rewinding.virtual_accounts(at, lambda found: _count_contents(found, at)).select_related("smart_account")
    return known.past(rows, "smart_account")


def product_instances(day: date) -> Past | None:
    """Return the product instances of a day. Filter by `pool_then` and by `former_value` of a column."""
    known = look_back(day)
    if known is None:
        return None
    names = ("host_name", "name", "serial", "uuid", "status")
    rows = rewinding.product_instances(known.at).annotate(
        **{f"{name}_then": rewinding.former_value(name) for name in names},
        pool_name_then=Subquery(VirtualAccount.objects.filter(pk=OuterRef("pool_then")).values("name")),
    )
    used = Prefetch("usage", InstanceUsage.objects.order_by("license_name"))
    rows = rows.select_related("virtual_account__smart_account").prefetch_related(used)
    return known.past(rows, "virtual_account__smart_account")


def usage(day: date) -> Past | None:
    """Return who used what on a day: a row for each license of a virtual account and each cluster.

    Each reads like an InstanceUsage whose product instance is unknown: the history keeps use by cluster.
    """
    known = look_back(day)
    if known is None:
        return None
    rows = Interval.objects.filter(series__kind=Series.Kind.USE, valid__contains=known.at).annotate(
        license_id=Subquery(
            License.objects.filter(
                virtual_account=OuterRef("series__virtual_account"), name=OuterRef("series__license_name")
            ).values("pk")[:1]
        ),
        cluster_now=Subquery(Cluster.objects.filter(pk=OuterRef("series__cluster")).values("name")),
        customer_now=Subquery(Customer.objects.filter(pk=OuterRef("series__customer")).values("name")),
    )
    rows = rows.select_related("series__virtual_account__smart_account")
    return known.past(
        rewinding.finished(rows, lambda found: _set_consumers(found, known.at)),
        "series__virtual_account__smart_account",
    )


def registration_tokens(day: date) -> Past | None:
    """Return the registration tokens of a day. How often each had been used is not recorded."""
    known = look_back(day)
    if known is None:
        return None
    rows = rewinding.registration_tokens(known.at).select_related("virtual_account__smart_account")
    return known.past(rows, "virtual_account__smart_account")


def orders(day: date) -> Past | None:
    """Return the orders of a day and before it, as they are entered today, with what had arrived then."""
    known = look_back(day)
    if known is None:
        return None
    rows = Order.objects.filter(ordered_on__lte=day).select_related("smart_account", "customer", "virtual_account")
    rows = rows.prefetch_related("lines")
    return known.past(rewinding.finished(rows, lambda found: _set_standings(found, known.at)), "smart_account")


def assignments(day: date) -> Past | None:
    """Return the assignments that were current at the end of a day. The portal itself keeps them."""
    if not is_past(day):
        return None
    at = reading.end_of(day)
    jobs = AssignmentJob.objects.filter(assignment=OuterRef("pk"), requested_at__lte=at).order_by("-pk")
    rows = lasting_at(Assignment.objects.filter(started_at__lte=at), at, "ended_at", "ended_by")
    rows = rows.annotate(job_id=Subquery(jobs.values("pk")[:1]))
    return Past(day, at, rows.select_related("cluster__customer", "virtual_account__smart_account"))


def lasting_at(rows: QuerySet[Any], at: datetime, end: str, ended_by: str = "") -> QuerySet[Any]:
    """Keep the rows whose end comes after a moment, and show them without it."""

    def clear_end(found: Sequence[Any]) -> None:
        for row in found:
            row.past_at = at
            setattr(row, end, None)
            if ended_by:
                setattr(row, ended_by, "")

    return rewinding.finished(rows.filter(Q(**{end: None}) | Q(**{f"{end}__gt": at})), clear_end)


def _set_standings(found: Sequence[Any], at: datetime) -> None:
    standing = standings(found, at)
    for row in found:
        row.past_at, row.standing = at, standing[row.pk]


def _set_states(found: Sequence[Any]) -> None:
    for row in found:
        for name in STATE:
            setattr(row, name, getattr(row, f"{name}_then"))


def _count_contents(found: Sequence[Any], at: datetime) -> None:
    pools = [row.pk for row in found]
    short = Q(status=License.Status.OUT_OF_COMPLIANCE)
    states = LicenseState.objects.filter(valid__contains=at, license__virtual_account__in=pools).order_by()
    counted = states.values_list("license__virtual_account").annotate(all=Count("pk"), short=Count("pk", filter=short))
    licenses_ = {pool: (number, missing) for pool, number, missing in counted}
    accounts = {row.smart_account_id for row in found}
    listed: QuerySet[Any] = rewinding.product_instances(at).filter(virtual_account__smart_account__in=accounts)
    instances = dict(listed.order_by().values_list("pool_then").annotate(all=Count("pk")))
    for row in found:
        row.license_count, row.short_count = licenses_.get(row.pk, (0, 0))
        row.instance_count = instances.get(row.pk, 0)


def _set_consumers(found: Sequence[Any], at: datetime) -> None:
    """Give each interval what the usage report shows of an InstanceUsage."""
    for row in found:
        series = row.series
        customer = series.customer and Customer(pk=series.customer, name=row.customer_now or series.customer_name)
        cluster = series.cluster and Cluster(pk=series.cluster, name=row.cluster_now or series.cluster_name)
        row.license = License(pk=row.license_id, name=series.license_name) if row.license_id else None
        row.license_name = series.license_name
        if cluster:
            cluster.customer = customer or None  # type: ignore[assignment]
        row.product_instance_id = None
        row.product_instance = ProductInstance(virtual_account=series.virtual_account, cluster=cluster or None)
        row.past_at = at
