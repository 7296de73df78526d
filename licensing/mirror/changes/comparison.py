"""Compare the mirror at two moments from the changes that syncs recorded between them.

Each object that differs is one row: its last change in between, with `net_kind` and `net_values` for the whole span.
PostgreSQL finds the rows one after another along an index, so that a page reads no more of them than it shows.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.db import connection
from django.db.models import BooleanField, CharField, JSONField, Max, Min, QuerySet
from django.db.models.expressions import RawSQL
from django.utils import timezone
from django.utils.dateformat import format as date_format

from kit.refusals import Refusal
from licensing.accounts.models import SmartAccount
from licensing.mirror.models import Change, SyncRun

SAME_OBJECT = "other.object_type = mirror_change.object_type AND other.object_id = mirror_change.object_id"
SPAN = """
other.at BETWEEN %s AND %s AND other.sync_run_id BETWEEN %s AND %s AND other.sync_run_id <> ALL(%s::bigint[])
"""
IS_LAST = f"""
NOT EXISTS (
    SELECT 1 FROM mirror_change other WHERE {SAME_OBJECT} AND {SPAN}
        AND other.at >= mirror_change.at AND (other.at, other.id) > (mirror_change.at, mirror_change.id)
)
"""
# The first old and the last new value of each field, where they differ.
NET_FIELDS = f"""
SELECT COALESCE(jsonb_object_agg(field.name, jsonb_build_array(field.old, field.new)), '{{}}')
FROM (
    SELECT pair.key AS name,
        (array_agg(pair.value -> 0 ORDER BY other.at, other.id))[1] AS old,
        (array_agg(pair.value -> 1 ORDER BY other.at DESC, other.id DESC))[1] AS new
    FROM mirror_change other CROSS JOIN LATERAL jsonb_each(other.values) pair
    WHERE {SAME_OBJECT} AND {SPAN}
    GROUP BY pair.key
) field
WHERE field.old IS DISTINCT FROM field.new
"""
FIRST = f"FROM mirror_change other WHERE {SAME_OBJECT} AND {SPAN} ORDER BY other.at, other.id LIMIT 1"
# An object whose first change is `created` or `back` was absent before; one whose last change is `gone` is absent now.
NET_KIND = f"""
(SELECT CASE
    WHEN mirror_change.kind = 'gone' THEN CASE WHEN other.kind IN ('created', 'back') THEN '' ELSE 'gone' END
    WHEN other.kind IN ('created', 'back') THEN other.kind
    WHEN other.id = mirror_change.id OR ({NET_FIELDS.replace("other", "each")}) <> '{{}}' THEN 'changed'
    ELSE ''
END {FIRST})
"""
NET_VALUES = f"""
(SELECT CASE
    WHEN mirror_change.kind = 'gone' OR other.kind = 'created' THEN '{{}}'::jsonb
    WHEN other.id = mirror_change.id THEN mirror_change.values
    ELSE ({NET_FIELDS.replace("other", "each")})
END {FIRST})
"""
# Runs that counted changes of which none is there any more. Older changes are deleted first.
DELETED = """
SELECT run.smart_account_id, max(run.finished_at)
FROM mirror_syncrun run
WHERE run.status = 'succeeded' AND run.created + run.changed + run.gone + run.back > 0
    AND run.finished_at BETWEEN %(since)s AND %(until)s AND run.id BETWEEN %(first)s AND %(last)s
    AND (%(account)s::bigint IS NULL OR run.smart_account_id = %(account)s)
    AND run.id <> ALL(%(baseline)s::bigint[])
    AND run.started_at < COALESCE((SELECT min(at) FROM mirror_change), 'infinity')
    AND NOT EXISTS (SELECT 1 FROM mirror_change change WHERE change.sync_run_id = run.id)
