"""Show mirrored rows as they were at a moment, from the changes that syncs recorded after it.

A row was listed at a moment if its next change of kind "created", "gone" or "back" says so, and without such a change
if it is listed now. A value was the old value of its first change after the moment, and without one what it is now.
Both are read by the index `change_of_object`, the values for the rows of one page only.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, datetime
from typing import Any

from django.db.models import (
    BigIntegerField,
    Case,
    CharField,
    Exists,
    F,
    JSONField,
    Model,
    OuterRef,
    Q,
    QuerySet,
    Value,
    When,
)
from django.db.models.expressions import RawSQL, Subquery
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast, Coalesce
from django.db.models.query import ModelIterable

from licensing.mirror.models import (
    Change,
    InstanceUsage,
    License,
    LicenseLine,
    ProductInstance,
    RegistrationToken,
    VirtualAccount,
)
from people.models import AuditEntry

Finish = Callable[[Sequence[Any]], None]

LISTING = (Change.Kind.CREATED, Change.Kind.GONE, Change.Kind.BACK)
FORMER = """(
    SELECT jsonb_object_agg(pair.key, pair.value -> 0 ORDER BY later.at DESC)
    FROM mirror_change later CROSS JOIN LATERAL jsonb_each(later.values) pair
    WHERE later.object_type = %s AND later.object_id = {table}.id AND later.at > %s
)"""
# An instance that moved is one row, and its changes name the virtual account that it left.
FORMER_POOL = """(
    SELECT former.id FROM mirror_change later
    JOIN mirror_virtualaccount present ON present.id = mirror_productinstance.virtual_account_id
    JOIN mirror_virtualaccount former ON former.smart_account_id = present.smart_account_id
        AND former.name = later.values -> 'virtual_account' ->> 0
    WHERE later.object_type = 'product_instance' AND later.object_id = mirror_productinstance.id AND later.at > %s
        AND jsonb_exists(later.values, 'virtual_account')
    ORDER BY later.at LIMIT 1
)"""
PARTS = {"virtual_account", "lines", "usage"}  # they are no columns of their row


def listed_at(rows: QuerySet[Any], object_type: str, at: datetime) -> QuerySet[Any]:
    """Keep the mirrored rows that Cisco listed at a moment."""
    later = Change.objects.filter(
        object_type=object_type, object_id=OuterRef("pk"), at__gt=at, kind__in=LISTING
    ).order_by("at")
    still = Case(
        When(Q(gone_at=None) | Q(gone_at__gt=at), then=Value(Change.Kind.GONE.value)),
        default=Value(""),
        output_field=CharField(),
    )
    listed: QuerySet[Any] = rows.alias(next_listing=Coalesce(Subquery(later.values("kind")[:1]), still)).filter(
        next_listing=Change.Kind.GONE
    )
    return listed


def rewound(rows: QuerySet[Any], object_type: str, at: datetime, finish: Finish | None = None) -> QuerySet[Any]:
    """Give the rows the values that they had at a moment, then pass them to `finish`.

    `former` holds the values that differ, for `former_value`.
    """
    table = rows.model._meta.db_table
    former = RawSQL(FORMER.format(table=table), [object_type, at], output_field=JSONField())  # noqa: S611 - our own text

    def rewind(found: Sequence[Any]) -> None:
        _rewind(found, at)
        if finish is not None:
            finish(found)

    return finished(rows.annotate(former=former), rewind)


def former_value(name: str) -> Coalesce:
    """Return, for `rewound` rows, the text of a column at the moment."""
    return Coalesce(KeyTextTransform(name, "former"), F(name), output_field=CharField())


def finished(rows: QuerySet[Any], finish: Finish) -> QuerySet[Any]:
    """Return the same rows, which go through `finish` as soon as they are read."""

    class Finished(ModelIterable):  # type: ignore[type-arg]
        def __iter__(self) -> Iterator[Any]:
            found = list(super().__iter__())
            finish(found)
            return iter(found)

    chosen = rows.all()
    chosen._iterable_class = Finished
    return chosen


def virtual_accounts(at: datetime, finish: Finish | None = None) -> QuerySet[VirtualAccount]:
    """Return the virtual accounts that Cisco listed at a moment. One that the portal made has no change of its own."""
    made = AuditEntry.objects.filter(
        object_type="virtualaccount", action="created at Cisco", at__gt=at, object_id=Cast(OuterRef("pk"), CharField())
    )
    rows = listed_at(VirtualAccount.objects.all(), "virtual_account", at).filter(~Exists(made))
    return rewound(rows, "virtual_account", at, finish)


def product_instances(at: datetime) -> QuerySet[ProductInstance]:
    """Return the product instances that Cisco listed at a moment, with what they used.

    `pool_then` is the id of the virtual account in which each of them was.
    """
    former = RawSQL(FORMER_POOL, [at], output_field=BigIntegerField())  # noqa: S611 - our own text
    rows = listed_at(ProductInstance.objects.all(), "product_instance", at)
    return rewound(
        rows.annotate(pool_then=Coalesce(former, F("virtual_account_id"), output_field=BigIntegerField())),
        "product_instance",
        at,
    )


def registration_tokens(at: datetime) -> QuerySet[RegistrationToken]:
    """Return the registration tokens that Cisco listed at a moment."""
    rows = RegistrationToken.objects.filter(created_at__lte=at)
    return rewound(listed_at(rows, "registration_token", at), "registration_token", at, _forget_uses)


def _rewind(found: Sequence[Any], at: datetime) -> None:
    for row in found:
        row.past_at, row.gone_at = at, None
        for name, value in (row.former or {}).items():
            if name not in PARTS:
                setattr(row, name, row._meta.get_field(name).to_python(value))
    match found:
        case [License(), *_]:
            _rewind_lines(found)
        case [ProductInstance(), *_]:
            _rewind_instances(found)


def _forget_uses(found: Sequence[Any]) -> None:
    for row in found:
        row.uses_allowed, row.uses = None, None


def _rewind_lines(found: Iterable[License]) -> None:
    for row in found:
        former = row.former or {}  # type: ignore[attr-defined]
        if "lines" in former:
            lines = [
                LicenseLine(license=row, position=place, **_typed(LicenseLine, line))
                for place, line in enumerate(former["lines"] or ())
            ]
            # In the order of LicenseLine.
            _prefetch(row, "lines", sorted(lines, key=lambda line: (line.end or date.max, line.position)))


def _rewind_instances(found: Sequence[Any]) -> None:
    pools = VirtualAccount.objects.select_related("smart_account").in_bulk(
        {row.pool_then for row in found if row.pool_then != row.virtual_account_id}
    )
    licenses = _licenses({row.pool_then for row in found if "usage" in (row.former or {})})
    for row in found:
        row.virtual_account = pools.get(row.pool_then, row.virtual_account)
        # Neither the last contact nor the cluster of an instance is recorded.
        row.last_contact_at, row.cluster = None, None
        if "usage" in (row.former or {}):
            uses = [
                InstanceUsage(
                    product_instance=row,
                    license_id=licenses.get((row.pool_then, name)) or licenses.get((row.pool_then, _loose(name))),
                    license_name=name,
                    quantity=quantity,
                )
                for name, quantity in sorted(dict(row.former["usage"] or {}).items())
            ]
            _prefetch(row, "usage", uses)


def _licenses(pools: set[int]) -> dict[tuple[int, str], int]:
    """Return the ids of licenses by virtual account and name, spelled exactly and loosely (docs/cisco-api.md)."""
    rows = License.objects.filter(virtual_account__in=pools).values_list("virtual_account_id", "name", "pk")
    found = list(rows.order_by("-pk"))
    return {(pool, _loose(name)): pk for pool, name, pk in found} | {(pool, name): pk for pool, name, pk in found}


def _loose(name: str) -> str:
    return " ".join(name.lower().split())


def _typed(model: type[Model], values: dict[str, Any]) -> dict[str, Any]:
    columns: Any = model._meta
    return {name: columns.get_field(name).to_python(value) for name, value in values.items()}


def _prefetch(row: Any, name: str, parts: list[Any]) -> None:
    row._prefetched_objects_cache = {**getattr(row, "_prefetched_objects_cache", {}), name: parts}
