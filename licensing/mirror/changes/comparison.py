"""Compare the mirror at two moments from the changes that syncs recorded between them.

Each object that differs is one row: its last change in between, with `net_kind` and `net_values` for the whole span.
PostgreSQL finds the rows one after another along an index, so that a page reads no further than it shows.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.db import connection
from django.db.models import BooleanField, CharField, JSONField, Min, QuerySet
from django.db.models.expressions import RawSQL
from django.utils import timezone
from django.utils.dateformat import format as date_format

from kit.refusals import Refusal
from licensing.accounts.models import SmartAccount
from licensing.mirror.models import Change, SyncRun

# The history of the outer row's object within the span, by the index `change_of_object`. One object changes at most
# once in a sync, so time alone orders its changes. `baseline` leaves out first syncs.
HISTORY = """
FROM mirror_change other{fields}
WHERE other.object_type = mirror_change.object_type AND other.object_id = mirror_change.object_id
    AND other.at BETWEEN %(since)s AND %(until)s {baseline}
"""
WITH_FIELDS = " CROSS JOIN LATERAL jsonb_each(other.values) pair"
WITHOUT_BASELINE = "AND other.sync_run_id <> ALL(%(baseline)s::bigint[])"
IS_LAST = "NOT EXISTS (SELECT 1 {history} AND other.at > mirror_change.at)"
# An object whose first change is `created` or `back` was absent before; one whose last change is `gone` is absent now.
# The cheap questions come first: most changes are not the last of their object, or are its only one, or differ in a
# field that the first and the last change of their object have in common.
NET_KIND = """
CASE
    WHEN EXISTS (SELECT 1 {history} AND other.at > mirror_change.at) THEN ''
    WHEN NOT EXISTS (SELECT 1 {history} AND other.at < mirror_change.at) THEN mirror_change.kind
    ELSE (
        SELECT CASE
            WHEN first.kind IN ('created', 'back') THEN CASE mirror_change.kind WHEN 'gone' THEN '' ELSE first.kind END
            WHEN mirror_change.kind = 'gone' THEN 'gone'
            WHEN EXISTS (
                SELECT 1 FROM jsonb_each(first.values) old JOIN jsonb_each(mirror_change.values) new USING (key)
                WHERE old.value -> 0 IS DISTINCT FROM new.value -> 1
            ) THEN 'changed'
            WHEN (SELECT jsonb_object_agg(pair.key, pair.value -> 0 ORDER BY other.at DESC) {history_of_fields})
                IS DISTINCT FROM
                (SELECT jsonb_object_agg(pair.key, pair.value -> 1 ORDER BY other.at) {history_of_fields})
            THEN 'changed'
            ELSE ''
        END
        FROM (SELECT other.kind, other.values {history} ORDER BY other.at LIMIT 1) first
    )