GROUP BY run.smart_account_id
"""
NO_RUN, ANY_RUN = 0, 2**63 - 1


@dataclass(frozen=True, slots=True)
class Gap:
    """The part of a comparison about which the portal knows nothing. `until` is None where no sync has succeeded."""

    smart_account: SmartAccount
    until: datetime | None
    reason: str

    @property
    def text(self) -> str:
        if self.until is None:
            return f"{self.smart_account} has not been synced yet, so nothing was recorded."
        moment = date_format(timezone.localtime(self.until), "j M Y, H:i T")
        if self.reason == NOT_RECORDED:
            return f"Changes of {self.smart_account} before its first sync on {moment} were not recorded."
        return f"Changes of {self.smart_account} up to {moment} are no longer kept."


NOT_RECORDED, NOT_KEPT = "not_recorded", "not_kept"


@dataclass(frozen=True, slots=True)
class Comparison:
    """What differs between two moments. `rows` carry `net_kind` and `net_values`, the newest change first."""

    since: datetime
    until: datetime
    rows: QuerySet[Change]
    same: QuerySet[Change]
    gaps: Sequence[Gap]
    runs: tuple[SyncRun, SyncRun] | None = None


@dataclass(frozen=True, slots=True)
class _Span:
    since: datetime
    until: datetime
    account: int | None
    first: int = NO_RUN
    last: int = ANY_RUN
    baseline: tuple[int, ...] = ()  # first syncs: they found what had been there before


def compare(
    *,
    start: date | None = None,
    end: date | None = None,
    first_run: int | None = None,
    second_run: int | None = None,
    smart_account: SmartAccount | None = None,
) -> Comparison:
    """Compare the ends of two days (UTC), of one or of all smart accounts, or the mirror after two of its runs.

    Raises Refusal for a pair that is incomplete, in the wrong order or of two accounts, and for runs without success.
    """
    days, runs = start or end, first_run or second_run
    if days and runs:
        raise Refusal("Days and sync runs cannot be compared with each other.", "Choose two days or two sync runs.")
    if runs:
        if smart_account:
            raise Refusal("Sync runs name their smart account.", "Leave the smart account out.", "smart_account")
        return compare_runs(_run(first_run, "first_run"), _run(second_run, "second_run"))
    if start is None:
        raise Refusal("The first day is missing.", "Choose two days or two sync runs.", "start")
    if end is None:
        raise Refusal("The second day is missing.", "Choose the day to compare with.", "end")
    return compare_days(start, end, smart_account)


def compare_days(start: date, end: date, smart_account: SmartAccount | None = None) -> Comparison:
    """Compare the mirror at the end of `start` with that at the end of `end`, or now for today (UTC)."""
    today = timezone.now().astimezone(UTC).date()
    if end > today:
        raise Refusal(f"{_day(end)} has not come yet.", f"Choose a day up to {_day(today)}.", "end")
    if end <= start:
        raise Refusal(
            f"{_day(end)} is not after {_day(start)}.", "Choose a second day that is later than the first.", "end"
        )
    since, until = (datetime.combine(day + timedelta(days=1), time(), UTC) for day in (start, end))
    accounts = SmartAccount.objects.filter(pk=smart_account.pk) if smart_account else SmartAccount.objects.all()
    succeeded = SyncRun.objects.filter(status=SyncRun.Status.SUCCEEDED, smart_account__in=accounts)
    firsts = dict(succeeded.order_by().values_list("smart_account").annotate(Min("pk")))
    began = dict(SyncRun.objects.filter(pk__in=firsts.values()).values_list("smart_account", "finished_at"))
    late = {account: moment for account, moment in began.items() if moment and moment >= since}
    baseline = tuple(sorted(firsts[account] for account in late))
    span = _Span(since, until - timedelta(microseconds=1), smart_account and smart_account.pk, baseline=baseline)
    deleted = _deleted(span)
    gaps = []
    for account in accounts:
        if account.pk in deleted:
            gaps.append(Gap(account, deleted[account.pk], NOT_KEPT))
        elif account.pk in late or account.pk not in began:
            gaps.append(Gap(account, late.get(account.pk), NOT_RECORDED))
    return _comparison(span, gaps)


def compare_runs(first: SyncRun, second: SyncRun) -> Comparison:
    """Compare the mirror after the first run with that after the second one of the same smart account."""
    if first.smart_account_id != second.smart_account_id:
        raise Refusal(
            f"Sync run {first.pk} is of {first.smart_account}, sync run {second.pk} of {second.smart_account}.",
            "Choose two sync runs of one smart account.",
            "second_run",
        )
    if second.pk <= first.pk:
        raise Refusal(
            f"Sync run {second.pk} is not after sync run {first.pk}.", "Choose a later second sync run.", "second_run"
        )
    assert first.finished_at is not None
    assert second.finished_at is not None
    span = _Span(first.finished_at, second.finished_at, first.smart_account_id, first.pk + 1, second.pk)
    gaps = [Gap(first.smart_account, moment, NOT_KEPT) for moment in _deleted(span).values()]
    return _comparison(span, gaps, (first, second))


def _day(day: date) -> str:
    return date_format(day, "j M Y")


def _run(number: int | None, field: str) -> SyncRun:
    """Return a run that succeeded: only such a run says how things were."""
    if number is None:
        raise Refusal("A comparison needs two sync runs.", "Choose the other sync run.", field)
    run = SyncRun.objects.select_related("smart_account").filter(pk=number).first()
    if run is None:
        raise Refusal(f"There is no sync run {number}.", "Choose another sync run.", field)
    if run.unfinished:
        raise Refusal(f"Sync run {number} has not finished yet.", "Wait for it, or choose another sync run.", field)
    if run.status != SyncRun.Status.SUCCEEDED:
        raise Refusal(f"Sync run {number} failed and read nothing.", "Choose a sync run that succeeded.", field)
    return run


def _deleted(span: _Span) -> dict[int, datetime]:
    """Return, by account, until when the changes of the span are no longer kept."""
    with connection.cursor() as cursor:
        cursor.execute(
            DELETED,
            {
                "since": span.since,
                "until": span.until,
                "first": span.first,
                "last": span.last,
                "account": span.account,
                "baseline": list(span.baseline),
            },
        )
        return dict(cursor.fetchall())


def _comparison(span: _Span, gaps: Sequence[Gap], runs: tuple[SyncRun, SyncRun] | None = None) -> Comparison:
    objects = _last_changes(span)
    return Comparison(span.since, span.until, objects.filter(net_kind__gt=""), objects.filter(net_kind=""), gaps, runs)


def _last_changes(span: _Span) -> QuerySet[Change]:
    """Return the last change of each object in the span, with what it and those before it come to.

    The bounds by id and time let PostgreSQL begin to read where the span begins.
    """
    changes = Change.objects.exclude(sync_run__in=span.baseline) if span.baseline else Change.objects.all()
    if span.account is not None:
        changes = changes.filter(sync_run__smart_account=span.account)
    if span.first == NO_RUN:
        changes = changes.filter(at__gte=span.since, at__lte=span.until)
    else:
        changes = changes.filter(sync_run__gte=span.first, sync_run__lte=span.last)
    found: dict[str, Any] = changes.order_by().aggregate(ids=Min("id"), ide=Max("id"), ats=Min("at"), ate=Max("at"))
    if found["ids"] is None:
        return _annotated(Change.objects.none(), [])
    within = [found["ats"], found["ate"], span.first, span.last, list(span.baseline)]
    rows = changes.filter(id__gte=found["ids"], id__lte=found["ide"])
    rows = rows.filter(RawSQL(IS_LAST, within, output_field=BooleanField()))  # noqa: S611 - our own text
    return _annotated(rows, within)


def _annotated(rows: QuerySet[Change], within: list[Any]) -> QuerySet[Change]:
    if not within:
        within = [datetime.max.replace(tzinfo=UTC), datetime.min.replace(tzinfo=UTC), 0, 0, []]
    return rows.annotate(
        net_kind=RawSQL(NET_KIND, within * 2, output_field=CharField()),  # noqa: S611 - our own text
        net_values=RawSQL(NET_VALUES, within * 2, output_field=JSONField()),  # noqa: S611 - our own text
    ).order_by("-id")
