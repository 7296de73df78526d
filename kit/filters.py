"""The filters of all lists share a search box, chips for set filters, and a way to show gone rows."""

from dataclasses import dataclass
from typing import Any

import django_filters
from django import forms
from django.db.models import Q, QuerySet
from django.http import HttpRequest

from kit.refusals import Refusal

SEARCH = forms.TextInput(attrs={"type": "search", "data-search": "", "autocomplete": "off"})


@dataclass(frozen=True, slots=True)
class Chip:
    """A chip shows a filter that is set. `without` is the address of the page without it."""

    label: str
    value: str
    without: str


class ListFilter(django_filters.FilterSet):
    """Filter a list. Each word of a search must occur in one of the `searched` columns."""

    searched: tuple[str, ...] = ()
    placeholder = "Search"
    refused = ""  # why the rows that were asked for cannot be shown

    q = django_filters.CharFilter(method="search", label="Search", widget=SEARCH)

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.form.fields["q"].widget.attrs["placeholder"] = self.placeholder

    def search(self, rows: QuerySet[Any], name: str, text: str) -> QuerySet[Any]:
        for word in text.split():
            found = Q()
            for column in self.searched:
                found |= Q(**{f"{column}__icontains": word})
            rows = rows.filter(found)
        return rows

    def keep(self, rows: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        return rows  # filter_queryset does the work, because an empty value filters too

    def rows(self) -> QuerySet[Any]:
        """Return the rows that match, and none if a value is invalid or refused: ignoring the filter would mislead."""
        try:
            found: QuerySet[Any] = self.qs
        except Refusal as refusal:
            self.refused = str(refusal)
            none: QuerySet[Any] = self.queryset.none()
            return none
        return found if self.form.is_valid() else found.none()

    def chips(self, request: HttpRequest) -> list[Chip]:
        fields = self.form.fields
        return [
            Chip(str(fields[name].label), self._value_words(name), _address_without(request, name))
            for name in fields
            if request.GET.get(name, "")
        ]

    def _value_words(self, name: str) -> str:
        value = self.form.cleaned_data.get(name) if self.form.is_valid() else None
        if value in (None, ""):
            return str(self.data.get(name, ""))
        choices = {} if hasattr(value, "pk") else dict(getattr(self.form.fields[name], "choices", ()))
        return str(choices.get(value, value))


class MirrorFilter(ListFilter):
    """Show the rows that Cisco still lists, and gone rows on request."""

    show = django_filters.ChoiceFilter(
        label="Rows", empty_label="Present", choices=[("all", "Present and gone"), ("gone", "Gone")], method="keep"
    )

    def filter_queryset(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        rows: QuerySet[Any] = super().filter_queryset(queryset)
        show = self.form.cleaned_data.get("show")
        if show == "all":
            return rows
        return rows.exclude(gone_at=None) if show == "gone" else rows.filter(gone_at=None)


def by_link(model_rows: Any, label: str, **options: Any) -> django_filters.ModelChoiceFilter:
    """Return a filter that links set and a chip removes. It offers no choices, which may be thousands."""
    return django_filters.ModelChoiceFilter(queryset=model_rows, label=label, widget=forms.HiddenInput, **options)


def by_choice(rows: QuerySet[Any], label: str, **options: Any) -> django_filters.ModelChoiceFilter:
    """Return a filter that offers all `rows` as choices, for lists that stay short."""
    return django_filters.ModelChoiceFilter(queryset=rows, label=label, empty_label="Any", **options)


def _address_without(request: HttpRequest, name: str) -> str:
    query = request.GET.copy()
    query.pop(name, None)
    query.pop("page", None)
    return f"{request.path}?{query.urlencode()}" if query else request.path
