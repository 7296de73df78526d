"""The tables of all lists share one look, a stable order, and plain values in files."""

from collections.abc import Callable
from datetime import date, datetime
from typing import Any

import django_tables2 as tables
from django.db.models import F, QuerySet
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from kit.templatetags.components import age, badge, ends, number, since, when

NUMERIC = {"th": {"class": "num"}, "td": {"class": "num"}}


def row_class(record: Any) -> str:
    return "is-gone" if getattr(record, "gone_at", None) else ""


class PortalTable(tables.Table):
    """Lay out a list. Ids order equal values, or a row could appear on two pages and another on none."""

    # Columns that a page omits if none of its rows fills them. Files always have them.
    sparse: tuple[str, ...] = ()

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        for name, column in cls.base_columns.items():
            if column.order_by is None:
                column.order_by = tables.utils.OrderByTuple((str(column.accessor or name).replace(".", "__"), "pk"))

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(
            *args, **{"order_by_field": "sort", "default": "", "row_attrs": {"class": row_class}, **options}
        )

    def countable(self) -> QuerySet[Any]:
        """Return the rows to count. Their order costs time and means nothing, unless a table counts along an index."""
        return self.data.data.order_by()  # type: ignore[no-any-return]

    def leave_out_empty(self) -> None:
        rows = list(self.paginated_rows)
        for name in self.sparse:
            if all(row.get_cell(name) == "" for row in rows):
                self.columns.hide(name)


class TitleColumn(tables.Column):
    """Link a name to its page, with a line below: `TitleColumn("license", below=lambda row: …)`."""

    def __init__(self, route: str, below: Callable[[Any], Any] | None = None, **options: Any) -> None:
        super().__init__(attrs={"td": {"class": "title"}}, **options)
        self.route, self.below = route, below

    def render(self, value: Any, record: Any) -> SafeString:
        address = reverse(self.route, args=[record.pk])
        gone = badge("gone") if getattr(record, "gone_at", None) else ""
        sub = self.below(record) if self.below else ""
        below = format_html('<span class="sub">{}</span>', sub) if sub else ""
        return format_html('<a href="{}">{}</a> {}{}', address, value, gone, below)

    def value(self, value: Any) -> Any:
        return value


class LinkColumn(tables.Column):
    """Link another row to its page: `LinkColumn("virtual-account", order_by=("virtual_account__name", "pk"))`."""

    def __init__(self, route: str, **options: Any) -> None:
        super().__init__(**options)
        self.route = route

    def render(self, value: Any) -> SafeString:
        return format_html('<a href="{}">{}</a>', reverse(self.route, args=[value.pk]), value)

    def value(self, value: Any) -> str:
        return str(value)


class NumberColumn(tables.Column):
    def __init__(self, **options: Any) -> None:
        super().__init__(attrs=NUMERIC, **options)

    def render(self, value: int) -> str:
        return number(value)

    def value(self, value: int) -> int:
        return value


class StateColumn(tables.Column):
    """Show a badge with icon and word. Files have the value that REST has."""

    def render(self, record: Any, bound_column: Any) -> SafeString:
        return badge(bound_column.accessor.resolve(record))

    def value(self, record: Any, bound_column: Any) -> str:
        return str(bound_column.accessor.resolve(record))


class SinceColumn(tables.Column):
    """Say how long ago a moment was. Hovering and files show the exact time."""

    def render(self, value: datetime) -> SafeString:
        return since(value)

    def value(self, value: datetime) -> datetime:
        return value


class WhenColumn(SinceColumn):
    """Show the exact time, for histories."""

    def render(self, value: datetime) -> SafeString:
        return when(value)


class MomentColumn(tables.Column):
    """Tell in files which moment a row of the past is from. Pages say it once, above the list."""

    def __init__(self) -> None:
        super().__init__(accessor="past_at", verbose_name="As of", orderable=False, visible=False)

    def value(self, value: datetime) -> datetime:
        return value


class EndColumn(tables.Column):
    """Show a last day or last moment, marked when it is near or past."""

    def __init__(self, warn_days: int = 90, **options: Any) -> None:
        super().__init__(**options)
        self.warn_days = warn_days

    def render(self, value: date) -> SafeString:
        return ends(value, self.warn_days)

    def value(self, value: date) -> date:
        return value


# PostgreSQL itself would put rows that were never seen before those seen just now.
NULLS = {True: "desc", False: "asc"}


class AgeColumn(tables.Column):
    """Tell the age of the row's figures. `accessor` leads to the SmartAccount."""

    def __init__(self, **options: Any) -> None:
        super().__init__(verbose_name="As of", orderable=False, **options)

    def render(self, value: Any) -> SafeString:
        return age(value.last_synced_at, value.sync_every, prefix="")

    def value(self, value: Any) -> datetime | None:
        return value.last_synced_at  # type: ignore[no-any-return]


def nulls_last(rows: QuerySet[Any], column: str, is_descending: bool) -> tuple[QuerySet[Any], bool]:
    return rows.order_by(getattr(F(column), NULLS[is_descending])(nulls_last=True), "pk"), True


def check_state(status: str) -> str:
    """Return the state of a connection test. A test that never ran has a state of its own."""
    return status or "not_tested"