END
"""
# The first old and the last new value of each field, where they differ.
NET_VALUES = """
CASE WHEN mirror_change.kind = 'gone' THEN '{{}}'::jsonb ELSE (
    SELECT COALESCE(jsonb_object_agg(field.name, jsonb_build_array(field.old, field.new)), '{{}}')
    FROM (
        SELECT pair.key AS name,
            (array_agg(pair.value -> 0 ORDER BY other.at))[1] AS old,
            (array_agg(pair.value -> 1 ORDER BY other.at DESC))[1] AS new
        {history_of_fields} GROUP BY pair.key
    ) field
    WHERE field.old IS DISTINCT FROM field.new
        AND 'created' <> (SELECT other.kind {history} ORDER BY other.at LIMIT 1)
) END
"""
# Without OFFSET, PostgreSQL would look for the first and last id from the ends of the whole table.
BOUNDS = """
SELECT min(found.id), max(found.id), min(found.at), max(found.at) FROM (
    SELECT change.id, change.at FROM mirror_change change
    WHERE {span} AND change.sync_run_id <> ALL(%(baseline)s::bigint[])
        AND (%(account)s::bigint IS NULL
            OR change.sync_run_id IN (SELECT id FROM mirror_syncrun WHERE smart_account_id = %(account)s))
    OFFSET 0
) found
"""
BY_TIME = "change.at BETWEEN %(since)s AND %(until)s"
BY_RUN = "change.sync_run_id BETWEEN %(first)s AND %(last)s"
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
    """What differs between two moments. `rows` carry `net_kind` and `net_values`, the newest change first.

    `touched` has a change for each object that changed at all, those that changed back included.
    """

    since: datetime
    until: datetime
    rows: QuerySet[Change]
    touched: QuerySet[Change]
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

    def parameters(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__} | {"baseline": list(self.baseline)}


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
    firsts = _first_syncs(accounts)
    began = dict(SyncRun.objects.filter(pk__in=firsts.values()).values_list("smart_account", "finished_at"))
    late = {account: moment for account, moment in began.items() if moment and moment >= since}
    baseline = tuple(sorted(firsts[account] for account in late))
    only = smart_account.pk if smart_account else None
    span = _Span(since, until - timedelta(microseconds=1), only, baseline=baseline)
    return _comparison(span, _gaps(accounts, began, late, _deleted(span)))


def gaps_at(moment: datetime) -> list[Gap]:
    """Return the smart accounts whose rows at a moment are unknown: a change after it was not recorded, or not kept."""
    accounts = SmartAccount.objects.order_by("pk")
    firsts = _first_syncs(accounts)
    began = dict(SyncRun.objects.filter(pk__in=firsts.values()).values_list("smart_account", "finished_at"))
    late = {account: first for account, first in began.items() if first and first > moment}
    baseline = tuple(firsts[account] for account in late)
    return _gaps(accounts, began, late, _deleted(_Span(moment, timezone.now(), None, baseline=baseline)))


def _first_syncs(accounts: QuerySet[SmartAccount]) -> dict[int, int]:
    """Return the first sync run of each smart account that succeeded."""
    succeeded = SyncRun.objects.filter(status=SyncRun.Status.SUCCEEDED, smart_account__in=accounts)
    return dict(succeeded.order_by().values_list("smart_account").annotate(Min("pk")))


def _gaps(
    accounts: Iterable[SmartAccount],
    began: Mapping[int, datetime | None],
    late: Mapping[int, datetime],
    deleted: Mapping[int, datetime],
) -> list[Gap]:
    gaps = []
    for account in accounts:
        if account.pk in deleted:
            gaps.append(Gap(account, deleted[account.pk], NOT_KEPT))
        elif account.pk in late or account.pk not in began:
            gaps.append(Gap(account, late.get(account.pk), NOT_RECORDED))
    return gaps


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
        cursor.execute(DELETED, span.parameters())
        return dict(cursor.fetchall())


def _comparison(span: _Span, gaps: Sequence[Gap], runs: tuple[SyncRun, SyncRun] | None = None) -> Comparison:
    """Return the comparison of a span.

    The bounds by id and time let PostgreSQL begin to read where the span begins.
    """
    with connection.cursor() as cursor:
        cursor.execute(BOUNDS.format(span=BY_RUN if runs else BY_TIME), span.parameters())
        found: tuple[Any, Any, Any, Any] = cursor.fetchone()  # type: ignore[assignment]
    first_id, last_id, since, until = found
    if first_id is None:
        nothing = Change.objects.none()
        rows = _differing(nothing, span, span.since, span.until)
        return Comparison(span.since, span.until, rows, nothing, gaps, runs)
    changes = Change.objects.filter(id__gte=first_id, id__lte=last_id)
    if runs:
        changes = changes.filter(sync_run__gte=span.first, sync_run__lte=span.last)
    else:
        changes = changes.filter(at__gte=since, at__lte=until)
    if span.account is not None:
        changes = changes.filter(sync_run__smart_account=span.account)
    if span.baseline:
        changes = changes.exclude(sync_run__in=span.baseline)
    last = changes.filter(_raw(IS_LAST, BooleanField(), span, since, until))
    return Comparison(span.since, span.until, _differing(changes, span, since, until), last, gaps, runs)


def _differing(changes: QuerySet[Change], span: _Span, since: datetime, until: datetime) -> QuerySet[Change]:
    """Keep the last change of each object that differs, with what it and those before it come to."""
    rows = changes.annotate(
        net_kind=_raw(NET_KIND, CharField(), span, since, until),
        net_values=_raw(NET_VALUES, JSONField(), span, since, until),
    )
    return rows.filter(net_kind__gt="").order_by("-id")


def _raw(sql: str, output: Any, span: _Span, since: datetime, until: datetime) -> RawSQL:
    """Return an expression about the history of each row's object between the first and the last change of a span."""
    baseline = WITHOUT_BASELINE if span.baseline else ""
    history = HISTORY.format(fields="", baseline=baseline)
    fields = HISTORY.format(fields=WITH_FIELDS, baseline=baseline)
    named = sql.format(history=history, history_of_fields=fields)
    values = {"since": since, "until": until, "baseline": list(span.baseline)}
    order = re.findall(r"%\((\w+)\)s", named)
    text = re.sub(r"%\(\w+\)s", "%s", named)
    return RawSQL(text, [values[name] for name in order], output_field=output)  # noqa: S611 - our own text
