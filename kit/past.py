"""Filter a list as it was at the end of a day in the past.

A list names what was recorded of its rows (`recorded`) and how to find them (`find_past`). Everything else that a list
filters by is refused together with a day, because today's values would say something about a past that nobody recorded.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, ClassVar

import django_filters
from django import forms
from django.db.models import Q, QuerySet
from django.utils.dateformat import format as date_format

from kit.refusals import Refusal

ISO_DAY = "%Y-%m-%d"
UNREADABLE = "Enter a date as YYYY-MM-DD."


@dataclass(frozen=True, slots=True)
class Past:
    """The rows of a list at the end of a UTC day. `notes`: a sentence for each part that was not recorded.

    `gaps` are the same parts as REST describes them.
    """

    day: date
    at: datetime
    rows: QuerySet[Any]
    notes: Sequence[str] = ()
    gaps: Sequence[Any] = ()

    @property
    def words(self) -> str:
        return f"At the end of {date_format(self.day, 'j M Y')} (UTC)"


class PastFilter(django_filters.FilterSet):
    """Add `as_of` to the filters of a list. `recorded`: filter name → lookup in the rows of the past."""

    recorded: ClassVar[Mapping[str, str]] = {}
    searched_past: ClassVar[Sequence[str]] = ()
    past: Past | None = None

    as_of = django_filters.DateFilter(
        label="As of",
        method="keep_present",
        help_text="The end of this UTC day. Left out, or today: now.",
        input_formats=[ISO_DAY],
        widget=forms.DateInput(attrs={"type": "date"}, format=ISO_DAY),
        error_messages={"invalid": UNREADABLE},
    )

    def find_past(self, day: date, queryset: QuerySet[Any]) -> Past | None:
        """Return the list at the end of a day, None for today. Raises Refusal for a day that was not recorded."""
        raise NotImplementedError

    def keep_present(self, rows: QuerySet[Any], name: str, value: date) -> QuerySet[Any]:
        return rows

    def filter_queryset(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        day = self.form.cleaned_data.get("as_of")
        self.past = self.find_past(day, queryset) if day else None
        if self.past is None:
            present: QuerySet[Any] = super().filter_queryset(queryset)
            return present
        rows = self.past.rows
        for name, value in self.form.cleaned_data.items():
            if name != "as_of" and value not in (None, ""):
                rows = self._filter_past(rows, name, value)
        return rows

    def _filter_past(self, rows: QuerySet[Any], name: str, value: Any) -> QuerySet[Any]:
        if name == "q":
            for word in value.split():
                found = Q()
                for column in self.searched_past:
                    found |= Q(**{f"{column}__icontains": word})
                rows = rows.filter(found)
            return rows
        if name not in self.recorded:
            label = self.form.fields[name].label or name.replace("_", " ")
            raise Refusal(f"The filter “{label}” is not recorded by day.", f"Clear it, or clear “{self.label}”.", name)
        return rows.filter(**{self.recorded[name]: getattr(value, "pk", value)})

    @property
    def label(self) -> str:
        return str(self.form.fields["as_of"].label)
